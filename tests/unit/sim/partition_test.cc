#include "sim/partition.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rkv::sim {
namespace {

class PartitionTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PartitionTest);
  CPPUNIT_TEST(each_shape_is_what_its_name_says);
  CPPUNIT_TEST_SUITE_END();

 public:
  // How many others each replica sees in both directions tells the shapes of five apart.
  void each_shape_is_what_its_name_says() {
    check(Partition::kIsolateOne, {0, 3, 3, 3, 3});
    check(Partition::kHalves, {1, 1, 2, 2, 2});
    check(Partition::kBridge, {2, 2, 2, 2, 4});
    check(Partition::kMajoritiesRing, {2, 2, 2, 2, 2});
    check(Partition::kChained, {1, 1, 2, 2, 2});
    check(Partition::kQuorumLoss, {1, 1, 1, 1, 4});
    check(Partition::kConstrained, {0, 1, 1, 1, 3});
    check(Partition::kOneWayOut, {0, 3, 3, 3, 3});
    check(Partition::kOneWayIn, {0, 3, 3, 3, 3});
    check(Partition::kOneWayLink, {3, 3, 4, 4, 4});
  }

 private:
  static void check(Partition partition, const std::vector<int>& expected) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Random random(seed);
      const LinkMatrix blocked = make_partition(partition, expected.size(), random);
      std::vector<int> seen;
      for (std::size_t a = 0; a < expected.size(); ++a) {
        int count = 0;
        for (std::size_t b = 0; b < expected.size(); ++b) {
          if (a != b && !blocked[a][b] && !blocked[b][a]) ++count;
        }
        seen.push_back(count);
      }
      std::sort(seen.begin(), seen.end());
      CPPUNIT_ASSERT_MESSAGE(std::string(to_string(partition)), expected == seen);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(PartitionTest);

}  // namespace
}  // namespace rkv::sim
