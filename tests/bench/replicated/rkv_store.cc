#include "rkv_store.h"

#include <fmt/core.h>
#include <kv.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "../fail.h"
#include "../loopback.h"
#include "../workload.h"
#include "base/log.h"
#include "client/status_query.h"
#include "rpc/channel.h"
#include "rpc/resolver.h"

namespace rkv::bench {
namespace {

constexpr const char* kHost = "127.0.0.1";
constexpr const char* kClusterId = "0123456789abcdef0123456789abcdef";
constexpr Duration kStatusTimeout = seconds(1);

std::uint64_t draw_client_id() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) >> 1;  // the top bit is not for clients
}

// What a get that found a value is answered with, in bytes.
std::uint32_t get_result_size() {
  std::string bytes(kValueSize, 'v');
  kv_get_result result{};
  result.status = KV_OK;
  result.kv_get_result_u.ok.value = {static_cast<u_int>(bytes.size()), bytes.data()};
  return static_cast<std::uint32_t>(xdr_sizeof(rpc::untyped(xdr_kv_get_result), &result));
}

std::uint32_t put_result_size() {
  kv_put_result result{};
  result.status = KV_OK;
  return static_cast<std::uint32_t>(xdr_sizeof(rpc::untyped(xdr_kv_put_result), &result));
}

bool is_ok(std::string_view result) {
  constexpr std::size_t kStatusSize = 4;
  return result.size() >= kStatusSize && read_word(result.data()) == KV_OK;
}

class RkvConnection final : public StoreConnection {
 public:
  RkvConnection(rpc::EventLoop& loop, std::uint16_t port, OperationSink& sink)
      : sink_(sink),
        resolver_(loop),
        channel_(loop, resolver_, logger_, kHost, port, channel_options()) {}

  bool connected() const override { return channel_.connected(); }

  void put(std::size_t slot, std::string_view key, std::string_view value) override {
    kv_put_args args{};
    // Each slot is a client that has one write under way.
    args.operation.client = first_client_ + slot;
    args.operation.sequence = args.operation.first_outstanding = ++writes_;
    args.key = {static_cast<u_int>(key.size()), const_cast<char*>(key.data())};
    args.value = {static_cast<u_int>(value.size()), const_cast<char*>(value.data())};
    call(slot, PUT, rpc::untyped(xdr_kv_put_args), &args, put_result_size_);
  }

  void get(std::size_t slot, std::string_view key) override {
    kv_get_args args{};
    args.key = {static_cast<u_int>(key.size()), const_cast<char*>(key.data())};
    call(slot, GET, rpc::untyped(xdr_kv_get_args), &args, get_result_size_);
  }

 private:
  static rpc::ChannelOptions channel_options() {
    rpc::ChannelOptions options;
    options.stay_connected = true;
    return options;
  }

  void call(std::size_t slot, std::uint32_t procedure, xdrproc_t encode, const void* args,
            std::uint32_t result_size) {
    // Small enough for std::function to hold without an allocation.
    const auto done = [this, slot = static_cast<std::uint32_t>(slot), result_size](
                          const rpc::CallOutcome& outcome, std::string_view result) {
      sink_.operation_ended(slot,
                            outcome.answered() && result.size() == result_size && is_ok(result));
    };
    channel_.call_raw(KV_PROG, KV_V1, procedure, nullptr, encode, args, kNever, done);
  }

  OperationSink& sink_;
  const std::uint32_t put_result_size_ = put_result_size();
  const std::uint32_t get_result_size_ = get_result_size();
  const std::uint64_t first_client_ = draw_client_id();
  std::uint64_t writes_ = 0;
  NullLogger logger_;
  rpc::Resolver resolver_;
  rpc::Channel channel_;
};

}  // namespace

RkvStore::RkvStore(const std::string& rkvd, const std::string& replication,
                   const std::string& folder, std::size_t replicas)
    : replication_(replication) {
  const std::vector<std::uint16_t> ports = free_ports(2 * replicas);
  ports_.assign(ports.begin(), ports.begin() + static_cast<std::ptrdiff_t>(replicas));
  const std::string list = folder + "/replicas.conf";
  std::ofstream file(list);
  for (std::size_t i = 0; i < replicas; ++i) {
    file << i + 1 << ' ' << kHost << ' ' << ports[i] << ' ' << ports[replicas + i] << '\n';
  }
  file.close();
  for (std::size_t i = 0; i < replicas; ++i) {
    const std::string id = std::to_string(i + 1);
    const std::string data = fmt::format("{}/{}", folder, id);
    start_server(
        {rkvd, "--id", id, "--replicas", list, "--data-dir", data, "--replication", replication,
         "--create", "--cluster-id", kClusterId, "--rpcbind", "off", "--log-level", "error"},
        data + ".log");
  }
}

std::unique_ptr<StoreConnection> RkvStore::connect(rpc::EventLoop& loop, std::size_t replica,
                                                   OperationSink& sink) {
  return std::make_unique<RkvConnection>(loop, ports_[replica], sink);
}

// All replicas are up and follow the same one. Where all are alike (2pc, forward) the first one
// stands for a leader.
std::size_t RkvStore::find_leader() {
  std::vector<client::Server> servers;
  servers.reserve(ports_.size());
  for (const std::uint16_t port : ports_) servers.push_back({kHost, port});
  const auto statuses = client::ask_status(servers, false, kStatusTimeout);
  for (const auto& status : statuses) {
    if (!status.ok()) return replicas();
    const auto& peers = status.value().peers;
    if (!std::all_of(peers.begin(), peers.end(), [](const auto& peer) { return peer.up; }) ||
        status.value().leader != statuses[0].value().leader) {
      return replicas();
    }
  }
  if (replication_ != "paxos") return 0;
  const std::uint32_t leader = statuses[0].value().leader.value;
  return leader == 0 ? replicas() : leader - 1;
}

}  // namespace rkv::bench
