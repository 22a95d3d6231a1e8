// Random scripts of appends, cuts, crashes and restarts, beside a model of what must be there.

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "log_world.h"

namespace rkv::storage {
namespace {

using Record = env::LogRecord;

// The standing and the last record of each slot, as of some batch.
struct State {
  std::string standing;
  std::map<Position, std::string> bodies;
};

// What all scripts together came to.
struct Tally {
  std::uint64_t lives = 0;
  std::uint64_t batches = 0;
  std::uint64_t rolls_back = 0;  // lives that began with less than was appended
  std::uint64_t damage_refused = 0;
  std::uint64_t damage_told = 0;
};

// One script. Every body and every standing is written once, so each tells which batch it is of.
class Script {
 public:
  Script(std::uint64_t seed, Tally& tally) : world_(seed), tally_(tally) {
    sim::DiskFaults& faults = world_.disk().faults();
    faults.delay_min = microseconds(1);
    faults.delay_mean = microseconds(random().below(2) == 0 ? 1 : 300);
    if (random().below(2) == 0) faults.stall_per_million = 50'000;
    rots_ = random().below(4) == 0;
    segment_size_ = SegmentedLog::kSegmentSizeMin * (1 + random().below(3));
    slots_ = 1 + random().below(40);
    states_.push_back({});
  }

  void run() {
    for (std::uint64_t lives = 1 + random().below(5); lives > 0; --lives) {
      if (!live()) return;
    }
  }

 private:
  Random& random() { return world_.random(); }

  // From a start to a crash. False: nothing can follow.
  bool live() {
    ++tally_.lives;
    auto opened = world_.try_open(segment_size_);
    if (!opened.ok()) {
      CPPUNIT_ASSERT_MESSAGE(opened.status().to_string(), rotted_);
      ++tally_.damage_refused;
      return false;
    }
    log_ = std::move(opened).value();
    take_over();
    chosen_.clear();
    log_->set_live_records([this] { return live_records(); });
    log_->set_durable_listener([this](env::LogDevice::BatchNumber durable) {
      CPPUNIT_ASSERT(durable > durable_ && durable < states_.size());
      durable_ = durable;
    });
    for (std::uint64_t steps = random().below(60); steps > 0; --steps) step();
    log_.reset();
    crash();
    CPPUNIT_ASSERT(world_.failures().empty());
    return true;
  }

  void crash() {
    if (random().below(4) == 0) {
      world_.disk().kill();
    } else {
      world_.disk().crash();
    }
    if (rots_) {
      for (std::uint64_t sectors = random().below(3); sectors > 0; --sectors) {
        rotted_ = world_.disk().rot() || rotted_;
      }
    }
  }

  void step() {
    switch (random().below(8)) {
      case 0:
        cut_ = std::max<Position>(cut_, random().below(slots_ + 1));
        log_->cut(cut_);
        break;
      case 1:
        chosen_.insert(1 + random().below(slots_));
        break;
      case 2:
      case 3:
      case 4:
        append();
        break;
      case 5:
        slots_ += random().below(4);
        break;
      default:
        for (std::uint64_t events = random().below(6); events > 0; --events) world_.run_one();
    }
  }

  void append() {
    ++tally_.batches;
    State next = states_.back();
    env::LogDevice::Batch batch;
    if (random().below(5) > 0) next.standing = batch.standing = std::to_string(++unique_);
    const std::uint64_t sizes = random().below(20) == 0 ? 2500 : 300;
    for (std::uint64_t records = random().below(6); records > 0; --records) {
      const Position slot = 1 + random().below(slots_);
      std::string body = std::to_string(++unique_) + ' ';
      body.append(random().below(sizes), 'v');
      chosen_.erase(slot);
      written_.insert({slot, body});
      batch.records.push_back(log_record(slot, body));
      next.bodies[slot] = std::move(body);
    }
    // The protocol may have stepped to the batch's end before it hands the batch over, or not.
    const bool stepped = random().below(2) == 0;
    live_state_ = stepped ? next : states_.back();
    states_.push_back(std::move(next));
    log_->append(std::move(batch));
  }

  std::vector<Record> live_records() const {
    std::vector<Record> records;
    for (const auto& [slot, body] : live_state_.bodies) {
      if (slot > cut_ && !chosen_.contains(slot)) records.push_back(log_record(slot, body));
    }
    return records;
  }

  // What was recovered must be the state after some batch, no earlier than the last durable one. It
  // is what the next life begins with.
  void take_over() {
    const auto recovered = log_->take_recovered();
    State found;
    found.standing = recovered.standing;
    for (const Record& record : recovered.records) {
      CPPUNIT_ASSERT(record.body != nullptr && record.head == "head" && record.type == 2);
      CPPUNIT_ASSERT(written_.contains({record.slot, *record.body}));
      found.bodies[record.slot] = *record.body;
    }
    CPPUNIT_ASSERT(!recovered.lost_up_to || rotted_);
    if (recovered.lost_up_to) ++tally_.damage_told;
    std::optional<State> state;
    for (std::size_t count = durable_; count < states_.size() && !state; ++count) {
      if (agree(found, states_[count], recovered.lost_up_to.value_or(0))) state = states_[count];
    }
    CPPUNIT_ASSERT_MESSAGE("what was recovered is no state that may be", state.has_value());
    // What was lost is repaired by others: here it is as if it were not there.
    if (recovered.lost_up_to) state->bodies = found.bodies;
    if (state->standing != states_.back().standing) ++tally_.rolls_back;
    states_ = {*state};
    durable_ = 0;
  }

  // Slots that were cut may be missing; those up to `lost_up_to` may be missing or older.
  bool agree(const State& found, const State& expected, Position lost_up_to) const {
    if (found.standing != expected.standing) return false;
    for (const auto& [slot, body] : expected.bodies) {
      if (slot <= lost_up_to) continue;
      const auto at = found.bodies.find(slot);
      const bool missing = at == found.bodies.end();
      if (missing ? slot > cut_ : at->second != body) return false;
    }
    for (const auto& [slot, body] : found.bodies) {
      if (!expected.bodies.contains(slot) && slot > lost_up_to) return false;
    }
    return true;
  }

  LogWorld world_;
  Tally& tally_;
  std::unique_ptr<SegmentedLog> log_;
  bool rots_ = false;
  bool rotted_ = false;
  std::size_t segment_size_ = 0;
  Position slots_ = 0;  // that are written to
  Position cut_ = 0;
  std::uint64_t unique_ = 0;
  std::set<Position> chosen_;
  std::set<std::pair<Position, std::string>> written_;  // ever
  std::vector<State> states_;  // after the n-th batch of this life; the first: at its start
  State live_state_;
  env::LogDevice::BatchNumber durable_ = 0;
};

class SegmentedLogRandomTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SegmentedLogRandomTest);
  CPPUNIT_TEST(random_scripts_agree_with_the_model);
  CPPUNIT_TEST_SUITE_END();

  static constexpr std::uint64_t kSeeds = 6000;

  void random_scripts_agree_with_the_model() {
    Tally tally;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      try {
        Script(seed, tally).run();
      } catch (const CppUnit::Exception&) {
        std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
        throw;
      }
    }
    CPPUNIT_ASSERT(tally.lives > 2 * kSeeds && tally.batches > 50 * kSeeds / 2);
    CPPUNIT_ASSERT(tally.rolls_back > kSeeds / 2);
    CPPUNIT_ASSERT(tally.damage_refused > 100 && tally.damage_told > 100);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(SegmentedLogRandomTest);

}  // namespace
}  // namespace rkv::storage
