#include "twopc/records.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "base/limits.h"
#include "transactions.h"

namespace rkv::twopc {
namespace {

constexpr TxnId kId{kSecond, 7, 8};

TransactionPtr transaction() {
  auto made = std::make_shared<Transaction>();
  made->id = kId;
  made->timestamp = {9, ReplicaId{3}};
  made->origin = {ReplicaId{4}, 5, 6};
  made->operation = {10, 11, 12};
  made->keys = {"key", std::string("\0k", 2)};
  made->command = shared(std::string("a command\0", 10));
  return made;
}

class RecordsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RecordsTest);
  CPPUNIT_TEST(every_record_comes_back);
  CPPUNIT_TEST(only_votes_and_decisions_carry_the_transaction);
  CPPUNIT_TEST(the_largest_command_fits);
  CPPUNIT_TEST(a_record_of_another_type_is_refused);
  CPPUNIT_TEST(a_head_that_is_cut_or_longer_is_refused);
  CPPUNIT_TEST(a_body_that_is_cut_or_longer_or_missing_is_refused);
  CPPUNIT_TEST(a_transaction_without_keys_is_refused);
  CPPUNIT_TEST(a_standing_comes_back);
  CPPUNIT_TEST(a_standing_that_is_cut_or_longer_is_refused);
  CPPUNIT_TEST_SUITE_END();

  static LogRecord prepared() {
    return encode_record({Record::Type::kPrepared, 3, kId, 0, transaction()});
  }

  void every_record_comes_back() {
    for (std::uint32_t type = 1; type <= 6; ++type) {
      Record record{static_cast<Record::Type>(type), 3, kId, 4, nullptr};
      const bool carries = type == 1 || type == 2;
      if (carries) record.transaction = transaction();
      const LogRecord encoded = encode_record(record);
      CPPUNIT_ASSERT_EQUAL(type, encoded.type);
      CPPUNIT_ASSERT_EQUAL(Position{3}, encoded.slot);
      CPPUNIT_ASSERT(encoded.head.size() <= LogRecord::kHeadSizeMax);
      const std::optional<Record> decoded = decode_record(encoded);
      CPPUNIT_ASSERT(decoded.has_value());
      CPPUNIT_ASSERT(decoded->type == record.type && decoded->number == 3);
      CPPUNIT_ASSERT(decoded->id == kId && decoded->position == 4);
      CPPUNIT_ASSERT_EQUAL(carries, decoded->transaction != nullptr);
      if (!carries) continue;
      const Transaction& before = *record.transaction;
      const Transaction& after = *decoded->transaction;
      CPPUNIT_ASSERT(after.id == before.id && after.timestamp == before.timestamp);
      CPPUNIT_ASSERT(after.origin == before.origin && after.operation == before.operation);
      CPPUNIT_ASSERT(after.keys == before.keys && *after.command == *before.command);
    }
  }

  void only_votes_and_decisions_carry_the_transaction() {
    const LogRecord committed = encode_record({Record::Type::kCommitted, 3, kId, 4, transaction()});
    CPPUNIT_ASSERT(committed.body == nullptr);
    CPPUNIT_ASSERT(prepared().body != nullptr);
  }

  void the_largest_command_fits() {
    auto large = std::make_shared<Transaction>(*transaction());
    large->keys.assign(kTxnKeysMax, std::string(kKeySizeMax, 'k'));
    large->command = shared(std::string(kCommandSizeMax, 'c'));
    const LogRecord encoded = encode_record({Record::Type::kDecided, 1, kId, 1, large});
    const std::optional<Record> decoded = decode_record(encoded);
    CPPUNIT_ASSERT(decoded && decoded->transaction->command->size() == kCommandSizeMax);
    CPPUNIT_ASSERT_EQUAL(kTxnKeysMax, decoded->transaction->keys.size());
  }

  void a_record_of_another_type_is_refused() {
    LogRecord record = prepared();
    for (const std::uint32_t type : {0U, 7U, 4294967295U}) {
      record.type = type;
      CPPUNIT_ASSERT(!decode_record(record));
    }
  }

  void a_head_that_is_cut_or_longer_is_refused() {
    LogRecord record = encode_record({Record::Type::kAborted, 3, kId, 0, nullptr});
    const std::string head = record.head;
    for (std::size_t size = 0; size < head.size(); ++size) {
      record.head = head.substr(0, size);
      CPPUNIT_ASSERT(!decode_record(record));
    }
    record.head = head + '\0';
    CPPUNIT_ASSERT(!decode_record(record));
  }

  void a_body_that_is_cut_or_longer_or_missing_is_refused() {
    LogRecord record = prepared();
    const std::string body = *record.body;
    for (std::size_t size = 0; size < body.size(); ++size) {
      record.body = shared(body.substr(0, size));
      CPPUNIT_ASSERT(!decode_record(record));
    }
    record.body = shared(body + '\0');
    CPPUNIT_ASSERT(!decode_record(record));
    record.body = nullptr;
    CPPUNIT_ASSERT(!decode_record(record));
  }

  void a_transaction_without_keys_is_refused() {
    auto keyless = std::make_shared<Transaction>(*transaction());
    keyless->keys.clear();
    CPPUNIT_ASSERT(!decode_record(encode_record({Record::Type::kPrepared, 3, kId, 0, keyless})));
  }

  void a_standing_comes_back() {
    const std::string bytes = encode_standing({1, 2, 3});
    CPPUNIT_ASSERT(bytes.size() <= LogBatch::kStandingSizeMax);
    const std::optional<Standing> standing = decode_standing(bytes);
    CPPUNIT_ASSERT(standing.has_value());
    CPPUNIT_ASSERT(standing->cut == 1 && standing->last == 2 && standing->clock == 3);
  }

  void a_standing_that_is_cut_or_longer_is_refused() {
    const std::string bytes = encode_standing({1, 2, 3});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CPPUNIT_ASSERT(!decode_standing(std::string_view(bytes).substr(0, size)));
    }
    CPPUNIT_ASSERT(!decode_standing(bytes + '\0'));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(RecordsTest);

}  // namespace
}  // namespace rkv::twopc
