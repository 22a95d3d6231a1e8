#include "rpc/resolver.h"

#include <netdb.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace rkv::rpc {
namespace {

std::string failure_text(int code) {
  if (code == EAI_SYSTEM) return std::generic_category().message(errno);
  return gai_strerror(code);
}

}  // namespace

Result<std::vector<Address>> resolve_now(const std::string& host, std::uint16_t port) {
  const Result<Address> numeric = Address::parse(host, port);
  if (numeric.ok()) return std::vector<Address>{numeric.value()};
  // getaddrinfo() would take an empty host for this machine and stop at a NUL.
  if (host.empty() || host.find('\0') != std::string::npos) {
    return Status::invalid("cannot look up a host name that is empty or holds a NUL");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) {
    return Status::unavailable("cannot look up '" + host + "': " + failure_text(code));
  }
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    addresses.emplace_back(entry->ai_addr, entry->ai_addrlen);
  }
  freeaddrinfo(found);
  if (addresses.empty()) {
    return Status::unavailable("cannot look up '" + host + "': it has no IPv4 or IPv6 address");
  }
  return addresses;
}

Resolver::~Resolver() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Resolver::resolve(std::string host, std::uint16_t port, Done done) {
  RKV_CHECK(loop_.in_loop_thread(), "a resolver belongs to its loop's thread");
  const Result<Address> numeric = Address::parse(host, port);
  if (numeric.ok()) {
    deliver(std::move(done), std::vector<Address>{numeric.value()});
    return;
  }
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::system_error& failure) {
      deliver(std::move(done), Status::unavailable("cannot look up '" + host +
                                                   "': no thread for it: " + failure.what()));
      return;
    }
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lookups_.size() < kLookupsMax) {
      lookups_.push_back({std::move(host), port, std::move(done)});
      wanted_.notify_one();
      return;
    }
  }
  deliver(std::move(done),
          Status::unavailable("cannot look up '" + host + "': " + std::to_string(kLookupsMax) +
                              " names are waiting for it already"));
}

// Runs on either thread. The weak reference is only looked at on the loop's thread, which is also
// where the resolver is destroyed.
void Resolver::deliver(Done done, Result<std::vector<Address>> result) {
  loop_.post([alive = std::weak_ptr<bool>(alive_), done = std::move(done),
              result = std::move(result)]() mutable {
    if (!alive.expired()) done(std::move(result));
  });
}

void Resolver::work() {
  while (true) {
    Lookup lookup;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wanted_.wait(lock, [this] { return stopping_ || !lookups_.empty(); });
      if (stopping_) return;
      lookup = std::move(lookups_.front());
      lookups_.pop_front();
    }
    deliver(std::move(lookup.done), resolve_now(lookup.host, lookup.port));
  }
}

}  // namespace rkv::rpc
