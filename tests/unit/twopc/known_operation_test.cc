#include <cppunit/extensions/HelperMacros.h>

#include <memory>

#include "driver.h"

namespace rkv::twopc {
namespace {

// A client's retry at another replica than the one that has made its write.
class KnownOperationTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(KnownOperationTest);
  CPPUNIT_TEST(a_retry_is_looked_up_behind_the_commit_that_held_its_key);
  CPPUNIT_TEST_SUITE_END();

 public:
  // Replica 3 makes the write; its commit is not durable here, and so not in the state, when the
  // retry gets the lock.
  void a_retry_is_looked_up_behind_the_commit_that_held_its_key() {
    constexpr OperationId kOperation{7, 1, 1};
    Driver driver;
    driver.all_up();
    auto first = std::make_shared<Transaction>(*transaction_of(kThird, 5, {"a"}, 5));
    first->operation = kOperation;
    CPPUNIT_ASSERT(driver.prepare(first) == Vote::kYes);
    driver.sync();
    driver.put(1, "a", kOperation);
    driver.decide(first->id, Decision::kCommit);
    CPPUNIT_ASSERT(driver.applied().empty());
    CPPUNIT_ASSERT_MESSAGE("the state does not have it yet",
                           all_of<protocol::Check>(driver.effects()).empty());
    driver.sync();
    CPPUNIT_ASSERT(std::holds_alternative<protocol::Apply>(driver.effects().front()));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, all_of<protocol::Check>(driver.effects()).size());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(KnownOperationTest);

}  // namespace
}  // namespace rkv::twopc
