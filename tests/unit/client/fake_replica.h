#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "client/server.h"

namespace rkv::client {

// What a FakeReplica does with a call.
struct Reaction {
  enum class Kind {
    kServe,          // do it
    kFail,           // answer with `status` and `reason`
    kPartly,         // answer a write as partly applied
    kCrash,          // answer SYSTEM_ERR: the outcome is unknown
    kHold,           // do not answer until release()
    kServeSilently,  // do it, and then answer as kCrash does
  };
  Kind kind = Kind::kServe;
  int status = 0;  // of kv_status
  std::string reason;
};

// A call that a FakeReplica got.
struct SeenCall {
  std::string what;  // "put", "get", "del", "txn", "range", "replicas", "status" or "session"
  std::string key;   // of a transaction: of its first step, then or else; of a range: its token
  std::string value;
  OperationId operation;
  int consistency = 0;  // of kv_consistency
  std::uint64_t seen = 0;
  std::size_t steps = 0;                // of a transaction: of `then`
  bool has_options = false;             // of a get: its arguments have case 1
  bool wants_missing_position = false;  // of a get or del: its arguments do not have case 0
  bool one_page = false;                // of a range
};

// A server of KV_PROG, over TCP and UDP, that keeps its keys to itself and misbehaves when it is
// told to; in a thread of its own, on a port of 127.0.0.1 that the kernel picks. Thread-safe.
class FakeReplica {
 public:
  explicit FakeReplica(std::uint32_t id);
  // Offers another program instead, so that every call is refused with PROG_UNAVAIL.
  static std::unique_ptr<FakeReplica> without_program();
  // The same at a port of 127.0.0.1 that was free a moment ago.
  FakeReplica(std::uint32_t id, std::uint16_t port);
  // Whoever still waits gets SYSTEM_ERR.
  ~FakeReplica();
  FakeReplica(const FakeReplica&) = delete;
  FakeReplica& operator=(const FakeReplica&) = delete;

  Server address() const;
  // What to do with the puts, gets, dels, transactions and ranges to come, one each; after the last
  // one all are served.
  void expect(std::vector<Reaction> reactions);
  // What to do with all of them from now on.
  void always(Reaction reaction);
  // What SESSION answers; 1 at first.
  void set_first_sequence(std::uint64_t first_sequence);
  // What STATUS calls the replication; "paxos" at first.
  void set_replication(std::string replication);
  // Where the position of the next write comes behind.
  void set_position(std::uint64_t position);
  // How many entries a page has at most; 0: all. A page's token is the key that it goes on with.
  void set_page(std::size_t entries);
  // What REPLICAS answers.
  void set_replicas(std::vector<ReplicaAddress> replicas);
  // Serves what is held back, and holds nothing back from now on.
  void release();

  // The puts, gets, dels, transactions and ranges so far; a question for a session is none.
  std::vector<SeenCall> calls() const;
  // How often it was asked for its replicas, its status, a session.
  std::size_t questions(const std::string& what) const;
  // Waits until there are that many, or fails the test.
  void wait_for_calls(std::size_t count) const;

 private:
  FakeReplica(std::uint32_t id, std::uint16_t port, bool with_program);
  class State;
  std::unique_ptr<State> state_;
};

// An address of 127.0.0.1 that refuses connections for as long as this lives.
class DeadServer {
 public:
  DeadServer();
  ~DeadServer();
  DeadServer(const DeadServer&) = delete;
  DeadServer& operator=(const DeadServer&) = delete;
  Server address() const;

 private:
  int socket_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace rkv::client
