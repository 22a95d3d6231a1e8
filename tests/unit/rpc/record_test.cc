#include "rpc/record.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "raw_client.h"
#include "rpc/xdr.h"

namespace rkv::rpc {
namespace {

using Next = RecordReader::Next;
constexpr RecordReader::Limits kLimits{100'000, 50};

// What a stream should be cut into, by the shortest code there is: everything is there at once.
std::vector<std::string> naive_records(std::string_view stream) {
  std::vector<std::string> records;
  std::string current;
  while (stream.size() >= 4) {
    XdrReader reader(stream);
    const std::uint32_t mark = reader.read_uint32();
    const std::size_t size = mark & 0x7FFFFFFF;
    current += stream.substr(4, size);
    stream.remove_prefix(4 + size);
    if ((mark & 0x80000000) != 0) records.push_back(std::exchange(current, {}));
  }
  return records;
}

// A connection's use of its reader: one read, then every record, then the scratch is another one's.
class Feeder {
 public:
  explicit Feeder(ReadScratch* scratch, const RecordReader::Limits& limits = kLimits)
      : reader_(limits, scratch) {}

  Next feed(std::string_view bytes) {
    Next next = Next::kIncomplete;
    do {
      const std::span<char> space = reader_.space();
      CPPUNIT_ASSERT(space.size() >= 4096);
      const std::size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      bytes.remove_prefix(size);
      reader_.received(size);
      next = take(SIZE_MAX);
      reader_.keep_rest();
    } while (!bytes.empty());
    return next;
  }

  // Takes at most `count` records.
  Next take(std::size_t count) {
    std::string_view record;
    for (std::size_t i = 0; i < count; ++i) {
      const Next next = reader_.next(&record);
      if (next != Next::kRecord) return next;
      records_.emplace_back(record);
    }
    return Next::kRecord;
  }

  const std::vector<std::string>& records() const { return records_; }
  RecordReader& reader() { return reader_; }

 private:
  RecordReader reader_;
  std::vector<std::string> records_;
};

std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Records of one and of many fragments, some of them empty.
std::string random_stream(std::mt19937& random, std::size_t records, std::size_t fragment_max) {
  std::string stream;
  for (std::size_t i = 0; i < records; ++i) {
    const std::size_t fragments = 1 + random() % 4;
    for (std::size_t f = 1; f <= fragments; ++f) {
      const std::size_t size = random() % 3 == 0 ? 0 : random() % fragment_max;
      stream += fragment(random_bytes(random, size), f == fragments);
    }
  }
  return stream;
}

}  // namespace

class RecordTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecordTest);
  CPPUNIT_TEST(takes_records_cut_at_every_offset);
  CPPUNIT_TEST(takes_records_byte_by_byte);
  CPPUNIT_TEST(takes_large_random_streams_in_random_pieces);
  CPPUNIT_TEST(goes_on_after_being_broken_off);
  CPPUNIT_TEST(refuses_a_length_with_its_header);
  CPPUNIT_TEST(adds_up_the_fragments);
  CPPUNIT_TEST(bounds_empty_fragments);
  CPPUNIT_TEST(holds_no_more_than_came);
  CPPUNIT_TEST(holds_nothing_when_idle);
  CPPUNIT_TEST(knows_when_a_record_has_begun);
  CPPUNIT_TEST(output_is_what_was_appended);
  CPPUNIT_TEST(output_gives_memory_back);
  CPPUNIT_TEST(appends_a_record_that_needs_more_room);
  CPPUNIT_TEST(appends_nothing_that_does_not_fit);
  CPPUNIT_TEST_SUITE_END();

 public:
  void takes_records_cut_at_every_offset() {
    std::mt19937 random(1);
    const std::string stream = random_stream(random, 12, 40);
    const std::vector<std::string> expected = naive_records(stream);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      // Two readers of one scratch take turns: neither may see the other's bytes.
      Feeder one(&scratch_);
      Feeder other(&scratch_);
      one.feed(std::string_view(stream).substr(0, cut));
      other.feed(std::string_view(stream).substr(0, stream.size() - cut));
      one.feed(std::string_view(stream).substr(cut));
      other.feed(std::string_view(stream).substr(stream.size() - cut));
      CPPUNIT_ASSERT_MESSAGE(std::to_string(cut), one.records() == expected);
      CPPUNIT_ASSERT_MESSAGE(std::to_string(cut), other.records() == expected);
    }
  }

  void takes_records_byte_by_byte() {
    std::mt19937 random(2);
    const std::string stream = random_stream(random, 30, 60);
    Feeder one(&scratch_);
    Feeder other(&scratch_);
    for (std::size_t i = 0; i < stream.size(); ++i) {
      one.feed(stream.substr(i, 1));
      if (i % 3 == 2) other.feed(stream.substr(i - 2, 3));
    }
    other.feed(stream.substr(stream.size() / 3 * 3));
    CPPUNIT_ASSERT(one.records() == naive_records(stream));
    CPPUNIT_ASSERT(other.records() == naive_records(stream));
  }

  void takes_large_random_streams_in_random_pieces() {
    for (unsigned seed = 0; seed < 30; ++seed) {
      std::mt19937 random(seed);
      const std::string stream = random_stream(random, 40, 20'000);
      Feeder one(&scratch_);
      Feeder other(&scratch_);
      std::string_view rest = stream;
      while (!rest.empty()) {
        const std::size_t piece = std::min<std::size_t>(rest.size(), 1 + random() % 30'000);
        one.feed(rest.substr(0, piece));
        other.feed(rest.substr(0, piece));
        rest.remove_prefix(piece);
      }
      CPPUNIT_ASSERT_MESSAGE(std::to_string(seed), one.records() == naive_records(stream));
      CPPUNIT_ASSERT_MESSAGE(std::to_string(seed), other.records() == naive_records(stream));
    }
  }

  void goes_on_after_being_broken_off() {
    std::mt19937 random(3);
    const std::string stream = random_stream(random, 50, 100);
    const std::string more = random_stream(random, 5, 100);
    Feeder feeder(&scratch_);
    const std::span<char> space = feeder.reader().space();
    std::memcpy(space.data(), stream.data(), stream.size());
    feeder.reader().received(stream.size());
    while (feeder.take(7) == Next::kRecord) {
      feeder.reader().keep_rest();
      Feeder(&scratch_).feed(more);  // another connection's turn in between
    }
    feeder.reader().keep_rest();
    feeder.feed(more);
    CPPUNIT_ASSERT(feeder.records() == naive_records(stream + more));
  }

  void refuses_a_length_with_its_header() {
    for (const std::uint32_t size : {100'001u, 0x7FFFFFFFu}) {
      std::string mark;
      append_uint32(mark, size);
      Feeder feeder(&scratch_);
      CPPUNIT_ASSERT(feeder.feed(mark.substr(0, 3)) == Next::kIncomplete);
      CPPUNIT_ASSERT(feeder.feed(mark.substr(3)) == Next::kTooLong);
    }
    Feeder exact(&scratch_);
    exact.feed(record(std::string(100'000, 'x')));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, exact.records().size());
  }

  void adds_up_the_fragments() {
    Feeder feeder(&scratch_);
    CPPUNIT_ASSERT(feeder.feed(fragment(std::string(60'000, 'x'), false)) == Next::kIncomplete);
    std::string mark;
    append_uint32(mark, 40'001);
    CPPUNIT_ASSERT(feeder.feed(mark) == Next::kTooLong);
    Feeder exact(&scratch_);
    exact.feed(fragment(std::string(60'000, 'x'), false));
    exact.feed(fragment(std::string(40'000, 'y'), true));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, exact.records().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{100'000}, exact.records()[0].size());
  }

  void bounds_empty_fragments() {
    std::string fragments;
    for (int i = 0; i < 49; ++i) fragments += fragment("", false);
    Feeder most(&scratch_);
    CPPUNIT_ASSERT(most.feed(fragments) == Next::kIncomplete);
    most.feed(fragment("end", true));
    CPPUNIT_ASSERT(most.records() == std::vector<std::string>{"end"});
    // The count begins anew with each record.
    most.feed(fragments + fragment("end", true));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, most.records().size());
    Feeder over(&scratch_);
    CPPUNIT_ASSERT(over.feed(fragments + fragment("", false)) == Next::kIncomplete);
    CPPUNIT_ASSERT(over.feed(fragment("end", true)) == Next::kTooManyFragments);
  }

  void holds_no_more_than_came() {
    constexpr RecordReader::Limits kHuge{1u << 30, 50};
    Feeder feeder(&scratch_, kHuge);
    std::string mark;
    append_uint32(mark, 1u << 30);
    feeder.feed(mark);
    CPPUNIT_ASSERT(feeder.reader().memory() <= 32 * 1024);
    std::size_t came = mark.size();
    const std::string piece(3000, 'x');
    for (int i = 0; i < 1000; ++i) {
      feeder.feed(piece);
      came += piece.size();
      CPPUNIT_ASSERT(feeder.reader().memory() <= 2 * came + 32 * 1024);
    }
  }

  void holds_nothing_when_idle() {
    Feeder feeder(&scratch_);
    const std::string bytes = record(std::string(90'000, 'x'));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, feeder.reader().memory());
    feeder.feed(bytes.substr(0, 50'000));
    CPPUNIT_ASSERT(feeder.reader().memory() >= 50'000);
    feeder.feed(bytes.substr(50'000));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, feeder.records().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, feeder.reader().memory());
    feeder.feed(bytes);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, feeder.records().size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, feeder.reader().memory());
  }

  void knows_when_a_record_has_begun() {
    Feeder feeder(&scratch_);
    CPPUNIT_ASSERT(!feeder.reader().in_record());
    feeder.feed(fragment("ab", false).substr(0, 1));
    CPPUNIT_ASSERT(feeder.reader().in_record());
    feeder.feed(fragment("ab", false).substr(1));
    CPPUNIT_ASSERT(feeder.reader().in_record());  // no byte is left, but the record has not ended
    feeder.feed(fragment("", true));
    CPPUNIT_ASSERT(!feeder.reader().in_record());
  }

  void output_is_what_was_appended() {
    // Every number of bytes is taken off the front at some time, with every kind of room behind.
    std::mt19937 random(4);
    OutputBuffer output;
    std::string expected;
    for (std::size_t consumed = 0; consumed < 600; ++consumed) {
      while (expected.size() < consumed) {
        const std::string bytes = random_bytes(random, 1 + random() % 3000);
        char* at = output.reserve(bytes.size() + random() % 5000);
        std::copy(bytes.begin(), bytes.end(), at);
        output.commit(bytes.size());
        expected += bytes;
      }
      output.consume(consumed);
      expected.erase(0, consumed);
      CPPUNIT_ASSERT(output.content() == expected);
    }
    output.consume(expected.size());
    CPPUNIT_ASSERT(output.content().empty());
  }

  void output_gives_memory_back() {
    OutputBuffer output;
    char* small = output.reserve(10);
    output.commit(10);
    output.consume(10);
    CPPUNIT_ASSERT(small == output.reserve(10));  // a small block is kept
    output.reserve(1 << 20);
    output.commit(1 << 20);
    output.consume((1 << 20) - 1);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, output.content().size());
    CPPUNIT_ASSERT(output.memory() <= 4096);  // not what those before the last one needed
    output.consume(1);
    CPPUNIT_ASSERT(output.memory() <= 4096);
    // ASan would find a use of what was given back.
    std::memset(output.reserve(100), 0, 100);
    output.commit(100);
    output.release_memory();  // not what is still to be written
    CPPUNIT_ASSERT_EQUAL(std::size_t{100}, output.content().size());
    output.consume(100);
    CPPUNIT_ASSERT(output.memory() > 0);
    output.release_memory();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, output.memory());
  }

  void appends_a_record_that_needs_more_room() {
    OutputBuffer output;
    const std::string text(10'000, 'x');
    int attempts = 0;
    const bool appended = append_record(output, 16, 1 << 20, [&](XDR* xdr) {
      ++attempts;
      return XDR_PUTBYTES(xdr, const_cast<char*>(text.data()), 10'000) != FALSE;
    });
    CPPUNIT_ASSERT(appended);
    CPPUNIT_ASSERT(attempts > 1);
    CPPUNIT_ASSERT(output.content() == record(text));
  }

  void appends_nothing_that_does_not_fit() {
    OutputBuffer output;
    const std::string text(1000, 'x');
    const auto encode = [&](XDR* xdr) {
      return XDR_PUTBYTES(xdr, const_cast<char*>(text.data()), 1000) != FALSE;
    };
    CPPUNIT_ASSERT(append_record(output, 16, 1000, encode));
    CPPUNIT_ASSERT(!append_record(output, 16, 999, encode));
    CPPUNIT_ASSERT(output.content() == record(text));
  }

 private:
  ReadScratch scratch_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(RecordTest);

}  // namespace rkv::rpc
