// RecordReader: two of them, on one scratch, get the same stream cut at different places. Whatever
// the cutting, both give the records of the reference; memory stays in proportion to what came.
//
// Input: a byte that picks limits and the kind of stream, the number of decisions, the decisions,
// and the stream: as it is, or fragments as two bytes each describe them, which reaches sizes that
// no input has.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "fuzz.h"
#include "reference_records.h"
#include "rpc/record.h"

namespace rkv::fuzz {
namespace {

using rpc::ReadScratch;
using rpc::RecordReader;
using Next = RecordReader::Next;

// A reader may hold this much, and so many times the bytes that came since it last held nothing.
constexpr std::size_t kMemoryBase = 20 * 1024;
constexpr std::size_t kMemoryFactor = 2;
// Bytes of streams that are described: of most of them, and of some, which no scratch has room for.
constexpr std::size_t kDescribedSize = 40 * 1024;
constexpr std::size_t kDescribedSizeMax = 320 * 1024;
constexpr std::size_t kFragmentSizeMax = 0x3FF << 7;

class CheckedReader {
 public:
  CheckedReader(const RecordReader::Limits& limits, ReadScratch* scratch, std::string_view stream,
                const ReferenceRecords& expected)
      : reader_(limits, scratch), rest_(stream), expected_(expected) {}

  bool done() const { return failed_ || (rest_.empty() && !pending_); }

  // One turn of a connection: a read if there is nothing left over, then some records.
  void turn(std::uint8_t decision) {
    if (!pending_) deliver(decision >> 1 & 7);
    take_records(decision >> 4 & 3);
    check_views();
    const bool idle = !pending_ && !reader_.in_record() && !failed_;
    if (idle && (decision & 0x40) != 0) return;  // nothing to keep
    reader_.keep_rest();
    if ((decision & 0x80) != 0) reader_.keep_rest();
    if (reader_.memory() == 0) came_ = 0;
    RKV_CHECK(reader_.memory() <= kMemoryBase + kMemoryFactor * came_,
              "memory grows with the bytes that came");
    RKV_CHECK(reader_.memory() == 0 || pending_ || failed_ || reader_.in_record(),
              "an idle reader holds nothing");
  }

  void check_end() const {
    RKV_CHECK(end_ == expected_.end, "the stream ends as the reference has it");
    RKV_CHECK(taken_ == expected_.records.size(), "every record was given out");
    RKV_CHECK(failed_ || reader_.in_record() == expected_.in_record, "in_record() is right");
  }

 private:
  void deliver(unsigned kind) {
    constexpr std::array<std::size_t, 8> kPieces = {SIZE_MAX, 1, 2, 3, 4, 7, 64, 5000};
    const std::span<char> space = reader_.space();
    RKV_CHECK(space.size() >= 4096, "there is room for a read");
    const std::size_t size = std::min({kPieces[kind], rest_.size(), space.size()});
    std::copy_n(rest_.begin(), size, space.begin());
    reader_.received(size);
    rest_.remove_prefix(size);
    came_ += size;
    pending_ = true;
  }

  void take_records(unsigned kind) {
    std::size_t wanted = kind == 0 ? SIZE_MAX : kind - 1;
    while (pending_ && wanted-- > 0) {
      std::string_view record;
      end_ = reader_.next(&record);
      pending_ = end_ == Next::kRecord;
      if (pending_) views_.push_back(record);
    }
    failed_ = end_ == Next::kTooLong || end_ == Next::kTooManyFragments;
    if (failed_) {
      std::string_view record;
      RKV_CHECK(reader_.next(&record) == end_, "an error is final");
    }
  }

  // Views stay valid until keep_rest(): also while later records are assembled behind them.
  void check_views() {
    for (const std::string_view view : views_) {
      RKV_CHECK(taken_ < expected_.records.size(), "no more records than there are");
      RKV_CHECK(view == expected_.records[taken_], "records are as they were sent");
      ++taken_;
    }
    views_.clear();
  }

  RecordReader reader_;
  std::string_view rest_;
  const ReferenceRecords& expected_;
  std::vector<std::string_view> views_;  // given out in this turn
  std::size_t taken_ = 0;                // records
  std::size_t came_ = 0;                 // bytes
  bool pending_ = false;                 // next() has more to say
  bool failed_ = false;
  Next end_ = Next::kIncomplete;
};

// Bytes that differ from those a fragment's length further on.
std::string make_pattern() {
  std::string pattern(kFragmentSizeMax + UINT8_MAX, '\0');
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    pattern[i] = static_cast<char>(i ^ i >> 8 ^ i >> 15);
  }
  return pattern;
}

// Two bytes for a fragment: last or not, and its size, up to kFragmentSizeMax. The bytes are good
// until the next call.
std::string_view described_stream(std::string_view description, std::size_t size_max) {
  static const std::string kPattern = make_pattern();
  static std::string stream;
  stream.clear();
  Taker taker(description);
  for (std::size_t count = 0; taker.rest().size() >= 2; ++count) {
    const std::uint32_t word = taker.take_uint16();
    const std::size_t size = static_cast<std::size_t>(word & 0x3FF) << (word >> 10 & 7);
    if (stream.size() + size > size_max) break;
    append_uint32(stream, (word & 0x8000) << 16 | static_cast<std::uint32_t>(size));
    stream.append(kPattern, count % UINT8_MAX, size);
  }
  return stream;
}

void run(std::string_view input) {
  constexpr std::array<std::size_t, 4> kRecordSizes = {4 << 20, 100, 20000, 12};
  constexpr std::array<std::size_t, 4> kFragments = {1024, 1, 2, 5};
  static ReadScratch scratch;
  Taker taker(input);
  const unsigned kind = taker.take_byte();
  const RecordReader::Limits limits = {kRecordSizes[kind & 3], kFragments[kind >> 2 & 3]};
  Taker decisions(taker.take(taker.take_byte()));
  const bool is_described = kind >> 5 == 7;
  const std::size_t size_max = kind >> 4 == 15 ? kDescribedSizeMax : kDescribedSize;
  const std::string_view stream =
      is_described ? described_stream(taker.rest(), size_max) : taker.rest();

  const ReferenceRecords expected = reference_records(stream, limits);
  CheckedReader first(limits, &scratch, stream, expected);
  CheckedReader second(limits, &scratch, stream, expected);
  while (!first.done() || !second.done()) {
    const std::uint8_t decision = decisions.take_byte();
    CheckedReader& reader =
        ((decision & 1) == 0 && !first.done()) || second.done() ? first : second;
    reader.turn(decision);
  }
  first.check_end();
  second.check_end();
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
