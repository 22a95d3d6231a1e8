#include "client/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/limits.h"
#include "rpc/address.h"

namespace rkv::client {

std::string Server::name() const { return rpc::join_host_port(host, port); }

Result<std::vector<Server>> parse_servers(std::string_view text) {
  std::vector<Server> servers;
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, end);
    Result<rpc::HostPort> split = rpc::split_host_port(item, kDefaultClientPort);
    if (!split.ok()) return Status::invalid(printable(split.status().reason(), 300));
    rpc::HostPort server = std::move(split).value();
    if (server.host.size() > kHostSizeMax) {
      return Status::invalid(fmt::format("a host name has {} bytes, {} are allowed",
                                         server.host.size(), kHostSizeMax));
    }
    servers.push_back({std::move(server.host), server.port});
    if (end == text.size()) return servers;
    text.remove_prefix(end + 1);
  }
}

std::vector<Server> servers_of(const std::vector<ReplicaAddress>& replicas) {
  std::vector<Server> servers;
  servers.reserve(replicas.size());
  for (const ReplicaAddress& replica : replicas) {
    servers.push_back({replica.host, replica.client_port});
  }
  return servers;
}

}  // namespace rkv::client
