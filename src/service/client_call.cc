#include "service/client_call.h"

#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"

namespace rkv::service {
namespace {

using Consistency = replica::ReadOptions::Consistency;

// The clients that replicas make for writes without one.
constexpr std::uint64_t kReplicasOwn = std::uint64_t{1} << 63;
// Counted from 1 in each epoch, see kv::first_sequence_of().
constexpr std::uint64_t kCountMask = 0xffffffff;

// What an applied command is refused with, by the words that it told.
Status told_by(StatusCode code, const kv::Applied& applied) {
  return {code, applied.told == nullptr ? "the write was refused" : *applied.told};
}

}  // namespace

Status check_operation(const OperationId& operation) {
  if (operation.client == 0) return {};
  if ((operation.client & kReplicasOwn) != 0) {
    return Status::invalid(
        "the operation id has a client with the top bit set: those are the replicas' own");
  }
  if ((operation.sequence & kCountMask) == 0) {
    return Status::invalid(
        "the operation id has a sequence with 0 in its lower 32 bits: count from what SESSION "
        "says");
  }
  return {};
}

Status status_of(const kv::Applied& applied, bool has_total_order) {
  switch (applied.outcome) {
    case kv::Applied::Outcome::kApplied:
      return {};
    case kv::Applied::Outcome::kNotFound:
      return {StatusCode::kNotFound, "no such key"};
    case kv::Applied::Outcome::kExpired:
      return {StatusCode::kExpired,
              "the epoch of the operation id is over: it was not applied now, and whether it was "
              "before is not known any more; ask SESSION where to count on from"};
    case kv::Applied::Outcome::kInvalid:
      return told_by(StatusCode::kInvalid, applied);
    case kv::Applied::Outcome::kOverLimit:
      return told_by(StatusCode::kOverLimit, applied);
    case kv::Applied::Outcome::kFull:
      // A replica may have proposed it twice, to two leaders: the second copy may still find room.
      return told_by(has_total_order ? StatusCode::kUnknown : StatusCode::kBusy, applied);
  }
  RKV_CHECK(false, "an outcome out of range");
}

Result<replica::ReadOptions> read_options_from_wire(const kv_read_options& wire,
                                                    const ClientContext& context) {
  replica::ReadOptions options;
  switch (number_of(wire.consistency)) {
    case KV_LINEARIZABLE:
      options.consistency = Consistency::kLinearizable;
      return options;
    case KV_SEQUENTIAL:
      if (!context.manager.has_total_order()) {
        return needs("paxos", "sequential consistency", "ask for linearizable or eventual",
                     context.cluster);
      }
      options.consistency = Consistency::kSequential;
      options.seen = wire.seen;
      return options;
    case KV_EVENTUAL:
      options.consistency = Consistency::kEventual;
      options.max_staleness = milliseconds(wire.max_staleness_ms);
      return options;
    default:
      return Status::invalid("the unknown consistency " +
                             std::to_string(number_of(wire.consistency)));
  }
}

Status needs(std::string_view needs, std::string_view what, std::string_view instead,
             const Cluster& cluster) {
  std::string reason = "needs ";
  reason.append(needs).append(": ").append(what);
  reason.append("; with replication ").append(cluster.replication_name);
  return Status::invalid(reason.append(", ").append(instead));
}

std::string key_for_log(const ClientContext& context, std::string_view key) {
  return context.logger.enabled(LogLevel::kDebug) ? std::string(key) : std::string();
}

void log_operation(const ClientContext& context, const char* operation, std::string_view key,
                   TimePoint begun, const Status& status) {
  if (!context.logger.enabled(LogLevel::kDebug)) return;
  const Duration took = rpc::EventLoop::read_clock() - begun;
  context.logger.debug("{} {}: {} in {} us", operation, printable(key), status.to_string(),
                       took.ns / 1000);
}

}  // namespace rkv::service
