// What replicas take from one another: RPUT's arguments and results through src/service's codec and
// back, and single commands, beside rpcgen's own routine for them.
//
// Input: a byte that picks what it is, then its encoding.

#include <kv.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "forward/message.h"
#include "fuzz.h"
#include "kv/command.h"
#include "paxos/message.h"
#include "rpc/xdr.h"
#include "service/cluster.h"
#include "service/peer_codec.h"
#include "service/transaction_codec.h"
#include "service/wire.h"
#include "twopc/message.h"

namespace rkv::fuzz {
namespace {

using kv::Command;

// Replica 1 of two, as the seeds have it.
service::Cluster make_cluster(service::Replication replication) {
  service::Cluster cluster;
  cluster.id.bytes.fill(7);
  cluster.self = ReplicaId{1};
  cluster.incarnation = 3;
  cluster.replication = replication;
  if (replication == service::Replication::kForward) cluster.replication_name = "forward";
  if (replication == service::Replication::kPaxos) {
    cluster.replication_name = "paxos";
    cluster.lease_ms = 100;
  }
  if (replication == service::Replication::kTwoPc) {
    cluster.replication_name = "2pc";
    cluster.coordinator = ReplicaId{2};
  }
  cluster.replicas = {{ReplicaId{1}, "one"}, {ReplicaId{2}, "two"}};
  return cluster;
}

template <typename T>
std::string encoded(rpc::XdrRoutine<T> routine, T value, std::size_t size_max) {
  std::string bytes(size_max, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
  RKV_CHECK(routine(&xdr, &value) != FALSE, "what came from the wire can go back to it");
  bytes.resize(XDR_GETPOS(&xdr));
  return bytes;
}

bool takes_envelope(const service::Cluster& cluster, const kv_envelope& envelope) {
  const service::EnvelopeCheck check = service::check_envelope(cluster, envelope);
  RKV_CHECK((check.status == KV_OK) == check.reason.empty(), "a refusal has a reason");
  RKV_CHECK(is_text(check.reason) && check.reason.size() <= kReasonSizeMax,
            "a reason is text that fits the wire");
  if (check.status != KV_OK) return false;
  RKV_CHECK(envelope.recipient == 1 && envelope.sender == 2 && envelope.group == 0,
            "it is from the other replica and for this one");
  RKV_CHECK(envelope.lease_ms == cluster.lease_ms, "it is of the same lease");
  RKV_CHECK(envelope.coordinator == cluster.coordinator.value, "it is of the same coordinator");
  return true;
}

void check_envelope(const kv_envelope& envelope) {
  static const service::Cluster kForwarding = make_cluster(service::Replication::kForward);
  static const service::Cluster kOfPaxos = make_cluster(service::Replication::kPaxos);
  static const service::Cluster kOfTwoPc = make_cluster(service::Replication::kTwoPc);
  const int taken = takes_envelope(kForwarding, envelope) + takes_envelope(kOfPaxos, envelope) +
                    takes_envelope(kOfTwoPc, envelope);
  RKV_CHECK(taken <= 1, "an envelope is of one protocol");
}

void check_keys(const std::vector<std::string>& keys, const std::string& command) {
  RKV_CHECK(!keys.empty() && keys.size() <= kTxnKeysMax, "a transaction locks some keys");
  RKV_CHECK(keys == kv::keys_of(kv::decode_command(command).value()),
            "they are those of its command");
}

// Of a message that carries any; a no-op has none.
std::vector<SharedBytes> commands_of(const protocol::Message& message) {
  std::vector<SharedBytes> commands;
  const auto add = [&commands](const std::vector<paxos::Value>& values) {
    for (const paxos::Value& value : values) {
      if (!value.is_no_op()) commands.push_back(value.command);
    }
  };
  switch (message.tag()) {
    case forward::kWrites:
      commands = static_cast<const forward::Writes&>(message).commands();
      RKV_CHECK(!commands.empty(), "a message of forward has commands");
      break;
    case paxos::kAccept:
      add(paxos::as<paxos::Accept>(message).values);
      break;
    case paxos::kSubmit:
      add(paxos::as<paxos::Submit>(message).values);
      break;
    case paxos::kFetched:
      add(paxos::as<paxos::Fetched>(message).values);
      break;
    case paxos::kPromise:
      for (const paxos::AcceptedValue& vote : paxos::as<paxos::Promise>(message).accepted) {
        add({vote.value});
      }
      RKV_CHECK(commands.size() <= kVotesMax, "a promise has as many votes as fit");
      return commands;
    case twopc::kTxnPrepare:
      for (const auto& each : twopc::as<twopc::TxnPrepare>(message).transactions) {
        check_keys(each->keys, *each->command);
        commands.push_back(each->command);
      }
      break;
    case twopc::kTxnSubmit:
      for (const auto& each : twopc::as<twopc::TxnSubmit>(message).submissions) {
        check_keys(each.keys, *each.command);
        commands.push_back(each.command);
      }
      break;
    default:
      break;
  }
  RKV_CHECK(commands.size() <= kBatchCommandsMax, "a message has as many commands as fit");
  return commands;
}

void check_commands(const protocol::Message& message) {
  for (const SharedBytes& command : commands_of(message)) {
    RKV_CHECK(kv::decode_command(*command).ok(), "a command that was let in can be applied");
  }
}

void check_message(const kv_peer_message& wire, std::size_t size) {
  // Each protocol takes its own phases and refuses the others'.
  std::vector<protocol::MessagePtr> taken;
  for (const service::Replication replication :
       {service::Replication::kForward, service::Replication::kPaxos,
        service::Replication::kTwoPc}) {
    Result<protocol::MessagePtr> one = service::message_from_wire(replication, ReplicaId{2}, wire);
    if (one.ok()) taken.push_back(std::move(one).value());
  }
  RKV_CHECK(taken.size() <= 1, "a phase is of one protocol");
  if (taken.empty()) return;
  const protocol::Message& message = *taken.front();
  check_commands(message);
  const service::OutgoingMessage outgoing(message);
  RKV_CHECK(encoded(xdr_kv_peer_message, outgoing.wire(), size) ==
                encoded(xdr_kv_peer_message, wire, size),
            "a message goes out as it came in");
}

void check_arguments(std::string_view bytes) {
  rpc::Decoded<kv_rput_args> args(xdr_kv_rput_args);
  if (!rpc::decode_all(bytes, rpc::untyped(xdr_kv_rput_args), args.get(), sizeof *args)) return;
  check_envelope(args->envelope);
  check_message(args->message, bytes.size());
}

void check_result(std::string_view bytes) {
  rpc::Decoded<kv_rput_result> result(xdr_kv_rput_result);
  if (!rpc::decode_all(bytes, rpc::untyped(xdr_kv_rput_result), result.get(), sizeof *result)) {
    return;
  }
  const service::Cluster asker = make_cluster(service::Replication::kPaxos);
  const Status checked = service::check_answer(asker, ReplicaId{2}, *result);
  RKV_CHECK(std::ranges::all_of(checked.reason(), [](char c) { return c >= ' ' && c <= '~'; }),
            "a reason is one printable line");
  if (XdrReader(bytes).read_uint32() != KV_OK) return;
  const kv_rput_ok& ok = result->kv_rput_result_u.ok;
  check_envelope(ok.envelope);
  if (ok.answer.phase == KV_PHASE_HELLO) return;
  const Result<protocol::MessagePtr> answer = service::answer_from_wire(ok.answer.phase, ok.answer);
  if (!answer.ok()) return;
  check_commands(*answer.value());
  const service::OutgoingAnswer outgoing(ok.answer.phase, *answer.value());
  RKV_CHECK(encoded(xdr_kv_peer_answer, outgoing.wire(), bytes.size()) ==
                encoded(xdr_kv_peer_answer, ok.answer, bytes.size()),
            "an answer goes out as it came in");
}

// What rpcgen's routine says of a command: whole, without an extension, and with a key where it has
// one. Of a transaction it knows less than rkv.
bool stock_takes(std::string_view bytes, rpc::Decoded<kv_command_body>* body) {
  if (!rpc::decode_all(bytes, rpc::untyped(xdr_kv_command_body), body->get(),
                       sizeof(kv_command_body)) ||
      (*body)->extension.revision != 0) {
    return false;
  }
  const kv_command_change& change = (*body)->change;
  if (change.kind == KV_COMMAND_PUT) return change.kv_command_change_u.put.key.kv_key_len > 0;
  if (change.kind == KV_COMMAND_DEL) return change.kv_command_change_u.del.key.kv_key_len > 0;
  return true;
}

// Both have read the same.
void check_change(const Command& command, const kv_command_change& change) {
  const auto& arms = change.kv_command_change_u;
  RKV_CHECK(static_cast<int>(command.kind) == service::number_of(change.kind),
            "both read the same kind");
  switch (command.kind) {
    case Command::Kind::kPut:
      RKV_CHECK(command.key == service::view_of(arms.put.key) &&
                    command.value == service::view_of(arms.put.value),
                "both read the same key and value");
      return;
    case Command::Kind::kDel:
      RKV_CHECK(command.key == service::view_of(arms.del.key), "both read the same key");
      return;
    case Command::Kind::kTransaction: {
      const Result<kv::Transaction> same = service::transaction_from_wire(arms.transaction);
      RKV_CHECK(same.ok() && same.value() == *command.transaction,
                "both read the same transaction");
      return;
    }
    case Command::Kind::kEpoch:
      RKV_CHECK(command.epoch == arms.epoch, "both read the same epoch");
      return;
  }
}

void check_command(std::string_view bytes) {
  rpc::Decoded<kv_command_body> body(xdr_kv_command_body);
  const bool stock_ok = stock_takes(bytes, &body);
  const Status status = kv::validate_command(bytes);
  const Result<Command> command = kv::decode_command(bytes);
  RKV_CHECK(stock_ok || !status.ok(), "what is taken, rpcgen's routine takes too");
  RKV_CHECK(command.ok() == status.ok(), "what is valid can be decoded");
  if (!command.ok()) {
    const bool is_transaction = stock_ok && body->change.kind == KV_COMMAND_TXN;
    RKV_CHECK(!stock_ok || is_transaction, "rpcgen's routine takes the same puts and dels");
    RKV_CHECK(!status.reason().empty() && is_text(status.reason()), "a refusal has a reason");
    return;
  }
  RKV_CHECK(command.value().operation == service::from_wire(body->operation),
            "both read the same operation");
  check_change(command.value(), body->change);
  RKV_CHECK(
      kv::encode_command(command.value()) == encoded(xdr_kv_command_body, *body, bytes.size()),
      "both encode a command alike");
}

void run(std::string_view input) {
  Taker taker(input);
  const std::uint8_t kind = taker.take_byte();
  const ExactCopy copy(taker.rest());
  switch (kind % 3) {
    case 0:
      return check_arguments(copy.view());
    case 1:
      return check_result(copy.view());
    default:
      return check_command(copy.view());
  }
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
