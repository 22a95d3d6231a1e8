#include "storage/format.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/limits.h"

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
  CPPUNIT_TEST(entries_from_before_created_was_kept);
  CPPUNIT_TEST(other_records_are_refused);
  CPPUNIT_TEST(reply_round_trip);
  CPPUNIT_TEST(replies_from_before_anything_was_told);
  CPPUNIT_TEST(number_round_trip);
  CPPUNIT_TEST_SUITE_END();

  void entry_has_these_bytes() {
    CPPUNIT_ASSERT_EQUAL(std::string("02"
                                     "0000000000000102"
                                     "00000000000000ff"
                                     "00000000000000fe"
                                     "6869"),
                         to_hex(record_of({"hi", 0x102, 255, 254})));
  }

  void entry_round_trip() {
    for (const std::size_t size : {0U, 1U, 1048576U}) {
      const kv::Entry entry = {std::string(size, '\0'), UINT64_MAX, 2, 1};
      const std::string record = record_of(entry);
      const Result<EntryView> decoded = decode_entry(record);
      CPPUNIT_ASSERT(decoded.ok());
      CPPUNIT_ASSERT(decoded.value().version == entry.version);
      CPPUNIT_ASSERT(decoded.value().position == entry.position);
      CPPUNIT_ASSERT(decoded.value().created == entry.created);
      CPPUNIT_ASSERT(decoded.value().value == entry.value);
    }
  }

  void entries_from_before_created_was_kept() {
    const std::string head = from_hex(
                                 "01"
                                 "0000000000000102"
                                 "00000000000000ff")
                                 .value();
    for (const std::string& value : {std::string(), std::string("hi"), std::string(100, '\1')}) {
      const std::string record = head + value;
      const Result<EntryView> decoded = decode_entry(record);
      CPPUNIT_ASSERT(decoded.ok());
      CPPUNIT_ASSERT(decoded.value().version == 0x102 && decoded.value().position == 255);
      CPPUNIT_ASSERT(decoded.value().created == 0 && decoded.value().value == value);
    }
    for (std::size_t size = 0; size < head.size(); ++size) {
      CPPUNIT_ASSERT(!decode_entry(head.substr(0, size)).ok());
    }
  }

  void other_records_are_refused() {
    const std::string good = record_of({"", 1, 1, 1});
    for (std::size_t size = 0; size < good.size(); ++size) {
      CPPUNIT_ASSERT(!decode_entry(good.substr(0, size)).ok());
    }
    CPPUNIT_ASSERT(decode_entry(good).ok() && decode_entry(record_of({"", 1, 1, 0})).ok());
    CPPUNIT_ASSERT(!decode_entry('\3' + good.substr(1)).ok());
    CPPUNIT_ASSERT(!decode_entry('\0' + good.substr(1)).ok());
    CPPUNIT_ASSERT(!decode_entry(record_of({"", 1, 1, 2})).ok());
    CPPUNIT_ASSERT(!decode_entry(record_of({"", 0, 1})).ok());
    CPPUNIT_ASSERT(!decode_entry(record_of({"", 1, 0})).ok());
    CPPUNIT_ASSERT(!decode_entry(record_of({std::string(1048577, 'v'), 1, 1})).ok());
  }

  void reply_round_trip() {
    using Outcome = kv::Applied::Outcome;
    for (const Outcome outcome :
         {Outcome::kApplied, Outcome::kNotFound, Outcome::kInvalid, Outcome::kOverLimit}) {
      for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kStepsResultSizeMax}) {
        kv::Reply reply = {{outcome, 5, 7, nullptr}, UINT64_MAX};
        if (size > 0) reply.applied.told = std::make_shared<const std::string>(size, '\0');
        const Result<kv::Reply> decoded = decode_reply(encode_reply(reply));
        CPPUNIT_ASSERT(decoded.ok());
        const kv::Applied& applied = decoded.value().applied;
        CPPUNIT_ASSERT(applied.outcome == outcome && applied.version == 5 && applied.position == 7);
        CPPUNIT_ASSERT(decoded.value().first_outstanding == UINT64_MAX);
        CPPUNIT_ASSERT_EQUAL(size > 0, applied.told != nullptr);
        CPPUNIT_ASSERT(size == 0 || *applied.told == *reply.applied.told);
      }
    }
  }

  void replies_from_before_anything_was_told() {
    const std::string record = from_hex(
                                   "01"
                                   "00000002"
                                   "0000000000000005"
                                   "0000000000000007"
                                   "0000000000000003")
                                   .value();
    const Result<kv::Reply> decoded = decode_reply(record);
    CPPUNIT_ASSERT(decoded.ok());
    const kv::Applied& applied = decoded.value().applied;
    CPPUNIT_ASSERT(applied.outcome == kv::Applied::Outcome::kNotFound);
    CPPUNIT_ASSERT(applied.version == 5 && applied.position == 7 && applied.told == nullptr);
    CPPUNIT_ASSERT(decoded.value().first_outstanding == 3);
    CPPUNIT_ASSERT(!decode_reply(record + 'x').ok());
    CPPUNIT_ASSERT(!decode_reply(record.substr(0, record.size() - 1)).ok());
  }

  void number_round_trip() {
    CPPUNIT_ASSERT_EQUAL(std::string("0000000000000102"), to_hex(encode_number(0x102)));
    CPPUNIT_ASSERT(decode_number(encode_number(UINT64_MAX)) == UINT64_MAX);
    CPPUNIT_ASSERT(!decode_number("1234567"));
    CPPUNIT_ASSERT(!decode_number("123456789"));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(FormatTest);

}  // namespace
}  // namespace rkv::storage
