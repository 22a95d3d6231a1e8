#include "kv/session_table.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
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
  CPPUNIT_TEST(the_least_recently_used_session_goes);
  CPPUNIT_TEST(a_dropped_session_is_unknown);
  CPPUNIT_TEST(replies_of_all_clients_have_a_limit);
  CPPUNIT_TEST(the_highest_numbers_are_numbers_too);
  CPPUNIT_TEST(the_digest_is_of_everything);
  CPPUNIT_TEST(what_was_kept_makes_the_same_table);
  CPPUNIT_TEST(random_operations_match_a_model);
  CPPUNIT_TEST_SUITE_END();

  // Applies an operation as a state machine would: each applied one has its position as version.
  Applied apply(const OperationId& operation) {
    ++position_;
    if (const std::optional<Applied> known = table_->answer(operation, position_)) return *known;
    const Applied applied{Outcome::kApplied, 1000 + position_, position_};
    MemoryStore::change(kept_, table_->remember(operation, applied));
    return applied;
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

  void the_least_recently_used_session_goes() {
    apply({1, 1, 1});
    apply({2, 1, 1});
    apply({3, 1, 1});
    apply({1, 2, 1});
    apply({2, 1, 1});  // a retry is no use
    apply({4, 1, 1});
    CPPUNIT_ASSERT(table_->sessions() == kLimits.sessions_max);
    CPPUNIT_ASSERT(is_known({1, 1, 1}) && is_known({1, 2, 1}));
    CPPUNIT_ASSERT(!is_known({2, 1, 1}));
    CPPUNIT_ASSERT(is_known({3, 1, 1}) && is_known({4, 1, 1}));
    CPPUNIT_ASSERT(!kept_.contains({2, 1}) && kept_.size() == 4);
  }

  void a_dropped_session_is_unknown() {
    apply({1, 1, 1});
    apply({1, 5, 5});
    CPPUNIT_ASSERT(has_expired({1, 1, 1}));
    for (std::uint64_t client = 2; client <= 4; ++client) apply({client, 1, 1});
    CPPUNIT_ASSERT(!is_known({1, 1, 1}) && !is_known({1, 5, 5}));
  }

  void replies_of_all_clients_have_a_limit() {
    for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) apply({1, sequence, 1});
    for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) apply({2, sequence, 1});
    CPPUNIT_ASSERT(table_->replies() == 8);
    apply({3, 1, 1});
    apply({3, 2, 1});
    CPPUNIT_ASSERT(table_->sessions() == 3 && table_->replies() == kLimits.replies_max);
    apply({3, 3, 1});
    CPPUNIT_ASSERT(table_->sessions() == 2 && table_->replies() == 7 && kept_.size() == 7);
    CPPUNIT_ASSERT(!is_known({1, 4, 1}) && is_known({2, 4, 1}) && is_known({3, 1, 1}));
  }

  void the_highest_numbers_are_numbers_too() {
    constexpr std::uint64_t kMax = UINT64_MAX;
    for (std::uint64_t below = 3; below > 0; --below) apply({kMax, kMax - below, 0});
    apply({kMax, 0, 0});
    apply({kMax, kMax, 0});
    CPPUNIT_ASSERT(has_expired({kMax, 0, 0}));
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
  }

  OperationId random_operation(Random& random) {
    const std::uint64_t client = 1 + random.below(6);
    std::uint64_t& next = next_[client];
    if (next == 0 || random.below(2) == 0) ++next;
    const std::uint64_t sequence = next - std::min(next - 1, random.below(7));
    return {client, sequence, random.below(3) == 0 ? sequence - random.below(sequence) : 1};
  }

  void what_was_kept_makes_the_same_table() {
    Random random(5);
    for (int i = 0; i < 2000; ++i) {
      apply(random_operation(random));
      if (i % 10 != 0) continue;
      const auto digest = table_->digest();
      const std::size_t sessions = table_->sessions();
      CPPUNIT_ASSERT(kept_.size() == table_->replies());
      table_ = std::make_unique<SessionTable>(kLimits);
      for (const auto& [id, reply] : kept_) table_->load(id, reply);
      CPPUNIT_ASSERT(table_->digest() == digest && table_->sessions() == sessions);
      CPPUNIT_ASSERT(kept_.size() == table_->replies());
    }
  }

  // The rules as plainly as they can be written: everything is a list that is searched.
  struct Model {
    struct Kept {
      std::uint64_t client, sequence;
      Applied applied;
    };
    std::vector<Kept> kept;
    std::map<std::uint64_t, std::uint64_t> first_outstanding;
    std::set<std::string> paths;  // which rules were met

    std::vector<std::uint64_t> sequences_of(std::uint64_t client) const {
      std::vector<std::uint64_t> result;
      for (const Kept& reply : kept) {
        if (reply.client == client) result.push_back(reply.sequence);
      }
      std::sort(result.begin(), result.end());
      return result;
    }
    void drop_below(std::uint64_t client) {
      std::erase_if(kept, [&](const Kept& reply) {
        return reply.client == client && reply.sequence < first_outstanding[client];
      });
    }
    Applied expire(Position position, const std::string& why) {
      paths.insert(why);
      return {Outcome::kExpired, 0, position};
    }

    Applied apply(const OperationId& operation, Position position) {
      const std::uint64_t client = operation.client;
      if (operation.sequence < operation.first_outstanding) return expire(position, "own");
      if (first_outstanding.contains(client) && operation.sequence < first_outstanding[client]) {
        return expire(position, "expired");
      }
      for (const Kept& reply : kept) {
        if (reply.client != client || reply.sequence != operation.sequence) continue;
        paths.insert("retry");
        return reply.applied;
      }
      std::vector<std::uint64_t> sequences = sequences_of(client);
      if (sequences.size() == kLimits.replies_per_client_max && operation.sequence < sequences[0]) {
        return expire(position, "no room");
      }
      first_outstanding[client] = std::max(first_outstanding[client], operation.first_outstanding);
      drop_below(client);
      sequences = sequences_of(client);
      if (sequences.size() == kLimits.replies_per_client_max) {
        paths.insert("lowest dropped");
        first_outstanding[client] = sequences[0] + 1;
        drop_below(client);
      }
      const Applied applied{Outcome::kApplied, 1000 + position, position};
      kept.push_back({client, operation.sequence, applied});
      while (clients_in_order().size() > kLimits.sessions_max ||
             kept.size() > kLimits.replies_max) {
        paths.insert(kept.size() > kLimits.replies_max ? "too many replies" : "too many clients");
        const std::uint64_t oldest = clients_in_order().front();
        std::erase_if(kept, [oldest](const Kept& reply) { return reply.client == oldest; });
        first_outstanding.erase(oldest);
      }
      return applied;
    }

    // The clients, the one first that applied nothing for the longest time.
    std::vector<std::uint64_t> clients_in_order() const {
      std::map<std::uint64_t, Position> last;
      for (const Kept& reply : kept) {
        last[reply.client] = std::max(last[reply.client], reply.applied.position);
      }
      std::vector<std::uint64_t> clients;
      clients.reserve(last.size());
      for (const auto& [client, position] : last) clients.push_back(client);
      std::sort(clients.begin(), clients.end(),
                [&](std::uint64_t a, std::uint64_t b) { return last.at(a) < last.at(b); });
      return clients;
    }
  };

  void random_operations_match_a_model() {
    Random random(6);
    Model model;
    for (int i = 0; i < 20'000; ++i) {
      const OperationId operation = random_operation(random);
      const Applied expected = model.apply(operation, position_ + 1);
      CPPUNIT_ASSERT(apply(operation) == expected);
      CPPUNIT_ASSERT(table_->replies() == model.kept.size());
      CPPUNIT_ASSERT(table_->sessions() == model.clients_in_order().size());
    }
    CPPUNIT_ASSERT(
        (model.paths == std::set<std::string>{"expired", "lowest dropped", "no room", "retry",
                                              "too many clients", "too many replies"}));
  }

  static constexpr SessionLimits kLimits = {3, 4, 10};
  std::unique_ptr<SessionTable> table_ = std::make_unique<SessionTable>(kLimits);
  MemoryStore::ReplyTable kept_;
  Position position_ = 0;
  std::map<std::uint64_t, std::uint64_t> next_;  // by client: the highest sequence so far
};

CPPUNIT_TEST_SUITE_REGISTRATION(SessionTableTest);

}  // namespace
}  // namespace rkv::kv
