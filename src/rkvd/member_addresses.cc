#include "rkvd/member_addresses.h"

#include <algorithm>

namespace rkv::daemon {
namespace {

constexpr Duration kLookUpInterval = seconds(30);

}  // namespace

MemberAddresses::MemberAddresses(const std::vector<ReplicaAddress>& replicas, rpc::EventLoop& loop,
                                 rpc::Resolver& resolver, Logger& logger)
    : loop_(loop), resolver_(resolver), logger_(logger) {
  for (const ReplicaAddress& replica : replicas) {
    const Result<rpc::Address> numeric = rpc::Address::parse(replica.host, 0);
    std::set<std::string>& addresses = hosts_[replica.host];
    if (numeric.ok()) addresses.insert(numeric.value().host());
  }
  look_up();
}

MemberAddresses::~MemberAddresses() { loop_.cancel_timer(timer_); }

bool MemberAddresses::contains(const rpc::Address& address) const {
  const std::string host = address.host();
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&host](const auto& known) { return known.second.contains(host); });
}

void MemberAddresses::look_up() {
  timer_ = loop_.add_timer(loop_.now() + kLookUpInterval, [this] { look_up(); });
  const std::weak_ptr<bool> alive = alive_;
  for (const auto& [host, addresses] : hosts_) {
    if (rpc::Address::parse(host, 0).ok()) continue;
    resolver_.resolve(host, 0, [this, alive, host = host](Result<std::vector<rpc::Address>> found) {
      if (alive.expired()) return;
      // What was known stays when a look-up fails: a name server that is down locks nobody out.
      if (!found.ok()) {
        logger_.info("peer port: {}", found.status().reason());
        return;
      }
      std::set<std::string>& known = hosts_[host];
      known.clear();
      for (const rpc::Address& address : found.value()) known.insert(address.host());
    });
  }
}

}  // namespace rkv::daemon
