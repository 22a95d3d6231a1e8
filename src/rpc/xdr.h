#pragma once

#include <rpc/rpc.h>

#include <cstddef>
#include <string_view>

#include "base/function_ref.h"
#include "rpc/record.h"

namespace rkv::rpc {

// A routine made by rpcgen for a type T, with its type kept.
template <typename T>
using XdrRoutine = bool_t (*)(XDR*, T*);

// The same without its type, as libtirpc wants it.
template <typename T>
xdrproc_t untyped(XdrRoutine<T> routine) {
  return reinterpret_cast<xdrproc_t>(routine);
}

// Frees what decoding put into `value`, and clears it.
template <typename T>
void free_decoded(XdrRoutine<T> routine, T* value) {
  xdr_free(untyped(routine), value);
  *value = T{};
}

// A value that was decoded, freed with its scope.
template <typename T>
class Decoded {
 public:
  explicit Decoded(XdrRoutine<T> routine) : routine_(routine) {}
  ~Decoded() { xdr_free(untyped(routine_), &value_); }
  Decoded(const Decoded&) = delete;
  Decoded& operator=(const Decoded&) = delete;
  T* get() { return &value_; }
  T& operator*() { return value_; }
  T* operator->() { return &value_; }

 private:
  const XdrRoutine<T> routine_;
  T value_{};
};

// Decodes a whole value: true if it was understood and no byte is left over. On failure everything
// that was decoded has been freed and the value cleared (`size` bytes of zeros).
bool decode_all(std::string_view bytes, xdrproc_t routine, void* value, std::size_t size);

// Appends one record of one fragment to `out`: its mark and what `encode` writes. `encode` is
// called again with more room if it fails for lack of it, up to `size_max` bytes of record. Returns
// false, with `out` as it was, if it cannot be encoded within that.
bool append_record(OutputBuffer& out, std::size_t size_hint, std::size_t size_max,
                   FunctionRef<bool(XDR*)> encode);

}  // namespace rkv::rpc
