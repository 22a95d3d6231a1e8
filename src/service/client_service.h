#pragma once

#include <kv.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/log.h"
#include "env/log_device.h"
#include "kv/store.h"
#include "paxos/paxos.h"
#include "replica/manager.h"
#include "rpc/event_loop.h"
#include "rpc/reply.h"
#include "rpc/server.h"
#include "service/client_call.h"
#include "service/client_ranges.h"
#include "service/client_reads.h"
#include "service/client_transactions.h"
#include "service/client_writes.h"
#include "service/cluster.h"
#include "service/peers.h"
#include "service/status_service.h"
#include "twopc/twopc.h"

namespace rkv::service {

// KV_PROG: what clients call. Its parts have the procedures: each takes the arguments of one,
// copies out of them what it keeps, and answers when the replica manager has done its share. For
// the loop's thread.
class ClientService {
 public:
  static constexpr std::uint32_t kProgram = KV_PROG;
  static constexpr std::uint32_t kVersion = KV_V1;

  // What is passed by reference must outlive the service.
  ClientService(const Cluster& cluster, replica::Manager& manager, kv::Store& store, Peers& peers,
                const rpc::Server& server, rpc::EventLoop& loop, Logger& logger);

  // Adds KV_PROG to a server, with its overload and datagram replies; has the writes that come over
  // UDP remembered.
  void serve_on(rpc::Server& server);

  // Adds a number to the counters of STATUS that this service does not know; `read` is called for
  // each STATUS.
  void add_counter(std::string name, std::function<std::uint64_t()> read);

  // Makes STATUS tell of the replica's protocol, when that is Paxos, and its log. Both must outlive
  // the service.
  void show_paxos(const paxos::Paxos& paxos, const env::LogDevice& log);
  // The same for two-phase commit.
  void show_twopc(const twopc::TwoPc& twopc, const env::LogDevice& log);

  ClientWrites& writes() { return writes_; }                    // PUT, DEL
  ClientReads& reads() { return reads_; }                       // GET
  ClientTransactions& transactions() { return transactions_; }  // TXN
  ClientRanges& ranges() { return ranges_; }                    // RANGE
  StatusService& status() { return status_; }                   // REPLICAS, STATUS
  void session(rpc::Reply<kv_session_result> reply);            // SESSION

 private:
  const ClientContext context_;
  ClientWrites writes_;
  ClientReads reads_;
  ClientTransactions transactions_;
  ClientRanges ranges_;
  StatusService status_;
};

}  // namespace rkv::service
