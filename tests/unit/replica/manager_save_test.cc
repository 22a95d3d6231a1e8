// When the manager has the state saved, under a protocol whose log is the durability.

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kv/memory_store.h"
#include "replica/manager.h"
#include "scripted_protocol.h"

namespace rkv::replica {
namespace {

constexpr ReplicaId kSelf{1};
constexpr Duration kAgeMax = seconds(2);

// Decides every write at once.
class AloneProtocol final : public protocol::Protocol {
 public:
  void recover(protocol::Recovery recovery, TimePoint, protocol::Effects&) override {
    position_ = recovery.applied;
  }
  bool keeps_log() const override { return true; }
  // So writes without an operation id get none: there is nothing to forget, and no time for it.
  bool checks_operations() const override { return true; }
  std::optional<protocol::SyncPoint> applied_sync() const override { return applied_sync_; }
  void step(protocol::Event event, TimePoint, protocol::Effects& effects) override {
    const auto* propose = std::get_if<protocol::Propose>(&event);
    if (propose == nullptr) return;
    effects.emplace_back(protocol::Apply{++position_, propose->command, propose->proposal});
    effects.emplace_back(protocol::Finish{propose->proposal, Status(), {}, 0});
  }
  void tick(TimePoint, protocol::Effects&) override {}
  TimePoint next_tick() const override { return kNever; }
  void flush(TimePoint, protocol::Effects&) override {}
  protocol::Role role() const override { return {"alone", kSelf, ""}; }

  void set_applied_sync(std::optional<protocol::SyncPoint> sync) { applied_sync_ = sync; }

 private:
  Position position_ = 0;
  std::optional<protocol::SyncPoint> applied_sync_ = 0;
};

// A log that is durable up to where the test says.
class HeldLog final : public UnreadLog {
 public:
  BatchNumber durable() const override { return durable_; }
  void set_durable_listener(DurableListener listener) override { listener_ = std::move(listener); }

  void become_durable(BatchNumber batch) {
    durable_ = batch;
    listener_(batch);
  }

 private:
  BatchNumber durable_ = 0;
  DurableListener listener_;
};

// A store whose writes are finished by the test.
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
  void seal() override {
    CPPUNIT_ASSERT_MESSAGE("two at a time", writing_ == 0);
    sealed_ = applied();
  }
  void write_sealed() override {
    CPPUNIT_ASSERT_MESSAGE("two at a time", writing_ == 0);
    writing_ = sealed_;
  }
  void set_durable_listener(DurableListener listener) override { listener_ = std::move(listener); }
  void hash(HashDone done) override { inner_.hash(std::move(done)); }
  Position applied() const override { return inner_.applied(); }
  Position durable() const override { return durable_; }
  std::uint64_t keys() const override { return inner_.keys(); }

  // Up to where a write is under way; 0: there is none.
  Position writing() const { return writing_; }
  void finish_write() {
    durable_ = std::exchange(writing_, 0);
    listener_(durable_);
  }

 private:
  kv::MemoryStore inner_;
  DurableListener listener_;
  Position sealed_ = 0;
  Position writing_ = 0;
  Position durable_ = 0;
};

class ManagerSaveTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ManagerSaveTest);
  CPPUNIT_TEST(so_many_writes_are_saved);
  CPPUNIT_TEST(so_many_bytes_are_saved);
  CPPUNIT_TEST(what_is_so_old_is_saved);
  CPPUNIT_TEST(one_save_at_a_time);
  CPPUNIT_TEST(what_gathered_during_a_save_keeps_its_age);
  CPPUNIT_TEST(nothing_new_is_not_saved);
  CPPUNIT_TEST(a_save_waits_for_the_log);
  CPPUNIT_TEST(nothing_is_saved_that_the_log_cannot_have);
  CPPUNIT_TEST(what_is_hashed_is_saved_first);
  CPPUNIT_TEST(what_is_saved_is_hashed_at_once);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    Manager::Limits limits;
    limits.applied_unsaved_max = 10;
    limits.unsaved_bytes_max = 1000;
    limits.unsaved_age_max = kAgeMax;
    auto protocol = std::make_unique<AloneProtocol>();
    protocol_ = protocol.get();
    manager_ = std::make_unique<Manager>(std::move(protocol),
                                         Manager::Environment{store_, transport_, &log_, kSelf, 1},
                                         limits, now_, [this] { wanted_ = true; });
  }
  void tearDown() override { manager_.reset(); }

  void so_many_writes_are_saved() {
    write(9);
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    write(1);
    CPPUNIT_ASSERT_EQUAL(Position{10}, store_.writing());
    store_.finish_write();
    turn();
    write(9);
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    write(3);
    CPPUNIT_ASSERT_EQUAL(Position{22}, store_.writing());
  }

  void so_many_bytes_are_saved() {
    write(1, std::string(800, 'v'));
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    write(1, std::string(200, 'v'));
    CPPUNIT_ASSERT_EQUAL(Position{2}, store_.writing());
    store_.finish_write();
    write(1, std::string(800, 'v'));
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
  }

  void what_is_so_old_is_saved() {
    write(1);
    const TimePoint due = now_ + kAgeMax;
    CPPUNIT_ASSERT(manager_->next_turn() == due);
    now_ = now_ + (kAgeMax - milliseconds(1));
    write(1);
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    CPPUNIT_ASSERT(manager_->next_turn() == due);
    now_ = due;
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{2}, store_.writing());
  }

  // Nor is the manager woken by time meanwhile: it could do nothing.
  void one_save_at_a_time() {
    write(1);
    write(9);
    for (int i = 0; i < 5; ++i) {
      write(20);
      now_ = now_ + kAgeMax;
      turn();
      CPPUNIT_ASSERT_EQUAL(Position{10}, store_.writing());
      CPPUNIT_ASSERT(manager_->next_turn() == kNever);
    }
    wanted_ = false;
    store_.finish_write();
    CPPUNIT_ASSERT(wanted_);
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{110}, store_.writing());
  }

  void what_gathered_during_a_save_keeps_its_age() {
    write(10);
    write(1);
    const TimePoint due = now_ + kAgeMax;
    now_ = now_ + milliseconds(500);
    store_.finish_write();
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    CPPUNIT_ASSERT(manager_->next_turn() == due);
    now_ = due;
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{11}, store_.writing());
  }

  void nothing_new_is_not_saved() {
    write(10);
    store_.finish_write();
    turn();
    CPPUNIT_ASSERT(manager_->next_turn() == kNever);
    now_ = now_ + kAgeMax + kAgeMax;
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
  }

  // Of the state as it was when it was found to be time; what comes meanwhile is the next one's.
  void a_save_waits_for_the_log() {
    protocol_->set_applied_sync(3);
    write(10);
    protocol_->set_applied_sync(4);
    write(5);
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    CPPUNIT_ASSERT(manager_->next_turn() == kNever);
    wanted_ = false;
    log_.become_durable(2);
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    log_.become_durable(3);
    CPPUNIT_ASSERT(wanted_);
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{10}, store_.writing());
    store_.finish_write();
    write(5);
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    log_.become_durable(4);
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{20}, store_.writing());
  }

  void nothing_is_saved_that_the_log_cannot_have() {
    protocol_->set_applied_sync(std::nullopt);
    write(15);
    now_ = now_ + kAgeMax;
    write(1);
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
    CPPUNIT_ASSERT(manager_->next_turn() == kNever);
    protocol_->set_applied_sync(0);
    write(1);
    CPPUNIT_ASSERT_EQUAL(Position{17}, store_.writing());
  }

  void what_is_hashed_is_saved_first() {
    write(3);
    wanted_ = false;
    hash();
    CPPUNIT_ASSERT(wanted_);
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{3}, store_.writing());
    write(1);
    hash();
    turn();
    CPPUNIT_ASSERT(hashed_.empty());
    store_.finish_write();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, hashed_.size());
    turn();
    CPPUNIT_ASSERT_EQUAL(Position{4}, store_.writing());
    store_.finish_write();
    CPPUNIT_ASSERT((hashed_ == std::vector<Position>{4, 4}));
  }

  void what_is_saved_is_hashed_at_once() {
    hash();
    turn();
    CPPUNIT_ASSERT((hashed_ == std::vector<Position>{0}));
    write(10);
    store_.finish_write();
    hash();
    turn();
    CPPUNIT_ASSERT((hashed_ == std::vector<Position>{0, 10}));
    CPPUNIT_ASSERT_EQUAL(Position{0}, store_.writing());
  }

 private:
  void turn() { manager_->turn(now_); }
  void hash() {
    manager_->hash([this](const kv::StateHash& hash) { hashed_.push_back(hash.position); });
  }
  // A turn with so many writes.
  void write(int count, const std::string& value = "") {
    for (int i = 0; i < count; ++i) {
      manager_->write({kv::Command::Kind::kPut, {}, "key", value}, [](const WriteResult&) {});
    }
    turn();
  }

  TimePoint now_{1000};
  HeldStore store_;
  SilentTransport transport_;
  HeldLog log_;
  AloneProtocol* protocol_ = nullptr;
  std::unique_ptr<Manager> manager_;
  std::vector<Position> hashed_;  // where the state was
  bool wanted_ = false;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerSaveTest);

}  // namespace
}  // namespace rkv::replica
