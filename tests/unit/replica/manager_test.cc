#include "replica/manager.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "forward/forward.h"
#include "forward/message.h"
#include "kv/memory_store.h"

namespace rkv::replica {
namespace {

constexpr ReplicaId kSelf{1};
constexpr ReplicaId kPeer{2};
constexpr Duration kTimeout = milliseconds(100);

// A store whose writes become durable when the test says so.
class HeldStore final : public kv::Store {
 public:
  void get(std::string_view key, GetDone done) override { inner_.get(key, std::move(done)); }
  void apply(Position position, std::vector<kv::Change> changes,
             kv::SessionChanges sessions) override {
    inner_.apply(position, std::move(changes), std::move(sessions));
  }
  void scan(const kv::Scan& scan, ScanDone done) override { inner_.scan(scan, std::move(done)); }
  Position pin() override { return inner_.pin(); }
  void unpin(Position at) override { inner_.unpin(at); }
  void pass(Position at, std::string_view bound, bool reverse) override {
    inner_.pass(at, bound, reverse);
  }
  void visit_replies(ReplyVisitor visitor) const override { inner_.visit_replies(visitor); }
  std::uint64_t epoch() const override { return inner_.epoch(); }
  void seal() override { inner_.seal(); }
  void write_sealed() override { ++writes_; }
  void set_durable_listener(DurableListener listener) override {
    inner_.set_durable_listener(std::move(listener));
  }
  void hash(HashDone done) override { inner_.hash(std::move(done)); }
  Position applied() const override { return inner_.applied(); }
  Position durable() const override { return inner_.durable(); }
  std::uint64_t keys() const override { return inner_.keys(); }

  void finish_write() { inner_.write_sealed(); }
  int writes() const { return writes_; }

 private:
  kv::MemoryStore inner_;
  int writes_ = 0;
};

// Keeps what is sent until the test answers it.
class HeldTransport final : public Manager::Transport {
 public:
  struct Sent {
    ReplicaId to;
    protocol::MessagePtr message;
    Done done;
  };
  void send(ReplicaId to, protocol::MessagePtr message, Done done) override {
    sent.push_back({to, std::move(message), std::move(done)});
  }
  std::vector<Sent> sent;
};

kv::Command put(std::string key, std::string value) {
  return {kv::Command::Kind::kPut, {}, std::move(key), std::move(value)};
}

class ManagerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ManagerTest);
  CPPUNIT_TEST(nothing_leaves_before_it_is_durable);
  CPPUNIT_TEST(a_write_ends_with_the_result_of_its_apply);
  CPPUNIT_TEST(a_turn_hands_the_store_one_write);
  CPPUNIT_TEST(a_read_waits_for_what_it_reads_to_be_durable);
  CPPUNIT_TEST(a_read_of_durable_state_does_not_wait_for_other_writes);
  CPPUNIT_TEST(a_page_waits_for_what_it_shows_to_be_durable);
  CPPUNIT_TEST(a_peers_request_is_answered_when_durable);
  CPPUNIT_TEST(too_many_writes_are_refused_at_once);
  CPPUNIT_TEST(too_many_reads_are_refused_at_once);
  CPPUNIT_TEST(time_alone_ends_a_write);
  CPPUNIT_TEST(answers_after_the_end_of_the_manager_go_nowhere);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    store_ = std::make_unique<HeldStore>();
    transport_ = std::make_unique<HeldTransport>();
    now_ = TimePoint{1000};
    start({});
  }
  void tearDown() override {
    manager_.reset();
    transport_.reset();
    store_.reset();
  }

  void nothing_leaves_before_it_is_durable() {
    write("key", "value");
    manager_->turn(now_);
    CPPUNIT_ASSERT_EQUAL(Position{1}, store_->applied());
    CPPUNIT_ASSERT(transport_->sent.empty());
    store_->finish_write();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, transport_->sent.size());
    CPPUNIT_ASSERT(!result_);
  }

  void a_write_ends_with_the_result_of_its_apply() {
    for (int i = 1; i <= 2; ++i) {
      write("key", "value");
      manager_->turn(now_);
      store_->finish_write();
      answer_all();
      manager_->turn(now_);
      CPPUNIT_ASSERT(result_ && result_->status.ok());
      CPPUNIT_ASSERT_EQUAL(static_cast<std::uint64_t>(i), result_->applied.version);
      CPPUNIT_ASSERT_EQUAL(static_cast<Position>(i), result_->applied.position);
    }
    CPPUNIT_ASSERT(manager_->quiet());
  }

  void a_turn_hands_the_store_one_write() {
    const int before = store_->writes();
    for (int i = 0; i < 100; ++i) write("key" + std::to_string(i), "value");
    manager_->turn(now_);
    CPPUNIT_ASSERT_EQUAL(before + 1, store_->writes());
    CPPUNIT_ASSERT_EQUAL(Position{100}, store_->applied());
    manager_->turn(now_);  // nothing came: nothing is done
    CPPUNIT_ASSERT_EQUAL(before + 1, store_->writes());
  }

  void a_read_waits_for_what_it_reads_to_be_durable() {
    write("key", "value");
    manager_->turn(now_);
    std::optional<std::string> seen = read("key");
    CPPUNIT_ASSERT(!seen);
    store_->finish_write();
    CPPUNIT_ASSERT(seen_ && *seen_ == "value");
  }

  void a_read_of_durable_state_does_not_wait_for_other_writes() {
    write("old", "value");
    manager_->turn(now_);
    store_->finish_write();
    write("new", "value");
    manager_->turn(now_);
    const std::optional<std::string> seen = read("old");
    CPPUNIT_ASSERT(seen && *seen == "value");
  }

  void a_page_waits_for_what_it_shows_to_be_durable() {
    write("key", "value");
    manager_->turn(now_);
    std::optional<std::string> keys;
    const auto list = [&] {
      keys.reset();
      manager_->scan({}, true, {ReadOptions::Consistency::kEventual, 0, {}},
                     [&](const Status& status, kv::ScanPage&& page) {
                       CPPUNIT_ASSERT(status.ok());
                       keys = "";
                       for (const kv::ScannedEntry& entry : page.entries) *keys += entry.key;
                     });
      manager_->turn(now_);
    };
    list();
    CPPUNIT_ASSERT(!keys && !manager_->quiet());
    store_->finish_write();
    CPPUNIT_ASSERT(keys == "key");
    list();
    CPPUNIT_ASSERT(keys == "key");
  }

  void a_peers_request_is_answered_when_durable() {
    const std::vector<SharedBytes> commands = {
        std::make_shared<const std::string>(kv::encode_command(put("key", "value")))};
    protocol::MessagePtr answer;
    manager_->peer_request(kPeer, std::make_shared<forward::Writes>(commands),
                           [&answer](const protocol::MessagePtr& it) { answer = it; });
    manager_->turn(now_);
    CPPUNIT_ASSERT(answer == nullptr);
    store_->finish_write();
    CPPUNIT_ASSERT(answer != nullptr && answer->tag() == forward::kWritten);
  }

  void too_many_writes_are_refused_at_once() {
    start(few());
    write("one", "");
    write("two", "");
    CPPUNIT_ASSERT(!result_);
    write("three", "");
    CPPUNIT_ASSERT(result_ && result_->status.code() == StatusCode::kBusy);
  }

  void too_many_reads_are_refused_at_once() {
    start(few());
    std::vector<StatusCode> codes;
    for (int i = 0; i < 3; ++i) {
      manager_->read("key", [&codes](const Status& status, const kv::Entry*, Position) {
        codes.push_back(status.code());
      });
    }
    CPPUNIT_ASSERT(codes == std::vector<StatusCode>{StatusCode::kBusy});
    manager_->turn(now_);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, codes.size());
  }

  void time_alone_ends_a_write() {
    write("key", "value");
    manager_->turn(now_);
    store_->finish_write();
    CPPUNIT_ASSERT(manager_->next_turn() == now_ + kTimeout);
    manager_->turn(now_ + kTimeout);
    CPPUNIT_ASSERT(result_ && result_->status.code() == StatusCode::kPartlyApplied);
    CPPUNIT_ASSERT(result_->missing == std::vector<ReplicaId>{kPeer});
  }

  void answers_after_the_end_of_the_manager_go_nowhere() {
    write("key", "value");
    manager_->turn(now_);
    store_->finish_write();
    manager_.reset();
    answer_all();
    store_->finish_write();
    CPPUNIT_ASSERT(!result_);
  }

 private:
  static Manager::Limits few() {
    Manager::Limits limits;
    limits.writes_waiting_max = 2;
    limits.reads_waiting_max = 2;
    return limits;
  }
  void start(const Manager::Limits& limits) {
    manager_ = std::make_unique<Manager>(
        std::make_unique<forward::Forward>(forward::Forward::Options{kSelf, {kPeer}, kTimeout}),
        Manager::Environment{*store_, *transport_, nullptr, kSelf, 1}, limits, now_, [] {});
    manager_->peer_up(kPeer);
    manager_->turn(now_);
  }
  void write(const std::string& key, const std::string& value) {
    result_.reset();
    manager_->write(put(key, value), [this](const WriteResult& result) { result_ = result; });
  }
  std::optional<std::string> read(const std::string& key) {
    seen_.reset();
    manager_->read(key, [this](const Status&, const kv::Entry* entry, Position) {
      if (entry != nullptr) seen_ = entry->value;
    });
    manager_->turn(now_);
    return seen_;
  }
  void answer_all() {
    for (const HeldTransport::Sent& sent : std::exchange(transport_->sent, {})) {
      sent.done.answered(std::make_shared<forward::Written>(Position{1}));
    }
  }

  TimePoint now_;
  std::unique_ptr<HeldStore> store_;
  std::unique_ptr<HeldTransport> transport_;
  std::unique_ptr<Manager> manager_;
  std::optional<WriteResult> result_;
  std::optional<std::string> seen_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerTest);

}  // namespace
}  // namespace rkv::replica
