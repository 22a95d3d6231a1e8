#include "kv/transaction.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

#include "transaction_samples.h"

namespace rkv::kv {
namespace {

using Kind = Step::Kind;
using Target = Compare::Target;

class TransactionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TransactionTest);
  CPPUNIT_TEST(a_transaction_reads_when_no_branch_writes);
  CPPUNIT_TEST(revisions_and_ranges_need_a_total_order);
  CPPUNIT_TEST(keys_are_told_once_and_in_order);
  CPPUNIT_TEST(the_end_of_a_prefix);
  CPPUNIT_TEST_SUITE_END();

  static Step step(Kind kind) { return {kind, "k", "", 0, false}; }

  void a_transaction_reads_when_no_branch_writes() {
    CPPUNIT_ASSERT(only_reads({{}, {step(Kind::kGet)}, {}}));
    CPPUNIT_ASSERT(only_reads({{{.key = "k", .value = ""}}, {}, {}}));
    for (const Kind kind : {Kind::kPut, Kind::kDel, Kind::kIncr, Kind::kAppend, Kind::kDelRange}) {
      CPPUNIT_ASSERT(!only_reads({{}, {step(Kind::kGet), step(kind)}, {}}));
      CPPUNIT_ASSERT(!only_reads({{}, {step(Kind::kGet)}, {step(kind)}}));
    }
  }

  void revisions_and_ranges_need_a_total_order() {
    const auto needs = [](Target target) {
      return needs_total_order({{{.key = "k", .target = target, .value = ""}}, {}, {}});
    };
    CPPUNIT_ASSERT(needs(Target::kCreated) && needs(Target::kModified));
    CPPUNIT_ASSERT(!needs(Target::kExists) && !needs(Target::kVersion) && !needs(Target::kValue));
    for (const Kind kind : {Kind::kGet, Kind::kPut, Kind::kDel, Kind::kIncr, Kind::kAppend}) {
      CPPUNIT_ASSERT(!needs_total_order({{}, {step(kind)}, {step(kind)}}));
    }
    CPPUNIT_ASSERT(needs_total_order({{}, {step(Kind::kGet), step(Kind::kDelRange)}, {}}));
    CPPUNIT_ASSERT(needs_total_order({{}, {}, {step(Kind::kDelRange)}}));
  }

  void keys_are_told_once_and_in_order() {
    CPPUNIT_ASSERT((keys_of(sample_transaction()) ==
                    std::vector<std::string>{"a", "append", "bb", "ccc", "dddd", "del", "e", "get",
                                             "incr", "put"}));
  }

  void the_end_of_a_prefix() {
    CPPUNIT_ASSERT_EQUAL(std::string("b"), end_of_prefix("a"));
    CPPUNIT_ASSERT_EQUAL(std::string("ac"), end_of_prefix("ab"));
    CPPUNIT_ASSERT_EQUAL(std::string("b"), end_of_prefix("a\xFF\xFF"));
    CPPUNIT_ASSERT_EQUAL(std::string("a\x80"), end_of_prefix("a\x7F"));
    CPPUNIT_ASSERT_EQUAL(std::string(), end_of_prefix(""));
    CPPUNIT_ASSERT_EQUAL(std::string(), end_of_prefix("\xFF\xFF"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransactionTest);

}  // namespace
}  // namespace rkv::kv
