#include "kv/transaction_codec.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "transaction_samples.h"

namespace rkv::kv {
namespace {

using namespace std::string_literals;
using Kind = Step::Kind;

std::string encode(const Transaction& transaction) {
  std::string bytes;
  append_transaction(bytes, transaction);
  return bytes;
}

// A transaction with nothing behind it.
std::optional<Transaction> decode(std::string_view bytes) {
  XdrReader reader(bytes);
  Result<Transaction> result = read_transaction(reader);
  if (!result.ok()) {
    CPPUNIT_ASSERT(!result.status().reason().empty());
    return std::nullopt;
  }
  if (!reader.done()) return std::nullopt;
  CPPUNIT_ASSERT(validate_transaction(result.value()).ok());
  return std::move(result).value();
}

std::optional<StepsResult> decode_told(std::string_view bytes) {
  Result<StepsResult> result = decode_result(bytes);
  if (result.ok()) return std::move(result).value();
  CPPUNIT_ASSERT(!result.status().reason().empty());
  return std::nullopt;
}

class TransactionCodecTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TransactionCodecTest);
  CPPUNIT_TEST(a_transaction_has_these_bytes);
  CPPUNIT_TEST(a_result_has_these_bytes);
  CPPUNIT_TEST(round_trips);
  CPPUNIT_TEST(round_trips_at_the_limits);
  CPPUNIT_TEST(every_truncation_is_refused);
  CPPUNIT_TEST(bytes_behind_the_end_of_a_result_are_refused);
  CPPUNIT_TEST(every_change_of_a_byte_is_refused_or_read);
  CPPUNIT_TEST(unknown_kinds_are_refused);
  CPPUNIT_TEST(numbers_that_are_no_bool_are_refused);
  CPPUNIT_TEST(announced_counts_are_not_believed);
  CPPUNIT_TEST(what_breaks_a_limit_is_refused);
  CPPUNIT_TEST_SUITE_END();

  void a_transaction_has_these_bytes() {
    const Transaction transaction{
        {{"k", Compare::Target::kValue, Compare::Relation::kLess, 0, "v"}},
        {{Kind::kIncr, "n", "", -2, false}},
        {{Kind::kGet, "g", "", 0, true}}};
    CPPUNIT_ASSERT_EQUAL(
        "00000001"
        "00000001"
        "6b000000"
        "00000003"
        "00000005"
        "00000001"
        "76000000"
        "00000001"
        "00000004"
        "00000001"
        "6e000000"
        "fffffffffffffffe"
        "00000001"
        "00000001"
        "00000001"
        "67000000"
        "00000001"s,
        to_hex(encode(transaction)));
  }

  void a_result_has_these_bytes() {
    StepsResult result;
    result.succeeded = true;
    result.results.push_back({.kind = Kind::kGet, .entry = ToldEntry{"v", 1, 2, 3}});
    result.results.push_back({.kind = Kind::kDel, .entry = std::nullopt, .version = 4});
    CPPUNIT_ASSERT_EQUAL(
        "00000001"
        "00000002"
        "00000001"
        "00000001"
        "00000001"
        "76000000"
        "0000000000000001"
        "0000000000000002"
        "0000000000000003"
        "00000003"
        "0000000000000004"
        "00000000"s,
        to_hex(encode_result(result)));
  }

  void round_trips() {
    CPPUNIT_ASSERT(decode(encode(sample_transaction())) == sample_transaction());
    CPPUNIT_ASSERT(decode_told(encode_result(sample_result())) == sample_result());
    CPPUNIT_ASSERT(decode_told(encode_result({})) == StepsResult());
  }

  void round_trips_at_the_limits() {
    Transaction transaction;
    const std::string key(kKeySizeMax, '\xFF');
    transaction.compares.assign(
        kComparesMax, {key, Compare::Target::kModified, Compare::Relation::kLess, UINT64_MAX, ""});
    transaction.then.assign(kStepsMax, {Kind::kIncr, key, "", INT64_MAX, false});
    transaction.otherwise.assign(kStepsMax, {Kind::kPut, key, "", 0, true});
    transaction.otherwise[0].value.assign(kValueSizeMax, '\0');
    transaction.otherwise[1] = {Kind::kDelRange, key, key, 0, false};
    CPPUNIT_ASSERT(decode(encode(transaction)) == transaction);
    StepsResult result;
    result.results.assign(kStepsMax,
                          {.kind = Kind::kPut, .entry = ToldEntry{"", UINT64_MAX, 0, 0}});
    result.results[3].entry->value.assign(kValueSizeMax, '\xFE');
    CPPUNIT_ASSERT(decode_told(encode_result(result)) == result);
  }

  void every_truncation_is_refused() {
    const std::string bytes = encode(sample_transaction());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CPPUNIT_ASSERT(!decode(std::string_view(bytes).substr(0, size)));
    }
    const std::string told = encode_result(sample_result());
    for (std::size_t size = 0; size < told.size(); ++size) {
      CPPUNIT_ASSERT(!decode_told(std::string_view(told).substr(0, size)));
    }
  }

  void bytes_behind_the_end_of_a_result_are_refused() {
    CPPUNIT_ASSERT(!decode_told(encode_result(sample_result()) + '\0'));
    CPPUNIT_ASSERT(!decode_told(encode_result(sample_result()) + "\0\0\0\0"s));
  }

  // Whether bytes are the encoding of what was read from them, but for padding, which is not looked
  // at and written as zeros.
  static bool is_same_but_for_padding(const std::string& bytes, const std::string& again) {
    if (bytes.size() != again.size()) return false;
    std::size_t other = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      if (bytes[at] == again[at]) continue;
      if (again[at] != 0) return false;
      ++other;
    }
    return other <= 3;
  }

  void every_change_of_a_byte_is_refused_or_read() {
    int refused = 0;
    int read = 0;
    const auto check = [&](const std::string& bytes, const auto& decode_it, const auto& encode_it) {
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (int difference = 1; difference < 256; ++difference) {
          std::string changed = bytes;
          changed[at] = static_cast<char>(changed[at] ^ difference);
          const auto decoded = decode_it(changed);
          ++(decoded ? read : refused);
          if (!decoded) continue;
          const std::string again = encode_it(*decoded);
          CPPUNIT_ASSERT(is_same_but_for_padding(changed, again));
          CPPUNIT_ASSERT(decode_it(again) == decoded);
        }
      }
    };
    check(encode(sample_transaction()), decode, encode);
    check(encode_result(sample_result()), decode_told, encode_result);
    CPPUNIT_ASSERT(refused > 10'000 && read > 10'000);
  }

  // The bytes of a transaction with one step, whose kind is at 8, or with one compare, whose
  // relation is at 12 and target at 16.
  static std::string with_number(std::string bytes, std::size_t at, std::uint32_t number) {
    std::string four;
    append_uint32(four, number);
    return bytes.replace(at, 4, four);
  }

  void unknown_kinds_are_refused() {
    const std::string step = encode({{}, {{Kind::kGet, "k", "", 0, false}}, {}});
    const std::string compare = encode({{{.key = "k", .value = ""}}, {}, {}});
    const std::string told = encode_result({true, {{.kind = Kind::kGet, .entry = {}}}});
    CPPUNIT_ASSERT(decode(step) && decode(compare) && decode_told(told));
    for (const std::uint32_t number : {0U, 7U, 0x01000001U, UINT32_MAX}) {
      CPPUNIT_ASSERT(!decode(with_number(step, 8, number)));
      CPPUNIT_ASSERT(!decode(with_number(compare, 12, number)));
      CPPUNIT_ASSERT(!decode(with_number(compare, 16, number)));
      CPPUNIT_ASSERT(!decode_told(with_number(told, 8, number)));
    }
    CPPUNIT_ASSERT(!decode(with_number(compare, 12, 5)) && !decode(with_number(compare, 16, 6)));
  }

  void numbers_that_are_no_bool_are_refused() {
    const std::string step = encode({{}, {{Kind::kGet, "k", "", 0, false}}, {}});
    CPPUNIT_ASSERT(decode(with_number(step, 20, 1))->then[0].wants_entry);
    CPPUNIT_ASSERT(!decode(with_number(step, 20, 2)));
    const std::string told = encode_result({true, {{.kind = Kind::kGet, .entry = {}}}});
    CPPUNIT_ASSERT(!decode_told(with_number(told, 0, 2)));
    CPPUNIT_ASSERT(!decode_told(with_number(told, 12, 2)));
  }

  void announced_counts_are_not_believed() {
    const std::string bytes = encode({{}, {{Kind::kGet, "k", "", 0, false}}, {}});
    const std::string told = encode_result({true, {{.kind = Kind::kGet, .entry = {}}}});
    for (const std::uint32_t count : {64U, 65U, 0x7FFFFFFFU, UINT32_MAX}) {
      CPPUNIT_ASSERT(!decode(with_number(bytes, 0, count)));
      CPPUNIT_ASSERT(!decode(with_number(bytes, 4, count)));
      CPPUNIT_ASSERT(!decode(with_number(bytes, bytes.size() - 4, count)));
      CPPUNIT_ASSERT(!decode_told(with_number(told, 4, count)));
    }
  }

  void what_breaks_a_limit_is_refused() {
    const auto is_refused = [](const Transaction& transaction) {
      return !validate_transaction(transaction).ok() && !decode(encode(transaction));
    };
    const Step get{Kind::kGet, "k", "", 0, false};
    const Step range{Kind::kDelRange, "", "", 0, false};
    CPPUNIT_ASSERT(is_refused({}));
    CPPUNIT_ASSERT(is_refused({{}, std::vector<Step>(kStepsMax + 1, get), {}}));
    CPPUNIT_ASSERT(is_refused({{}, {}, std::vector<Step>(kStepsMax + 1, get)}));
    CPPUNIT_ASSERT(
        is_refused({std::vector<Compare>(kComparesMax + 1, {.key = "k", .value = ""}), {}, {}}));
    CPPUNIT_ASSERT(is_refused({{}, {range, range}, {}}) && is_refused({{}, {}, {range, range}}));
    CPPUNIT_ASSERT(!is_refused({{}, {range}, {range}}));
    CPPUNIT_ASSERT(is_refused({{}, {{Kind::kGet, "", "", 0, false}}, {}}));
    CPPUNIT_ASSERT(is_refused({{{.key = "", .value = ""}}, {}, {}}));
    const std::string long_key(kKeySizeMax + 1, 'k');
    CPPUNIT_ASSERT(is_refused({{}, {{Kind::kGet, long_key, "", 0, false}}, {}}));
    CPPUNIT_ASSERT(is_refused({{}, {{Kind::kDelRange, long_key, "", 0, false}}, {}}));
    CPPUNIT_ASSERT(is_refused({{}, {{Kind::kDelRange, "", long_key, 0, false}}, {}}));
    CPPUNIT_ASSERT(is_refused({{{.key = long_key, .value = ""}}, {}, {}}));
    const std::string long_value(kValueSizeMax + 1, 'v');
    CPPUNIT_ASSERT(is_refused({{}, {{Kind::kPut, "k", long_value, 0, false}}, {}}));
    CPPUNIT_ASSERT(is_refused({{}, {{Kind::kAppend, "k", long_value, 0, false}}, {}}));
    CPPUNIT_ASSERT(is_refused(
        {{{.key = "k", .target = Compare::Target::kValue, .value = long_value}}, {}, {}}));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransactionCodecTest);

}  // namespace
}  // namespace rkv::kv
