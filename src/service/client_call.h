#pragma once

#include <kv.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "kv/command.h"
#include "replica/manager.h"
#include "rpc/event_loop.h"
#include "rpc/reply.h"
#include "service/cluster.h"
#include "service/wire.h"

namespace rkv::service {

// What the procedures of KV_PROG share.

// What they work on. All of it must outlive them.
struct ClientContext {
  const Cluster& cluster;
  replica::Manager& manager;
  rpc::EventLoop& loop;
  Logger& logger;
};

// Every result of kv.x is a union on `status` with a `failure` of the same shape.
template <typename WireResult, typename WireUnion>
void send_failure(rpc::Reply<WireResult>& reply, WireUnion WireResult::*arms, const Status& status,
                  ReplicaId replica) {
  std::string reason = status.reason();
  WireResult result{};
  result.status = to_wire(status.code());
  (result.*arms).failure = failure_to_wire(reason, replica);
  reply.send(result);
}

// That there is no such key, and at which position that was so, if that was asked for.
template <typename WireResult, typename WireUnion>
void send_not_found(rpc::Reply<WireResult>& reply, WireUnion WireResult::*arms,
                    std::optional<Position> position, ReplicaId replica) {
  std::string reason = "no such key";
  WireResult result{};
  result.status = KV_NOT_FOUND;
  kv_failure& failure = (result.*arms).failure;
  failure = failure_to_wire(reason, replica);
  if (position) {
    failure.extension.revision = 1;
    failure.extension.kv_failure_extension_u.position = *position;
  }
  reply.send(result);
}

// Whether a client may use this operation id; kInvalid if not.
Status check_operation(const OperationId& operation);

// How a write ended that did this: success if it was applied. `has_total_order`: of the replicas'
// writes.
Status status_of(const kv::Applied& applied, bool has_total_order);

// kInvalid for an unknown consistency, and for what needs the order of all writes where the
// replicas have none.
Result<replica::ReadOptions> read_options_from_wire(const kv_read_options& wire,
                                                    const ClientContext& context);

// What a client asks for and this replication protocol cannot do: one line that begins with who can
// (`needs`: "paxos", "paxos or 2pc") and says what can be done `instead`.
Status needs(std::string_view needs, std::string_view what, std::string_view instead,
             const Cluster& cluster);

// The log's line of an operation. An empty key when there is nobody to read it.
std::string key_for_log(const ClientContext& context, std::string_view key);
void log_operation(const ClientContext& context, const char* operation, std::string_view key,
                   TimePoint begun, const Status& status);

}  // namespace rkv::service
