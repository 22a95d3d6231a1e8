// A log that is open is read again.

#include <optional>

#include "log_world.h"

namespace rkv::storage {
namespace {

class SegmentedLogAgainTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SegmentedLogAgainTest);
  CPPUNIT_TEST(it_gives_what_was_appended_before);
  CPPUNIT_TEST(what_comes_later_waits_and_is_written);
  CPPUNIT_TEST(it_waits_while_files_are_made_and_removed);
  CPPUNIT_TEST(it_finds_what_was_damaged_meanwhile);
  CPPUNIT_TEST(a_log_that_cannot_be_read_has_failed);
  CPPUNIT_TEST(a_log_that_has_lost_its_end_has_failed);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    world_ = std::make_unique<LogWorld>();
    log_ = world_->open();
    world_->run();
    again_.reset();
  }
  void tearDown() override {
    log_.reset();
    world_.reset();
  }

  void it_gives_what_was_appended_before() {
    log_->append(log_batch("first", {log_record(1, "one")}));
    log_->append(log_batch("second", {log_record(2, "two")}));
    read_again();
    CPPUNIT_ASSERT(!again_);  // not durable yet
    world_->run();
    CPPUNIT_ASSERT(again_ && again_->standing == "second");
    CPPUNIT_ASSERT(same_records(again_->records, {log_record(1, "one"), log_record(2, "two")}));
    again_.reset();
    read_again();
    CPPUNIT_ASSERT(again_ && again_->records.size() == 2);  // at once
  }

  void what_comes_later_waits_and_is_written() {
    log_->append(log_batch("before", {log_record(1, "one")}));
    read_again();
    log_->append(log_batch("after", {log_record(2, "two")}));
    world_->run();
    CPPUNIT_ASSERT(again_ && again_->standing == "before" && again_->records.size() == 1);
    CPPUNIT_ASSERT_EQUAL(env::LogDevice::BatchNumber{2}, log_->durable());
  }

  void it_waits_while_files_are_made_and_removed() {
    for (Position slot = 1; slot <= 200; ++slot) {
      log_->append(log_batch(std::to_string(slot), {log_record(slot, std::string(600, 'x'))}));
      log_->cut(slot < 5 ? 0 : slot - 5);
      again_.reset();
      read_again();
      for (int i = 0; i < 3; ++i) world_->run_one();
      if (slot % 3 == 0) world_->run();
      if (slot % 3 != 0) continue;
      CPPUNIT_ASSERT(again_ && again_->standing == std::to_string(slot));
      CPPUNIT_ASSERT_EQUAL(slot, again_->records.back().slot);
      CPPUNIT_ASSERT(!again_->lost_up_to);
    }
    CPPUNIT_ASSERT(world_->failures().empty());
  }

  void it_finds_what_was_damaged_meanwhile() {
    log_->append(log_batch("first", {log_record(7, "seven")}));
    world_->run();
    log_->append(log_batch("second", {log_record(8, "eight")}));
    world_->run();
    world_->disk().flip_bit(segment_name(1), kFirstBatchSector * kSectorSize + 100, 1);
    read_again();
    CPPUNIT_ASSERT(again_ && again_->standing == "second");
    CPPUNIT_ASSERT(again_->lost_up_to == Position{7});
  }

  void a_log_that_cannot_be_read_has_failed() {
    log_->append(log_batch("first", {log_record(7, "seven")}));
    log_->append(log_batch("second", {log_record(8, std::string(2000, 'x'))}));
    world_->run();
    flip_in_last_batch();
    read_again();
    CPPUNIT_ASSERT(!again_);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->failures().size());
    CPPUNIT_ASSERT(!log_->has_room());
  }

  void a_log_that_has_lost_its_end_has_failed() {
    log_->append(log_batch("first", {log_record(7, "seven")}));
    world_->run();
    const sim::SimDisk::Image before = world_->disk().image();
    log_->append(log_batch("second", {log_record(8, "eight")}));
    world_->run();
    world_->disk().set_image(before);
    read_again();
    CPPUNIT_ASSERT(!again_);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->failures().size());
  }

 private:
  void read_again() {
    log_->read_again([this](env::LogDevice::Recovered log) { again_ = std::move(log); });
  }
  void flip_in_last_batch() {
    const std::string bytes = world_->disk().image().at(segment_name(1));
    world_->disk().flip_bit(segment_name(1), bytes.find_last_of('x'), 1);
  }

  std::unique_ptr<LogWorld> world_;
  std::unique_ptr<SegmentedLog> log_;
  std::optional<env::LogDevice::Recovered> again_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SegmentedLogAgainTest);

}  // namespace
}  // namespace rkv::storage
