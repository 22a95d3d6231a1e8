#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "chaos/options.h"
#include "chaos/summary.h"
#include "chaos/workload.h"
#include "rpc/channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

struct kv_put_result;
struct kv_get_result;

namespace rkv::chaos {

// Many clients over one connection to each server. Each client has one operation under way at a
// time, for which one server is asked once: an operation that failed is not tried again.
class Load {
 public:
  // What is passed by reference must outlive the load.
  Load(const Options& options, Workload& workload);
  // Of a load that has run, or never did.
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Returns when the time is over, or `stop` has become true, and every operation has ended.
  Summary run(const std::function<bool()>& stop);

 private:
  struct Client {
    std::uint64_t process = 0;  // for the history
    OperationId identity;       // of its last write
    std::size_t home = 0;       // of the servers
    std::size_t server = 0;     // the one to ask
    TimePoint home_again;       // when it goes back
    bool busy = false;
    TimePoint invoked;
    history::Operation operation;
  };

  void begin(std::size_t client);
  void begin_later(std::size_t client, Duration pause);
  void put_ended(std::size_t client, const rpc::CallOutcome& outcome, const kv_put_result& result);
  void get_ended(std::size_t client, const rpc::CallOutcome& outcome, const kv_get_result& result);
  void ended(std::size_t client, const Status& status);
  void become_another(Client& client);

  const Options& options_;
  Workload& workload_;
  std::unique_ptr<Summary> summary_;
  std::vector<Client> clients_;
  std::size_t busy_ = 0;  // of the clients
  std::uint64_t next_process_ = 1;
  bool stopping_ = false;

  NullLogger logger_;
  rpc::EventLoop loop_;
  rpc::Resolver resolver_{loop_};
  std::vector<std::unique_ptr<rpc::Channel>> channels_;  // to each server
};

}  // namespace rkv::chaos
