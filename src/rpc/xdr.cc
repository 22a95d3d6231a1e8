#include "rpc/xdr.h"

#include <algorithm>
#include <cstring>

namespace rkv::rpc {
namespace {

constexpr std::size_t kRoomMin = 256;
constexpr std::uint32_t kLastFragment = 0x80000000;

void write_mark(char* at, std::size_t record_size) {
  const std::uint32_t mark = kLastFragment | static_cast<std::uint32_t>(record_size);
  for (std::size_t i = 0; i < kRecordMarkSize; ++i) {
    at[i] = static_cast<char>(mark >> (24 - 8 * i));
  }
}

}  // namespace

bool decode_all(std::string_view bytes, xdrproc_t routine, void* value, std::size_t size) {
  XDR xdr;
  // xdrmem takes a pointer to char that it only reads when it decodes.
  xdrmem_create(&xdr, const_cast<char*>(bytes.data()), static_cast<u_int>(bytes.size()),
                XDR_DECODE);
  if (routine(&xdr, value) != FALSE && XDR_GETPOS(&xdr) == bytes.size()) return true;
  xdr_free(routine, value);
  if (size > 0) std::memset(value, 0, size);
  return false;
}

bool append_record(OutputBuffer& out, std::size_t size_hint, std::size_t size_max,
                   FunctionRef<bool(XDR*)> encode) {
  std::size_t room = std::min(std::max(size_hint, kRoomMin), size_max);
  while (true) {
    char* const at = out.reserve(kRecordMarkSize + room);
    XDR xdr;
    xdrmem_create(&xdr, at + kRecordMarkSize, static_cast<u_int>(room), XDR_ENCODE);
    if (encode(&xdr)) {
      const std::size_t size = XDR_GETPOS(&xdr);
      write_mark(at, size);
      out.commit(kRecordMarkSize + size);
      return true;
    }
    if (room >= size_max) return false;
    room = std::min(room * 4, size_max);
  }
}

}  // namespace rkv::rpc
