#include "kv/command.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "kv/transaction_codec.h"
#include "transaction_samples.h"

namespace rkv::kv {
namespace {

using namespace std::string_literals;

Command put_command(std::string key, std::string value) {
  return {Command::Kind::kPut, {0x1122334455667788U, 5, 3}, std::move(key), std::move(value)};
}

Command del_command(std::string key) {
  return {Command::Kind::kDel, {9, 8, 7}, std::move(key), {}};
}

Command transaction_command(Transaction transaction) {
  Command command;
  command.kind = Command::Kind::kTransaction;
  command.operation = {9, 8, 7};
  command.transaction = std::make_shared<const Transaction>(std::move(transaction));
  return command;
}

Command epoch_command(std::uint64_t epoch) {
  Command command;
  command.kind = Command::Kind::kEpoch;
  command.epoch = epoch;
  return command;
}

std::vector<Command> every_kind() {
  return {put_command("a key", "a value"), del_command("another key"),
          transaction_command(sample_transaction()), epoch_command(5)};
}

void assert_equal(const Command& expected, const Command& actual) {
  CPPUNIT_ASSERT(expected.kind == actual.kind);
  CPPUNIT_ASSERT(expected.operation == actual.operation);
  CPPUNIT_ASSERT(expected.key == actual.key);
  CPPUNIT_ASSERT(expected.value == actual.value);
  CPPUNIT_ASSERT(expected.epoch == actual.epoch);
  CPPUNIT_ASSERT((expected.transaction == nullptr) == (actual.transaction == nullptr));
  CPPUNIT_ASSERT(expected.transaction == nullptr || *expected.transaction == *actual.transaction);
}

class CommandTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(CommandTest);
  CPPUNIT_TEST(put_has_these_bytes);
  CPPUNIT_TEST(del_has_these_bytes);
  CPPUNIT_TEST(epoch_has_these_bytes);
  CPPUNIT_TEST(a_transaction_is_as_it_is_encoded_alone);
  CPPUNIT_TEST(round_trip_of_every_kind);
  CPPUNIT_TEST(round_trip_at_the_limits);
  CPPUNIT_TEST(a_transaction_must_fit);
  CPPUNIT_TEST(every_kind_names_its_keys);
  CPPUNIT_TEST(every_truncation_is_refused);
  CPPUNIT_TEST(bytes_behind_the_end_are_refused);
  CPPUNIT_TEST(empty_key_is_refused);
  CPPUNIT_TEST(sizes_over_the_limits_are_refused);
  CPPUNIT_TEST(announced_sizes_are_not_believed);
  CPPUNIT_TEST(unknown_kinds_are_refused);
  CPPUNIT_TEST(unknown_extension_is_refused);
  CPPUNIT_TEST(padding_is_not_looked_at);
  CPPUNIT_TEST(key_limits);
  CPPUNIT_TEST(value_limits);
  CPPUNIT_TEST_SUITE_END();

  static void assert_refused(std::string_view bytes) {
    const Status status = validate_command(bytes);
    CPPUNIT_ASSERT(status.code() == StatusCode::kInvalid);
    CPPUNIT_ASSERT(!status.reason().empty());
    const Result<Command> decoded = decode_command(bytes);
    CPPUNIT_ASSERT(!decoded.ok());
    CPPUNIT_ASSERT_EQUAL(status.reason(), decoded.status().reason());
  }

  static void assert_round_trip(const Command& command) {
    const std::string bytes = encode_command(command);
    CPPUNIT_ASSERT(bytes.size() <= kCommandSizeMax && bytes.size() % 4 == 0);
    CPPUNIT_ASSERT(validate_command(bytes).ok());
    const Result<Command> decoded = decode_command(bytes);
    CPPUNIT_ASSERT(decoded.ok());
    assert_equal(command, decoded.value());
  }

  void put_has_these_bytes() {
    CPPUNIT_ASSERT_EQUAL(
        "1122334455667788"
        "0000000000000005"
        "0000000000000003"
        "00000001"
        "00000005"
        "61626364ff000000"
        "00000002"
        "00790000"
        "00000000"s,
        to_hex(encode_command(put_command("abcd\xFF", "\0y"s))));
  }

  void del_has_these_bytes() {
    CPPUNIT_ASSERT_EQUAL(
        "0000000000000009"
        "0000000000000008"
        "0000000000000007"
        "00000002"
        "00000001"
        "6b000000"
        "00000000"s,
        to_hex(encode_command(del_command("k"))));
  }

  void epoch_has_these_bytes() {
    CPPUNIT_ASSERT_EQUAL(
        "0000000000000000"
        "0000000000000000"
        "0000000000000000"
        "00000004"
        "1122334455667788"
        "00000000"s,
        to_hex(encode_command(epoch_command(0x1122334455667788U))));
  }

  void a_transaction_is_as_it_is_encoded_alone() {
    std::string transaction;
    append_transaction(transaction, sample_transaction());
    CPPUNIT_ASSERT_EQUAL(
        "000000000000000900000000000000080000000000000007"
        "00000003" +
            to_hex(transaction) + "00000000",
        to_hex(encode_command(transaction_command(sample_transaction()))));
  }

  void round_trip_of_every_kind() {
    for (const Command& command : every_kind()) assert_round_trip(command);
    assert_round_trip(epoch_command(UINT64_MAX));
  }

  // A transaction is as long as fits_command() allows, and then 4 bytes longer.
  void a_transaction_must_fit() {
    Transaction transaction;
    transaction.then.push_back({Step::Kind::kPut, "k", std::string(kValueSizeMax, 'v'), 0, false});
    transaction.then.push_back({Step::Kind::kPut, "l", "", 0, false});
    CPPUNIT_ASSERT(fits_command(transaction).ok());
    std::string& value = transaction.then[1].value;
    value.resize(65'000);
    while (fits_command(transaction).ok()) value += "more";
    CPPUNIT_ASSERT(value.size() > 60'000 && value.size() < 65'536);
    const Status status = fits_command(transaction);
    CPPUNIT_ASSERT(status.code() == StatusCode::kOverLimit);
    std::string bytes;
    append_transaction(bytes, transaction);
    CPPUNIT_ASSERT(status.reason().starts_with("the transaction has " +
                                               std::to_string(bytes.size()) + " bytes"));
    value.resize(value.size() - 4);
    assert_round_trip(transaction_command(transaction));
  }

  void every_kind_names_its_keys() {
    for (const Command& command : every_kind()) {
      const Result<std::vector<std::string>> keys = keys_of_command(encode_command(command));
      CPPUNIT_ASSERT(keys.ok() && keys.value() == keys_of(command));
    }
    CPPUNIT_ASSERT(keys_of(put_command("k", "v")) == std::vector{"k"s});
    CPPUNIT_ASSERT(keys_of(del_command("k")) == std::vector{"k"s});
    CPPUNIT_ASSERT(keys_of(epoch_command(1)) == std::vector{"\0"s});
    CPPUNIT_ASSERT(keys_of(transaction_command(sample_transaction())) ==
                   keys_of(sample_transaction()));
    CPPUNIT_ASSERT(!keys_of_command("").ok());
  }

  void round_trip_at_the_limits() {
    for (const std::size_t key_size : {1, 2, 3, 4, 5, 1023, 1024}) {
      for (const std::size_t value_size : {0, 1, 2, 3, 4, 5, 1048575, 1048576}) {
        assert_round_trip(
            put_command(std::string(key_size, '\0'), std::string(value_size, '\xFE')));
      }
      assert_round_trip(del_command(std::string(key_size, '\xFF')));
    }
  }

  void every_truncation_is_refused() {
    for (const Command& command : every_kind()) {
      const std::string bytes = encode_command(command);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        assert_refused(std::string_view(bytes).substr(0, size));
      }
    }
  }

  void bytes_behind_the_end_are_refused() {
    for (const Command& command : every_kind()) {
      assert_refused(encode_command(command) + '\0');
      assert_refused(encode_command(command) + "\0\0\0\0"s);
      assert_refused(encode_command(command) + encode_command(command));
    }
  }

  // An encoding made by hand, for what encode_command() would not make.
  static std::string encoding(std::uint32_t kind, std::string_view key, std::string_view value,
                              std::uint32_t extension) {
    std::string bytes(24, '\0');
    append_uint32(bytes, kind);
    append_opaque(bytes, key);
    if (kind == 1) append_opaque(bytes, value);
    append_uint32(bytes, extension);
    return bytes;
  }

  void empty_key_is_refused() {
    assert_refused(encoding(1, "", "value", 0));
    assert_refused(encoding(2, "", "", 0));
  }

  void sizes_over_the_limits_are_refused() {
    CPPUNIT_ASSERT(validate_command(encoding(1, std::string(1024, 'k'), "", 0)).ok());
    assert_refused(encoding(1, std::string(1025, 'k'), "", 0));
    assert_refused(encoding(2, std::string(1025, 'k'), "", 0));
    CPPUNIT_ASSERT(validate_command(encoding(1, "k", std::string(1048576, 'v'), 0)).ok());
    assert_refused(encoding(1, "k", std::string(1048577, 'v'), 0));
  }

  void announced_sizes_are_not_believed() {
    std::string bytes = encode_command(put_command("key", "value"));
    for (const std::size_t length_at : {28U, 36U}) {
      for (const char first : {'\x00', '\x7F', '\xFF'}) {
        std::string damaged = bytes;
        damaged.replace(length_at, 4, std::string(1, first) + "\xFF\xFF\xFF");
        assert_refused(damaged);
      }
    }
  }

  void unknown_kinds_are_refused() {
    for (const std::uint32_t kind : {0U, 5U, 0x01000000U, 0xFFFFFFFFU}) {
      assert_refused(encoding(kind, "k", "", 0));
    }
  }

  void unknown_extension_is_refused() {
    assert_refused(encoding(1, "k", "v", 1));
    assert_refused(encoding(2, "k", "", 0xFFFFFFFFU));
  }

  // libtirpc's decoder does the same, so that both read the same of the same bytes.
  void padding_is_not_looked_at() {
    const Command command = put_command("k", "v");
    std::string bytes = encode_command(command);
    bytes.replace(33, 3, "abc");
    bytes.replace(41, 3, "\xFF\xFF\xFF");
    CPPUNIT_ASSERT(validate_command(bytes).ok());
    assert_equal(command, decode_command(bytes).value());
  }

  void key_limits() {
    CPPUNIT_ASSERT(validate_key("").code() == StatusCode::kInvalid);
    CPPUNIT_ASSERT(validate_key("k").ok());
    CPPUNIT_ASSERT(validate_key("\0"s).ok());
    CPPUNIT_ASSERT(validate_key(std::string(1024, 'k')).ok());
    const Status over = validate_key(std::string(1025, 'k'));
    CPPUNIT_ASSERT_EQUAL("over a limit: the key has 1025 bytes, the limit is 1024"s,
                         over.to_string());
  }

  void value_limits() {
    CPPUNIT_ASSERT(validate_value("").ok());
    CPPUNIT_ASSERT(validate_value(std::string(1048576, 'v')).ok());
    const Status over = validate_value(std::string(1048577, 'v'));
    CPPUNIT_ASSERT_EQUAL("over a limit: the value has 1048577 bytes, the limit is 1048576"s,
                         over.to_string());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(CommandTest);

}  // namespace
}  // namespace rkv::kv
