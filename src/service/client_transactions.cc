#include "service/client_transactions.h"

#include <string>
#include <string_view>
#include <utility>

#include "base/failpoint.h"
#include "base/limits.h"
#include "kv/command.h"
#include "kv/transaction_codec.h"
#include "rpc/datagram.h"
#include "rpc/message.h"
#include "service/transaction_codec.h"

namespace rkv::service {
namespace {

constexpr const char* kName = "txn";
constexpr auto kArms = &kv_transact_result::kv_transact_result_u;

// Bytes of a successful reply beside kv_steps_result: the RPC header, the status, the position, the
// extension.
constexpr std::size_t kReplyOverhead = rpc::kSuccessHeaderSize + 4 + 8 + 4;

// A transaction that has been run must not be answered with KV_USE_TCP, which says that it was not.
bool may_be_too_long(const kv::Transaction& transaction, rpc::Transport transport) {
  return transport == rpc::Transport::kUdp &&
         kReplyOverhead + steps_result_size_max(transaction) > rpc::kDatagramSizeMax;
}

// What one that writes must leave at 0.
bool has_options(const kv_read_options& options) {
  return number_of(options.consistency) != KV_LINEARIZABLE || options.seen != 0 ||
         options.max_staleness_ms != 0;
}

// For the log: the first key that it is about.
std::string first_key_of(const kv::Transaction& transaction) {
  if (!transaction.compares.empty()) return transaction.compares.front().key;
  if (!transaction.then.empty()) return transaction.then.front().key;
  return transaction.otherwise.empty() ? std::string() : transaction.otherwise.front().key;
}

}  // namespace

void ClientTransactions::transact(const kv_transact_args& args,
                                  rpc::Reply<kv_transact_result> reply) {
  Result<kv::Transaction> taken = transaction_from_wire(args.transaction);
  Status status = taken.status();
  if (status.ok()) status = kv::validate_transaction(taken.value());
  if (status.ok()) status = kv::fits_command(taken.value());
  if (status.ok()) status = check_offered(taken.value());
  if (!status.ok()) {
    refuse(reply, status);
    return;
  }
  auto transaction = std::make_shared<const kv::Transaction>(std::move(taken).value());
  if (!kv::only_reads(*transaction)) {
    write(args, std::move(transaction), std::move(reply));
    return;
  }
  const Result<replica::ReadOptions> options = read_options_from_wire(args.options, context_);
  if (!options.ok()) {
    refuse(reply, options.status());
    return;
  }
  read(std::move(transaction), options.value(), std::move(reply));
}

// Whether the replication protocol has such transactions.
Status ClientTransactions::check_offered(const kv::Transaction& transaction) const {
  const Cluster& cluster = context_.cluster;
  if (!context_.manager.has_transactions()) {
    return needs("paxos or 2pc", "a transaction", "change one key at a time with PUT and DEL",
                 cluster);
  }
  if (context_.manager.has_total_order()) return {};
  if (kv::needs_total_order(transaction)) {
    return needs("paxos", "a transaction that compares revisions or removes a range",
                 "compare versions or values, and remove each key by a step of its own", cluster);
  }
  const std::size_t keys = kv::keys_of(transaction).size();
  if (keys <= kTxnKeysMax) return {};
  return {StatusCode::kOverLimit, "the transaction is about " + std::to_string(keys) +
                                      " keys, and with replication " + cluster.replication_name +
                                      " the limit is " + std::to_string(kTxnKeysMax)};
}

void ClientTransactions::write(const kv_transact_args& args, TransactionPtr transaction,
                               rpc::Reply<kv_transact_result> reply) {
  kv::Command command;
  command.kind = kv::Command::Kind::kTransaction;
  command.operation = from_wire(args.operation);
  Status status = check_operation(command.operation);
  if (status.ok() && has_options(args.options)) {
    status = Status::invalid("a transaction that writes has no read options: all are 0");
  }
  if (!status.ok()) {
    refuse(reply, status);
    return;
  }
  if (may_be_too_long(*transaction, reply.transport())) {
    std::string reason = "what the transaction tells might be longer than the " +
                         std::to_string(rpc::kDatagramSizeMax) + " bytes that go over UDP";
    kv_transact_result result{};
    result.status = KV_USE_TCP;
    result.kv_transact_result_u.failure = failure_to_wire(reason, context_.cluster.self);
    reply.send(result);
    return;
  }
  std::string key = key_for_log(context_, first_key_of(*transaction));
  command.transaction = std::move(transaction);
  RKV_FAILPOINT(client_before_write);
  context_.manager.write(
      command, [this, key = std::move(key), begun = context_.loop.now(),
                reply = std::move(reply)](const replica::WriteResult& write) mutable {
        const Status ended = write.status.ok()
                                 ? status_of(write.applied, context_.manager.has_total_order())
                                 : write.status;
        log_operation(context_, kName, key, begun, ended);
        if (RKV_FAILPOINT_FAILS(client_before_answer)) return;  // its outcome is unknown then
        if (!ended.ok()) {
          refuse(reply, ended);
          return;
        }
        // Not held back where there is no room, as a read is: it cannot be done again. The server
        // bounds the memory for such answers, and says SYSTEM_ERR over that.
        answer(reply, write.applied);
        RKV_FAILPOINT(client_after_answer);
      });
}

// What finds no room is read again when there is some; see ClientReads.
void ClientTransactions::read(TransactionPtr transaction, const replica::ReadOptions& options,
                              rpc::Reply<kv_transact_result> reply) {
  std::shared_ptr<const kv::Transaction> read = transaction;
  context_.manager.read(
      std::move(read), options,
      [this, transaction = std::move(transaction), options, begun = context_.loop.now(),
       reply = std::move(reply)](const Status& status, const kv::Applied& applied) mutable {
        const bool is_told = status.ok() && applied.told != nullptr;
        if (!reply.has_room(is_told ? applied.told->size() : 0)) {
          std::move(reply).wait_for_room([this, again = std::move(transaction),
                                          options](rpc::Reply<kv_transact_result> later) mutable {
            this->read(std::move(again), options, std::move(later));
          });
          return;
        }
        const Status ended =
            status.ok() ? status_of(applied, context_.manager.has_total_order()) : status;
        log_operation(context_, kName, key_for_log(context_, first_key_of(*transaction)), begun,
                      ended);
        if (ended.ok()) {
          answer(reply, applied);
        } else {
          refuse(reply, ended);
        }
      });
}

void ClientTransactions::refuse(rpc::Reply<kv_transact_result>& reply, const Status& status) const {
  send_failure(reply, kArms, status, context_.cluster.self);
}

void ClientTransactions::answer(rpc::Reply<kv_transact_result>& reply,
                                const kv::Applied& applied) const {
  // A client that has used the operation id of another write again is told what became of that.
  const Result<kv::StepsResult> steps =
      kv::decode_result(applied.told == nullptr ? std::string_view() : *applied.told);
  if (!steps.ok()) {
    refuse(reply, Status::invalid("the operation id is that of an earlier PUT or DEL"));
    return;
  }
  const OutgoingSteps outgoing(steps.value());
  kv_transact_result result{};
  result.status = KV_OK;
  result.kv_transact_result_u.ok.steps = outgoing.wire();
  result.kv_transact_result_u.ok.position = applied.position;
  reply.send(result);
}

}  // namespace rkv::service
