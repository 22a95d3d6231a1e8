#include "client/server_pool.h"

#include <kv.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "client/client_id.h"
#include "client/wire.h"
#include "rpc/channel.h"
#include "rpc/datagram_channel.h"

namespace rkv::client {
namespace {

constexpr rpc::Procedure<kv_replicas_args, kv_replicas_result> kReplicasProcedure = {
    KV_PROG, KV_V1, REPLICAS, xdr_kv_replicas_args, xdr_kv_replicas_result};

// For the answer of a server that is asked for its replicas in the background.
constexpr Duration kAskTimeout = seconds(2);
// Between the first answer of a server and that question.
constexpr Duration kLearnAfter = milliseconds(5);

}  // namespace

ServerPool::ServerPool(rpc::EventLoop& loop, std::vector<Server> servers,
                       const ServerPoolOptions& options)
    : loop_(loop),
      options_(options),
      servers_max_(servers.size() + kLearntMax),
      resolver_(loop),
      random_(draw_client_id()) {
  RKV_CHECK(!servers.empty(), "a client needs a server");
  for (Server& server : servers) add(std::move(server));
}

ServerPool::~ServerPool() {
  is_closing_ = true;
  for (const auto& entry : entries_) {
    loop_.cancel_timer(entry->probe_timer);
    loop_.cancel_timer(entry->learn_timer);
    entry->channel.reset();
  }
}

void ServerPool::add(Server server) {
  auto entry = std::make_unique<Entry>();
  entry->name = server.name();
  entry->server = std::move(server);
  entries_.push_back(std::move(entry));
}

std::vector<Server> ServerPool::servers() const {
  std::vector<Server> servers;
  for (const auto& entry : entries_) servers.push_back(entry->server);
  return servers;
}

std::optional<ServerPool::Index> ServerPool::choose(const std::vector<Index>& tried) const {
  std::optional<Index> best;
  for (Index i = 0; i < entries_.size(); ++i) {
    if (std::find(tried.begin(), tried.end(), i) != tried.end()) continue;
    if (!entries_[i]->has_failed) return i;
    if (!best || entries_[i]->failed_at < entries_[*best]->failed_at) best = i;
  }
  return best;
}

std::optional<ServerPool::Index> ServerPool::find(const std::string& name) const {
  for (Index i = 0; i < entries_.size(); ++i) {
    if (entries_[i]->name == name) return i;
  }
  return std::nullopt;
}

rpc::CallChannel& ServerPool::channel(Index index) {
  Entry& entry = *entries_[index];
  if (!entry.channel) {
    const auto& [host, port] = entry.server;
    if (options_.transport == rpc::Transport::kUdp) {
      entry.channel = std::make_unique<rpc::DatagramChannel>(loop_, resolver_, host, port,
                                                             rpc::DatagramChannelOptions());
    } else {
      rpc::ChannelOptions options;
      options.connect_timeout = options_.connect_timeout;
      entry.channel =
          std::make_unique<rpc::Channel>(loop_, resolver_, logger_, host, port, options);
    }
  }
  return *entry.channel;
}

void ServerPool::answered(Index index) {
  Entry& entry = *entries_[index];
  if (!options_.discover || entry.is_learning) return;
  entry.is_learning = true;
  entry.learn_timer = loop_.add_timer(loop_.now() + kLearnAfter, [this, index] {
    entries_[index]->learn_timer = 0;
    ask(index);
  });
}

void ServerPool::served(Index index) {
  Entry& entry = *entries_[index];
  entry.has_failed = false;
  entry.pause = Duration{};
  loop_.cancel_timer(std::exchange(entry.probe_timer, 0));
}

void ServerPool::failed(Index index) {
  Entry& entry = *entries_[index];
  entry.has_failed = true;
  entry.failed_at = rpc::EventLoop::read_clock();
  // Another replica may be there when it comes back.
  loop_.cancel_timer(std::exchange(entry.learn_timer, 0));
  entry.is_learning = false;
  if (entry.probe_timer != 0) return;
  entry.pause =
      entry.pause.ns == 0 ? options_.probe_first : std::min(entry.pause * 2, options_.probe_max);
  entry.probe_timer = loop_.add_timer(entry.failed_at + jittered(entry.pause), [this, index] {
    entries_[index]->probe_timer = 0;
    ask(index);
  });
}

Duration ServerPool::jittered(Duration duration) {
  const Duration half = duration / 2;
  return half + Duration{static_cast<std::int64_t>(
                    random_.below(static_cast<std::uint64_t>(std::max<std::int64_t>(half.ns, 1))))};
}

// What a server answers is also the sign that it is there.
void ServerPool::ask(Index index) {
  entries_[index]->is_learning = true;
  channel(index).call<kv_replicas_args, kv_replicas_result>(
      kReplicasProcedure, {}, rpc::EventLoop::read_clock() + kAskTimeout,
      [this, index](const rpc::CallOutcome& outcome, kv_replicas_result& result) {
        if (is_closing_) return;
        if (!outcome.answered()) {
          failed(index);
          return;
        }
        entries_[index]->has_failed = false;
        take_replicas(index, result);
      });
}

void ServerPool::take_replicas(Index index, const kv_replicas_result& result) {
  const Result<ReplicaList> list = replicas_of(result, entries_[index]->name);
  if (!list.ok()) return;
  entries_[index]->replica = list.value().self;
  if (!options_.discover) return;
  for (const ReplicaAddress& replica : list.value().replicas) {
    const Server server{replica.host, replica.client_port};
    // The one that answers is known by the name that it was given.
    const bool is_known =
        replica.id == list.value().self || find(server.name()) ||
        std::any_of(entries_.begin(), entries_.end(),
                    [&replica](const auto& entry) { return entry->replica == replica.id; });
    if (is_known || entries_.size() >= servers_max_) continue;
    add(server);
    entries_.back()->replica = replica.id;
  }
}

}  // namespace rkv::client
