#include "rpc/record.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace rkv::rpc {
namespace {

constexpr std::size_t kReadSizeMin = 4096;
constexpr std::size_t kOwnSizeMin = 16 * 1024;
constexpr std::uint32_t kLastFragment = 0x80000000;

std::uint32_t read_mark(const char* bytes) {
  std::uint32_t mark = 0;
  for (std::size_t i = 0; i < kRecordMarkSize; ++i) {
    mark = mark << 8 | static_cast<std::uint8_t>(bytes[i]);
  }
  return mark;
}

}  // namespace

std::span<char> RecordReader::space() {
  if (parsed_ == filled_ && begin_ == assembled_) {
    // Not a byte is half-received: the shared ones will do, and our own can go.
    own_.reset();
    capacity_ = 0;
    begin_ = assembled_ = parsed_ = filled_ = 0;
    data_ = scratch_->bytes().data();
    return scratch_->bytes();
  }
  RKV_CHECK(data_ == own_.get(), "keep_rest() comes before the next space()");
  if (capacity_ - filled_ < kReadSizeMin) grow();
  return {data_ + filled_, capacity_ - filled_};
}

void RecordReader::received(std::size_t size) { filled_ += size; }

RecordReader::Next RecordReader::next(std::string_view* record) {
  while (filled_ - parsed_ >= kRecordMarkSize) {
    const std::uint32_t mark = read_mark(data_ + parsed_);
    const std::size_t size = mark & ~kLastFragment;
    // Both limits are checked before a byte of the fragment is waited for.
    if (size + (assembled_ - begin_) > limits_.record_size_max) return Next::kTooLong;
    if (fragments_ >= limits_.fragments_max) return Next::kTooManyFragments;
    const std::size_t payload = parsed_ + kRecordMarkSize;
    if (filled_ - payload < size) return Next::kIncomplete;
    parsed_ = payload + size;
    if (fragments_ == 0) {
      begin_ = payload;
      assembled_ = parsed_;
    } else {
      std::memmove(data_ + assembled_, data_ + payload, size);
      assembled_ += size;
    }
    ++fragments_;
    if ((mark & kLastFragment) != 0) {
      *record = {data_ + begin_, assembled_ - begin_};
      fragments_ = 0;
      begin_ = assembled_ = parsed_;
      return Next::kRecord;
    }
  }
  return Next::kIncomplete;
}

void RecordReader::keep_rest() {
  const std::size_t assembled = fragments_ > 0 ? assembled_ - begin_ : 0;
  const std::size_t unparsed = filled_ - parsed_;
  if (assembled + unparsed == 0) {
    own_.reset();  // an idle connection must not hold on to the room of its largest record
    capacity_ = 0;
  } else if (data_ == own_.get()) {
    return;
  } else {
    capacity_ = std::max(kOwnSizeMin, assembled + unparsed + kReadSizeMin);
    own_.reset(new char[capacity_]);
    std::memcpy(own_.get(), data_ + begin_, assembled);
    std::memcpy(own_.get() + assembled, data_ + parsed_, unparsed);
  }
  begin_ = 0;
  assembled_ = parsed_ = assembled;
  filled_ = assembled + unparsed;
  data_ = own_.get();
}

// Makes room behind what is there: what was taken already goes, and if that is not enough the
// buffer doubles, so that the copying stays in proportion to the bytes that came.
void RecordReader::grow() {
  const std::size_t kept_from = fragments_ > 0 ? begin_ : parsed_;
  const std::size_t assembled = fragments_ > 0 ? assembled_ - begin_ : 0;
  const std::size_t unparsed = filled_ - parsed_;
  const std::size_t kept = assembled + unparsed;
  const std::size_t wanted = std::max(kOwnSizeMin, kept * 2);
  if (wanted > capacity_) {
    std::unique_ptr<char[]> larger(new char[wanted]);
    std::memcpy(larger.get(), data_ + kept_from, assembled);
    std::memcpy(larger.get() + assembled, data_ + parsed_, unparsed);
    own_ = std::move(larger);
    capacity_ = wanted;
    data_ = own_.get();
  } else {
    std::memmove(data_, data_ + kept_from, assembled);
    std::memmove(data_ + assembled, data_ + parsed_, unparsed);
  }
  begin_ = 0;
  assembled_ = parsed_ = assembled;
  filled_ = kept;
}

}  // namespace rkv::rpc
