#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "rpc/address.h"
#include "rpc/event_loop.h"

namespace rkv::rpc {

// Looks host names up without stopping a loop: getaddrinfo() runs on a thread of the resolver's
// own, which is started with the first name that is not numeric.
class Resolver {
 public:
  static constexpr std::size_t kLookupsMax = 1024;  // waiting at once; more are refused

  // In the order of getaddrinfo(); never empty.
  using Done = std::function<void(Result<std::vector<Address>>)>;

  explicit Resolver(EventLoop& loop) : loop_(loop) {}
  // Waits for the look-up in progress. Callbacks that were not run are dropped.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // For the loop's thread; `done` is run there, in a later turn, also for a numeric address.
  void resolve(std::string host, std::uint16_t port, Done done);

 private:
  struct Lookup {
    std::string host;
    std::uint16_t port = 0;
    Done done;
  };
  void work();
  void deliver(Done done, Result<std::vector<Address>> result);

  EventLoop& loop_;
  // Callbacks posted to the loop hold this weakly, so that none runs after the resolver is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<Lookup> lookups_;  // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_
};

// The addresses of a host, looked up in the caller's thread: it blocks.
Result<std::vector<Address>> resolve_now(const std::string& host, std::uint16_t port);

}  // namespace rkv::rpc
