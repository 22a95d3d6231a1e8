#include "rkvd/daemon.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "forward/forward.h"
#include "paxos/paxos.h"
#include "posix/system.h"
#include "rkvd/listen_address.h"
#include "twopc/twopc.h"

namespace rkv::daemon {
namespace {

constexpr std::size_t kReplicasFileSizeMax = 1 << 20;
constexpr const char* kSingleHost = "localhost";
constexpr const char* kClientSocketName = "client";
constexpr const char* kPeerSocketName = "peer";
constexpr Duration kClosingTime = milliseconds(200);
constexpr Duration kSilence = milliseconds(100);

// Peers get capacity of their own, which no client can take: their own port, server and limits.
rpc::ServerLimits peer_limits() {
  rpc::ServerLimits limits;
  limits.connections_max = 1024;
  limits.calls_per_connection_max = 16384;
  limits.output_per_connection_max = 64 << 20;
  limits.record_size_max = service::kPeerRecordSizeMax;
  limits.idle_timeout = seconds(60);
  return limits;
}

Result<std::vector<ReplicaAddress>> replicas_of(const Options& options) {
  if (options.replicas_file.empty()) {
    return std::vector<ReplicaAddress>{{ReplicaId{options.id.value_or(1)}, kSingleHost}};
  }
  const Result<std::string> text = posix::read_file(options.replicas_file, kReplicasFileSizeMax);
  if (!text.ok()) return text.status();
  return parse_replicas(text.value(), options.replicas_file);
}

Status check_own_id(const Options& options, const std::vector<ReplicaAddress>& replicas) {
  if (options.replicas_file.empty()) return {};
  if (!options.id) return Status::invalid("--id N is missing: which replica of the file this is");
  for (const ReplicaAddress& replica : replicas) {
    if (replica.id.value == *options.id) return {};
  }
  return Status::invalid(options.replicas_file + ": there is no replica " +
                         std::to_string(*options.id) + " (--id) in it");
}

Status check_coordinator(const Options& options, const std::vector<ReplicaAddress>& replicas) {
  if (options.replicas_file.empty() || !options.coordinator) return {};
  for (const ReplicaAddress& replica : replicas) {
    if (replica.id.value == *options.coordinator) return {};
  }
  return Status::invalid(options.replicas_file + ": there is no replica " +
                         std::to_string(*options.coordinator) + " (--coordinator) in it");
}

std::string list_of(const std::vector<rpc::Address>& addresses) {
  std::string text;
  for (const rpc::Address& address : addresses) {
    text += (text.empty() ? "" : " and ") + address.to_string();
  }
  return text.empty() ? "nowhere" : text;
}

}  // namespace

// Turns the signals of a stop into calls on the loop's thread.
class Daemon::SignalHandler final : public rpc::EventLoop::Handler {
 public:
  explicit SignalHandler(Daemon& daemon)
      : daemon_(daemon), descriptor_(posix::take_over_signals()) {
    daemon_.loop_.watch(descriptor_, EPOLLIN, this);
  }
  ~SignalHandler() override {
    daemon_.loop_.unwatch(descriptor_);
    close(descriptor_);
  }
  SignalHandler(const SignalHandler&) = delete;
  SignalHandler& operator=(const SignalHandler&) = delete;

  void on_ready(std::uint32_t /*events*/) override {
    if (posix::read_signal(descriptor_) != 0) daemon_.stop("told to stop");
  }

 private:
  Daemon& daemon_;
  const int descriptor_;
};

Result<std::unique_ptr<Daemon>> Daemon::start(const Options& options, Logger& logger,
                                              posix::ServiceManager& manager) {
  Result<std::vector<ReplicaAddress>> replicas = replicas_of(options);
  if (!replicas.ok()) return replicas.status();
  Status status = check_own_id(options, replicas.value());
  if (status.ok()) status = check_coordinator(options, replicas.value());
  if (!status.ok()) return status;
  service::Cluster cluster;
  cluster.replicas = std::move(replicas).value();
  std::unique_ptr<Daemon> daemon(new Daemon(options, logger, manager, std::move(cluster)));
  status = daemon->open_data();
  if (!status.ok()) return status;
  RKV_FAILPOINT(start_after_identity);
  daemon->wire();
  RKV_FAILPOINT(start_after_recovery);
  status = daemon->listen();
  if (status.ok()) status = daemon->register_with_rpcbind();
  if (status.ok()) status = daemon->begin_role_failures();
  if (!status.ok()) return status;
  RKV_FAILPOINT(start_after_listen);
  daemon->announce();
  return daemon;
}

Daemon::Daemon(const Options& options, Logger& logger, posix::ServiceManager& manager,
               service::Cluster cluster)
    : options_(options),
      logger_(logger),
      service_manager_(manager),
      cluster_(std::move(cluster)),
      signals_(std::make_unique<SignalHandler>(*this)),
      resolver_(loop_),
      client_server_(loop_, logger, "client port", options.client_limits),
      peer_server_(loop_, logger, "peer port", peer_limits()) {}

Daemon::~Daemon() {
  loop_.cancel_timer(turn_timer_);
  if (peers_ != nullptr) peers_->stop_listening();
}

Status Daemon::open_data() {
  Result<std::unique_ptr<ReplicaData>> data = ReplicaData::open(options_, loop_, logger_);
  if (!data.ok()) return data.status();
  data_ = std::move(data).value();
  const Identity& identity = data_->identity();
  cluster_.id = identity.cluster;
  cluster_.self = identity.replica;
  cluster_.incarnation = data_->incarnation();
  cluster_.replication = identity.replication;
  cluster_.replication_name = name_of(identity.replication);
  if (identity.single) cluster_.replicas.front().id = cluster_.self;
  if (identity.replication == service::Replication::kPaxos) {
    cluster_.lease_ms = static_cast<std::uint32_t>(options_.paxos.lease.ms());
  }
  cluster_.coordinator.value = options_.coordinator.value_or(0);
  return {};
}

std::unique_ptr<protocol::Protocol> Daemon::make_protocol() {
  std::vector<ReplicaId> peers;
  for (const ReplicaAddress& peer : cluster_.peers()) peers.push_back(peer.id);
  if (cluster_.replication == service::Replication::kForward) {
    forward::Forward::Options options;
    options.self = cluster_.self;
    options.answer_timeout = options_.answer_timeout;
    options.peers = std::move(peers);
    return std::make_unique<forward::Forward>(options);
  }
  std::vector<ReplicaId> all = std::move(peers);
  all.push_back(cluster_.self);
  if (cluster_.replication == service::Replication::kTwoPc) {
    twopc::Options options = options_.twopc;
    options.self = cluster_.self;
    options.replicas = std::move(all);
    options.coordinator = cluster_.coordinator;
    auto made = std::make_unique<twopc::TwoPc>(options);
    twopc_ = made.get();
    return made;
  }
  paxos::Options options = options_.paxos;
  options.self = cluster_.self;
  options.replicas = std::move(all);
  posix::fill_random(&options.seed, sizeof options.seed);
  auto made = std::make_unique<paxos::Paxos>(options);
  paxos_ = made.get();
  return made;
}

void Daemon::wire() {
  peers_ = std::make_unique<service::Peers>(cluster_, loop_, resolver_, logger_,
                                            service::Peers::Options());
  replica::Manager::Limits limits;
  limits.writes_waiting_max = options_.client_limits.calls_max;
  limits.reads_waiting_max = options_.client_limits.calls_max;
  limits.epoch_age_max = options_.epoch_age;
  manager_ = std::make_unique<replica::Manager>(
      make_protocol(),
      replica::Manager::Environment{data_->store(), *peers_, data_->log(), cluster_.self,
                                    cluster_.incarnation},
      limits, rpc::EventLoop::read_clock(), [this] { loop_.request_turn(); });
  client_service_ = std::make_unique<service::ClientService>(
      cluster_, *manager_, data_->store(), *peers_, client_server_, loop_, logger_);
  if (paxos_ != nullptr) client_service_->show_paxos(*paxos_, *data_->log());
  if (twopc_ != nullptr) client_service_->show_twopc(*twopc_, *data_->log());
  client_service_->serve_on(client_server_);
  client_service_->add_counter("rpcbind_registered", [this] {
    return std::uint64_t{registration_ == nullptr ? 0 : registration_->registered()};
  });
  peer_service_ = std::make_unique<service::PeerService>(cluster_, *manager_, *peers_, logger_);
  peer_service_->serve_on(peer_server_);
  // After the servers' own: what they read this turn is worked on this turn.
  loop_.add_turn_hook(rpc::EventLoop::TurnPhase::kStep, [this] { turn(); });
  loop_.add_turn_hook(rpc::EventLoop::TurnPhase::kFlush, [this] { stop_further(); });
}

Status Daemon::listen() {
  const ReplicaAddress own = *cluster_.find(cluster_.self);
  const bool has_peers = cluster_.replicas.size() > 1;
  if (has_peers) {
    members_ = std::make_unique<MemberAddresses>(cluster_.replicas, loop_, resolver_, logger_);
    peer_server_.set_accept_filter(
        [this](const rpc::Address& from) { return members_->contains(from); });
  }
  Status status = listen_inherited();
  const bool is_inherited = !client_addresses_.empty();
  if (status.ok() && !is_inherited) {
    status = listen_at(client_server_, options_.listen, own.host, own.client_port, options_.udp,
                       &client_addresses_);
  }
  if (status.ok() && has_peers && peer_addresses_.empty()) {
    status = listen_at(peer_server_, options_.peer_listen, own.host, own.peer_port, false,
                       &peer_addresses_);
  }
  if (!status.ok() || has_peers) return status;
  // A single replica is where it listens; nobody else knows better.
  ReplicaAddress& self = cluster_.replicas.front();
  if (is_inherited) {
    const rpc::Address& bound = client_addresses_.front();
    if (!rpc::is_wildcard(bound)) self.host = bound.host();
    self.client_port = bound.port();
  } else if (!options_.listen.empty()) {
    const Result<rpc::HostPort> given = rpc::split_host_port(options_.listen, kDefaultClientPort);
    if (!given.ok()) return given.status();
    self.host = given.value().host;
    self.client_port = given.value().port;
  }
  return {};
}

// The sockets that the service manager has bound are used in place of those that the options name.
Status Daemon::listen_inherited() {
  Status status;
  for (const posix::InheritedSocket& socket : service_manager_.take_sockets()) {
    const bool is_client = socket.name == kClientSocketName;
    const bool is_peer = socket.name == kPeerSocketName && cluster_.replicas.size() > 1;
    if (status.ok() && (is_client || (is_peer && !socket.is_datagram))) {
      const Result<rpc::Address> bound =
          (is_client ? client_server_ : peer_server_).listen_on(socket.descriptor);
      status = bound.status();
      if (!bound.ok() || socket.is_datagram) continue;
      (is_client ? client_addresses_ : peer_addresses_).push_back(bound.value());
      continue;
    }
    close(socket.descriptor);
    if (!status.ok()) continue;
    status = Status::invalid("the inherited " + std::string(socket.is_datagram ? "UDP" : "TCP") +
                             " socket '" + socket.name + "' has no use here: sockets named " +
                             kClientSocketName + ", and in a cluster TCP sockets named " +
                             kPeerSocketName + ", have; with systemd, see FileDescriptorName=");
  }
  return status;
}

Status Daemon::listen_at(rpc::Server& server, const std::string& option, const std::string& host,
                         std::uint16_t port, bool udp, std::vector<rpc::Address>* bound) {
  const Result<std::vector<ListenAddress>> addresses = listen_addresses(option, host, port);
  if (!addresses.ok()) return addresses.status();
  for (const ListenAddress& wanted : addresses.value()) {
    const Result<rpc::Address> address = server.listen(wanted.address);
    if (!address.ok()) {
      if (wanted.optional) continue;
      return address.status();
    }
    bound->push_back(address.value());
    if (!udp) continue;
    const Result<rpc::Address> same = server.listen(address.value(), rpc::Transport::kUdp);
    if (!same.ok() && !wanted.optional) return same.status();
  }
  return {};
}

Status Daemon::register_with_rpcbind() {
  if (options_.rpcbind == RpcbindUse::kOff) return {};
  rpc::RpcbindRegistration::Options options;
  options.registrar.program = service::ClientService::kProgram;
  options.registrar.version = service::ClientService::kVersion;
  options.check_interval = options_.rpcbind_check_interval;
  registration_ = std::make_unique<rpc::RpcbindRegistration>(loop_, logger_, options,
                                                             client_server_.endpoints());
  if (options_.rpcbind == RpcbindUse::kRequire) {
    const Status status = registration_->register_now();
    if (!status.ok()) {
      return Status(status.code(), status.reason() + " (and --rpcbind is require)");
    }
  }
  registration_->start();
  return {};
}

Status Daemon::begin_role_failures() {
  if (options_.role_failures.empty()) return {};
  Result<std::unique_ptr<RoleFailures>> begun = RoleFailures::begin(
      options_.role_failures, manager_->roles(), options_.fail_seed, cluster_.self,
      {[this](std::string_view role) { return manager_->stop_role(role); },
       [this](std::string_view role) { return manager_->start_role(role); },
       [] { return rpc::EventLoop::read_clock(); },
       [this](TimePoint when, std::function<void()> task) {
         loop_.add_timer(when, std::move(task));
       },
       logger_});
  if (!begun.ok()) return Status::invalid("--fail: " + begun.status().reason());
  role_failures_ = std::move(begun).value();
  return {};
}

// From here on it serves, as soon as the loop runs.
void Daemon::announce() {
  peers_->start(this);
  const std::string clients = list_of(client_addresses_);
  const std::vector<rpc::Endpoint> endpoints = client_server_.endpoints();
  const bool takes_udp =
      std::any_of(endpoints.begin(), endpoints.end(),
                  [](const rpc::Endpoint& each) { return each.transport == rpc::Transport::kUdp; });
  logger_.info(
      "replica {} of cluster {}, replication {}, started for the {}. time: {} keys, "
      "clients at {} ({}), peers at {}",
      cluster_.self.value, cluster_.id.to_string(), cluster_.replication_name, cluster_.incarnation,
      data_->store().keys(), clients, takes_udp ? "tcp and udp" : "tcp", list_of(peer_addresses_));
  loop_.post([this, clients] {
    tell_manager(service_manager_.ready("replica " + std::to_string(cluster_.self.value) +
                                        " takes clients at " + clients));
  });
}

void Daemon::tell_manager(const Status& told) {
  if (!told.ok()) logger_.error("{}", told.reason());
}

void Daemon::run() { loop_.run(); }

void Daemon::peer_up(ReplicaId peer) { manager_->peer_up(peer); }

void Daemon::peer_down(ReplicaId peer, const std::string& reason) {
  manager_->peer_down(peer, reason);
}

// The end of each turn of the loop: the replica works on what came in. The clock is read anew,
// after the sockets were drained.
void Daemon::turn() {
  manager_->turn(rpc::EventLoop::read_clock());
  log_role();
  const TimePoint next = manager_->next_turn();
  if (next != turn_timer_at_) {
    loop_.cancel_timer(turn_timer_);
    // The turn in which the timer runs ends here too: that is all it is for.
    turn_timer_ = next == kNever ? 0 : loop_.add_timer(next, [] {});
    turn_timer_at_ = next;
  }
}

// Who leads, and what a person has to see to, whenever that changes.
void Daemon::log_role() {
  protocol::Role role = manager_->role();
  if (role.trouble != logged_role_.trouble) {
    if (role.trouble.empty()) {
      logger_.info("over: {}", logged_role_.trouble);
    } else {
      logger_.error("{}", role.trouble);
    }
  }
  if (role.leader != logged_role_.leader && paxos_ != nullptr) {
    const paxos::Paxos::View view = paxos_->view();
    const bool led = logged_role_.leader == cluster_.self && role.leader != cluster_.self;
    if (led) logger_.info("this replica does not lead any more: {}", view.yielded_because);
    if (role.leader == ReplicaId{}) {
      logger_.info("there is no leader");
    } else {
      logger_.info("the leader is replica {}, with ballot {}.{}", role.leader.value,
                   view.ballot.round, view.ballot.replica.value);
    }
  }
  logged_role_ = std::move(role);
}

void Daemon::stop(const char* why) {
  if (stage_ != Stage::kServing) {
    logger_.info("told to stop again: leaving at once");
    loop_.stop();
    return;
  }
  logger_.info("stopping: {}; {} calls are under way", why,
               client_server_.counters().calls_waiting);
  stage_ = Stage::kDrainingClients;
  tell_manager(service_manager_.stopping(why));
  if (registration_ != nullptr) registration_->withdraw();
  client_server_.stop_taking_calls();
  loop_.add_timer(loop_.now() + options_.stop_timeout, [this] {
    if (stage_ == Stage::kClosing) return;
    logger_.error("not everything could be answered within {} ms; leaving all the same",
                  options_.stop_timeout.ms());
    loop_.stop();
  });
  loop_.request_turn();
}

// Whether no call came for a while. Clients that were refused make a pause: a connection that is
// closed then takes no call with it whose outcome its client could not know.
bool Daemon::clients_are_silent() {
  if (client_server_.counters().connections == 0) return true;
  const std::uint64_t calls = client_server_.counters().calls;
  if (calls != calls_seen_ || calls_grew_ == TimePoint()) {
    calls_seen_ = calls;
    calls_grew_ = loop_.now();
    loop_.add_timer(calls_grew_ + kSilence, [] {});
  }
  return loop_.now() >= calls_grew_ + kSilence;
}

void Daemon::stop_further() {
  if (stage_ == Stage::kDrainingClients && client_server_.quiet() && clients_are_silent()) {
    stage_ = Stage::kDrainingPeers;
    client_server_.close_connections();
    peer_server_.stop_taking_calls();
  }
  if (stage_ == Stage::kDrainingPeers && peer_server_.quiet() && manager_->quiet()) {
    stage_ = Stage::kClosing;
    peer_server_.close_connections();
    logger_.info("stopped: everything was answered");
    // A client that does not close its side has its answers by now.
    loop_.add_timer(loop_.now() + kClosingTime, [this] { loop_.stop(); });
  }
  const bool all_gone =
      client_server_.counters().connections == 0 && peer_server_.counters().connections == 0;
  if (stage_ == Stage::kClosing && all_gone) loop_.stop();
}

}  // namespace rkv::daemon
