#include "service/peers.h"

#include <utility>

#include "base/check.h"
#include "base/failpoint.h"
#include "service/peer_codec.h"
#include "service/wire.h"

namespace rkv::service {
namespace {

constexpr rpc::Procedure<kv_rput_args, kv_rput_result> kRput = {
    KV_PEER_PROG, KV_PEER_V1, RPUT, xdr_kv_rput_args, xdr_kv_rput_result};

std::string replica_name(ReplicaId id) { return "replica " + std::to_string(id.value); }

// A connection over which nothing comes through is given up as soon as the peer counts as down, and
// tried anew all the time: TCP itself would wait longer and longer, and so would a cluster whose
// network is well again.
rpc::ChannelOptions channel_options(const Peers::Options& peers) {
  rpc::ChannelOptions options;
  options.stay_connected = true;
  options.connect_timeout = peers.hello_timeout;
  options.silence_timeout = peers.hello_timeout;
  options.backoff_max = peers.hello_interval;
  options.record_size_max = kPeerRecordSizeMax;
  return options;
}

}  // namespace

Peers::Peers(const Cluster& cluster, rpc::EventLoop& loop, rpc::Resolver& resolver, Logger& logger,
             const Options& options)
    : cluster_(cluster), loop_(loop), resolver_(resolver), logger_(logger), options_(options) {
  for (const ReplicaAddress& address : cluster_.peers()) {
    Peer& peer = peers_[address.id];
    peer.state.id = address.id;
    peer.state.since = loop_.now();
    peer.state.reason = "it has not been reached since the start";
  }
}

Peers::~Peers() {
  listener_ = nullptr;
  for (auto& [id, peer] : peers_) {
    loop_.cancel_timer(peer.hello_timer);
    if (peer.channel != nullptr) peer.channel->set_state_listener(nullptr);
  }
  for (auto& [id, peer] : peers_) peer.channel.reset();
}

void Peers::start(Listener* listener) {
  listener_ = listener;
  for (const ReplicaAddress& address : cluster_.peers()) {
    Peer& peer = peers_.at(address.id);
    peer.channel = std::make_unique<rpc::Channel>(loop_, resolver_, logger_, address.host,
                                                  address.peer_port, channel_options(options_));
    peer.channel->set_state_listener([this, &peer](bool connected, const std::string& reason) {
      connection_changed(peer, connected, reason);
    });
  }
}

void Peers::connection_changed(Peer& peer, bool connected, const std::string& reason) {
  loop_.cancel_timer(peer.hello_timer);
  peer.hello_timer = 0;
  if (connected) {
    send_hello(peer);
  } else {
    set_down(peer, reason);
  }
}

void Peers::send_hello(Peer& peer) {
  if (peer.hello_waiting) return;
  peer.hello_waiting = true;
  kv_rput_args args{};
  args.envelope = envelope_to_wire(cluster_, peer.state.id);
  args.message.phase = KV_PHASE_HELLO;
  peer.channel->call<kv_rput_args, kv_rput_result>(
      kRput, args, loop_.now() + options_.hello_timeout,
      [this, &peer](const rpc::CallOutcome& outcome, kv_rput_result& result) {
        hello_ended(peer, outcome, result);
      });
}

void Peers::hello_ended(Peer& peer, const rpc::CallOutcome& outcome, const kv_rput_result& result) {
  peer.hello_waiting = false;
  if (!outcome.answered()) {
    set_down(peer, outcome.reason);
  } else {
    const Status status = check_answer(cluster_, peer.state.id, result);
    if (status.ok()) {
      set_up(peer);
    } else {
      set_down(peer, status.reason());
    }
  }
  // Without a connection the next hello comes with the next one.
  if (peer.channel == nullptr || !peer.channel->connected()) return;
  loop_.cancel_timer(peer.hello_timer);
  peer.hello_timer =
      loop_.add_timer(loop_.now() + options_.hello_interval, [this, &peer] { send_hello(peer); });
}

void Peers::set_up(Peer& peer) {
  if (peer.state.up) return;
  peer.state = {peer.state.id, true, "", loop_.now()};
  logger_.info("{} is up", replica_name(peer.state.id));
  if (listener_ != nullptr) listener_->peer_up(peer.state.id);
}

void Peers::set_down(Peer& peer, const std::string& reason) {
  if (!peer.state.up && peer.state.reason == reason) return;
  const TimePoint since = peer.state.up ? loop_.now() : peer.state.since;
  peer.state = {peer.state.id, false, reason, since};
  const std::string line = replica_name(peer.state.id) + " is down: " + reason;
  logger_.info("{}", line);
  if (listener_ != nullptr) listener_->peer_down(peer.state.id, line);
}

void Peers::send(ReplicaId to, std::shared_ptr<const protocol::Message> message, Done done) {
  Peer& peer = peers_.at(to);
  RKV_CHECK(peer.channel != nullptr, "messages are sent after start()");
  if (RKV_FAILPOINT_FAILS(peers_before_send)) {
    loop_.post([done = std::move(done)] {
      done.failed(env::SendFailure::kNotDelivered, "a failpoint has dropped it");
    });
    return;
  }
  const OutgoingMessage outgoing(*message);
  const bool is_decision = outgoing.wire().phase == KV_PHASE_TXN_DECIDE;
  if (is_decision) RKV_FAILPOINT(peers_before_decision);
  kv_rput_args args{};
  args.envelope = envelope_to_wire(cluster_, to);
  args.message = outgoing.wire();
  peer.channel->call<kv_rput_args, kv_rput_result>(
      kRput, args, loop_.now() + options_.call_timeout,
      [this, to, phase = outgoing.wire().phase, done = std::move(done)](
          const rpc::CallOutcome& outcome, kv_rput_result& result) {
        if (!outcome.answered()) {
          const bool unknown = outcome.kind == rpc::CallOutcome::Kind::kUnknown;
          done.failed(unknown ? env::SendFailure::kUnknown : env::SendFailure::kNotDelivered,
                      outcome.reason);
          return;
        }
        const Status status = check_answer(cluster_, to, result);
        if (!status.ok()) {
          const bool unknown = status.code() == StatusCode::kUnknown;
          done.failed(unknown ? env::SendFailure::kUnknown : env::SendFailure::kNotDelivered,
                      status.reason());
          return;
        }
        if (RKV_FAILPOINT_FAILS(peers_before_answer)) {
          done.failed(env::SendFailure::kUnknown, "a failpoint has dropped the answer");
          return;
        }
        Result<protocol::MessagePtr> answer =
            answer_from_wire(phase, result.kv_rput_result_u.ok.answer);
        if (answer.ok()) {
          done.answered(std::move(answer).value());
        } else {
          done.failed(env::SendFailure::kUnknown, answer.status().reason());
        }
        RKV_FAILPOINT(peers_after_answer);
      });
  if (is_decision) RKV_FAILPOINT(peers_after_decision);
  RKV_FAILPOINT(peers_after_send);
}

void Peers::heard_from(ReplicaId peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.channel == nullptr) return;
  if (!found->second.channel->connected()) found->second.channel->connect_now();
}

std::vector<PeerState> Peers::states() const {
  std::vector<PeerState> states;
  for (const auto& [id, peer] : peers_) states.push_back(peer.state);
  return states;
}

}  // namespace rkv::service
