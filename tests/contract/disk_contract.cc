// What every env::Disk promises.

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "disk_world.h"

namespace rkv::contract {
namespace {

constexpr std::size_t kSize = 3 << 20;  // more than a disk may want to do at once

class DiskContract : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DiskContract);
  CPPUNIT_TEST(a_new_disk_has_no_files);
  CPPUNIT_TEST(a_new_file_is_zeros);
  CPPUNIT_TEST(what_was_written_is_read_after_a_restart);
  CPPUNIT_TEST(changes_of_one_file_keep_their_order);
  CPPUNIT_TEST(many_files_at_once);
  CPPUNIT_TEST(callbacks_come_in_a_later_turn);
  CPPUNIT_TEST(callbacks_may_ask_for_more);
  CPPUNIT_TEST(what_was_asked_for_is_done_or_not_after_a_restart);
  CPPUNIT_TEST(a_failure_is_told_and_all_after_it_fails);
  CPPUNIT_TEST(reading_what_is_not_there_fails);
  CPPUNIT_TEST(a_disk_with_room_says_so);
  CPPUNIT_TEST_SUITE_END_ABSTRACT();

 public:
  void setUp() override { world_ = make_world(); }
  void tearDown() override { world_.reset(); }

 protected:
  virtual std::unique_ptr<DiskWorld> make_world() = 0;

 private:
  env::Disk& disk() { return world_->disk(); }

  // Counts what is under way, and gathers how it ends.
  env::Disk::Done note() {
    ++under_way_;
    return [this](const Status& status) {
      --under_way_;
      statuses_.push_back(status);
    };
  }
  void wait() {
    CPPUNIT_ASSERT(world_->run_until([this] { return under_way_ == 0; }));
  }
  void wait_for_success() {
    wait();
    for (const Status& status : statuses_) CPPUNIT_ASSERT_MESSAGE(status.to_string(), status.ok());
  }

  std::vector<std::string> names() {
    const auto listed = disk().list();
    CPPUNIT_ASSERT_MESSAGE(listed.status().to_string(), listed.ok());
    std::vector<std::string> sorted = listed.value();
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }
  std::string read(const std::string& name) {
    const auto content = disk().read(name);
    CPPUNIT_ASSERT_MESSAGE(content.status().to_string(), content.ok());
    return content.value();
  }

  void a_new_disk_has_no_files() { CPPUNIT_ASSERT(names().empty()); }

  void a_new_file_is_zeros() {
    for (const std::size_t size : {kSize, std::size_t{0}, std::size_t{1000}}) {
      const std::string name = "file " + std::to_string(size);
      disk().create(name, size, note());
      wait_for_success();
      CPPUNIT_ASSERT(read(name) == std::string(size, '\0'));
    }
    CPPUNIT_ASSERT((names() == std::vector<std::string>{"file 0", "file 1000", "file 3145728"}));
  }

  void what_was_written_is_read_after_a_restart() {
    disk().create("a", kSize, note());
    disk().write("a", 0, "begin", note());
    disk().write("a", kSize - 3, "end", note());
    disk().create("b", 10, note());
    disk().remove("b", note());
    wait_for_success();
    world_->restart();
    CPPUNIT_ASSERT(names() == std::vector<std::string>{"a"});
    std::string expected(kSize, '\0');
    expected.replace(0, 5, "begin");
    expected.replace(kSize - 3, 3, "end");
    CPPUNIT_ASSERT(read("a") == expected);
  }

  void changes_of_one_file_keep_their_order() {
    disk().create("a", 100, note());
    for (int i = 0; i < 300; ++i) {
      disk().write("a", static_cast<std::size_t>(i % 90), std::to_string(i), note());
      if (i % 100 == 50) {
        disk().remove("a", note());
        disk().create("a", 100, note());
      }
    }
    wait_for_success();
    std::string expected(100, '\0');
    for (std::size_t i = 251; i < 300; ++i) expected.replace(i % 90, 3, std::to_string(i));
    CPPUNIT_ASSERT(read("a") == expected);
  }

  void many_files_at_once() {
    for (int i = 0; i < 10; ++i) disk().create(std::to_string(i), 2 << 20, note());
    for (int i = 0; i < 10; ++i) disk().write(std::to_string(i), 7, std::to_string(i), note());
    for (int i = 0; i < 5; ++i) disk().remove(std::to_string(i), note());
    wait_for_success();
    CPPUNIT_ASSERT((names() == std::vector<std::string>{"5", "6", "7", "8", "9"}));
    CPPUNIT_ASSERT(read("8")[7] == '8');
  }

  void callbacks_come_in_a_later_turn() {
    disk().create("a", 100, note());
    CPPUNIT_ASSERT(under_way_ == 1);
    disk().write("a", 0, "x", note());
    disk().remove("a", note());
    CPPUNIT_ASSERT(under_way_ == 3);
    wait_for_success();
  }

  void callbacks_may_ask_for_more() {
    int left = 20;
    std::function<void(const Status&)> more = [&](const Status& status) {
      CPPUNIT_ASSERT(status.ok());
      if (--left > 0) disk().write("a", 0, std::to_string(left), more);
    };
    disk().create("a", 100, more);
    CPPUNIT_ASSERT(world_->run_until([&] { return left == 0; }));
    CPPUNIT_ASSERT(read("a").starts_with("10"));
  }

  // What the next disk reads must hold together, and no callback of the last one may run.
  void what_was_asked_for_is_done_or_not_after_a_restart() {
    disk().create("a", kSize, note());
    wait_for_success();
    disk().write("a", 0, std::string(100, 'x'), [](const Status&) { CPPUNIT_FAIL("told"); });
    disk().create("b", kSize, [](const Status&) { CPPUNIT_FAIL("told"); });
    world_->restart();
    for (const std::string& name : names()) CPPUNIT_ASSERT(name == "a" || name == "b");
    const std::string begin = read("a").substr(0, 100);
    CPPUNIT_ASSERT(begin == std::string(100, 'x') || begin == std::string(100, '\0'));
    disk().write("a", 0, "y", note());
    wait_for_success();
  }

  void a_failure_is_told_and_all_after_it_fails() {
    disk().create("a", 100, note());
    wait_for_success();
    disk().write("nothing", 0, "x", note());
    wait();
    CPPUNIT_ASSERT(!statuses_.back().ok());
    CPPUNIT_ASSERT(statuses_.back().reason().find("nothing") != std::string::npos);
    disk().write("a", 0, "x", note());
    disk().create("b", 100, note());
    disk().remove("a", note());
    wait();
    for (std::size_t i = 1; i < statuses_.size(); ++i) CPPUNIT_ASSERT(!statuses_[i].ok());

    world_->restart();
    CPPUNIT_ASSERT(names() == std::vector<std::string>{"a"});
    CPPUNIT_ASSERT(read("a") == std::string(100, '\0'));
    disk().create("a", 100, note());
    wait();
    CPPUNIT_ASSERT(!statuses_.back().ok());

    world_->restart();
    disk().remove("nothing", note());
    wait();
    CPPUNIT_ASSERT(!statuses_.back().ok());
  }

  void reading_what_is_not_there_fails() { CPPUNIT_ASSERT(!disk().read("nothing").ok()); }

  void a_disk_with_room_says_so() { CPPUNIT_ASSERT(disk().free_bytes() > 0); }

  std::unique_ptr<DiskWorld> world_;
  int under_way_ = 0;
  std::vector<Status> statuses_;
};

class PosixDiskTest : public DiskContract {
  CPPUNIT_TEST_SUB_SUITE(PosixDiskTest, DiskContract);
  CPPUNIT_TEST_SUITE_END();

  std::unique_ptr<DiskWorld> make_world() override { return posix_disk_world(); }
};

class SimDiskTest : public DiskContract {
  CPPUNIT_TEST_SUB_SUITE(SimDiskTest, DiskContract);
  CPPUNIT_TEST_SUITE_END();

  std::unique_ptr<DiskWorld> make_world() override { return sim_disk_world(); }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PosixDiskTest);
CPPUNIT_TEST_SUITE_REGISTRATION(SimDiskTest);

}  // namespace
}  // namespace rkv::contract
