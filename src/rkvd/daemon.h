#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "paxos/paxos.h"
#include "posix/service_manager.h"
#include "replica/manager.h"
#include "rkvd/member_addresses.h"
#include "rkvd/options.h"
#include "rkvd/replica_data.h"
#include "rkvd/role_failures.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"
#include "rpc/rpcbind_registration.h"
#include "rpc/server.h"
#include "service/client_service.h"
#include "service/cluster.h"
#include "service/peer_service.h"
#include "service/peers.h"
#include "twopc/twopc.h"

namespace rkv::daemon {

// One replica: opens its data, wires the parts together, serves until it is told to stop.
class Daemon final : public service::Peers::Listener {
 public:
  // Takes over SIGTERM and SIGINT of the process. Listens at the sockets that the service manager
  // handed over, and for the rest as the options say. Fails with a reason for a person; then
  // nothing was changed but, with --create, what a failed creation left behind. What is passed by
  // reference must outlive the daemon.
  static Result<std::unique_ptr<Daemon>> start(const Options& options, Logger& logger,
                                               posix::ServiceManager& manager);
  ~Daemon() override;
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Serves until SIGTERM or SIGINT, then answers what is under way. A second signal stops at once.
  void run();

  void peer_up(ReplicaId peer) override;
  void peer_down(ReplicaId peer, const std::string& reason) override;

 private:
  // What run() does on its way out: clients first, then the peers, whose answers the clients wait
  // for.
  enum class Stage { kServing, kDrainingClients, kDrainingPeers, kClosing };
  class SignalHandler;

  Daemon(const Options& options, Logger& logger, posix::ServiceManager& manager,
         service::Cluster cluster);
  Status open_data();
  std::unique_ptr<protocol::Protocol> make_protocol();
  void wire();
  Status listen();
  Status listen_inherited();
  Status listen_at(rpc::Server& server, const std::string& option, const std::string& host,
                   std::uint16_t port, bool udp, std::vector<rpc::Address>* bound);
  Status register_with_rpcbind();
  Status begin_role_failures();
  void announce();
  void tell_manager(const Status& told);
  void turn();
  void log_role();
  void stop(const char* why);
  void stop_further();
  bool clients_are_silent();

  const Options options_;
  Logger& logger_;
  posix::ServiceManager& service_manager_;
  service::Cluster cluster_;
  Stage stage_ = Stage::kServing;

  // In the order in which they need one another: what is declared later goes first.
  rpc::EventLoop loop_;
  std::unique_ptr<SignalHandler> signals_;
  rpc::Resolver resolver_;
  rpc::Server client_server_;
  rpc::Server peer_server_;
  std::vector<rpc::Address> client_addresses_;  // where they listen
  std::vector<rpc::Address> peer_addresses_;
  std::unique_ptr<MemberAddresses> members_;
  std::unique_ptr<ReplicaData> data_;
  std::unique_ptr<service::Peers> peers_;
  std::unique_ptr<replica::Manager> manager_;
  const paxos::Paxos* paxos_ = nullptr;  // the manager's protocol, if it is this one
  const twopc::TwoPc* twopc_ = nullptr;  // or this one
  std::unique_ptr<service::ClientService> client_service_;
  std::unique_ptr<service::PeerService> peer_service_;
  std::unique_ptr<rpc::RpcbindRegistration> registration_;  // null with --rpcbind=off
  std::unique_ptr<RoleFailures> role_failures_;             // null without --fail
  rpc::EventLoop::TimerId turn_timer_ = 0;
  TimePoint turn_timer_at_ = kNever;

  protocol::Role logged_role_;  // as the log has it

  // While clients are drained: how many calls they had made, and when that number last grew.
  std::uint64_t calls_seen_ = 0;
  TimePoint calls_grew_;
};

}  // namespace rkv::daemon
