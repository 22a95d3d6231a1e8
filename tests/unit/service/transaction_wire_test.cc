// The bytes of src/kv/transaction_codec are those that rpcgen's own routines read and write.

#include <cppunit/extensions/HelperMacros.h>
#include <kv.h>

#include <cstdint>
#include <memory>
#include <string>

#include "../kv/transaction_samples.h"
#include "base/limits.h"
#include "kv/command.h"
#include "kv/transaction_codec.h"

namespace rkv::service {
namespace {

// Decodes by rpcgen's routine, has a look, and encodes again.
template <typename T, typename Look>
std::string through_rpcgen(bool_t (*routine)(XDR*, T*), std::string bytes, Look look) {
  T value{};
  XDR decoder;
  xdrmem_create(&decoder, bytes.data(), static_cast<u_int>(bytes.size()), XDR_DECODE);
  CPPUNIT_ASSERT(routine(&decoder, &value) != FALSE);
  CPPUNIT_ASSERT_EQUAL(bytes.size(), static_cast<std::size_t>(XDR_GETPOS(&decoder)));
  look(value);
  std::string again(kCommandSizeMax, '\0');
  XDR encoder;
  xdrmem_create(&encoder, again.data(), static_cast<u_int>(again.size()), XDR_ENCODE);
  CPPUNIT_ASSERT(routine(&encoder, &value) != FALSE);
  again.resize(XDR_GETPOS(&encoder));
  xdr_free(reinterpret_cast<xdrproc_t>(routine), &value);
  return again;
}

class TransactionWireTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(TransactionWireTest);
  CPPUNIT_TEST(a_transaction_is_the_xdr_of_kv_x);
  CPPUNIT_TEST(a_result_is_the_xdr_of_kv_x);
  CPPUNIT_TEST(a_command_of_every_kind_is_the_xdr_of_kv_x);
  CPPUNIT_TEST_SUITE_END();

  void a_transaction_is_the_xdr_of_kv_x() {
    std::string bytes;
    kv::append_transaction(bytes, kv::sample_transaction());
    const std::string again =
        through_rpcgen(xdr_kv_transaction, bytes, [](const kv_transaction& it) {
          CPPUNIT_ASSERT(it.compares.compares_len == 5 && it.then.then_len == 6);
          CPPUNIT_ASSERT_EQUAL(5U, it.otherwise.otherwise_len);
          const kv_compare& compare = it.compares.compares_val[1];
          CPPUNIT_ASSERT_EQUAL(std::string("bb"),
                               std::string(compare.key.kv_key_val, compare.key.kv_key_len));
          CPPUNIT_ASSERT(compare.relation == KV_NOT_EQUAL);
          CPPUNIT_ASSERT(compare.operand.target == KV_COMPARE_VERSION);
          CPPUNIT_ASSERT(compare.operand.kv_operand_u.number == 0x1122334455667788U);
          CPPUNIT_ASSERT(it.compares.compares_val[4].operand.target == KV_COMPARE_VALUE);
          const kv_step* const steps = it.then.then_val;
          CPPUNIT_ASSERT(steps[0].kind == KV_STEP_GET && steps[0].kv_step_u.get.wants_value);
          CPPUNIT_ASSERT(steps[1].kind == KV_STEP_PUT && steps[1].kv_step_u.put.wants_previous);
          CPPUNIT_ASSERT(steps[2].kind == KV_STEP_DEL && steps[2].kv_step_u.del.wants_previous);
          CPPUNIT_ASSERT(steps[3].kind == KV_STEP_INCR);
          CPPUNIT_ASSERT(steps[3].kv_step_u.incr.amount == INT64_MIN);
          CPPUNIT_ASSERT(steps[4].kind == KV_STEP_APPEND);
          CPPUNIT_ASSERT(steps[5].kind == KV_STEP_DEL_RANGE);
          CPPUNIT_ASSERT_EQUAL(4U, steps[5].kv_step_u.del_range.end.kv_bound_len);
        });
    CPPUNIT_ASSERT(again == bytes);
  }

  void a_result_is_the_xdr_of_kv_x() {
    const std::string bytes = kv::encode_result(kv::sample_result());
    const std::string again =
        through_rpcgen(xdr_kv_steps_result, bytes, [](const kv_steps_result& it) {
          CPPUNIT_ASSERT(it.succeeded && it.results.results_len == 8);
          const kv_step_result* const results = it.results.results_val;
          const kv_entry_if_there& get = results[0].kv_step_result_u.get;
          CPPUNIT_ASSERT(get.present && get.kv_entry_if_there_u.entry.key_version == 1);
          CPPUNIT_ASSERT(!results[1].kv_step_result_u.get.present);
          CPPUNIT_ASSERT(results[5].kind == KV_STEP_INCR && results[7].kind == KV_STEP_DEL_RANGE);
        });
    CPPUNIT_ASSERT(again == bytes);
  }

  void a_command_of_every_kind_is_the_xdr_of_kv_x() {
    kv::Command transaction;
    transaction.kind = kv::Command::Kind::kTransaction;
    transaction.operation = {1, 2, 3};
    transaction.transaction = std::make_shared<const kv::Transaction>(kv::sample_transaction());
    kv::Command epoch;
    epoch.kind = kv::Command::Kind::kEpoch;
    epoch.epoch = 9;
    const kv::Command put{kv::Command::Kind::kPut, {4, 5, 6}, "key", "value"};
    const kv::Command del{kv::Command::Kind::kDel, {7, 8, 8}, "key", {}};
    for (const kv::Command& command : {put, del, transaction, epoch}) {
      const std::string bytes = kv::encode_command(command);
      const std::string again =
          through_rpcgen(xdr_kv_command_body, bytes, [&command](const kv_command_body& it) {
            CPPUNIT_ASSERT_EQUAL(static_cast<int>(command.kind), static_cast<int>(it.change.kind));
            CPPUNIT_ASSERT_EQUAL(command.operation.sequence,
                                 static_cast<std::uint64_t>(it.operation.sequence));
          });
      CPPUNIT_ASSERT(again == bytes);
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(TransactionWireTest);

}  // namespace
}  // namespace rkv::service
