#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/store.h"
#include "store_world.h"

namespace rkv::contract {

// What every kv::Store promises. Each implementation derives a fixture that makes its world.
class StoreContract : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StoreContract);
  CPPUNIT_TEST(a_new_store_is_empty);
  CPPUNIT_TEST(get_finds_what_was_applied);
  CPPUNIT_TEST(get_sees_applies_before_it_and_none_after);
  CPPUNIT_TEST(changes_of_one_position_are_applied_in_order);
  CPPUNIT_TEST(a_position_may_change_nothing);
  CPPUNIT_TEST(keys_and_values_are_any_bytes);
  CPPUNIT_TEST(positions_must_follow_one_another);
  CPPUNIT_TEST(durable_comes_with_write);
  CPPUNIT_TEST(write_of_nothing_new_tells_nobody);
  CPPUNIT_TEST(durable_grows_to_what_was_applied);
  CPPUNIT_TEST(write_from_the_listener);
  CPPUNIT_TEST(hash_of_nothing);
  CPPUNIT_TEST(hash_is_of_the_content_in_order);
  CPPUNIT_TEST(hash_stands_for_a_position);
  CPPUNIT_TEST(many_hashes_at_once);
  CPPUNIT_TEST(callbacks_may_use_the_store);
  CPPUNIT_TEST(callbacks_are_dropped_with_the_store);
  CPPUNIT_TEST(scan_reads_a_range);
  CPPUNIT_TEST(scan_sees_applies_before_it_and_none_after);
  CPPUNIT_TEST(a_pinned_state_stays_as_it_was);
  CPPUNIT_TEST(each_pin_has_its_unpin);
  CPPUNIT_TEST(what_changes_twice_at_a_position_is_pinned_as_before);
  CPPUNIT_TEST(pins_go_when_there_is_no_room);
  CPPUNIT_TEST(replies_and_epoch_are_taken_over);
  CPPUNIT_TEST_SUITE_END_ABSTRACT();

 public:
  void setUp() override { world_ = make_world(); }
  void tearDown() override { world_.reset(); }

 protected:
  virtual std::unique_ptr<StoreWorld> make_world() = 0;

 private:
  void a_new_store_is_empty();
  void get_finds_what_was_applied();
  void get_sees_applies_before_it_and_none_after();
  void changes_of_one_position_are_applied_in_order();
  void a_position_may_change_nothing();
  void keys_and_values_are_any_bytes();
  void positions_must_follow_one_another();
  void durable_comes_with_write();
  void write_of_nothing_new_tells_nobody();
  void durable_grows_to_what_was_applied();
  void write_from_the_listener();
  void hash_of_nothing();
  void hash_is_of_the_content_in_order();
  void hash_stands_for_a_position();
  void many_hashes_at_once();
  void callbacks_may_use_the_store();
  void callbacks_are_dropped_with_the_store();
  void scan_reads_a_range();
  void scan_sees_applies_before_it_and_none_after();
  void a_pinned_state_stays_as_it_was();
  void each_pin_has_its_unpin();
  void what_changes_twice_at_a_position_is_pinned_as_before();
  void pins_go_when_there_is_no_room();
  void replies_and_epoch_are_taken_over();

  kv::Store& store() { return world_->store(); }
  void put(std::string_view key, std::string_view value, std::uint64_t version = 1);
  void remove(std::string_view key);
  std::optional<kv::Entry> get(std::string_view key);
  kv::StateHash hash();
  kv::ScanPage scan(const kv::Scan& scan);
  // "key=value," for each, of a pinned position or (0) of now; or "gone".
  std::string text_at(Position at);
  void write_all();

  std::unique_ptr<StoreWorld> world_;
};

}  // namespace rkv::contract
