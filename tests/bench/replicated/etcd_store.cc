#include "etcd_store.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "../fail.h"
#include "../loopback.h"
#include "etcd_connection.h"

namespace rkv::bench {
namespace {

constexpr Duration kStatusTimeout = seconds(1);
// More than a long run fills; the default of 2 GiB stops writes when it is reached.
constexpr const char* kBackendBytes = "8589934592";

// Fields of etcd's messages, by the names that they have there.
constexpr unsigned kPutRequestKey = 1, kPutRequestValue = 2;
constexpr unsigned kRangeRequestKey = 1, kRangeResponseKvs = 2, kKeyValueValue = 5;
constexpr unsigned kStatusResponseHeader = 1, kHeaderMemberId = 2, kStatusResponseLeader = 4;

class EtcdStoreConnection final : public StoreConnection, private EtcdConnection::Sink {
 public:
  EtcdStoreConnection(rpc::EventLoop& loop, std::uint16_t port, OperationSink& sink)
      : sink_(sink), connection_(loop, connect_to(port), *this) {}

  bool connected() const override { return connection_.connected(); }

  void put(std::size_t slot, std::string_view key, std::string_view value) override {
    message_.clear();
    append_protobuf(message_, kPutRequestKey, key);
    append_protobuf(message_, kPutRequestValue, value);
    call(slot, EtcdConnection::Method::kPut);
  }

  void get(std::size_t slot, std::string_view key) override {
    message_.clear();
    append_protobuf(message_, kRangeRequestKey, key);
    call(slot, EtcdConnection::Method::kRange);
  }

 private:
  void call(std::size_t slot, EtcdConnection::Method method) {
    if (is_get_.size() <= slot) is_get_.resize(slot + 1);
    is_get_[slot] = method == EtcdConnection::Method::kRange;
    connection_.call(slot, method, message_);
  }

  void call_ended(std::size_t slot, std::optional<std::string_view> response) override {
    sink_.operation_ended(slot, response && (!is_get_[slot] || has_value(*response)));
  }

  static bool has_value(std::string_view response) {
    const auto pair = protobuf_bytes(response, kRangeResponseKvs);
    const auto value = pair ? protobuf_bytes(*pair, kKeyValueValue) : std::nullopt;
    return value && value->size() == kValueSize;
  }

  OperationSink& sink_;
  std::string message_;
  std::vector<bool> is_get_;  // by slot: what is under way
  EtcdConnection connection_;
};

// Whether a member says of itself that it leads.
class LeaderQuestion final : private EtcdConnection::Sink {
 public:
  bool ask(int descriptor) {
    EtcdConnection connection(loop_, descriptor, *this);
    connection.call(0, EtcdConnection::Method::kStatus, {});
    loop_.run_until([this] { return is_answered_; }, rpc::EventLoop::read_clock() + kStatusTimeout);
    return leads_;
  }

 private:
  void call_ended(std::size_t, std::optional<std::string_view> response) override {
    is_answered_ = true;
    if (!response) return;
    const auto header = protobuf_bytes(*response, kStatusResponseHeader);
    leads_ = header && protobuf_number(*header, kHeaderMemberId) ==
                           protobuf_number(*response, kStatusResponseLeader);
  }

  rpc::EventLoop loop_;
  bool is_answered_ = false;
  bool leads_ = false;
};

std::string url(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

}  // namespace

bool EtcdStore::installed() {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    if (access((folder + "/etcd").c_str(), X_OK) == 0) return true;
  }
  return false;
}

EtcdStore::EtcdStore(const std::string& folder, std::size_t replicas) {
  const std::vector<std::uint16_t> ports = free_ports(2 * replicas);
  ports_.assign(ports.begin(), ports.begin() + static_cast<std::ptrdiff_t>(replicas));
  std::string members;
  for (std::size_t i = 0; i < replicas; ++i) {
    members += (i > 0 ? ",m" : "m") + std::to_string(i) + "=" + url(ports[replicas + i]);
  }
  for (std::size_t i = 0; i < replicas; ++i) {
    const std::string name = "m" + std::to_string(i);
    const std::string data = fmt::format("{}/{}", folder, name);
    const std::string client_url = url(ports[i]);
    const std::string peer_url = url(ports[replicas + i]);
    start_server({"etcd",        "--name",
                  name,          "--data-dir",
                  data,          "--listen-client-urls",
                  client_url,    "--advertise-client-urls",
                  client_url,    "--listen-peer-urls",
                  peer_url,      "--initial-advertise-peer-urls",
                  peer_url,      "--initial-cluster",
                  members,       "--initial-cluster-state",
                  "new",         "--quota-backend-bytes",
                  kBackendBytes, "--logger",
                  "zap",         "--log-level",
                  "error",       "--enable-v2=false"},
                 data + ".log");
  }
}

std::unique_ptr<StoreConnection> EtcdStore::connect(rpc::EventLoop& loop, std::size_t replica,
                                                    OperationSink& sink) {
  return std::make_unique<EtcdStoreConnection>(loop, ports_[replica], sink);
}

std::size_t EtcdStore::find_leader() {
  std::size_t leader = replicas();
  for (std::size_t i = 0; i < replicas(); ++i) {
    const int descriptor = try_connect_to(ports_[i]);
    if (descriptor < 0) return replicas();
    if (LeaderQuestion().ask(descriptor)) leader = i;
  }
  return leader;
}

}  // namespace rkv::bench
