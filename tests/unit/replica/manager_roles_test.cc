#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kv/memory_store.h"
#include "paxos/paxos.h"
#include "replica/manager.h"

namespace rkv::replica {
namespace {

constexpr ReplicaId kSelf{1};

// A log that is durable, and can be read again, when the test says so.
class HeldLog final : public env::LogDevice {
 public:
  Recovered take_recovered() override { return {}; }
  void read_again(ReadDone done) override { readings.push_back(std::move(done)); }
  BatchNumber append(Batch batch) override {
    for (LogRecord& record : batch.records) content_.records.push_back(std::move(record));
    content_.standing = std::move(batch.standing);
    return ++appended_;
  }
  BatchNumber durable() const override { return durable_; }
  void set_durable_listener(DurableListener listener) override { listener_ = std::move(listener); }
  void cut(Position) override {}
  void set_live_records(LiveRecords) override {}
  bool has_room() override { return true; }
  std::uint64_t size() const override { return content_.records.size(); }

  void sync() {
    durable_ = appended_;
    listener_(durable_);
  }
  void read() {
    for (const ReadDone& done : std::exchange(readings, {})) done(content_);
  }
  std::vector<ReadDone> readings;

 private:
  Recovered content_;
  DurableListener listener_;
  BatchNumber appended_ = 0;
  BatchNumber durable_ = 0;
};

class NoTransport final : public Manager::Transport {
 public:
  void send(ReplicaId, protocol::MessagePtr, Done) override {
    CPPUNIT_FAIL("there is nobody to send anything to");
  }
};

// A replica alone, of paxos, whose roles stop and start.
class ManagerRolesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ManagerRolesTest);
  CPPUNIT_TEST(only_roles_that_are_there_and_run_can_be_stopped);
  CPPUNIT_TEST(a_role_starts_when_the_log_has_been_read);
  CPPUNIT_TEST(nothing_is_appended_while_the_acceptor_is_stopped);
  CPPUNIT_TEST(who_waits_is_answered_when_the_role_is_back);
  CPPUNIT_TEST(who_waits_too_long_is_told_so);
  CPPUNIT_TEST(a_log_that_is_read_after_the_end_changes_nothing);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    store_ = std::make_unique<kv::MemoryStore>();
    log_ = std::make_unique<HeldLog>();
    now_ = TimePoint{1'000'000'000};
    wanted_ = 0;
    status_.reset();
    paxos::Options options;
    options.self = kSelf;
    options.replicas = {kSelf};
    timeout_ = options.request_timeout;
    manager_ =
        std::make_unique<Manager>(std::make_unique<paxos::Paxos>(options),
                                  Manager::Environment{*store_, transport_, log_.get(), kSelf, 1},
                                  Manager::Limits(), now_, [this] { ++wanted_; });
    become_leader();
  }
  void tearDown() override { manager_.reset(); }

  void only_roles_that_are_there_and_run_can_be_stopped() {
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, manager_->roles().size());
    CPPUNIT_ASSERT(!manager_->stop_role("coordinator") && !manager_->start_role("coordinator"));
    CPPUNIT_ASSERT(!manager_->start_role("acceptor"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, manager_->counters().role_failures);
    CPPUNIT_ASSERT(manager_->stop_role("acceptor"));
    CPPUNIT_ASSERT(!manager_->stop_role("acceptor"));
    CPPUNIT_ASSERT(manager_->stop_role("learner"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, manager_->counters().role_failures);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, manager_->counters().roles_stopped);
  }

  void a_role_starts_when_the_log_has_been_read() {
    manager_->stop_role("proposer");
    turn();
    CPPUNIT_ASSERT(manager_->role().name == "follower");
    CPPUNIT_ASSERT(manager_->start_role("proposer"));
    CPPUNIT_ASSERT(!manager_->start_role("proposer") && !manager_->stop_role("proposer"));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, manager_->counters().roles_stopped);
    wanted_ = 0;
    log_->read();
    CPPUNIT_ASSERT_EQUAL(1, wanted_);
    turn();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, manager_->counters().roles_stopped);
    become_leader();
    CPPUNIT_ASSERT(manager_->stop_role("proposer"));
  }

  void nothing_is_appended_while_the_acceptor_is_stopped() {
    manager_->stop_role("acceptor");
    turn();
    const std::uint64_t before = log_->size();
    write();
    CPPUNIT_ASSERT_EQUAL(before, log_->size());
    CPPUNIT_ASSERT(!status_);
  }

  void who_waits_is_answered_when_the_role_is_back() {
    for (const char* role : {"acceptor", "proposer", "learner"}) {
      manager_->stop_role(role);
      turn();
      write();
      CPPUNIT_ASSERT(!status_);
      manager_->start_role(role);
      log_->read();
      turn();
      if (manager_->role().name != "leader") become_leader();
      log_->sync();
      turn();
      CPPUNIT_ASSERT_MESSAGE(role, status_ && status_->ok());
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, store_->keys());
    CPPUNIT_ASSERT(manager_->quiet());
  }

  void who_waits_too_long_is_told_so() {
    manager_->stop_role("proposer");
    turn();
    write();
    now_ = now_ + timeout_;
    CPPUNIT_ASSERT(manager_->next_turn() <= now_);
    turn();
    CPPUNIT_ASSERT(status_ && status_->code() == StatusCode::kUnavailable);
  }

  void a_log_that_is_read_after_the_end_changes_nothing() {
    manager_->stop_role("acceptor");
    turn();
    manager_->start_role("acceptor");
    manager_.reset();
    wanted_ = 0;
    log_->read();
    CPPUNIT_ASSERT_EQUAL(0, wanted_);
  }

 private:
  void turn() { manager_->turn(now_); }
  void write() {
    status_.reset();
    manager_->write({kv::Command::Kind::kPut, {}, "key", "value"},
                    [this](const WriteResult& result) { status_ = result.status; });
    turn();
  }
  void become_leader() {
    now_ = now_ + seconds(1);
    turn();
    log_->sync();
    turn();
    CPPUNIT_ASSERT(manager_->role().name == "leader");
  }

  std::unique_ptr<kv::MemoryStore> store_;
  std::unique_ptr<HeldLog> log_;
  NoTransport transport_;
  TimePoint now_;
  Duration timeout_;
  int wanted_ = 0;
  std::unique_ptr<Manager> manager_;
  std::optional<Status> status_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerRolesTest);

}  // namespace
}  // namespace rkv::replica
