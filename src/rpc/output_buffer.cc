#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "rpc/record.h"

namespace rkv::rpc {
namespace {

constexpr std::size_t kOutputSizeMin = 4096;

}  // namespace

OutputBuffer::~OutputBuffer() { std::free(data_); }

char* OutputBuffer::reserve(std::size_t size) {
  if (capacity_ - end_ >= size) return data_ + end_;
  const std::size_t used = end_ - begin_;
  // What was written already makes room when that is at least half: each byte then moves only once
  // for each time it was appended.
  if (capacity_ - used >= size && begin_ >= capacity_ / 2) {
    std::memmove(data_, data_ + begin_, used);
  } else {
    const std::size_t wanted = std::max({kOutputSizeMin, capacity_ * 2, used + size});
    char* larger = static_cast<char*>(std::malloc(wanted));
    RKV_CHECK(larger != nullptr, "out of memory for output");
    if (used > 0) std::memcpy(larger, data_ + begin_, used);
    std::free(data_);
    data_ = larger;
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = used;
  return data_ + end_;
}

void OutputBuffer::consume(std::size_t size) {
  RKV_CHECK(size <= end_ - begin_, "more consumed than there is");
  begin_ += size;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (capacity_ > kOutputSizeMin) release_memory();
}

void OutputBuffer::release_memory() {
  if (begin_ < end_) return;
  std::free(data_);
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace rkv::rpc
