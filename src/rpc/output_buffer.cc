#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "rpc/record.h"

namespace rkv::rpc {
namespace {

constexpr std::size_t kOutputSizeMin = 4096;
// A buffer of this size is not worth the copying that makes it smaller.
constexpr std::size_t kOutputSizeKept = 64 * 1024;

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
    move_to(std::max({kOutputSizeMin, capacity_ * 2, used + size}));
  }
  begin_ = 0;
  end_ = used;
  return data_ + end_;
}

// Gives the content a block of memory of its own, and begins it there.
void OutputBuffer::move_to(std::size_t capacity) {
  const std::size_t used = end_ - begin_;
  char* block = static_cast<char*>(std::malloc(capacity));
  RKV_CHECK(block != nullptr, "out of memory for output");
  if (used > 0) std::memcpy(block, data_ + begin_, used);
  std::free(data_);
  data_ = block;
  capacity_ = capacity;
  begin_ = 0;
  end_ = used;
}

void OutputBuffer::consume(std::size_t size) {
  RKV_CHECK(size <= end_ - begin_, "more consumed than there is");
  begin_ += size;
  const std::size_t used = end_ - begin_;
  if (used > 0) {
    // Who takes all but the last bytes must not have the memory of all: limits count what is left.
    // Each byte that was written has paid for one that moves.
    if (capacity_ > kOutputSizeKept && begin_ >= used) move_to(std::max(kOutputSizeMin, used));
    return;
  }
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
