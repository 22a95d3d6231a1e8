#include "paxos/recovery.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

#include "values.h"

namespace rkv::paxos {
namespace {

constexpr Ballot kOld{1, ReplicaId{1}};
constexpr Ballot kNew{2, ReplicaId{2}};

// What a replica makes of its log and its state when it starts.
class RecoveryTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecoveryTest);
  CPPUNIT_TEST(nothing_is_an_empty_replica);
  CPPUNIT_TEST(what_is_chosen_and_not_in_the_state_is_applied);
  CPPUNIT_TEST(what_the_state_has_is_kept_for_others);
  CPPUNIT_TEST(what_is_not_known_to_be_chosen_is_a_vote);
  CPPUNIT_TEST(the_last_record_of_a_slot_holds);
  CPPUNIT_TEST(what_a_state_ahead_of_the_watermark_has_is_kept);
  CPPUNIT_TEST(a_state_ahead_of_a_damaged_log_keeps_nothing);
  CPPUNIT_TEST(votes_up_to_the_cut_are_never_told_as_chosen);
  CPPUNIT_TEST(a_damaged_log_tells_only_what_was_told_to_be_chosen);
  CPPUNIT_TEST(damage_is_not_forgotten_at_the_next_start);
  CPPUNIT_TEST_SUITE_END();

 public:
  void nothing_is_an_empty_replica() {
    const RecoveredRoles roles = recover_roles({});
    CPPUNIT_ASSERT(roles.standing.promised == Ballot{});
    CPPUNIT_ASSERT(roles.kept.empty() && roles.to_apply.empty() && roles.votes.empty());
    CPPUNIT_ASSERT(!roles.lost_up_to);
  }

  void what_is_chosen_and_not_in_the_state_is_applied() {
    vote(kOld, 1, "one");
    vote(kOld, 2, "two");
    vote(kOld, 3, "three");
    const RecoveredRoles roles = recover({kNew, 3, 0, 0}, 1);
    CPPUNIT_ASSERT(roles.standing.promised == kNew);
    CPPUNIT_ASSERT((texts(roles.to_apply) == std::vector<std::string>{"two", "three"}));
    CPPUNIT_ASSERT(roles.votes.empty());
  }

  void what_the_state_has_is_kept_for_others() {
    for (Slot slot = 2; slot <= 4; ++slot) vote(kOld, slot, std::to_string(slot));
    const RecoveredRoles roles = recover({kOld, 4, 0, 0}, 4);
    CPPUNIT_ASSERT((texts(roles.kept) == std::vector<std::string>{"2", "3", "4"}));
    CPPUNIT_ASSERT(roles.to_apply.empty());
  }

  void what_is_not_known_to_be_chosen_is_a_vote() {
    vote(kOld, 1, "one");
    vote(kNew, 2, "two");
    vote(kOld, 4, "four");
    const RecoveredRoles roles = recover({kNew, 1, 0, 0}, 0);
    CPPUNIT_ASSERT((texts(roles.to_apply) == std::vector<std::string>{"one"}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, roles.votes.size());
    CPPUNIT_ASSERT(roles.votes.at(2).ballot == kNew && roles.votes.at(4).ballot == kOld);
  }

  void the_last_record_of_a_slot_holds() {
    vote(kOld, 1, "lost");
    chosen(1, "won");
    vote(kOld, 2, "first");
    vote(kNew, 2, "second");
    const RecoveredRoles roles = recover({kNew, 1, 0, 0}, 0);
    CPPUNIT_ASSERT((texts(roles.to_apply) == std::vector<std::string>{"won"}));
    CPPUNIT_ASSERT_EQUAL(std::string("second"), text_of(roles.votes.at(2).value));
  }

  // A state is saved when the log is durable that it came from: its slots are chosen ones, also
  // those above the watermark that was last written down.
  void what_a_state_ahead_of_the_watermark_has_is_kept() {
    vote(kOld, 1, "one");
    vote(kOld, 2, "lost");
    chosen(2, "two");
    vote(kNew, 3, "three");
    const RecoveredRoles roles = recover({kNew, 1, 0, 0}, 2);
    CPPUNIT_ASSERT((texts(roles.kept) == std::vector<std::string>{"one", "two"}));
    CPPUNIT_ASSERT(roles.to_apply.empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, roles.votes.size());
    CPPUNIT_ASSERT_EQUAL(std::string("three"), text_of(roles.votes.at(3).value));
  }

  // The log has lost its end, and the first records of slots whose later ones told what is chosen.
  void a_state_ahead_of_a_damaged_log_keeps_nothing() {
    vote(kOld, 1, "one");
    vote(kOld, 2, "lost?");
    recovery_.log.lost_up_to = 2;
    const RecoveredRoles roles = recover({kOld, 1, 0, 0}, 2);
    CPPUNIT_ASSERT(roles.kept.empty() && roles.to_apply.empty() && roles.votes.empty());
  }

  // The same replica, started once more: its watermark has grown, and slot 2 is below it.
  void votes_up_to_the_cut_are_never_told_as_chosen() {
    vote(kOld, 1, "one");
    vote(kOld, 2, "lost?");
    vote(kNew, 6, "six");
    const RecoveredRoles roles = recover({kNew, 6, 5, 0}, 5);
    CPPUNIT_ASSERT(roles.kept.empty());
    CPPUNIT_ASSERT((texts(roles.to_apply) == std::vector<std::string>{"six"}));
  }

  void a_damaged_log_tells_only_what_was_told_to_be_chosen() {
    chosen(1, "one");
    vote(kOld, 2, "lost?");
    vote(kOld, 8, "eight");
    recovery_.log.lost_up_to = 7;
    const RecoveredRoles roles = recover({kOld, 3, 0, 0}, 0);
    CPPUNIT_ASSERT((texts(roles.to_apply) == std::vector<std::string>{"one"}));
    CPPUNIT_ASSERT(roles.lost_up_to == Slot{7});
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, roles.votes.size());
    // What it had promised and knew holds also if more is lost than the log says.
    recovery_.log.lost_up_to = 2;
    CPPUNIT_ASSERT(recover({kOld, 3, 0, 0}, 0).lost_up_to == Slot{3});
    // What the state stands for was learned.
    CPPUNIT_ASSERT(!recover({kOld, 3, 0, 0}, 3).lost_up_to);
  }

  // It once knew slot 9 to be chosen; then its log was damaged, and it has learned up to 2 since.
  void damage_is_not_forgotten_at_the_next_start() {
    chosen(1, "one");
    chosen(2, "two");
    vote(kOld, 9, "nine");
    chosen(9, "nine");
    const Standing since{kOld, 2, 0, 9};
    CPPUNIT_ASSERT(recover(since, 0).lost_up_to == Slot{9});
    recovery_.log.lost_up_to = 4;
    CPPUNIT_ASSERT(recover(since, 0).lost_up_to == Slot{9});
    CPPUNIT_ASSERT(!recover({kOld, 9, 8, 9}, 9).lost_up_to);
  }

 private:
  void vote(const Ballot& ballot, Slot slot, const std::string& command) {
    recovery_.log.records.push_back(
        encode_record({SlotRecord::Type::kAccepted, slot, ballot, value_of(command)}));
  }
  void chosen(Slot slot, const std::string& command) {
    recovery_.log.records.push_back(
        encode_record({SlotRecord::Type::kChosen, slot, {}, value_of(command)}));
  }
  RecoveredRoles recover(const Standing& standing, Position applied) {
    recovery_.log.standing = encode_standing(standing);
    recovery_.applied = applied;
    return recover_roles(recovery_);
  }
  template <typename Values>
  static std::vector<std::string> texts(const Values& values) {
    std::vector<std::string> found;
    found.reserve(values.size());
    for (const Value& value : values) found.push_back(text_of(value));
    return found;
  }

  protocol::Recovery recovery_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(RecoveryTest);

}  // namespace
}  // namespace rkv::paxos
