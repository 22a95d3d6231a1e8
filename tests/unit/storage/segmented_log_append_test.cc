// What is appended is recovered: the order, the numbers, what goes to disk together.

#include <algorithm>

#include "base/crc32c.h"
#include "log_world.h"

namespace rkv::storage {
namespace {

using Batch = env::LogDevice::Batch;
using Record = env::LogRecord;

class SegmentedLogAppendTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SegmentedLogAppendTest);
  CPPUNIT_TEST(crc32c_is_castagnoli);
  CPPUNIT_TEST(segment_names_sort_as_their_numbers);
  CPPUNIT_TEST(an_empty_directory_is_an_empty_log);
  CPPUNIT_TEST(recovered_is_what_was_appended);
  CPPUNIT_TEST(an_empty_standing_leaves_it_as_it_was);
  CPPUNIT_TEST(nothing_is_durable_before_its_sync);
  CPPUNIT_TEST(what_comes_during_a_write_is_the_next_write);
  CPPUNIT_TEST(the_listener_may_append);
  CPPUNIT_TEST(batches_go_on_over_restarts_and_segments);
  CPPUNIT_TEST(a_record_of_the_largest_size);
  CPPUNIT_TEST(a_batch_larger_than_a_segment_is_whole_or_not_there);
  CPPUNIT_TEST(callbacks_after_the_log_is_gone_do_nothing);
  CPPUNIT_TEST(sizes_that_make_no_sense_are_refused);
  CPPUNIT_TEST_SUITE_END();

  void crc32c_is_castagnoli() {
    CPPUNIT_ASSERT_EQUAL(0xE3069283U, crc32c(0, "123456789"));
    CPPUNIT_ASSERT_EQUAL(0x8A9136AAU, crc32c(0, std::string(32, '\0')));  // RFC 3720, B.4
    CPPUNIT_ASSERT_EQUAL(0x62A8AB43U, crc32c(0, std::string(32, '\xFF')));
    CPPUNIT_ASSERT_EQUAL(0xE3069283U, crc32c(crc32c(0, "1234"), "56789"));
    Random random(1);
    for (std::size_t size = 0; size < 100; ++size) {
      std::string bytes;
      for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.next());
      CPPUNIT_ASSERT_EQUAL(crc32c_portable(77, bytes), crc32c(77, bytes));
    }
  }

  void segment_names_sort_as_their_numbers() {
    CPPUNIT_ASSERT_EQUAL(std::string("0000000000000001.log"), segment_name(1));
    CPPUNIT_ASSERT(segment_name(9) < segment_name(10));
    CPPUNIT_ASSERT(parse_segment_name(segment_name(1234567)) == SegmentNumber{1234567});
    for (const char* name : {"", "lock", "0000000000000000.log", "000000000000001.log",
                             "0000000000000001.log~", "000000000000000x.log"}) {
      CPPUNIT_ASSERT_MESSAGE(name, !parse_segment_name(name));
    }
  }

  void an_empty_directory_is_an_empty_log() {
    LogWorld world;
    const auto log = world.open();
    const auto recovered = log->take_recovered();
    CPPUNIT_ASSERT(recovered.records.empty() && recovered.standing.empty());
    CPPUNIT_ASSERT(!recovered.lost_up_to && log->damage().empty());
    world.run();
    CPPUNIT_ASSERT(log->durable() == 0);
    CPPUNIT_ASSERT(log->size() == LogWorld::kSegmentSize);
    CPPUNIT_ASSERT(world.disk().image().size() == 1);
  }

  static std::vector<Record> records_of_all_kinds() {
    Record bare;
    bare.type = 1;
    bare.slot = 3;
    Record full = log_record(UINT64_MAX, std::string("\0\xff\n", 3), std::string(64, '\xfe'));
    full.type = UINT32_MAX;
    return {bare, log_record(4, ""), log_record(5, "x", ""), full,
            log_record(6, std::string(1500, 'b'))};
  }

  void recovered_is_what_was_appended() {
    LogWorld world;
    auto log = world.open();
    CPPUNIT_ASSERT(log->append(log_batch("one", records_of_all_kinds())) == 1);
    world.run();
    CPPUNIT_ASSERT(log->append(log_batch(std::string(64, 's'))) == 2);
    world.run();
    CPPUNIT_ASSERT(log->durable() == 2);
    log.reset();
    world.disk().crash();
    log = world.open();
    const auto recovered = log->take_recovered();
    CPPUNIT_ASSERT(same_records(recovered.records, records_of_all_kinds()));
    CPPUNIT_ASSERT_EQUAL(std::string(64, 's'), recovered.standing);
    CPPUNIT_ASSERT(!recovered.lost_up_to && log->damage().empty());
    CPPUNIT_ASSERT(log->durable() == 0);
    CPPUNIT_ASSERT(log->append(log_batch("two")) == 1);
  }

  void an_empty_standing_leaves_it_as_it_was() {
    LogWorld world;
    auto log = world.open();
    log->append(log_batch("promise"));
    world.run();
    log->append(log_batch("", {log_record(1, "a")}));
    world.run();
    log = world.open();
    log->append(log_batch("", {log_record(2, "b")}));
    world.run();
    log = world.open();
    CPPUNIT_ASSERT_EQUAL(std::string("promise"), log->take_recovered().standing);
  }

  void nothing_is_durable_before_its_sync() {
    LogWorld world;
    const auto log = world.open();
    world.run();
    std::vector<env::LogDevice::BatchNumber> told;
    log->set_durable_listener([&](env::LogDevice::BatchNumber durable) {
      CPPUNIT_ASSERT(durable == log->durable());
      told.push_back(durable);
      const std::string content = world.disk().image().at(segment_name(1));
      CPPUNIT_ASSERT(content.find("standing 1") != std::string::npos);
    });
    log->append(log_batch("standing 1", {log_record(1, "a")}));
    CPPUNIT_ASSERT(log->durable() == 0 && told.empty());
    world.run();
    CPPUNIT_ASSERT(told == std::vector<env::LogDevice::BatchNumber>{1});
  }

  void what_comes_during_a_write_is_the_next_write() {
    LogWorld world;
    auto log = world.open();
    world.run();
    const std::uint64_t writes = world.disk().counters().writes;
    std::vector<env::LogDevice::BatchNumber> told;
    log->set_durable_listener(
        [&](env::LogDevice::BatchNumber durable) { told.push_back(durable); });
    std::vector<Record> expected;
    for (Position slot = 1; slot <= 20; ++slot) {
      expected.push_back(log_record(slot, "value"));
      log->append(log_batch("s" + std::to_string(slot), {expected.back()}));
    }
    world.run();
    CPPUNIT_ASSERT(world.disk().counters().writes == writes + 2);
    CPPUNIT_ASSERT((told == std::vector<env::LogDevice::BatchNumber>{1, 20}));
    log = world.open();
    const auto recovered = log->take_recovered();
    CPPUNIT_ASSERT(same_records(recovered.records, expected));
    CPPUNIT_ASSERT_EQUAL(std::string("s20"), recovered.standing);
  }

  void the_listener_may_append() {
    LogWorld world;
    const auto log = world.open();
    log->set_durable_listener([&](env::LogDevice::BatchNumber durable) {
      if (durable < 50) log->append(log_batch("s", {log_record(durable, "value")}));
    });
    log->append(log_batch("s"));
    world.run();
    CPPUNIT_ASSERT(log->durable() == 50);
  }

  void batches_go_on_over_restarts_and_segments() {
    LogWorld world;
    std::vector<Record> expected;
    for (Position slot = 1; slot <= 60; ++slot) {
      const auto log = world.open();
      if (slot > 1) {
        const auto recovered = log->take_recovered();
        CPPUNIT_ASSERT(same_records(recovered.records, expected));
        CPPUNIT_ASSERT_EQUAL("s" + std::to_string(slot - 1), recovered.standing);
      }
      expected.push_back(log_record(slot, std::string(slot * 7, 'v')));
      log->append(log_batch("s" + std::to_string(slot), {expected.back()}));
      world.run();
      CPPUNIT_ASSERT(log->durable() == 1 && log->damage().empty());
    }
    CPPUNIT_ASSERT(world.disk().image().size() > 4);
    CPPUNIT_ASSERT(world.failures().empty());
  }

  void a_record_of_the_largest_size() {
    LogWorld world;
    auto log = world.open();
    for (const Position slot : {1U, 2U}) {
      log->append(log_batch(
          "s", {log_record(slot, std::string(log->record_size_max(), 'v'), std::string(64, 'h'))}));
    }
    world.run();
    CPPUNIT_ASSERT(log->durable() == 2);
    log = world.open();
    CPPUNIT_ASSERT(log->take_recovered().records.size() == 2);
  }

  // Cuts the power after each of the disk's steps.
  void a_batch_larger_than_a_segment_is_whole_or_not_there() {
    std::vector<Record> records;
    for (Position slot = 1; slot <= 12; ++slot) {
      records.push_back(log_record(slot, std::string(2000, static_cast<char>('a' + slot))));
    }
    const Record before = log_record(100, "before");
    bool finished = false;
    bool partly = false;
    for (int steps = 0; !finished; ++steps) {
      LogWorld world(static_cast<std::uint64_t>(steps) + 1);
      auto log = world.open();
      log->append(log_batch("before", {before}));
      world.run();
      log->append(log_batch("large", records));
      for (int i = 0; i < steps; ++i) finished = !world.run_one() || finished;
      const bool durable = log->durable() == 2;
      CPPUNIT_ASSERT(durable || !finished);
      log.reset();
      world.disk().crash();
      partly = partly || (!durable && world.disk().image().size() > 3);
      // Twice: what is there must not change by itself, nor when something is appended.
      for (int round = 0; round < 2; ++round) {
        log = world.open();
        const auto recovered = log->take_recovered();
        const bool large = recovered.records.size() > 1;
        CPPUNIT_ASSERT(large || !durable);
        std::vector<Record> expected = {before};
        if (large) expected.insert(expected.end(), records.begin(), records.end());
        CPPUNIT_ASSERT(same_records(recovered.records, expected));
        CPPUNIT_ASSERT(!recovered.lost_up_to);
        if (round == 0) {
          CPPUNIT_ASSERT_EQUAL(std::string(large ? "large" : "before"), recovered.standing);
          log->append(log_batch("more"));
          world.run();
        }
      }
    }
    CPPUNIT_ASSERT(partly);
  }

  void callbacks_after_the_log_is_gone_do_nothing() {
    LogWorld world;
    auto log = world.open();
    world.run();
    log->set_durable_listener([](env::LogDevice::BatchNumber) { CPPUNIT_FAIL("told"); });
    log->append(log_batch("s"));
    log.reset();
    world.run();
    CPPUNIT_ASSERT_EQUAL(std::string("s"), world.open()->take_recovered().standing);
  }

  void sizes_that_make_no_sense_are_refused() {
    LogWorld world;
    for (const std::size_t size :
         {std::size_t{0}, SegmentedLog::kSegmentSizeMin - kSectorSize, LogWorld::kSegmentSize + 1,
          SegmentedLog::kSegmentSizeMax + kSectorSize}) {
      CPPUNIT_ASSERT(world.try_open(size).status().code() == StatusCode::kInvalid);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SegmentedLogAppendTest);

}  // namespace
}  // namespace rkv::storage
