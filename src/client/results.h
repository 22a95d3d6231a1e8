#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/replicas_config.h"
#include "base/status.h"
#include "base/time.h"

namespace rkv::client {

// How a put or del ended. What each status promises stands in kv.x; a reason names the server it
// comes from, and the replica where that is another one.
struct WriteOutcome {
  Status status;
  std::uint64_t key_version = 0;   // on success: of the key after a put, before a del
  Position position = 0;           // on success: writes applied by the replica that answered
  std::vector<ReplicaId> missing;  // kPartlyApplied: the replicas that may not have it
  std::string server;              // "host:port" that answered; empty if none did
};

// How a get ended.
struct ReadOutcome {
  Status status;
  std::string value;
  std::uint64_t key_version = 0;
  Position position = 0;
  std::string server;
};

// What REPLICAS says.
struct ReplicaList {
  ReplicaId self;  // the replica that answered
  std::vector<ReplicaAddress> replicas;
  std::string server;
};

// Another replica as seen by the one that answers STATUS.
struct PeerStatus {
  ReplicaId id;
  bool up = false;
  std::string reason;  // when it is down
  Duration since;      // how long it has been so
};

struct StateHash {
  std::string hash;  // hexadecimal
  Position position = 0;
  std::uint64_t keys = 0;
};

// The number of a Paxos proposal. Round 0: there is none.
struct PaxosBallot {
  std::uint64_t round = 0;
  ReplicaId replica;
};

// What a replica of replication paxos says of its protocol; see kv_paxos_status in kv.x.
struct PaxosStatus {
  PaxosBallot ballot;  // of the leader that the replica is or follows
  PaxosBallot promised;
  Position chosen = 0;
  Position synced = 0;  // the highest slot that its log has on disk
  Position cut = 0;     // slots up to this one are in its state only
  Duration lease;       // of a leader: how long it still may read without asking others
  std::uint64_t elections = 0;
  Duration election_age;  // since the last of them; meaningless if there was none
  std::uint64_t log_bytes = 0;
};

// A transaction of which a replica does not know the outcome; see kv_txn_in_doubt in kv.x.
struct InDoubt {
  ReplicaId coordinator;
  Incarnation incarnation = 0;  // of the coordinator, when it began the transaction
  std::uint64_t number = 0;
  std::string key;  // any bytes
  Duration since;   // how long it has been so
};

// What a replica of replication 2pc says of its protocol; see kv_twopc_status in kv.x.
struct TwoPcStatus {
  ReplicaId coordinator;  // of all writes; 0: the replica that is asked
  std::uint64_t waiting = 0;
  std::uint64_t voting = 0;
  std::uint64_t unfinished = 0;
  std::uint64_t prepared = 0;
  std::uint64_t in_doubt_count = 0;
  std::vector<InDoubt> in_doubt;  // the oldest of them, oldest first
  std::uint64_t conflicts = 0;
  std::uint64_t aborted = 0;
  std::uint64_t log_bytes = 0;
};

// What STATUS says; see kv_status_ok in kv.x.
struct ReplicaStatus {
  ClusterId cluster;
  ReplicaId replica;
  Incarnation incarnation = 0;
  std::string replication;
  std::string role;
  ReplicaId leader;  // 0: there is none, or none is needed
  Position applied = 0;
  Position durable = 0;              // of those, in the state on disk
  std::optional<PaxosStatus> paxos;  // of replication paxos
  std::optional<TwoPcStatus> twopc;  // of replication 2pc
  std::string trouble;               // what a person has to see to, or empty
  std::uint64_t keys = 0;
  std::string software;
  Duration uptime;
  std::vector<PeerStatus> peers;
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  std::optional<StateHash> state_hash;  // when it was asked for
};

}  // namespace rkv::client
