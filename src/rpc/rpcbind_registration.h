#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "rpc/event_loop.h"
#include "rpc/rpcbind_registrar.h"

namespace rkv::rpc {

// Keeps a server's endpoints in rpcbind's table for as long as it lives: registers them, looks
// again from time to time (a restarted rpcbind has forgotten them, a server that held the place may
// be gone), and withdraws them at the end. rpcbind is a hint, never needed: what goes wrong is said
// in the log, once for each change, and tried again.
//
// rpcbind can be slow, so it is talked to on a thread of this object's own; what that finds out is
// posted to the loop. For the loop's thread.
class RpcbindRegistration {
 public:
  struct Options {
    RpcbindRegistrar::Options registrar;
    Duration check_interval = seconds(30);
  };

  // Does nothing yet. What is passed by reference must outlive the object.
  RpcbindRegistration(EventLoop& loop, Logger& logger, const Options& options,
                      const std::vector<Endpoint>& endpoints);
  // Withdraws what is registered: waits for what is under way, and then for rpcbind, which is given
  // up at the first call that it does not answer. With one that hangs that is a probe and two calls
  // at most: 3 s with the timeouts as they are.
  ~RpcbindRegistration();
  RpcbindRegistration(const RpcbindRegistration&) = delete;
  RpcbindRegistration& operator=(const RpcbindRegistration&) = delete;

  // Makes a check in the caller's thread, which blocks it as RpcbindRegistrar::check() does:
  // success if every netid is registered after it, otherwise the first reason why not. Before
  // start().
  Status register_now();
  // Begins to check in the background: at once, or after check_interval if register_now() was used.
  void start();
  // Withdraws what is registered, in the background, and checks no more.
  void withdraw();

  // How many netids were registered when the last check ended; 0 after withdraw().
  std::size_t registered() const { return registered_; }

 private:
  void work(bool check_first, const std::weak_ptr<bool>& alive);
  void report(const RpcbindCheck& check);
  void report_states(const std::vector<RpcbindState>& states);
  void log_change(const std::string& subject, const std::string& reason);

  EventLoop& loop_;
  Logger& logger_;
  const Options options_;
  // Set under the mutex, so that the thread's wait sees it.
  std::atomic<bool> stopping_{false};
  const RpcbindRegistrar registrar_;
  bool is_checked_ = false;
  std::size_t registered_ = 0;
  std::string registered_netids_;
  std::map<std::string, std::string> reasons_;  // what was said last, by netid ("": rpcbind itself)

  // Tasks posted to the loop hold this weakly, so that none runs after this object is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::mutex mutex_;
  std::condition_variable stop_wanted_;
  std::thread thread_;
};

}  // namespace rkv::rpc
