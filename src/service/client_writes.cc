#include "service/client_writes.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/limits.h"
#include "kv/command.h"

namespace rkv::service {
namespace {

// Whether a command can be proposed; the wire bounds key and value too, but for the empty key.
Status validate(const kv::Command& command) {
  Status status = kv::validate_key(command.key);
  if (status.ok()) status = kv::validate_value(command.value);
  if (status.ok()) status = check_operation(command.operation);
  return status;
}

// The failures that only a write has.
template <typename WireResult, typename WireUnion>
void send_write_failure(rpc::Reply<WireResult>& reply, WireUnion WireResult::*arms,
                        const Status& status, const std::vector<ReplicaId>& missing_at,
                        ReplicaId replica) {
  if (status.code() != StatusCode::kPartlyApplied) {
    send_failure(reply, arms, status, replica);
    return;
  }
  const std::string reason = status.reason().substr(0, kReasonSizeMax);
  std::vector<u_int> missing;
  missing.reserve(missing_at.size());
  for (const ReplicaId id : missing_at) missing.push_back(id.value);
  WireResult result{};
  result.status = KV_PARTLY_APPLIED;
  (result.*arms).partly.missing.missing_len = static_cast<u_int>(missing.size());
  (result.*arms).partly.missing.missing_val = missing.data();
  (result.*arms).partly.reason = string_to_wire(reason);
  reply.send(result);
}

}  // namespace

// The results of PUT and DEL have different names and equal fields.
template <typename WireResult, typename WireUnion>
void ClientWrites::write(const char* name, const kv::Command& command, bool wants_missing_position,
                         rpc::Reply<WireResult> reply, WireUnion WireResult::*arms) {
  const Status valid = validate(command);
  if (!valid.ok()) {
    send_failure(reply, arms, valid, context_.cluster.self);
    return;
  }
  RKV_FAILPOINT(client_before_write);
  context_.manager.write(command, [this, name, arms, wants_missing_position,
                                   key = key_for_log(context_, command.key),
                                   begun = context_.loop.now(), reply = std::move(reply)](
                                      const replica::WriteResult& write) mutable {
    const Status status = write.status.ok()
                              ? status_of(write.applied, context_.manager.has_total_order())
                              : write.status;
    log_operation(context_, name, key, begun, status);
    if (RKV_FAILPOINT_FAILS(client_before_answer)) return;  // its outcome is unknown then
    if (status.code() == StatusCode::kNotFound) {
      send_not_found(reply, arms,
                     wants_missing_position ? std::optional(write.applied.position) : std::nullopt,
                     context_.cluster.self);
      return;
    }
    if (!status.ok()) {
      send_write_failure(reply, arms, status, write.missing, context_.cluster.self);
      return;
    }
    WireResult result{};
    result.status = KV_OK;
    (result.*arms).ok.key_version = write.applied.version;
    (result.*arms).ok.position = write.applied.position;
    reply.send(result);
    RKV_FAILPOINT(client_after_answer);
  });
}

void ClientWrites::put(const kv_put_args& args, rpc::Reply<kv_put_result> reply) {
  kv::Command command;
  command.kind = kv::Command::Kind::kPut;
  command.operation = from_wire(args.operation);
  command.key = view_of(args.key);
  command.value = view_of(args.value);
  write("put", command, false, std::move(reply), &kv_put_result::kv_put_result_u);
}

void ClientWrites::del(const kv_del_args& args, rpc::Reply<kv_del_result> reply) {
  kv::Command command;
  command.kind = kv::Command::Kind::kDel;
  command.operation = from_wire(args.operation);
  command.key = view_of(args.key);
  const bool wants_missing_position = args.extension.revision != 0;
  write("del", command, wants_missing_position, std::move(reply), &kv_del_result::kv_del_result_u);
}

}  // namespace rkv::service
