#include "rkvd/listen_address.h"

#include "rpc/resolver.h"

namespace rkv::daemon {
namespace {

Result<std::vector<ListenAddress>> both_families(const char* v4, const char* v6,
                                                 std::uint16_t port) {
  const Result<rpc::Address> first = rpc::Address::parse(v4, port);
  if (!first.ok()) return first.status();
  const Result<rpc::Address> second = rpc::Address::parse(v6, port);
  if (!second.ok()) return second.status();
  return std::vector<ListenAddress>{{first.value(), false}, {second.value(), true}};
}

}  // namespace

Result<std::vector<ListenAddress>> listen_addresses(const std::string& option,
                                                    const std::string& host, std::uint16_t port) {
  if (!option.empty()) {
    const Result<rpc::HostPort> given = rpc::split_host_port(option, port);
    if (!given.ok()) return given.status();
    const Result<std::vector<rpc::Address>> found =
        rpc::resolve_now(given.value().host, given.value().port);
    if (!found.ok()) return found.status();
    std::vector<ListenAddress> addresses;
    for (const rpc::Address& address : found.value()) addresses.push_back({address, false});
    return addresses;
  }
  const Result<rpc::Address> numeric = rpc::Address::parse(host, port);
  if (numeric.ok()) return std::vector<ListenAddress>{{numeric.value(), false}};
  if (host == "localhost") return both_families("127.0.0.1", "::1", port);
  return both_families("0.0.0.0", "::", port);
}

}  // namespace rkv::daemon
