#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/unique_function.h"
#include "client/options.h"
#include "client/range.h"
#include "client/results.h"
#include "client/server.h"
#include "client/transaction.h"
#include "rpc/event_loop.h"

namespace rkv::client {

// Calls a cluster, with many operations under way at once, on an event loop. Everything is for the
// loop's thread. Each operation ends in its callback, which is run once, by the operation's timeout
// at the latest, and never from within the call that begins it. Operations that are under way
// together may be done in any order.
//
// Servers. An operation goes to the first server, in the order given, that is not known to fail.
// When nothing came of it there (not sent, busy, not available there, no such service), or there is
// no answer in its share of the time, it is sent to the next one; those that failed come last. When
// all have been tried it begins again, after a pause that grows and is shortened at random. A
// server that failed is asked from time to time, and used again when it answers. With
// ClientOptions::discover the servers that REPLICAS names come behind those given.
//
// Writes. Each has an operation id, so that it is done once however often it is sent; so it is sent
// until there is an answer or its time is over, and only then kUnknown, if a copy of it may have
// been run; else kUnavailable or kBusy: nothing happened. The ids count from what SESSION says,
// which is asked before the first write. kExpired of an operation of which another copy may have
// been run means: outcome unknown; otherwise a new session is asked for and it is sent again with a
// new id. Under replication forward ids protect nothing: a write without an answer is kUnknown at
// once, and over UDP it may be done more than once.
//
// Statuses of the client's own: kInvalid for an empty key, kOverLimit for what is over a limit,
// kBusy when there are too many operations under way, all without a call.
class AsyncClient {
 public:
  using WriteDone = UniqueFunction<void(WriteOutcome)>;
  using ReadDone = UniqueFunction<void(ReadOutcome)>;
  using TransactDone = UniqueFunction<void(TransactOutcome)>;
  using PageDone = UniqueFunction<void(PageOutcome)>;
  using ReplicasDone = UniqueFunction<void(Result<ReplicaList>)>;
  using StatusDone = UniqueFunction<void(Result<ReplicaStatus>)>;

  // `servers`: at least one. `loop` must outlive the client.
  AsyncClient(rpc::EventLoop& loop, std::vector<Server> servers, const ClientOptions& options = {});
  // What is under way ends before this returns: as kUnknown what may have been done, else as
  // kUnavailable. Not from within a callback of this client.
  ~AsyncClient();
  AsyncClient(const AsyncClient&) = delete;
  AsyncClient& operator=(const AsyncClient&) = delete;

  void put(std::string key, std::string value, WriteDone done, const CallOptions& options = {});
  // kNotFound: there was nothing to remove.
  void del(std::string key, WriteDone done, const CallOptions& options = {});
  void get(std::string key, ReadDone done, const CallOptions& options = {});
  void transact(Transaction transaction, TransactDone done, const CallOptions& options = {});
  // One page.
  void range(RangeQuery query, PageDone done, const CallOptions& options = {});
  // The replicas of the cluster, as the first server that answers knows them.
  void replicas(ReplicasDone done, const CallOptions& options = {});
  // How the first server that answers is. `state_hash`: see ask_status() in status_query.h, which
  // asks servers of which each is meant.
  void status(bool state_hash, StatusDone done, const CallOptions& options = {});

  std::size_t operations_under_way() const;
  std::size_t bytes_under_way() const;  // of their keys and values

  // The token of kSequential: the highest slot of any answer so far. Never goes back.
  Position seen() const;
  // As if an answer had said it: from another client, or from an earlier run of the program.
  void saw(Position position);

  // Those in use now: the ones given, then the ones learnt.
  std::vector<Server> servers() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace rkv::client
