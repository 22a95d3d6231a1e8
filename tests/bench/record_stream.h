#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "fail.h"
#include "workload.h"

namespace rkv::bench {

// Cuts what comes on a socket into records, each of one fragment. Knows no attack and no limit: it
// is the least that has to be done, for the generator and for the echo.
class RecordStream {
 public:
  // Reads once and hands each whole record, its mark included, to `take`. False: the stream ended.
  template <typename Take>
  bool read(int descriptor, Take take) {
    const ssize_t count = recv(descriptor, bytes_.get() + filled_, kSize - filled_, 0);
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    filled_ += static_cast<std::size_t>(count);
    std::size_t taken = 0;
    while (filled_ - taken >= kMarkSize) {
      const std::uint32_t mark = read_word(bytes_.get() + taken);
      if ((mark & kLastFragment) == 0) fail("a record in several fragments");
      const std::size_t size = kMarkSize + (mark & ~kLastFragment);
      if (size > kSize) fail("a record that is too long");
      if (filled_ - taken < size) break;
      take(std::string_view(bytes_.get() + taken, size));
      taken += size;
    }
    filled_ -= taken;
    if (taken > 0) std::memmove(bytes_.get(), bytes_.get() + taken, filled_);
    return true;
  }

 private:
  static constexpr std::size_t kSize = 256 * 1024;
  static constexpr std::size_t kMarkSize = 4;
  static constexpr std::uint32_t kLastFragment = 0x80000000;

  // Uninitialised: a connection costs the pages that it uses.
  std::unique_ptr<char[]> bytes_{new char[kSize]};
  std::size_t filled_ = 0;
};

}  // namespace rkv::bench
