#include "base/ids.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace rkv {
namespace {

class IdsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(IdsTest);
  CPPUNIT_TEST(cluster_id_round_trip);
  CPPUNIT_TEST(cluster_id_refuses_other_text);
  CPPUNIT_TEST(ids_compare_by_value);
  CPPUNIT_TEST_SUITE_END();

  void cluster_id_round_trip() {
    const std::string text = "00010203fffefdfc8081828390919293";
    const std::optional<ClusterId> id = ClusterId::parse(text);
    CPPUNIT_ASSERT(id.has_value());
    CPPUNIT_ASSERT(id->bytes[3] == 3);
    CPPUNIT_ASSERT(id->bytes[4] == 0xFF);
    CPPUNIT_ASSERT_EQUAL(text, id->to_string());
    CPPUNIT_ASSERT_EQUAL(std::string(32, '0'), ClusterId().to_string());
  }

  void cluster_id_refuses_other_text() {
    CPPUNIT_ASSERT(!ClusterId::parse(""));
    CPPUNIT_ASSERT(!ClusterId::parse(std::string(30, 'a')));
    CPPUNIT_ASSERT(!ClusterId::parse(std::string(31, 'a')));
    CPPUNIT_ASSERT(!ClusterId::parse(std::string(34, 'a')));
    CPPUNIT_ASSERT(!ClusterId::parse(std::string(31, 'a') + "g"));
    CPPUNIT_ASSERT(!ClusterId::parse(std::string(31, 'a') + " "));
  }

  void ids_compare_by_value() {
    CPPUNIT_ASSERT(ReplicaId{1} < ReplicaId{2});
    CPPUNIT_ASSERT(ReplicaId{2} == ReplicaId{2});
    CPPUNIT_ASSERT((OperationId{1, 2, 3} == OperationId{1, 2, 3}));
    CPPUNIT_ASSERT((OperationId{1, 2, 3} < OperationId{1, 3, 0}));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IdsTest);

}  // namespace
}  // namespace rkv
