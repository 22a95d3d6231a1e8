#include "rpc/call_output.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <string>
#include <vector>

#include "rpc/pending_calls.h"

namespace rkv::rpc {
namespace {

using Extent = CallOutput::Extent;

// Takes as many bytes as the test lets it.
class MeasuredStream final : public ByteStream {
 public:
  IoResult read(char*, std::size_t) override { return {IoResult::Kind::kEnd, 0, 0}; }
  IoResult write(const char* data, std::size_t size) override {
    if (room == 0) return {IoResult::Kind::kWouldBlock, 0, 0};
    size = std::min(size, room);
    room -= size;
    taken.append(data, size);
    return {IoResult::Kind::kBytes, size, 0};
  }
  int descriptor() const override { return -1; }
  void finish_output() override {}
  bool has_buffered_input() const override { return false; }

  std::size_t room = 0;
  std::string taken;
};

// A record of one word: 8 bytes with its mark.
constexpr std::size_t kSize = 8;

Extent append(CallOutput& output, u_int word) {
  Extent extent;
  CPPUNIT_ASSERT(output.append(
      1000, [&](XDR* xdr) { return xdr_u_int(xdr, &word) != FALSE; }, &extent));
  CPPUNIT_ASSERT_EQUAL(kSize, extent.size());
  return extent;
}

std::string record(char word) { return std::string("\x80\0\0\4\0\0\0", 7) + word; }

}  // namespace

class CallOutputTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CallOutputTest);
  CPPUNIT_TEST(knows_what_was_begun_at_every_byte);
  CPPUNIT_TEST(drops_the_rest_of_what_was_begun);
  CPPUNIT_TEST(never_writes_what_was_cancelled);
  CPPUNIT_TEST(takes_the_last_record_back);
  CPPUNIT_TEST(keeps_nothing_of_what_cannot_be_encoded);
  CPPUNIT_TEST(gives_an_xid_to_one_call_only);
  CPPUNIT_TEST(takes_calls_by_deadline_and_position);
  CPPUNIT_TEST_SUITE_END();

 public:
  void knows_what_was_begun_at_every_byte() {
    for (std::size_t written = 0; written <= 3 * kSize; ++written) {
      CallOutput output;
      MeasuredStream stream;
      const std::vector<Extent> extents = {append(output, 1), append(output, 2), append(output, 3)};
      stream.room = written;
      const IoResult result = output.write(stream);
      const bool is_all = written == 3 * kSize;
      CPPUNIT_ASSERT(result.kind ==
                     (is_all ? IoResult::Kind::kBytes : IoResult::Kind::kWouldBlock));
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{written}, output.written());
      CPPUNIT_ASSERT_EQUAL(3 * kSize - written, output.size());
      for (std::size_t i = 0; i < extents.size(); ++i) {
        CPPUNIT_ASSERT_EQUAL(written > i * kSize, output.begun(extents[i]));
      }
    }
  }

  void drops_the_rest_of_what_was_begun() {
    for (std::size_t written = 0; written <= 3 * kSize; ++written) {
      CallOutput output;
      MeasuredStream first;
      for (const u_int word : {1U, 2U, 3U}) append(output, word);
      first.room = written;
      output.write(first);
      output.drop_begun();
      const std::size_t begun = (written + kSize - 1) / kSize;
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{begun * kSize}, output.written());
      append(output, 4);
      MeasuredStream second;
      second.room = 1000;
      output.write(second);
      const std::string all = record(1) + record(2) + record(3) + record(4);
      CPPUNIT_ASSERT_EQUAL(all.substr(0, written), first.taken);
      CPPUNIT_ASSERT_EQUAL(all.substr(begun * kSize), second.taken);
    }
  }

  // Every subset of five records, cancelled in both orders, before and after some bytes were
  // written.
  void never_writes_what_was_cancelled() {
    for (std::size_t cancelled = 0; cancelled < 32; ++cancelled) {
      for (std::size_t written = 0; written <= 5 * kSize; ++written) {
        check_cancelled(cancelled, written, cancelled % 2 == 0);
      }
    }
  }

  void takes_the_last_record_back() {
    CallOutput output;
    append(output, 1);
    output.retract(append(output, 2));
    append(output, 3);
    MeasuredStream stream;
    stream.room = 1000;
    output.write(stream);
    CPPUNIT_ASSERT_EQUAL(record(1) + record(3), stream.taken);
    output.retract(append(output, 4));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, output.size());
    append(output, 5);
    output.write(stream);
    CPPUNIT_ASSERT_EQUAL(record(1) + record(3) + record(5), stream.taken);
  }

  void keeps_nothing_of_what_cannot_be_encoded() {
    CallOutput output;
    append(output, 1);
    Extent extent;
    CPPUNIT_ASSERT(!output.append(
        1000, [](XDR*) { return false; }, &extent));
    CPPUNIT_ASSERT_EQUAL(kSize, output.size());
    append(output, 2);
    MeasuredStream stream;
    stream.room = 1000;
    output.write(stream);
    CPPUNIT_ASSERT_EQUAL(record(1) + record(2), stream.taken);
  }

  void gives_an_xid_to_one_call_only() {
    PendingCalls calls(UINT32_MAX - 1);
    std::vector<std::uint32_t> drawn;
    for (int i = 0; i < 4; ++i) {
      drawn.push_back(calls.draw_xid());
      calls.add(drawn.back(), PendingCall());
    }
    CPPUNIT_ASSERT((drawn == std::vector<std::uint32_t>{UINT32_MAX - 1, UINT32_MAX, 0, 1}));
    // Round again, the hard way: those in use are stepped over.
    PendingCalls again(5);
    for (const std::uint32_t xid : {5U, 6U, 8U}) again.add(xid, PendingCall());
    CPPUNIT_ASSERT_EQUAL(7U, again.draw_xid());
    CPPUNIT_ASSERT_EQUAL(9U, again.draw_xid());
  }

  void takes_calls_by_deadline_and_position() {
    PendingCalls calls(0);
    CPPUNIT_ASSERT(calls.first_deadline() == kNever);
    const std::vector<std::int64_t> deadlines = {50, 20, 40, INT64_MAX, 20};
    for (std::uint32_t xid = 0; xid < deadlines.size(); ++xid) {
      PendingCall call;
      call.procedure = xid;
      call.deadline = {deadlines[xid]};
      call.extent = {xid * kSize, xid * kSize + kSize};
      calls.add(xid, call);
    }
    CPPUNIT_ASSERT(calls.first_deadline() == TimePoint{20});
    CPPUNIT_ASSERT(calls.take_due({19}).empty());
    CPPUNIT_ASSERT((procedures(calls.take_due({40})) == std::vector<std::uint32_t>{1, 4, 2}));
    CPPUNIT_ASSERT(calls.find(1) == nullptr && calls.find(3) != nullptr);
    CPPUNIT_ASSERT((procedures(calls.take_before(3 * kSize)) == std::vector<std::uint32_t>{0}));
    CPPUNIT_ASSERT(calls.first_deadline() == kNever);
    CPPUNIT_ASSERT(calls.take_due({INT64_MAX}).empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, calls.size());
  }

 private:
  static void check_cancelled(std::size_t cancelled, std::size_t written, bool backwards) {
    CallOutput output;
    MeasuredStream stream;
    std::vector<Extent> extents;
    std::string expected;
    for (std::size_t i = 0; i < 5; ++i) {
      extents.push_back(append(output, static_cast<u_int>(i)));
    }
    stream.room = written;
    output.write(stream);
    for (std::size_t step = 0; step < 5; ++step) {
      const std::size_t i = backwards ? 4 - step : step;
      const bool is_cancelled = (cancelled >> i & 1) != 0 && !output.begun(extents[i]);
      if (is_cancelled) output.cancel(extents[i]);
    }
    for (std::size_t i = 0; i < 5; ++i) {
      const bool was_begun = written > i * kSize;
      if (was_begun || (cancelled >> i & 1) == 0) expected += record(static_cast<char>(i));
    }
    while (output.size() > 0) {
      stream.room = 3;
      output.write(stream);
    }
    CPPUNIT_ASSERT_EQUAL(expected, stream.taken);
  }

  static std::vector<std::uint32_t> procedures(const std::vector<PendingCall>& calls) {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(calls.size());
    for (const PendingCall& call : calls) numbers.push_back(call.procedure);
    return numbers;
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CallOutputTest);

}  // namespace rkv::rpc
