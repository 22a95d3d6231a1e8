#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/check.h"

// What the fuzz targets share. A target is a file with an LLVMFuzzerTestOneInput(): it checks its
// properties with RKV_CHECK, which aborts, for libFuzzer and for replay_main.cc alike.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// Of AddressSanitizer's runtime, where there is one.
extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace rkv::fuzz {

inline std::string_view view_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Where the target xdr_types has a type of kv.x: FNV-1a of its name, folded to 16 bits.
inline std::uint16_t place_of(std::string_view type_name) {
  std::uint32_t hash = 2166136261;
  for (const char c : type_name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619;
  return static_cast<std::uint16_t>(hash ^ hash >> 16);
}

// Takes bytes off the front of an input; zeros behind its end.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t take_byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  std::uint16_t take_uint16() {
    const unsigned high = take_byte();
    return static_cast<std::uint16_t>(high << 8 | take_byte());
  }
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// A copy that ends where its block of memory ends, so that a sanitizer sees the first byte that is
// read too far. `offset` puts it at that distance from an aligned address: libtirpc decodes aligned
// memory by other code.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view bytes, std::size_t offset = 0)
      : block_(new char[offset + bytes.size()]), view_(block_.get() + offset, bytes.size()) {
    if (!bytes.empty()) std::memcpy(block_.get() + offset, bytes.data(), bytes.size());
  }
  std::string_view view() const { return view_; }

 private:
  std::unique_ptr<char[]> block_;
  std::string_view view_;
};

// Bytes of heap in use. Exact with AddressSanitizer; otherwise as malloc counts them, which
// includes what it keeps for later.
inline std::size_t heap_in_use() {
  if (&__sanitizer_get_current_allocated_bytes != nullptr) {
    return __sanitizer_get_current_allocated_bytes();
  }
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace rkv::fuzz
