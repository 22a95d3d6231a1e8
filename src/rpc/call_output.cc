#include "rpc/call_output.h"

#include <algorithm>

#include "base/check.h"

namespace rkv::rpc {

bool CallOutput::append(std::size_t size_max, FunctionRef<bool(XDR*)> encode, Extent* extent) {
  const std::uint64_t begin = written_ + size();
  // A call is likely to be as long as the one before it.
  if (!append_record(buffer_, size_hint_, size_max, encode)) return false;
  *extent = {begin, written_ + size()};
  size_hint_ = extent->size();
  if (records_.empty()) record_begin_ = begin;
  records_.push_back({extent->end, false});
  return true;
}

void CallOutput::retract(const Extent& extent) {
  RKV_CHECK(!records_.empty() && records_.back().end == extent.end && !begun(extent),
            "only the last record can be taken back, and only whole");
  buffer_.retract(extent.size());
  records_.pop_back();
}

void CallOutput::cancel(const Extent& extent) {
  RKV_CHECK(!begun(extent), "a call that was begun cannot be taken back");
  const auto found =
      std::lower_bound(records_.begin(), records_.end(), extent.end,
                       [](const Record& record, std::uint64_t end) { return record.end < end; });
  RKV_CHECK(found != records_.end() && found->end == extent.end && !found->cancelled,
            "a record is cancelled once");
  found->cancelled = true;
  ++cancelled_;
  drop_cancelled_front();
}

IoResult CallOutput::write(ByteStream& stream) {
  IoResult result{IoResult::Kind::kBytes, 0, 0};
  while (size() > 0 && result.kind == IoResult::Kind::kBytes) {
    result = stream.write(buffer_.content().data(), writable_size());
    if (result.kind == IoResult::Kind::kBytes) advance(result.bytes);
  }
  return result;
}

void CallOutput::drop_begun() {
  if (!records_.empty() && record_begin_ < written_) {
    advance(static_cast<std::size_t>(records_.front().end - written_));
  }
}

void CallOutput::advance(std::size_t size) {
  buffer_.consume(size);
  written_ += size;
  while (!records_.empty() && records_.front().end <= written_) {
    record_begin_ = records_.front().end;
    records_.pop_front();
  }
  drop_cancelled_front();
}

// Keeps the invariant that the first record is not a cancelled one.
void CallOutput::drop_cancelled_front() {
  while (!records_.empty() && records_.front().cancelled) {
    const std::uint64_t end = records_.front().end;
    buffer_.consume(static_cast<std::size_t>(end - written_));
    written_ = record_begin_ = end;
    records_.pop_front();
    --cancelled_;
  }
}

// Bytes from the front up to the first cancelled record.
std::size_t CallOutput::writable_size() const {
  if (cancelled_ == 0) return size();
  std::uint64_t end = written_;
  for (const Record& record : records_) {
    if (record.cancelled) break;
    end = record.end;
  }
  return static_cast<std::size_t>(end - written_);
}

}  // namespace rkv::rpc
