#include <cppunit/extensions/HelperMacros.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../../contract/deferring_store.h"
#include "kv/scan.h"
#include "replica/manager.h"
#include "scripted_manager.h"

namespace rkv::replica {
namespace {

using Consistency = ReadOptions::Consistency;

ReadOptions eventual() { return {Consistency::kEventual, 0, {}}; }

class ManagerListingsTest : public ScriptedManagerFixture {
  CPPUNIT_TEST_SUITE(ManagerListingsTest);
  CPPUNIT_TEST(a_page_is_followed_by_the_rest_of_the_same_state);
  CPPUNIT_TEST(a_listing_that_nobody_goes_on_with_is_forgotten);
  CPPUNIT_TEST(the_last_page_can_be_asked_for_again);
  CPPUNIT_TEST(a_last_page_that_is_not_told_yet_is_kept_as_any);
  CPPUNIT_TEST(a_repeated_last_page_ends_no_other_listing);
  CPPUNIT_TEST(one_listing_too_many_ends_the_oldest);
  CPPUNIT_TEST(asking_for_an_earlier_page_ends_nothing_and_leaves_nothing);
  CPPUNIT_TEST(a_first_page_can_be_read_again_where_it_was_read);
  CPPUNIT_TEST(a_page_that_is_not_followed_keeps_nothing);
  CPPUNIT_TEST(without_a_total_order_nothing_is_pinned);
  CPPUNIT_TEST(a_first_page_is_as_consistent_as_it_was_asked_for);
  CPPUNIT_TEST(some_pages_are_read_in_each_turn);
  CPPUNIT_TEST(pages_that_wait_for_their_state_keep_no_others_waiting);
  CPPUNIT_TEST(no_more_pages_are_read_than_are_told);
  CPPUNIT_TEST(a_page_that_nobody_wants_any_more_is_not_read);
  CPPUNIT_TEST(pages_that_may_be_read_count_as_reads_that_wait);
  CPPUNIT_TEST_SUITE_END();

 public:
  // The keys and values of a page, or why there is none.
  std::string page(kv::Scan scan, bool may_follow = true, const ReadOptions& options = eventual()) {
    std::string text;
    page_ = {};
    manager_->scan(std::move(scan), may_follow, options,
                   [&](const Status& status, kv::ScanPage&& it) {
                     if (!status.ok()) text = status.to_string();
                     for (const kv::ScannedEntry& entry : it.entries) {
                       text += entry.key + "=" + entry.value + " ";
                     }
                     page_ = std::move(it);
                   });
    turn();
    return text;
  }
  static kv::Scan by_two() {
    kv::Scan scan;
    scan.entries_max = 2;
    return scan;
  }
  // The next page of the one that was last told.
  kv::Scan next_of(const kv::Scan& scan) const {
    kv::Scan next = rest_of(scan, page_);
    next.at = page_.position;
    next.listing = page_.listing;
    return next;
  }
  static bool is_gone(const std::string& text) {
    return text.find("is not kept at this replica any more") != std::string::npos;
  }
  void apply_five() {
    for (const char* key : {"a", "b", "c", "d", "e"}) apply(key, "old");
  }

  void a_page_is_followed_by_the_rest_of_the_same_state() {
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two()));
    CPPUNIT_ASSERT(page_.more && page_.position == 5);
    kv::Scan next = next_of(by_two());
    for (const char* key : {"c", "cc", "d", "e"}) apply(key, "new");
    CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(next));
    CPPUNIT_ASSERT(page_.more && page_.position == 5);
    next = next_of(next);
    apply("e", "newer");
    CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
    CPPUNIT_ASSERT(!page_.more && protocol_->reads.empty());
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two()));
    CPPUNIT_ASSERT_EQUAL(Position{10}, page_.position);
  }

  void a_listing_that_nobody_goes_on_with_is_forgotten() {
    apply_five();
    page(by_two());
    const kv::Scan next = next_of(by_two());
    apply("c", "new");
    now_ = now_ + limits_.listings.idle_max + Duration{-1};
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(next));  // which begins the time anew
    now_ = now_ + limits_.listings.idle_max + Duration{-1};
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(next));
    CPPUNIT_ASSERT(manager_->next_turn() <= now_ + limits_.listings.idle_max);
    now_ = now_ + limits_.listings.idle_max;
    turn();
    apply("d", "new");
    const std::string gone = page(next);
    CPPUNIT_ASSERT_EQUAL(std::string("revision gone: the state of revision 5 is not kept at this "
                                     "replica any more; list again from the beginning"),
                         gone);
  }

  void the_last_page_can_be_asked_for_again() {
    apply_five();
    kv::Scan by_four = by_two();
    by_four.entries_max = 4;
    page(by_four);
    const kv::Scan next = next_of(by_four);
    apply("e", "new");
    CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
    manager_->last_page_told(next);
    pass(limits_.listings.repeat_max + Duration{-1});
    CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
    manager_->last_page_told(next);
    pass(limits_.listings.repeat_max);
    CPPUNIT_ASSERT(is_gone(page(next)));
  }

  // Its client takes nothing for a while: it is read again when there is room for it.
  void a_last_page_that_is_not_told_yet_is_kept_as_any() {
    apply_five();
    kv::Scan by_four = by_two();
    by_four.entries_max = 4;
    page(by_four);
    const kv::Scan next = next_of(by_four);
    apply("e", "new");
    for (int i = 0; i < 3; ++i) {
      CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
      pass(limits_.listings.idle_max + Duration{-1});
    }
    CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(next));
  }

  void a_repeated_last_page_ends_no_other_listing() {
    apply_five();
    kv::Scan by_four = by_two();
    by_four.entries_max = 4;
    page(by_two());
    const kv::Scan other = next_of(by_two());
    page(by_four);
    const kv::Scan last = next_of(by_four);
    for (const char* key : {"a", "b", "c", "d", "e"}) apply(key, "new");
    for (int i = 0; i < 2; ++i) {
      CPPUNIT_ASSERT_EQUAL(std::string("e=old "), page(last));
      manager_->last_page_told(last);
    }
    for (const char* key : {"a", "b", "c", "d", "e"}) apply(key, "newer");
    pass(limits_.listings.idle_max + Duration{-1});
    CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(other));
  }

  void one_listing_too_many_ends_the_oldest() {
    apply_five();
    std::vector<kv::Scan> nexts;
    for (std::size_t i = 0; i <= limits_.listings.positions_max; ++i) {
      if (i == limits_.listings.positions_max) {
        CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(nexts[0]));
        now_ = now_ + seconds(1);
      }
      page(by_two());
      nexts.push_back(next_of(by_two()));
      now_ = now_ + seconds(1);
      apply("z", "new");
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{17}, nexts.size());
    CPPUNIT_ASSERT(is_gone(page(nexts[1])));  // the first has gone on: the second waited longest
    for (const std::size_t i : {0U, 2U, 3U, 15U, 16U}) {
      CPPUNIT_ASSERT_EQUAL(std::string("c=old d=old "), page(nexts[i]));
    }
  }

  // As by a late copy of a call.
  void asking_for_an_earlier_page_ends_nothing_and_leaves_nothing() {
    apply_five();
    kv::Scan by_one;
    by_one.entries_max = 1;
    page(by_one);
    const kv::Scan second = next_of(by_one);
    page(second);
    const kv::Scan third = next_of(second);
    page(third);
    for (const char* key : {"a", "b", "c", "d", "e"}) apply(key, "new");
    CPPUNIT_ASSERT(is_gone(page(second)));
    CPPUNIT_ASSERT_EQUAL(std::string("c=old "), page(third));
    CPPUNIT_ASSERT(is_gone(page(second)));
    CPPUNIT_ASSERT(manager_->next_turn() <= now_ + limits_.listings.idle_max);
    now_ = now_ + limits_.listings.idle_max;
    turn();
    CPPUNIT_ASSERT(is_gone(page(third)));
    CPPUNIT_ASSERT(manager_->next_turn() > now_ + limits_.listings.idle_max);
  }

  // As when its answer finds no room at first.
  void a_first_page_can_be_read_again_where_it_was_read() {
    apply_five();
    kv::Scan bounded = by_two();
    bounded.first = "b";
    bounded.end = "e";
    for (kv::Scan scan : {by_two(), bounded}) {
      for (const bool reverse : {false, true}) {
        scan.at = scan.listing = 0;
        scan.reverse = reverse;
        const std::string once = page(scan);
        scan.at = page_.position;
        scan.listing = page_.listing;
        apply("c", std::to_string(position_));
        apply("d", std::to_string(position_));
        CPPUNIT_ASSERT_EQUAL(once, page(scan));
        CPPUNIT_ASSERT(!is_gone(page(next_of(scan))));
      }
    }
  }

  void a_page_that_is_not_followed_keeps_nothing() {
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two(), false));
    CPPUNIT_ASSERT(page_.more);
    const kv::Scan next = next_of(by_two());
    apply("c", "new");
    CPPUNIT_ASSERT(is_gone(page(next)));
  }

  void without_a_total_order_nothing_is_pinned() {
    start(Manager::Limits(), true);
    CPPUNIT_ASSERT(!manager_->has_total_order() && manager_->has_transactions());
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string("a=old b=old "), page(by_two()));
    const kv::Scan next = next_of(by_two());
    apply("c", "new");
    CPPUNIT_ASSERT(is_gone(page(next)));
    CPPUNIT_ASSERT_EQUAL(std::string("c=new d=old "), page(rest_of(by_two(), page_of_two())));
  }

  void a_first_page_is_as_consistent_as_it_was_asked_for() {
    apply_five();
    CPPUNIT_ASSERT_EQUAL(std::string(), page(by_two(), true, {}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, protocol_->reads.size());
    std::string keys;
    manager_->scan(by_two(), true, ReadOptions{Consistency::kSequential, 6, {}},
                   [&](const Status&, kv::ScanPage&& it) {
                     for (const kv::ScannedEntry& entry : it.entries)
                       keys += entry.key + "=" + entry.value;
                   });
    turn();
    CPPUNIT_ASSERT_EQUAL(std::string(), keys);
    apply("a", "new");
    CPPUNIT_ASSERT_EQUAL(std::string("a=newb=old"), keys);
  }

  // Asks for so many pages; each is counted when it is told.
  void ask_for_pages(std::size_t count, const ReadOptions& options = eventual()) {
    for (std::size_t i = 0; i < count; ++i) {
      manager_->scan(by_two(), false, options, [this](const Status& status, kv::ScanPage&&) {
        ++(status.ok() ? pages_told_ : pages_refused_);
      });
    }
  }

  void some_pages_are_read_in_each_turn() {
    apply_five();
    const std::size_t most = limits_.pages_at_once;
    ask_for_pages(2 * most + 1);
    for (const std::size_t told : {most, 2 * most}) {
      turns_wanted_ = 0;
      turn();
      CPPUNIT_ASSERT_EQUAL(told, pages_told_);
      CPPUNIT_ASSERT(turns_wanted_ > 0 && !manager_->quiet());
    }
    turns_wanted_ = 0;
    turn();
    CPPUNIT_ASSERT_EQUAL(2 * most + 1, pages_told_);
    CPPUNIT_ASSERT(turns_wanted_ == 0 && manager_->quiet());
  }

  void pages_that_wait_for_their_state_keep_no_others_waiting() {
    apply_five();
    const std::size_t many = 10 * limits_.pages_at_once;
    ask_for_pages(many, {Consistency::kSequential, 6, {}});
    ask_for_pages(many, {Consistency::kEventual, 0, seconds(1)});  // the protocol is asked first
    ask_for_pages(many, {});
    turn();
    CPPUNIT_ASSERT(pages_told_ == 0 && !manager_->quiet());
    ask_for_pages(1);
    turn();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pages_told_);
    apply("a", "new");
    for (const protocol::ReadId read : protocol_->reads) {
      protocol_->next.emplace_back(protocol::AllowRead{read});
    }
    for (std::size_t i = 0; i < 30; ++i) wake();
    CPPUNIT_ASSERT_EQUAL(3 * many + 1, pages_told_);
    CPPUNIT_ASSERT(manager_->quiet());
  }

  // Each takes memory until then, and a store may take its time.
  void no_more_pages_are_read_than_are_told() {
    contract::DeferringStore slow;
    Manager manager(std::make_unique<ScriptedProtocol>(false), {slow, transport_, &log_, kSelf, 1},
                    limits_, now_, [this] { ++turns_wanted_; });
    const std::size_t most = limits_.pages_at_once;
    for (std::size_t i = 0; i <= most; ++i) {
      manager.scan(by_two(), false, eventual(),
                   [this](const Status&, kv::ScanPage&&) { ++pages_told_; });
    }
    for (int i = 0; i < 3; ++i) manager.turn(now_);
    CPPUNIT_ASSERT_EQUAL(most, slow.pending());
    turns_wanted_ = 0;
    slow.finish(1);
    CPPUNIT_ASSERT(pages_told_ == 1 && turns_wanted_ == 1);
    manager.turn(now_);
    CPPUNIT_ASSERT_EQUAL(most, slow.pending());
    while (slow.pending() > 0) slow.finish(0);
    CPPUNIT_ASSERT(pages_told_ == most + 1 && turns_wanted_ == 1);
  }

  void a_page_that_nobody_wants_any_more_is_not_read() {
    apply_five();
    bool is_wanted = true;
    for (int i = 0; i < 100; ++i) {
      manager_->scan(
          by_two(), true, eventual(),
          [this](const Status& status, kv::ScanPage&&) {
            ++(status.code() == StatusCode::kUnavailable ? pages_refused_ : pages_told_);
          },
          [&is_wanted] { return is_wanted; });
    }
    turn();
    CPPUNIT_ASSERT_EQUAL(limits_.pages_at_once, pages_told_);
    is_wanted = false;
    ask_for_pages(1);
    turn();  // they take no place in it
    CPPUNIT_ASSERT_EQUAL(100 - limits_.pages_at_once, pages_refused_);
    turn();
    CPPUNIT_ASSERT_EQUAL(limits_.pages_at_once + 1, pages_told_);
  }

  void pages_that_may_be_read_count_as_reads_that_wait() {
    Manager::Limits limits;
    limits.reads_waiting_max = 10;
    start(limits);
    ask_for_pages(10);
    turn();
    CPPUNIT_ASSERT_EQUAL(limits.pages_at_once, pages_told_);
    CPPUNIT_ASSERT_EQUAL(10 - limits.pages_at_once, manager_->counters().reads_waiting);
    ask_for_pages(10);
    CPPUNIT_ASSERT_EQUAL(10 - limits.pages_at_once, pages_refused_);
  }

 private:
  void pass(Duration span) {
    now_ = now_ + span;
    turn();
  }
  // A page that ended with "b".
  static kv::ScanPage page_of_two() {
    kv::ScanPage page;
    page.count = 2;
    page.last = "b";
    page.more = true;
    return page;
  }

  kv::ScanPage page_;
  std::size_t pages_told_ = 0;
  std::size_t pages_refused_ = 0;
};

CPPUNIT_TEST_SUITE_REGISTRATION(ManagerListingsTest);

}  // namespace
}  // namespace rkv::replica
