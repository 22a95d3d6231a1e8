#include "sim/network.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/draw.h"

namespace rkv::sim {
namespace {

std::string name_of(std::size_t index) { return "replica " + std::to_string(index + 1); }

}  // namespace

// What one replica sends with.
class Network::Port final : public Transport {
 public:
  Port(Network& network, std::size_t self) : network_(network), self_(self) {}

  void send(ReplicaId to, protocol::MessagePtr message, Done done) override {
    network_.send(self_, to.value - 1, std::move(message), std::move(done));
  }

 private:
  Network& network_;
  const std::size_t self_;
};

Network::Network(Scheduler& scheduler, std::uint64_t seed, Counters& counters,
                 MessageWatcher* watcher, const Options& options)
    : scheduler_(scheduler),
      random_(seed),
      counters_(counters),
      watcher_(watcher),
      options_(options) {}

Network::~Network() = default;

Network::Transport& Network::add(Host& host, Endpoint& endpoint) {
  const std::size_t index = replicas_.size();
  Replica& replica = replicas_.emplace_back();
  replica.host = &host;
  replica.endpoint = &endpoint;
  replica.port = std::make_unique<Port>(*this, index);
  for (Replica& each : replicas_) each.links.resize(replicas_.size());
  return *replica.port;
}

// ---- Messages ----

void Network::send(std::size_t from, std::size_t to, protocol::MessagePtr message,
                   Transport::Done done) {
  RKV_CHECK(to < replicas_.size() && to != from, "a message is for another replica");
  ++counters_.messages;
  if (watcher_ != nullptr) {
    watcher_->sending(ReplicaId{static_cast<std::uint32_t>(from + 1)},
                      ReplicaId{static_cast<std::uint32_t>(to + 1)}, *message);
  }
  const CallId call = calls_.put({from, to, {}, false, std::move(done)});
  Link& way = link(from, to);
  if (!way.up) {
    end_call(call, env::SendFailure::kNotDelivered, Duration{0});
    return;
  }
  way.waiting.push_back({scheduler_.now() + options_.call_timeout, call});
  if (!way.timer_set) {
    way.timer_set = true;
    scheduler_.after(options_.call_timeout, *this, EventKind::kLateCalls, pair(from, to));
  }
  transmit({from, to, call, false, std::move(message)});
}

void Network::answer(std::size_t from, std::size_t to, CallId call,
                     const protocol::Message& request, protocol::MessagePtr answer) {
  ++counters_.messages;
  if (watcher_ != nullptr) {
    watcher_->answering(ReplicaId{static_cast<std::uint32_t>(from + 1)},
                        ReplicaId{static_cast<std::uint32_t>(to + 1)}, request, *answer);
  }
  transmit({from, to, call, true, std::move(answer)});
}

void Network::transmit(Packet packet) {
  scheduler_.note(static_cast<std::uint64_t>(packet.message->tag()));
  if (draw_chance(random_, weather_.loss)) {
    ++counters_.messages_lost;
    return;
  }
  if (draw_chance(random_, weather_.duplicates)) {
    ++counters_.messages_duplicated;
    schedule_arrival(packet);
  }
  schedule_arrival(std::move(packet));
}

void Network::schedule_arrival(Packet packet) {
  Link& way = link(packet.from, packet.to);
  Duration delay = options_.delay_min + draw_exponential(random_, weather_.delay_mean);
  if (scheduler_.now() < way.clogged_until) delay = delay + way.clog_delay;
  TimePoint arrival = scheduler_.now() + delay;
  if (arrival < way.last_arrival) {
    // It would overtake, which it does not, but for bad weather.
    if (draw_chance(random_, weather_.reordering)) {
      ++counters_.messages_reordered;
    } else {
      arrival = way.last_arrival;
    }
  }
  way.last_arrival = std::max(arrival, way.last_arrival);
  scheduler_.at(arrival, *this, EventKind::kDeliver, packets_.put(std::move(packet)));
}

void Network::deliver(std::uint64_t packet_id) {
  Packet* const found = packets_.find(packet_id);
  RKV_CHECK(found != nullptr, "a packet arrives once");
  const std::size_t to = found->to;
  if (replicas_[to].running && replicas_[to].host->put_off(*this, EventKind::kDeliver, packet_id)) {
    return;
  }
  Packet packet = packets_.take(packet_id);
  if (link(packet.from, to).blocked) {
    ++counters_.messages_lost;
    return;
  }
  scheduler_.trace("deliver {} -> {}: {}{}", packet.from + 1, to + 1, packet.message->tag(),
                   packet.is_answer ? " (answer)" : "");
  if (packet.is_answer) {
    Call* const call = calls_.find(packet.call);
    if (call == nullptr || call->ending) return;
    const Transport::Done done = calls_.take(packet.call).done;
    done.answered(std::move(packet.message));
    return;
  }
  if (!replicas_[to].running) {
    // Whoever sent it gets the connection's end for an answer.
    if (calls_.find(packet.call) != nullptr) {
      end_call(packet.call, env::SendFailure::kUnknown, options_.delay_min);
    }
    return;
  }
  protocol::MessagePtr request = packet.message;
  replicas_[to].endpoint->peer_request(
      ReplicaId{static_cast<std::uint32_t>(packet.from + 1)}, std::move(packet.message),
      [this, to, from = packet.from, call = packet.call, request = std::move(request)](
          protocol::MessagePtr it) { answer(to, from, call, *request, std::move(it)); });
}

// ---- Calls that fail ----

void Network::end_call(CallId id, env::SendFailure failure, Duration delay) {
  Call& call = *calls_.find(id);
  if (call.ending) return;
  call.ending = true;
  call.failure = failure;
  scheduler_.after(delay, *this, EventKind::kCallEnded, id);
}

void Network::tell_end(CallId id) {
  Call* const found = calls_.find(id);
  if (found == nullptr) return;  // with the process that made it
  if (replicas_[found->from].host->put_off(*this, EventKind::kCallEnded, id)) return;
  const Call call = calls_.take(id);
  call.done.failed(call.failure, call.failure == env::SendFailure::kUnknown
                                     ? "no answer from " + name_of(call.to)
                                     : name_of(call.to) + " is not connected");
}

void Network::end_all_calls(Link& way) {
  for (const Waiting& waiting : std::exchange(way.waiting, {})) {
    if (calls_.find(waiting.call) != nullptr) {
      end_call(waiting.call, env::SendFailure::kUnknown, Duration{0});
    }
  }
}

void Network::expire_calls(std::size_t from, std::size_t to) {
  Link& way = link(from, to);
  way.timer_set = false;
  while (!way.waiting.empty()) {
    const Waiting first = way.waiting.front();
    const bool is_open = calls_.find(first.call) != nullptr;
    if (is_open && first.deadline > scheduler_.now()) {
      way.timer_set = true;
      scheduler_.at(first.deadline, *this, EventKind::kLateCalls, pair(from, to));
      return;
    }
    if (is_open) end_call(first.call, env::SendFailure::kUnknown, Duration{0});
    way.waiting.pop_front();
  }
}

// ---- Who can be reached ----

bool Network::reachable(std::size_t from, std::size_t to) const {
  return replicas_[to].running && !replicas_[from].links[to].blocked &&
         !replicas_[to].links[from].blocked;
}

void Network::started(ReplicaId replica) {
  const std::size_t index = replica.value - 1;
  replicas_[index].running = true;
  look_again_everywhere(index);
}

void Network::stopped(ReplicaId replica) {
  const std::size_t index = replica.value - 1;
  replicas_[index].running = false;
  for (Link& way : replicas_[index].links) {
    // What it sent is on its way, but nobody waits for the answers any more.
    for (const Waiting& waiting : std::exchange(way.waiting, {})) {
      if (calls_.find(waiting.call) != nullptr) calls_.take(waiting.call);
    }
    way.up = false;
  }
  look_again_everywhere(index);
}

void Network::set_blocked(const LinkMatrix& blocked) {
  for (std::size_t a = 0; a < replicas_.size(); ++a) {
    for (std::size_t b = 0; b < replicas_.size(); ++b) {
      if (a == b || link(a, b).blocked == blocked[a][b]) continue;
      link(a, b).blocked = blocked[a][b];
      look_again(a, b);
      look_again(b, a);
    }
  }
}

void Network::clog(ReplicaId from, ReplicaId to, Duration delay, TimePoint until) {
  Link& way = link(from.value - 1, to.value - 1);
  way.clog_delay = delay;
  way.clogged_until = until;
}

void Network::look_again_everywhere(std::size_t changed) {
  for (std::size_t other = 0; other < replicas_.size(); ++other) {
    if (other == changed) continue;
    look_again(changed, other);
    look_again(other, changed);
  }
}

// A replica finds out in a while.
void Network::look_again(std::size_t replica, std::size_t peer) {
  const Duration latest = reachable(replica, peer) ? options_.connect_max : options_.notice_max;
  scheduler_.after(draw_between(random_, options_.delay_min, latest), *this, EventKind::kHint,
                   pair(replica, peer));
}

void Network::check_hint(std::size_t replica, std::size_t peer) {
  Replica& self = replicas_[replica];
  if (!self.running) return;
  if (self.host->put_off(*this, EventKind::kHint, pair(replica, peer))) return;
  Link& way = self.links[peer];
  const bool up = reachable(replica, peer);
  if (way.up == up) return;
  way.up = up;
  const ReplicaId id{static_cast<std::uint32_t>(peer + 1)};
  scheduler_.trace("replica {} sees {} {}", replica + 1, peer + 1, up ? "up" : "down");
  if (up) {
    self.endpoint->peer_up(id);
    return;
  }
  end_all_calls(way);
  self.endpoint->peer_down(id, name_of(peer) + " is not connected");
}

void Network::tell_wrongly(ReplicaId replica, ReplicaId peer) {
  const std::size_t index = replica.value - 1;
  Replica& self = replicas_[index];
  Link& way = self.links[peer.value - 1];
  if (!self.running) return;
  ++counters_.wrong_hints;
  way.up = !way.up;
  scheduler_.trace("replica {} is told wrongly that {} is {}", replica.value, peer.value,
                   way.up ? "up" : "down");
  if (way.up) {
    self.endpoint->peer_up(peer);
  } else {
    end_all_calls(way);
    self.endpoint->peer_down(peer, name_of(peer.value - 1) + " is not connected");
  }
  look_again(index, peer.value - 1);
}

void Network::handle(EventKind kind, std::uint64_t argument) {
  switch (kind) {
    case EventKind::kDeliver:
      return deliver(argument);
    case EventKind::kLateCalls:
      return expire_calls(argument >> 8, argument & 0xFF);
    case EventKind::kCallEnded:
      return tell_end(argument);
    case EventKind::kHint:
      return check_hint(argument >> 8, argument & 0xFF);
    default:
      RKV_CHECK(false, "not an event of the network");
  }
}

}  // namespace rkv::sim
