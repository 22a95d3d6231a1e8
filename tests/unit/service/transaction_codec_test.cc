#include "service/transaction_codec.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/limits.h"
#include "kv/transaction_codec.h"
#include "rpc/xdr.h"

namespace rkv::service {
namespace {

using kv::Compare;
using kv::Step;
using kv::StepResult;
using kv::StepsResult;
using kv::ToldEntry;

// A transaction with everything in it that there is.
kv::Transaction everything() {
  kv::Transaction transaction;
  for (const Compare::Target target : {Compare::Target::kExists, Compare::Target::kVersion,
                                       Compare::Target::kCreated, Compare::Target::kModified}) {
    transaction.compares.push_back({"number", target, Compare::Relation::kLess, 7, ""});
  }
  for (const Compare::Relation relation : {Compare::Relation::kEqual, Compare::Relation::kNotEqual,
                                           Compare::Relation::kLess, Compare::Relation::kGreater}) {
    transaction.compares.push_back({"text", Compare::Target::kValue, relation, 0, "value"});
  }
  transaction.then = {
      {Step::Kind::kGet, "a", "", 0, false},   {Step::Kind::kGet, "a", "", 0, true},
      {Step::Kind::kPut, "b", "v", 0, false},  {Step::Kind::kPut, "b", "v", 0, true},
      {Step::Kind::kDel, "c", "", 0, false},   {Step::Kind::kDel, "c", "", 0, true},
      {Step::Kind::kIncr, "d", "", -5, false}, {Step::Kind::kAppend, "e", "more", 0, false}};
  transaction.otherwise = {{Step::Kind::kDelRange, "", "z", 0, false},
                           {Step::Kind::kDelRange, "y", "", 0, false}};
  return transaction;
}

void decode(const std::string& bytes, rpc::Decoded<kv_transaction>& wire) {
  CPPUNIT_ASSERT(
      rpc::decode_all(bytes, rpc::untyped(xdr_kv_transaction), wire.get(), sizeof(kv_transaction)));
}

std::string encoded(const StepsResult& steps) {
  const OutgoingSteps outgoing(steps);
  std::string bytes(2 * kStepsResultSizeMax, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
  CPPUNIT_ASSERT(xdr_kv_steps_result(&xdr, const_cast<kv_steps_result*>(&outgoing.wire())) !=
                 FALSE);
  bytes.resize(XDR_GETPOS(&xdr));
  return bytes;
}

// Of each kind the longest result that there can be.
StepResult longest_of(const Step& step) {
  StepResult result;
  result.kind = step.kind;
  result.version = 1;
  if (step.kind == Step::Kind::kGet || step.wants_entry) {
    result.entry = ToldEntry{std::string(step.wants_entry ? kValueSizeMax : 0, 'v'), 1, 2, 3};
  }
  return result;
}

}  // namespace

class TransactionCodecTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TransactionCodecTest);
  CPPUNIT_TEST(a_transaction_comes_in_as_it_was_sent);
  CPPUNIT_TEST(unknown_kinds_are_refused);
  CPPUNIT_TEST(results_go_out_as_they_are);
  CPPUNIT_TEST(no_result_is_longer_than_was_said);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_transaction_comes_in_as_it_was_sent() {
    std::string bytes;
    kv::append_transaction(bytes, everything());
    rpc::Decoded<kv_transaction> wire(xdr_kv_transaction);
    decode(bytes, wire);
    const Result<kv::Transaction> back = transaction_from_wire(*wire);
    CPPUNIT_ASSERT_MESSAGE(back.status().to_string(), back.ok());
    CPPUNIT_ASSERT(back.value() == everything());
  }

  void unknown_kinds_are_refused() {
    std::string bytes;
    kv::append_transaction(bytes, everything());
    const auto refused = [&bytes](auto change, const std::string& reason) {
      rpc::Decoded<kv_transaction> wire(xdr_kv_transaction);
      decode(bytes, wire);
      change(*wire);
      const Result<kv::Transaction> result = transaction_from_wire(*wire);
      CPPUNIT_ASSERT(!result.ok() && result.status().code() == StatusCode::kInvalid);
      CPPUNIT_ASSERT_EQUAL(reason, result.status().reason());
    };
    for (const int number : {0, 99, -1}) {
      const std::string text = std::to_string(number);
      // Not of a value: that would not be freed.
      refused(
          [number](kv_transaction& wire) {
            std::memcpy(&wire.compares.compares_val[0].operand.target, &number, sizeof number);
          },
          "a compare has the unknown target " + text);
      refused(
          [number](kv_transaction& wire) {
            std::memcpy(&wire.compares.compares_val[0].relation, &number, sizeof number);
          },
          "a compare has the unknown relation " + text);
    }
  }

  void results_go_out_as_they_are() {
    StepsResult steps;
    steps.succeeded = true;
    const ToldEntry entry{"value", 4, 10, 12};
    steps.results.resize(9);
    for (std::size_t i = 0; i < 6; ++i) {
      steps.results[i].kind = static_cast<Step::Kind>(1 + i / 2);
      if (i % 2 == 1) steps.results[i].entry = entry;
    }
    steps.results[2].version = 5;
    steps.results[5].version = 4;
    steps.results[6] = {Step::Kind::kIncr, std::nullopt, 2, -7, 0, 0, false};
    steps.results[7] = {Step::Kind::kAppend, std::nullopt, 3, 0, 99, 0, false};
    steps.results[8] = {Step::Kind::kDelRange, std::nullopt, 0, 0, 0, 10'000, true};
    CPPUNIT_ASSERT(encoded(steps) == kv::encode_result(steps));
    const Result<StepsResult> back = kv::decode_result(encoded(steps));
    CPPUNIT_ASSERT(back.ok() && back.value() == steps);
    CPPUNIT_ASSERT(encoded({}) == kv::encode_result({}));
  }

  // Else a transaction that was run could not be answered over UDP.
  void no_result_is_longer_than_was_said() {
    for (const std::vector<Step>& steps : {everything().then, everything().otherwise}) {
      for (const Step& step : steps) {
        kv::Transaction transaction;
        transaction.otherwise = {step};
        const StepsResult longest{false, {longest_of(step)}};
        CPPUNIT_ASSERT(encoded(longest).size() <= steps_result_size_max(transaction));
        transaction.then = {step, step};
        const StepsResult two{false, {longest_of(step), longest_of(step)}};
        CPPUNIT_ASSERT(encoded(two).size() <= steps_result_size_max(transaction));
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransactionCodecTest);

}  // namespace rkv::service
