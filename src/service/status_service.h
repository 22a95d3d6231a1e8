#pragma once

#include <kv.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "env/log_device.h"
#include "kv/store.h"
#include "paxos/paxos.h"
#include "rpc/reply.h"
#include "rpc/server.h"
#include "service/client_call.h"
#include "service/peers.h"
#include "twopc/twopc.h"

namespace rkv::service {

// REPLICAS and STATUS: what there is to know about a replica. For the loop's thread.
class StatusService {
 public:
  // What is passed by reference must outlive the service.
  StatusService(const ClientContext& context, kv::Store& store, Peers& peers,
                const rpc::Server& server);

  // ClientService says what these three do.
  void add_counter(std::string name, std::function<std::uint64_t()> read);
  void show_paxos(const paxos::Paxos& paxos, const env::LogDevice& log);
  void show_twopc(const twopc::TwoPc& twopc, const env::LogDevice& log);

  void replicas(rpc::Reply<kv_replicas_result> reply);
  void status(const kv_status_args& args, rpc::Reply<kv_status_result> reply);

 private:
  struct Counter {
    std::string name;
    std::uint64_t value;
  };
  std::vector<Counter> counters() const;
  kv_paxos_status paxos_status() const;
  kv_twopc_status twopc_status(const twopc::View& view, std::vector<kv_txn_in_doubt>* parts) const;
  void send_status(rpc::Reply<kv_status_result> reply, const kv::StateHash* hash) const;

  const ClientContext context_;
  kv::Store& store_;
  Peers& peers_;
  const rpc::Server& server_;
  const TimePoint started_;              // when this replica was
  const paxos::Paxos* paxos_ = nullptr;  // at most one of the two
  const twopc::TwoPc* twopc_ = nullptr;
  const env::LogDevice* log_ = nullptr;
  std::vector<std::pair<std::string, std::function<std::uint64_t()>>> added_counters_;
};

}  // namespace rkv::service
