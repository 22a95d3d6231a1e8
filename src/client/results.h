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
#include "client/transaction.h"

namespace rkv::client {

// What every outcome tells. What each status promises stands in kv.x; a reason names the server it
// comes from, and the replica where that is another one, and of a write it says whether nothing
// happened or the outcome is unknown.
struct Outcome {
  Status status;
  std::string server;  // "host:port" whose answer this is; empty if there is none
  ReplicaId replica;   // the same by its id, where that is known; else 0
  // On success: under paxos the slot of the write, or up to which was read; else a count of the
  // replica that answered. Also of a get or del that found no key.
  Position position = 0;

  // What is certain about it. Not for kinds of outcome that can be of a read: they have their own.
  Certainty certainty() const { return certainty_of(status.code()); }
};

// The certainty of what only reads: without an answer nothing has happened.
inline Certainty certainty_of_read(const Status& status) {
  return status.ok() ? Certainty::kDone : Certainty::kNothingHappened;
}

// How a put, del, incr or append ended.
struct WriteOutcome : Outcome {
  std::uint64_t key_version = 0;   // on success: of the key after a put, before a del
  std::vector<ReplicaId> missing;  // kPartlyApplied: the replicas that may not have it
  // With a condition: whether it held. If not, the status is success and nothing was changed.
  bool condition_held = true;
  // What was there before, if it was wanted; and, without its value unless that was wanted, what is
  // there when the condition did not hold.
  std::optional<Entry> previous;
  std::int64_t number = 0;  // incr: the new number
  std::uint64_t size = 0;   // append: bytes of the new value
};

// How a get ended.
struct ReadOutcome : Outcome {
  std::string value;
  std::uint64_t key_version = 0;
  Revisions revisions;  // all 0 unless they were wanted

  Certainty certainty() const { return certainty_of_read(status); }
};

// How a get of several keys ended.
struct ReadManyOutcome : Outcome {
  std::vector<std::optional<Entry>> entries;  // in the order of the keys; on success only
  bool at_once = true;  // false: there were too many keys for one transaction, so that the entries
                        // are of several moments; `position` is that of the last one

  Certainty certainty() const { return certainty_of_read(status); }
};

// How a transaction ended.
struct TransactOutcome : Outcome {
  bool succeeded = false;           // every compare held: the results are those of `then`
  std::vector<StepResult> results;  // one for each step of that branch
  bool reads_only = false;          // so that nothing can have happened

  Certainty certainty() const {
    return reads_only ? certainty_of_read(status) : Outcome::certainty();
  }
};

// How a removal of a range ended. kUnknown, too, where a part of it was done and a later one
// failed.
struct RemoveRangeOutcome : Outcome {
  std::uint64_t removed = 0;  // keys, also when a later part failed
  bool at_once = true;        // false: it took several transactions, not one
};

struct RangeEntry {
  std::string key;
  Entry entry;
  bool operator==(const RangeEntry&) const = default;
};

// One page of a range. `position` is the revision that it shows.
struct PageOutcome : Outcome {
  std::vector<RangeEntry> entries;
  std::uint64_t count = 0;  // of the keys that this page covers
  std::string next;         // for RangeQuery::token; empty: this is the last page

  Certainty certainty() const { return certainty_of_read(status); }
};

// What SESSION says.
struct Session {
  std::uint64_t first_sequence = 0;
  bool ids_protect = false;      // a write that is sent twice is done once
  bool has_total_order = false;  // positions are slots, the same at all replicas
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
