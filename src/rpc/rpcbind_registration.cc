#include "rpc/rpcbind_registration.h"

#include <chrono>
#include <system_error>
#include <utility>

namespace rkv::rpc {

RpcbindRegistration::RpcbindRegistration(EventLoop& loop, Logger& logger, const Options& options,
                                         const std::vector<Endpoint>& endpoints)
    : loop_(loop),
      logger_(logger),
      options_(options),
      registrar_(options.registrar, endpoints, stopping_) {}

RpcbindRegistration::~RpcbindRegistration() {
  withdraw();
  if (thread_.joinable()) {
    thread_.join();
  } else if (is_checked_) {
    registrar_.withdraw();
  }
}

Status RpcbindRegistration::register_now() {
  const RpcbindCheck check = registrar_.check();
  is_checked_ = true;
  if (!check.reached.ok()) return check.reached;
  for (const RpcbindState& state : check.states) {
    if (!state.is_registered) return Status::unavailable("rpcbind: " + state.reason);
  }
  report(check);
  return {};
}

void RpcbindRegistration::start() {
  try {
    thread_ = std::thread([this, check_first = !is_checked_, alive = std::weak_ptr<bool>(alive_)] {
      work(check_first, alive);
    });
  } catch (const std::system_error& failure) {
    logger_.error("rpcbind: not registered, there is no thread for it: {}", failure.what());
  }
}

void RpcbindRegistration::withdraw() {
  registered_ = 0;
  alive_.reset();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  stop_wanted_.notify_one();
}

// On the thread of its own.
void RpcbindRegistration::work(bool check_first, const std::weak_ptr<bool>& alive) {
  const std::chrono::nanoseconds interval(options_.check_interval.ns);
  bool check_now = check_first;
  while (!stopping_) {
    if (check_now) {
      loop_.post([this, alive, check = registrar_.check()] {
        if (!alive.expired()) report(check);
      });
    }
    check_now = true;
    std::unique_lock<std::mutex> lock(mutex_);
    stop_wanted_.wait_for(lock, interval, [this] { return stopping_.load(); });
  }
  registrar_.withdraw();
}

void RpcbindRegistration::report(const RpcbindCheck& check) {
  registered_ = check.registered();
  logger_.debug("rpcbind: checked, {} registered", registered_);
  if (check.reached.ok()) {
    reasons_.erase("");
    report_states(check.states);
    return;
  }
  // When rpcbind is back, all that there is to say is said anew.
  registered_netids_.clear();
  reasons_.erase(reasons_.upper_bound(""), reasons_.end());
  log_change("", check.reached.reason() + "; this replica is reached by its port alone");
}

void RpcbindRegistration::report_states(const std::vector<RpcbindState>& states) {
  std::string netids;
  bool was_set = false;
  for (const RpcbindState& state : states) {
    if (state.is_registered) {
      netids += (netids.empty() ? "" : " ") + state.netid;
      was_set = was_set || state.was_set;
      reasons_.erase(state.netid);
    } else {
      log_change(state.netid, state.reason);
    }
  }
  // The same netids again after rpcbind had lost them is worth a line too.
  if (!netids.empty() && (netids != registered_netids_ || was_set)) {
    logger_.info("rpcbind: program {} version {} is registered: {}", options_.registrar.program,
                 options_.registrar.version, netids);
  }
  registered_netids_ = netids;
}

void RpcbindRegistration::log_change(const std::string& subject, const std::string& reason) {
  std::string& last = reasons_[subject];
  if (last == reason) return;
  last = reason;
  logger_.info("{}{}", subject.empty() ? "" : "rpcbind: ", reason);
}

}  // namespace rkv::rpc
