#include "storage/format.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "base/bytes.h"

namespace rkv::storage {
namespace {

std::string record_of(const kv::Entry& entry) {
  const std::array<char, kEntryHeadSize> head = encode_entry_head(entry);
  return std::string(head.data(), head.size()) + entry.value;
}

class FormatTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(FormatTest);
  CPPUNIT_TEST(entry_has_these_bytes);
  CPPUNIT_TEST(entry_round_trip);
  CPPUNIT_TEST(other_records_are_refused);
  CPPUNIT_TEST(position_round_trip);
  CPPUNIT_TEST_SUITE_END();

  void entry_has_these_bytes() {
    CPPUNIT_ASSERT_EQUAL(std::string("01"
                                     "0000000000000102"
                                     "00000000000000ff"
                                     "6869"),
                         to_hex(record_of({"hi", 0x102, 255})));
  }

  void entry_round_trip() {
    for (const std::size_t size : {0U, 1U, 1048576U}) {
      const kv::Entry entry = {std::string(size, '\0'), UINT64_MAX, 1};
      const std::string record = record_of(entry);
      const Result<EntryView> decoded = decode_entry(record);
      CPPUNIT_ASSERT(decoded.ok());
      CPPUNIT_ASSERT(decoded.value().version == entry.version);
      CPPUNIT_ASSERT(decoded.value().position == entry.position);
      CPPUNIT_ASSERT(decoded.value().value == entry.value);
    }
  }

  void other_records_are_refused() {
    const std::string good = record_of({"", 1, 1});
    for (std::size_t size = 0; size < good.size(); ++size) {
      CPPUNIT_ASSERT(!decode_entry(good.substr(0, size)).ok());
    }
    CPPUNIT_ASSERT(!decode_entry('\2' + good.substr(1)).ok());
    CPPUNIT_ASSERT(!decode_entry(record_of({"", 0, 1})).ok());
    CPPUNIT_ASSERT(!decode_entry(record_of({"", 1, 0})).ok());
    CPPUNIT_ASSERT(!decode_entry(record_of({std::string(1048577, 'v'), 1, 1})).ok());
  }

  void position_round_trip() {
    CPPUNIT_ASSERT_EQUAL(std::string("0000000000000102"), to_hex(encode_position(0x102)));
    CPPUNIT_ASSERT(decode_position(encode_position(UINT64_MAX)) == UINT64_MAX);
    CPPUNIT_ASSERT(!decode_position("1234567"));
    CPPUNIT_ASSERT(!decode_position("123456789"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FormatTest);

}  // namespace
}  // namespace rkv::storage
