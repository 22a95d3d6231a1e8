// What a client makes of results: decoded as src/client does it, and put into its own types by
// src/client/wire.cc. Whatever a server sends, a reason is one line for a person, nothing is longer
// than kv.x allows, and what is a success says what the server said.
//
// Input: a byte that picks the procedure, then its result.

#include <kv.h>

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/limits.h"
#include "client/wire.h"
#include "fuzz.h"
#include "rpc/xdr.h"

namespace rkv::fuzz {
namespace {

const std::string kServer = "server:7411";

void check_line(std::string_view text) {
  RKV_CHECK(is_text(text) && text.find_first_of("\t\n") == std::string_view::npos,
            "what people see is one line of text");
}

void check_status(const Status& status) {
  if (status.ok()) return;
  check_line(status.reason());
  RKV_CHECK(status.reason().find(kServer) != std::string::npos, "a reason names the server");
}

// The decoded result, or nothing of it.
template <typename WireResult>
bool decode(std::string_view bytes, rpc::XdrRoutine<WireResult> routine,
            rpc::Decoded<WireResult>* result) {
  return rpc::decode_all(bytes, rpc::untyped(routine), result->get(), sizeof(WireResult));
}

template <typename WireResult>
void check_write(std::string_view bytes, rpc::XdrRoutine<WireResult> routine) {
  rpc::Decoded<WireResult> result(routine);
  if (!decode(bytes, routine, &result)) return;
  const client::WriteOutcome outcome = client::outcome_of(*result, kServer);
  check_status(outcome.status);
  RKV_CHECK(outcome.server == kServer, "an outcome names the server");
  RKV_CHECK(outcome.missing.size() <= kReplicasMax, "no more replicas than a cluster has");
  XdrReader reader(bytes);
  RKV_CHECK(outcome.status.ok() == (reader.read_uint32() == KV_OK), "only success is success");
  if (!outcome.status.ok()) return;
  RKV_CHECK(outcome.key_version == reader.read_uint64(), "the version is the one that was sent");
  RKV_CHECK(outcome.position == reader.read_uint64(), "the position is the one that was sent");
}

void check_read(std::string_view bytes) {
  rpc::Decoded<kv_get_result> result(xdr_kv_get_result);
  if (!decode(bytes, xdr_kv_get_result, &result)) return;
  const client::ReadOutcome outcome = client::outcome_of(*result, kServer);
  check_status(outcome.status);
  XdrReader reader(bytes);
  RKV_CHECK(outcome.status.ok() == (reader.read_uint32() == KV_OK), "only success is success");
  if (!outcome.status.ok()) return;
  RKV_CHECK(outcome.value == reader.read_opaque(kValueSizeMax), "the value is the one sent");
  RKV_CHECK(outcome.key_version == reader.read_uint64(), "the version is the one that was sent");
  RKV_CHECK(outcome.position == reader.read_uint64(), "the position is the one that was sent");
}

void check_replicas(std::string_view bytes) {
  rpc::Decoded<kv_replicas_result> result(xdr_kv_replicas_result);
  if (!decode(bytes, xdr_kv_replicas_result, &result)) return;
  const Result<client::ReplicaList> list = client::replicas_of(*result, kServer);
  check_status(list.status());
  if (!list.ok()) return;
  RKV_CHECK(list.value().replicas.size() <= kReplicasMax, "no more replicas than a cluster has");
  for (const ReplicaAddress& replica : list.value().replicas) check_line(replica.host);
}

void check_replica_status(std::string_view bytes) {
  rpc::Decoded<kv_status_result> result(xdr_kv_status_result);
  if (!decode(bytes, xdr_kv_status_result, &result)) return;
  const Result<client::ReplicaStatus> got = client::status_of(*result, kServer);
  check_status(got.status());
  if (!got.ok()) return;
  const client::ReplicaStatus& status = got.value();
  check_line(status.replication);
  check_line(status.role);
  check_line(status.software);
  RKV_CHECK(status.uptime.ns >= 0, "no time is negative");
  RKV_CHECK(status.peers.size() <= kReplicasMax, "no more peers than a cluster has");
  for (const client::PeerStatus& peer : status.peers) {
    check_line(peer.reason);
    RKV_CHECK(peer.since.ns >= 0, "no time is negative");
  }
  RKV_CHECK(status.counters.size() <= kCountersMax, "no more counters than kv.x allows");
  for (const auto& [name, value] : status.counters) check_line(name);
  if (status.twopc) {
    RKV_CHECK(status.twopc->in_doubt.size() <= KV_IN_DOUBT_MAX, "no more than kv.x allows");
    for (const client::InDoubt& each : status.twopc->in_doubt) {
      RKV_CHECK(each.key.size() <= kKeySizeMax, "a key has its limit");
      RKV_CHECK(each.since.ns >= 0, "no time is negative");
    }
  }
  RKV_CHECK(!status.state_hash || status.state_hash->hash.size() == 2 * KV_STATE_HASH_SIZE,
            "a hash has its size");
}

void run(std::string_view input) {
  Taker taker(input);
  const std::uint8_t procedure = taker.take_byte();
  const ExactCopy copy(taker.rest());
  switch (procedure % 5) {
    case 0:
      return check_write<kv_put_result>(copy.view(), xdr_kv_put_result);
    case 1:
      return check_write<kv_del_result>(copy.view(), xdr_kv_del_result);
    case 2:
      return check_read(copy.view());
    case 3:
      return check_replicas(copy.view());
    default:
      return check_replica_status(copy.view());
  }
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
