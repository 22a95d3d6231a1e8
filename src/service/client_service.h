#pragma once

#include <kv.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "env/log_device.h"
#include "kv/store.h"
#include "paxos/paxos.h"
#include "replica/manager.h"
#include "rpc/event_loop.h"
#include "rpc/reply.h"
#include "rpc/server.h"
#include "service/cluster.h"
#include "service/peers.h"
#include "twopc/twopc.h"

namespace rkv::service {

// KV_PROG: what clients call. Each function takes the arguments of one procedure, copies out of
// them what it keeps, and answers when the replica manager has done its part. For the loop's
// thread.
class ClientService {
 public:
  static constexpr std::uint32_t kProgram = KV_PROG;
  static constexpr std::uint32_t kVersion = KV_V1;

  // What is passed by reference must outlive the service. `started` is when this replica was.
  ClientService(const Cluster& cluster, replica::Manager& manager, kv::Store& store, Peers& peers,
                const rpc::Server& server, rpc::EventLoop& loop, Logger& logger);

  // Adds KV_PROG to a server, with its overload and datagram replies.
  void serve_on(rpc::Server& server);

  // Adds a number to the counters of STATUS that this service does not know; `read` is called for
  // each STATUS.
  void add_counter(std::string name, std::function<std::uint64_t()> read);

  // Makes STATUS tell of the replica's protocol, when that is Paxos, and its log. Both must outlive
  // the service.
  void show_paxos(const paxos::Paxos& paxos, const env::LogDevice& log);
  // The same for two-phase commit.
  void show_twopc(const twopc::TwoPc& twopc, const env::LogDevice& log);

  void put(const kv_put_args& args, rpc::Reply<kv_put_result> reply);
  void get(const kv_get_args& args, rpc::Reply<kv_get_result> reply);
  void del(const kv_del_args& args, rpc::Reply<kv_del_result> reply);
  void replicas(rpc::Reply<kv_replicas_result> reply);
  void status(const kv_status_args& args, rpc::Reply<kv_status_result> reply);

 private:
  struct Counter {
    std::string name;
    std::uint64_t value;
  };
  std::vector<Counter> counters() const;
  void read(std::string key, rpc::Reply<kv_get_result> reply);
  kv_paxos_status paxos_status() const;
  kv_twopc_status twopc_status(const twopc::View& view, std::vector<kv_txn_in_doubt>* parts) const;
  void send_status(rpc::Reply<kv_status_result> reply, const kv::StateHash* hash) const;
  // A line for each operation, when the log level is debug.
  void log_operation(const char* operation, std::string_view key, TimePoint begun,
                     const Status& status);

  const Cluster& cluster_;
  replica::Manager& manager_;
  kv::Store& store_;
  Peers& peers_;
  const rpc::Server& server_;
  rpc::EventLoop& loop_;
  Logger& logger_;
  const TimePoint started_;
  const paxos::Paxos* paxos_ = nullptr;  // at most one of the two
  const twopc::TwoPc* twopc_ = nullptr;
  const env::LogDevice* log_ = nullptr;
  std::vector<std::pair<std::string, std::function<std::uint64_t()>>> added_counters_;
};

}  // namespace rkv::service
