#include "kv/state_hash.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "base/bytes.h"

namespace rkv::kv {
namespace {

using namespace std::string_literals;

std::string hex(const StateHash& hash) {
  return to_hex({reinterpret_cast<const char*>(hash.hash.data()), hash.hash.size()});
}

class StateHashTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StateHashTest);
  CPPUNIT_TEST(empty_state);
  CPPUNIT_TEST(golden_vector);
  CPPUNIT_TEST(order_matters);
  CPPUNIT_TEST(boundaries_matter);
  CPPUNIT_TEST(version_matters);
  CPPUNIT_TEST(finish_can_be_called_on_the_way);
  CPPUNIT_TEST_SUITE_END();

  // The expected hashes are those of xxhsum -H2 over the bytes that kv.x describes.
  void empty_state() {
    const StateHash hash = StateHasher().finish(0);
    CPPUNIT_ASSERT_EQUAL("99aa06d3014798d86001c324468d497f"s, hex(hash));
    CPPUNIT_ASSERT(hash.position == 0 && hash.keys == 0);
  }

  void golden_vector() {
    StateHasher hasher;
    hasher.add("a", 1, "one");
    hasher.add("a\0"s, 0x100000007U, "");
    hasher.add("b", 3, std::string(1000, 'x'));
    const StateHash hash = hasher.finish(42);
    CPPUNIT_ASSERT_EQUAL("5dfc839f757243684c2062c70f1a053d"s, hex(hash));
    CPPUNIT_ASSERT(hash.position == 42 && hash.keys == 3);
  }

  static std::string hash_of_two(const std::string& key1, const std::string& value1,
                                 const std::string& key2, const std::string& value2) {
    StateHasher hasher;
    hasher.add(key1, 1, value1);
    hasher.add(key2, 1, value2);
    return hex(hasher.finish(0));
  }

  void order_matters() {
    CPPUNIT_ASSERT(hash_of_two("a", "1", "b", "2") != hash_of_two("b", "2", "a", "1"));
    CPPUNIT_ASSERT(hash_of_two("a", "1", "b", "2") != hash_of_two("a", "2", "b", "1"));
  }

  void boundaries_matter() {
    CPPUNIT_ASSERT(hash_of_two("a", "1", "b", "2") != hash_of_two("a1", "", "b", "2"));
    CPPUNIT_ASSERT(hash_of_two("a", "", "b", "") != hash_of_two("ab", "", "", ""));
  }

  void version_matters() {
    StateHasher one;
    one.add("a", 1, "v");
    StateHasher two;
    two.add("a", 2, "v");
    CPPUNIT_ASSERT(hex(one.finish(0)) != hex(two.finish(0)));
  }

  void finish_can_be_called_on_the_way() {
    StateHasher hasher;
    CPPUNIT_ASSERT_EQUAL(hex(StateHasher().finish(0)), hex(hasher.finish(0)));
    hasher.add("a", 1, "v");
    CPPUNIT_ASSERT_EQUAL(hex(hasher.finish(1)), hex(hasher.finish(2)));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StateHashTest);

}  // namespace
}  // namespace rkv::kv
