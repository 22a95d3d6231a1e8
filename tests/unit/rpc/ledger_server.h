#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "raw_client.h"
#include "rpc/address.h"
#include "rpc/event_loop.h"
#include "rpc/reply.h"
#include "rpc/server.h"
// Last: rpcgen makes macros of the procedures' names.
#include "ledger.h"

namespace rkv::rpc {

// What the procedures of the ledger program work on: the context of their server.
struct Ledger {
  struct Waiting {
    Reply<ledger_add_result> reply;
    std::int64_t amount = 0;
  };
  struct Caller {
    std::string machine;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups;
  };
  static constexpr std::int64_t kUnencodable = -1;  // ECHO of this amount gives what XDR refuses

  std::int64_t balance = 0;
  std::uint64_t calls = 0;       // procedures that ran
  std::list<Waiting> waiting;    // ADD_LATER calls, in the order they came
  std::optional<Caller> caller;  // of the last ADD; nothing without AUTH_SYS

  // Answers one of the waiting calls, 0 being the first.
  void answer(std::size_t index);
};

// A server of both versions of the ledger program on a loopback port. Its loop is run by a thread
// after start(), and by the test otherwise.
class LedgerServer {
 public:
  explicit LedgerServer(const ServerLimits& limits = {});
  ~LedgerServer();
  LedgerServer(const LedgerServer&) = delete;
  LedgerServer& operator=(const LedgerServer&) = delete;

  void start();
  // Runs `task` on the loop's thread and waits for it.
  void on_loop(const std::function<void()>& task);
  // Waits until `condition`, looked at on the loop's thread, is true; fails the test after
  // kPatience.
  void wait_until(const std::string& what, const std::function<bool()>& condition);
  ServerCounters counters();
  std::size_t calls_waiting();

  const Address& address() const { return address_; }
  EventLoop& loop() { return loop_; }
  // The loop's thread only, once started.
  Server& server() { return server_; }
  Ledger& ledger() { return ledger_; }

 private:
  EventLoop loop_;
  NullLogger logger_;
  Ledger ledger_;
  Server server_;
  Address address_;
  std::thread thread_;
};

// Runs `body` in a child process, without threads, and returns what wait() says of its end. A
// failed assertion in it ends the child with kChildFailed. What the child wrote to stderr goes to
// `errors`.
constexpr int kChildFailed = 99;
int run_in_child(const std::function<void()>& body, std::string* errors);

}  // namespace rkv::rpc
