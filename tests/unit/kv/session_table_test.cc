#include "kv/session_table.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "kv/memory_store.h"

namespace rkv::kv {
namespace {

using Outcome = Applied::Outcome;

constexpr std::uint64_t kClient = 7;
constexpr std::uint64_t kOther = 8;

class SessionTableTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(SessionTableTest);
  CPPUNIT_TEST(a_new_operation_has_no_answer);
  CPPUNIT_TEST(a_retry_has_the_first_answer);
  CPPUNIT_TEST(clients_do_not_share_sequences);
  CPPUNIT_TEST(what_is_not_outstanding_has_expired);
  CPPUNIT_TEST(first_outstanding_never_goes_back);
  CPPUNIT_TEST(an_operation_below_its_own_first_outstanding_has_expired);
  CPPUNIT_TEST(a_full_session_drops_its_lowest_reply);
  CPPUNIT_TEST(a_full_session_refuses_what_it_could_not_remember);
  CPPUNIT_TEST(room_is_made_before_it_is_missed);
  CPPUNIT_TEST(a_full_table_refuses_new_clients);
  CPPUNIT_TEST(replies_of_all_clients_have_a_limit);
  CPPUNIT_TEST(what_is_told_has_a_limit);
  CPPUNIT_TEST(a_full_table_answers_retries);
  CPPUNIT_TEST(a_full_table_remembers_what_was_applied_all_the_same);
  CPPUNIT_TEST(an_epoch_is_wanted_when_there_is_little_room);
  CPPUNIT_TEST(only_the_next_epoch_begins);
  CPPUNIT_TEST(an_epoch_ends_the_one_before_the_last);
  CPPUNIT_TEST(an_epoch_makes_room);
  CPPUNIT_TEST(an_epoch_keeps_what_a_client_does_not_wait_for);
  CPPUNIT_TEST(epochs_that_are_far_are_refused);
  CPPUNIT_TEST(what_is_known_is_no_matter_of_room);
  CPPUNIT_TEST(the_highest_numbers_are_numbers_too);
  CPPUNIT_TEST(the_digest_is_of_everything);
  CPPUNIT_TEST(what_was_kept_makes_the_same_table);
  CPPUNIT_TEST(random_operations_match_a_model);
  CPPUNIT_TEST_SUITE_END();

  // Applies an operation as a state machine would: each applied one has its position as version.
  Applied apply(const OperationId& operation, const SharedBytes& told = nullptr) {
    ++position_;
    if (const std::optional<Applied> known = table_->answer(operation, position_)) return *known;
    const Applied applied{Outcome::kApplied, 1000 + position_, position_, told};
    MemoryStore::change(kept_, table_->remember(operation, applied));
    return applied;
  }
  bool begin_epoch(std::uint64_t epoch) {
    ++position_;
    const SessionChanges changes = table_->begin_epoch(epoch);
    MemoryStore::change(kept_, changes.replies);
    if (changes.epoch) kept_epoch_ = *changes.epoch;
    CPPUNIT_ASSERT(changes.epoch || changes.replies.empty());
    return changes.epoch.has_value();
  }
  static SharedBytes bytes(std::size_t size) {
    return std::make_shared<const std::string>(size, 't');
  }
  // A sequence of an epoch.
  static std::uint64_t in(std::uint64_t epoch, std::uint64_t number) {
    return epoch << kEpochShift | number;
  }
  bool is_refused(const OperationId& operation, Outcome outcome) const {
    const std::optional<Applied> answer = table_->answer(operation, position_ + 1);
    if (!answer || answer->outcome != outcome) return false;
    CPPUNIT_ASSERT(answer->version == 0 && answer->position == position_ + 1);
    CPPUNIT_ASSERT(answer->told != nullptr && !answer->told->empty());
    return true;
  }
  bool is_full_for(const OperationId& operation) const {
    return is_refused(operation, Outcome::kFull);
  }
  bool is_known(const OperationId& operation) const {
    return table_->answer(operation, position_ + 1).has_value();
  }
  bool has_expired(const OperationId& operation) const {
    const std::optional<Applied> answer = table_->answer(operation, position_ + 1);
    if (!answer || answer->outcome != Outcome::kExpired) return false;
    CPPUNIT_ASSERT(answer->version == 0 && answer->position == position_ + 1);
    return true;
  }

  void a_new_operation_has_no_answer() {
    CPPUNIT_ASSERT(!table_->answer({kClient, 1, 1}, 1));
    CPPUNIT_ASSERT(!table_->answer({kClient, 5, 1}, 1));
    CPPUNIT_ASSERT(table_->sessions() == 0 && table_->replies() == 0);
  }

  void a_retry_has_the_first_answer() {
    const Applied first = apply({kClient, 1, 1});
    const Applied second = apply({kClient, 2, 1});
    CPPUNIT_ASSERT(apply({kClient, 1, 1}) == first);
    CPPUNIT_ASSERT(apply({kClient, 2, 1}) == second);
    CPPUNIT_ASSERT(first.position == 1 && second.position == 2);
    CPPUNIT_ASSERT(table_->sessions() == 1 && table_->replies() == 2);
  }

  void clients_do_not_share_sequences() {
    const Applied first = apply({kClient, 1, 1});
    const Applied other = apply({kOther, 1, 1});
    CPPUNIT_ASSERT(first != other);
    CPPUNIT_ASSERT(apply({kClient, 1, 1}) == first && apply({kOther, 1, 1}) == other);
  }

  void what_is_not_outstanding_has_expired() {
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) apply({kClient, sequence, 1});
    apply({kClient, 6, 4});
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
      CPPUNIT_ASSERT(has_expired({kClient, sequence, 1}));
    }
    CPPUNIT_ASSERT(apply({kClient, 4, 1}).position == 4);
    CPPUNIT_ASSERT(apply({kClient, 5, 1}).position == 5);
    CPPUNIT_ASSERT(table_->replies() == 3 && kept_.size() == 3);
    // Also what was never applied: the client says that it does not wait for it.
    apply({kClient, 9, 9});
    CPPUNIT_ASSERT(has_expired({kClient, 7, 7}));
    CPPUNIT_ASSERT(table_->replies() == 1);
  }

  void first_outstanding_never_goes_back() {
    apply({kClient, 10, 10});
    apply({kClient, 11, 1});
    CPPUNIT_ASSERT(has_expired({kClient, 9, 1}));
    CPPUNIT_ASSERT(apply({kClient, 10, 1}).position == 1);
  }

  void an_operation_below_its_own_first_outstanding_has_expired() {
    CPPUNIT_ASSERT(has_expired({kClient, 3, 4}));
    apply({kClient, 3, 4});
    CPPUNIT_ASSERT(table_->sessions() == 0);
    apply({kClient, 5, 1});
    CPPUNIT_ASSERT(has_expired({kClient, 5, 6}));
    CPPUNIT_ASSERT(!has_expired({kClient, 5, 5}));
  }

  void a_full_session_drops_its_lowest_reply() {
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) apply({kClient, sequence, 1});
    CPPUNIT_ASSERT(table_->replies() == kLimits.replies_per_client_max && kept_.size() == 4);
    CPPUNIT_ASSERT(has_expired({kClient, 1, 1}));
    for (std::uint64_t sequence = 2; sequence <= 5; ++sequence) {
      CPPUNIT_ASSERT(apply({kClient, sequence, 1}).position == sequence);
    }
  }

  void a_full_session_refuses_what_it_could_not_remember() {
    for (std::uint64_t sequence = 3; sequence <= 6; ++sequence) apply({kClient, sequence, 1});
    CPPUNIT_ASSERT(has_expired({kClient, 2, 1}));
    CPPUNIT_ASSERT(has_expired({kClient, 1, 1}));
    CPPUNIT_ASSERT(apply({kClient, 3, 1}).position == 1);
    apply({kClient, 7, 1});
    CPPUNIT_ASSERT(has_expired({kClient, 3, 1}) && has_expired({kClient, 2, 1}));
  }

  void room_is_made_before_it_is_missed() {
    for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) apply({kClient, sequence, 1});
    apply({kClient, 6, 3});
    CPPUNIT_ASSERT(table_->replies() == 3);
    CPPUNIT_ASSERT(!is_known({kClient, 5, 3}));
    CPPUNIT_ASSERT(apply({kClient, 3, 3}).position == 3);
  }

  void a_full_table_refuses_new_clients() {
    for (std::uint64_t client = 1; client <= 3; ++client) apply({client, 1, 1});
    CPPUNIT_ASSERT(table_->sessions() == kLimits.sessions_max);
    const auto digest = table_->digest();
    CPPUNIT_ASSERT(is_full_for({4, 1, 1}));
    CPPUNIT_ASSERT(apply({4, 1, 1}).outcome == Outcome::kFull);
    CPPUNIT_ASSERT(table_->digest() == digest && kept_.size() == 3);
    CPPUNIT_ASSERT(apply({3, 2, 1}).outcome == Outcome::kApplied);
    CPPUNIT_ASSERT(has_expired({4, 1, 2}));  // what has expired is not refused for want of room
  }

  void replies_of_all_clients_have_a_limit() {
    for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) apply({1, sequence, 1});
    for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) apply({2, sequence, 1});
    apply({3, 1, 1});
    apply({3, 2, 1});
    CPPUNIT_ASSERT(table_->sessions() == 3 && table_->replies() == kLimits.replies_max);
    CPPUNIT_ASSERT(is_full_for({3, 3, 1}));
    // Who makes room is not refused: a full session, and who does not wait any more.
    CPPUNIT_ASSERT(!is_known({2, 5, 1}) && !is_known({3, 3, 2}));
    CPPUNIT_ASSERT(apply({2, 5, 1}).outcome == Outcome::kApplied);
    CPPUNIT_ASSERT(apply({3, 3, 2}).outcome == Outcome::kApplied);
    CPPUNIT_ASSERT(table_->replies() == kLimits.replies_max && kept_.size() == kLimits.replies_max);
    CPPUNIT_ASSERT(is_full_for({3, 4, 2}));
    apply({1, 5, 5});
    CPPUNIT_ASSERT(table_->replies() == 7 && !is_known({3, 4, 2}));
  }

  void what_is_told_has_a_limit() {
    apply({1, 1, 1}, bytes(9));
    apply({2, 1, 1}, bytes(49));
    CPPUNIT_ASSERT_EQUAL(std::size_t{58}, table_->told_bytes());
    CPPUNIT_ASSERT(!is_known({1, 2, 1}));
    apply({1, 2, 1}, bytes(50));  // how long it is shows when it is there
    CPPUNIT_ASSERT_EQUAL(std::size_t{108}, table_->told_bytes());
    CPPUNIT_ASSERT(is_full_for({1, 3, 1}) && is_full_for({3, 1, 1}));
    // To let a reply go is not enough: it must be one that tells enough.
    CPPUNIT_ASSERT(is_full_for({2, 2, 1}) && is_full_for({1, 3, 2}));
    CPPUNIT_ASSERT(!is_known({2, 2, 2}) && !is_known({1, 3, 3}));
    apply({1, 3, 3});
    CPPUNIT_ASSERT_EQUAL(std::size_t{49}, table_->told_bytes());
    CPPUNIT_ASSERT(!is_known({3, 1, 1}));
  }

  void a_full_table_answers_retries() {
    std::vector<Applied> first;
    for (std::uint64_t client = 1; client <= 3; ++client) {
      first.push_back(apply({client, 1, 1}, bytes(29)));
    }
    CPPUNIT_ASSERT(is_full_for({1, 2, 1}));
    for (std::uint64_t client = 1; client <= 3; ++client) {
      CPPUNIT_ASSERT(apply({client, 1, 1}) == first[client - 1]);
    }
  }

  // Where replicas apply in other orders, another one may have had room.
  void a_full_table_remembers_what_was_applied_all_the_same() {
    for (std::uint64_t client = 1; client <= 3; ++client) apply({client, 1, 1}, bytes(29));
    const Applied applied{Outcome::kApplied, 5, ++position_};
    MemoryStore::change(kept_, table_->remember({4, 1, 1}, applied));
    CPPUNIT_ASSERT(table_->answer({4, 1, 1}, 99) == applied);
    CPPUNIT_ASSERT(table_->sessions() == 4 && kept_.size() == 4);
  }

  void an_epoch_is_wanted_when_there_is_little_room() {
    const SessionLimits limits = {8, 8, 16, 100};
    {
      SessionTable table(limits);
      for (std::uint64_t client = 1; client <= 6; ++client) {
        CPPUNIT_ASSERT(!table.wants_epoch());
        static_cast<void>(table.remember({client, 1, 1}, {Outcome::kApplied, 1, client}));
      }
      CPPUNIT_ASSERT(table.wants_epoch());
    }
    {
      SessionTable table(limits);
      for (std::uint64_t number = 0; number < 12; ++number) {
        CPPUNIT_ASSERT(!table.wants_epoch());
        const OperationId operation{1 + number % 2, 1 + number, 1};
        static_cast<void>(table.remember(operation, {Outcome::kApplied, 1, number + 1}));
      }
      CPPUNIT_ASSERT(table.wants_epoch());
    }
    SessionTable table(limits);
    static_cast<void>(table.remember({1, 1, 1}, {Outcome::kApplied, 1, 1, bytes(74)}));
    CPPUNIT_ASSERT(!table.wants_epoch());
    static_cast<void>(table.remember({1, 2, 1}, {Outcome::kApplied, 1, 2, bytes(1)}));
    CPPUNIT_ASSERT(table.wants_epoch());
    static_cast<void>(table.remember({1, 3, 3}, {Outcome::kApplied, 1, 3}));
    CPPUNIT_ASSERT(!table.wants_epoch());
  }

  void only_the_next_epoch_begins() {
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, table_->epoch());
    for (const std::uint64_t epoch : {std::uint64_t{0}, std::uint64_t{2}, UINT64_MAX}) {
      CPPUNIT_ASSERT(!begin_epoch(epoch));
    }
    CPPUNIT_ASSERT(begin_epoch(1));
    CPPUNIT_ASSERT(!begin_epoch(1) && !begin_epoch(0) && !begin_epoch(3));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, table_->epoch());
    CPPUNIT_ASSERT(begin_epoch(2));
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, table_->epoch());
  }

  void an_epoch_ends_the_one_before_the_last() {
    const Applied zero = apply({kClient, in(0, 1), 1});
    CPPUNIT_ASSERT(begin_epoch(1));
    const Applied one = apply({kClient, in(1, 1), 1});
    const Applied ahead = apply({kClient, in(2, 1), 1});
    CPPUNIT_ASSERT(apply({kClient, in(0, 1), 1}) == zero);
    CPPUNIT_ASSERT(begin_epoch(2));
    CPPUNIT_ASSERT(has_expired({kClient, in(0, 1), 1}));
    CPPUNIT_ASSERT(has_expired({kOther, in(0, UINT32_MAX), 1}));  // of nobody who is known
    CPPUNIT_ASSERT(apply({kClient, in(1, 1), 1}) == one);
    CPPUNIT_ASSERT(apply({kClient, in(2, 1), 1}) == ahead);
    CPPUNIT_ASSERT(!is_known({kOther, in(1, 1), 1}));
    CPPUNIT_ASSERT(begin_epoch(3));
    CPPUNIT_ASSERT(has_expired({kClient, in(1, 1), 1}) && has_expired({kOther, in(1, 1), 1}));
    CPPUNIT_ASSERT(apply({kClient, in(2, 1), 1}) == ahead);
    CPPUNIT_ASSERT(table_->sessions() == 1 && table_->replies() == 1 && kept_.size() == 1);
  }

  void an_epoch_makes_room() {
    for (std::uint64_t client = 1; client <= 3; ++client) apply({client, 1, 1}, bytes(29));
    CPPUNIT_ASSERT(is_full_for({4, in(1, 1), 1}));
    CPPUNIT_ASSERT(begin_epoch(1));
    CPPUNIT_ASSERT(is_full_for({4, in(1, 1), 1}));
    CPPUNIT_ASSERT(begin_epoch(2));
    CPPUNIT_ASSERT(table_->sessions() == 0 && table_->replies() == 0 && kept_.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, table_->told_bytes());
    CPPUNIT_ASSERT(apply({4, in(1, 1), 1}).outcome == Outcome::kApplied);
  }

  void an_epoch_keeps_what_a_client_does_not_wait_for() {
    apply({kClient, in(0, 9), 1});
    apply({kClient, in(1, 5), in(1, 3)});
    CPPUNIT_ASSERT(begin_epoch(1) && begin_epoch(2));
    CPPUNIT_ASSERT(has_expired({kClient, in(1, 2), 1}));
    CPPUNIT_ASSERT(!is_known({kClient, in(1, 3), 1}));
  }

  void epochs_that_are_far_are_refused() {
    CPPUNIT_ASSERT(!is_known({kClient, in(1, UINT32_MAX), 1}));
    CPPUNIT_ASSERT(is_refused({kClient, in(2, 0), 1}, Outcome::kInvalid));
    CPPUNIT_ASSERT(is_refused({kClient, UINT64_MAX, 1}, Outcome::kInvalid));
    CPPUNIT_ASSERT(begin_epoch(1));
    CPPUNIT_ASSERT(!is_known({kClient, in(2, 0), 1}));
    CPPUNIT_ASSERT(apply({kClient, in(3, 1), 1}).outcome == Outcome::kInvalid);
    CPPUNIT_ASSERT(table_->sessions() == 0);
  }

  void what_is_known_is_no_matter_of_room() {
    for (std::uint64_t client = 1; client <= 3; ++client) apply({client, 1, 1}, bytes(29));
    CPPUNIT_ASSERT(!table_->known({4, 1, 1}, 9) && !table_->known({1, in(7, 1), 1}, 9));
    CPPUNIT_ASSERT(table_->known({2, 1, 1}, 9)->position == 2);
    CPPUNIT_ASSERT(table_->known({2, 1, 2}, 9) == (Applied{Outcome::kExpired, 0, 9}));
  }

  void the_highest_numbers_are_numbers_too() {
    constexpr std::uint64_t kMax = UINT64_MAX;
    constexpr std::uint64_t kLastEpoch = epoch_of(kMax);
    table_->load_epoch(kLastEpoch - 1);
    CPPUNIT_ASSERT(begin_epoch(kLastEpoch));
    for (std::uint64_t below = 3; below > 0; --below) apply({kMax, kMax - below, 0});
    CPPUNIT_ASSERT(has_expired({kMax, 0, 0}));
    apply({kMax, kMax, 0});
    CPPUNIT_ASSERT(table_->replies() == 4);
    CPPUNIT_ASSERT(apply({kMax, kMax, kMax}).position == 5);
  }

  void the_digest_is_of_everything() {
    const Applied applied{Outcome::kApplied, 1, 1};
    const auto digest_of = [](const OperationId& operation, const Applied& reply) {
      SessionTable table;
      static_cast<void>(table.remember(operation, reply));
      return table.digest();
    };
    const auto digest = digest_of({1, 5, 1}, applied);
    CPPUNIT_ASSERT(digest == digest_of({1, 5, 1}, applied));
    CPPUNIT_ASSERT(digest != SessionTable().digest());
    CPPUNIT_ASSERT(digest != digest_of({2, 5, 1}, applied));
    CPPUNIT_ASSERT(digest != digest_of({1, 6, 1}, applied));
    CPPUNIT_ASSERT(digest != digest_of({1, 5, 2}, applied));
    CPPUNIT_ASSERT(digest != digest_of({1, 5, 1}, {Outcome::kNotFound, 1, 1}));
    CPPUNIT_ASSERT(digest != digest_of({1, 5, 1}, {Outcome::kApplied, 2, 1}));
    CPPUNIT_ASSERT(digest != digest_of({1, 5, 1}, {Outcome::kApplied, 1, 2}));
    const auto digest_told = digest_of({1, 5, 1}, {Outcome::kApplied, 1, 1, bytes(3)});
    CPPUNIT_ASSERT(digest != digest_told);
    CPPUNIT_ASSERT(digest_told == digest_of({1, 5, 1}, {Outcome::kApplied, 1, 1, bytes(3)}));
    SessionTable later;
    static_cast<void>(later.remember({1, 5, 1}, applied));
    static_cast<void>(later.begin_epoch(1));
    CPPUNIT_ASSERT(digest != later.digest());
  }

  // Few sequences of a few epochs around the current one, so that many come again.
  OperationId random_operation(Random& random) {
    const std::uint64_t client = 1 + random.below(6);
    const std::uint64_t shift =
        std::array<std::uint64_t, 8>{0, 1, 2, 2, 2, 2, 3, 4}[random.below(8)];
    const std::uint64_t epoch = table_->epoch() + shift < 2 ? 0 : table_->epoch() + shift - 2;
    const std::uint64_t sequence = in(epoch, 1 + random.below(9));
    switch (random.below(8)) {
      case 0:
        return {client, sequence, first_sequence_of(epoch)};
      case 1:
        return {client, sequence, sequence - random.below(4)};
      case 2:
        return {client, sequence, random.below(8) == 0 ? sequence + 1 : sequence};
      default:
        return {client, sequence, 1};
    }
  }
  SharedBytes random_told(Random& random) {
    return random.below(3) == 0 ? bytes(random.below(30)) : nullptr;
  }

  void what_was_kept_makes_the_same_table() {
    Random random(5);
    for (int i = 0; i < 5000; ++i) {
      apply(random_operation(random), random_told(random));
      if (random.below(20) == 0) begin_epoch(table_->epoch() + 1);
      if (i % 10 != 0) continue;
      const auto digest = table_->digest();
      const std::size_t sessions = table_->sessions();
      const std::size_t told_bytes = table_->told_bytes();
      CPPUNIT_ASSERT(kept_.size() == table_->replies());
      table_ = std::make_unique<SessionTable>(kLimits);
      table_->load_epoch(kept_epoch_);
      for (const auto& [id, reply] : kept_) table_->load(id, reply);
      CPPUNIT_ASSERT(table_->digest() == digest && table_->sessions() == sessions);
      CPPUNIT_ASSERT(kept_.size() == table_->replies() && table_->told_bytes() == told_bytes);
    }
  }

  // The rules as plainly as they can be written: everything is a list that is searched. It never
  // forgets what a client does not wait for, and everything that it ever applied.
  struct Model {
    struct Kept {
      std::uint64_t client, sequence;
      Applied applied;
    };
    std::uint64_t epoch = 0;
    std::vector<Kept> kept;
    std::map<std::uint64_t, std::uint64_t> first_outstanding;
    std::set<std::string> paths;  // which rules were met
    std::set<std::pair<std::uint64_t, std::uint64_t>> ever_applied;

    std::vector<std::uint64_t> sequences_of(std::uint64_t client) const {
      std::vector<std::uint64_t> result;
      for (const Kept& reply : kept) {
        if (reply.client == client) result.push_back(reply.sequence);
      }
      std::sort(result.begin(), result.end());
      return result;
    }
    std::size_t clients() const {
      std::set<std::uint64_t> result;
      for (const Kept& reply : kept) result.insert(reply.client);
      return result.size();
    }
    std::size_t told_bytes() const {
      std::size_t size = 0;
      for (const Kept& reply : kept) size += reply.applied.told ? reply.applied.told->size() : 0;
      return size;
    }
    void drop_below(std::uint64_t client) {
      std::erase_if(kept, [&](const Kept& reply) {
        return reply.client == client && reply.sequence < first_outstanding[client];
      });
    }
    // What goes as an operation comes.
    void make_room(const OperationId& operation) {
      const std::uint64_t client = operation.client;
      first_outstanding[client] = std::max(first_outstanding[client], operation.first_outstanding);
      drop_below(client);
      const std::vector<std::uint64_t> sequences = sequences_of(client);
      if (sequences.size() < kLimits.replies_per_client_max) return;
      paths.insert("lowest dropped");
      first_outstanding[client] = sequences[0] + 1;
      drop_below(client);
    }

    Applied refuse(Outcome outcome, Position position, const char* path) {
      paths.insert(path);
      return {outcome, 0, position};
    }

    // What is answered, without what is told of a refusal.
    Applied apply(const OperationId& operation, Position position, const SharedBytes& told) {
      const std::uint64_t client = operation.client;
      const auto expired = [&](const char* path) {
        return refuse(Outcome::kExpired, position, path);
      };
      if (operation.sequence < operation.first_outstanding) return expired("own");
      if (epoch_of(operation.sequence) + 1 < epoch) return expired("epoch over");
      if (operation.sequence < first_outstanding[client]) return expired("expired");
      for (const Kept& reply : kept) {
        if (reply.client != client || reply.sequence != operation.sequence) continue;
        paths.insert("retry");
        return reply.applied;
      }
      const std::vector<std::uint64_t> sequences = sequences_of(client);
      if (sequences.size() == kLimits.replies_per_client_max && operation.sequence < sequences[0]) {
        return expired("no room in session");
      }
      if (epoch_of(operation.sequence) > epoch + 1) {
        return refuse(Outcome::kInvalid, position, "far");
      }
      Model with_room = *this;
      with_room.make_room(operation);
      const auto full = [&](const char* path) { return refuse(Outcome::kFull, position, path); };
      if (with_room.kept.size() >= kLimits.replies_max) return full("too many replies");
      if (with_room.told_bytes() >= kLimits.told_bytes_max) return full("too much told");
      if (sequences.empty() && clients() >= kLimits.sessions_max) return full("too many clients");
      *this = std::move(with_room);
      const Applied applied{Outcome::kApplied, 1000 + position, position, told};
      kept.push_back({client, operation.sequence, applied});
      CPPUNIT_ASSERT(ever_applied.emplace(client, operation.sequence).second);
      return applied;
    }

    void begin_epoch(std::uint64_t next) {
      if (next != epoch + 1) return;
      epoch = next;
      std::erase_if(kept, [&](const Kept& reply) { return epoch_of(reply.sequence) + 1 < epoch; });
    }
  };

  // Nothing is applied twice, ever; neither by the model, nor by the table, which says the same.
  void random_operations_match_a_model() {
    Random random(6);
    Model model;
    std::set<std::pair<std::uint64_t, std::uint64_t>> ever_applied;
    for (int i = 0; i < 20'000; ++i) {
      const OperationId operation = random_operation(random);
      const SharedBytes told = random_told(random);
      const Applied expected = model.apply(operation, position_ + 1, told);
      Applied actual = apply(operation, told);
      if (actual.outcome == Outcome::kApplied && actual.position == position_) {
        CPPUNIT_ASSERT(ever_applied.emplace(operation.client, operation.sequence).second);
      }
      if (actual.outcome == Outcome::kInvalid || actual.outcome == Outcome::kFull) {
        CPPUNIT_ASSERT(actual.told != nullptr);
        actual.told = nullptr;
      }
      CPPUNIT_ASSERT(actual == expected);
      if (random.below(10) == 0) {
        const std::uint64_t epoch = model.epoch + random.below(4);
        CPPUNIT_ASSERT(begin_epoch(epoch) == (epoch == model.epoch + 1));
        model.begin_epoch(epoch);
      }
      CPPUNIT_ASSERT(table_->epoch() == model.epoch);
      CPPUNIT_ASSERT(table_->replies() == model.kept.size());
      CPPUNIT_ASSERT(table_->sessions() == model.clients());
      CPPUNIT_ASSERT(table_->told_bytes() == model.told_bytes());
    }
    CPPUNIT_ASSERT(model.ever_applied == ever_applied && ever_applied.size() > 1000);
    CPPUNIT_ASSERT(model.epoch > 50);
    const std::set<std::string> all_paths = {
        "epoch over",         "expired",      "far",   "lowest dropped",
        "no room in session", "own",          "retry", "too many clients",
        "too many replies",   "too much told"};
    CPPUNIT_ASSERT(model.paths == all_paths);
  }

  static constexpr SessionLimits kLimits = {3, 4, 10, 60};
  std::unique_ptr<SessionTable> table_ = std::make_unique<SessionTable>(kLimits);
  MemoryStore::ReplyTable kept_;
  std::uint64_t kept_epoch_ = 0;
  Position position_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(SessionTableTest);

}  // namespace
}  // namespace rkv::kv
