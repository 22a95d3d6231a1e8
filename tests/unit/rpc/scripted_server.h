#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"
#include "rpc/event_loop.h"

namespace rkv::rpc {

// An RPC server that does exactly what its test says, right or wrong. It writes and reads its bytes
// by hand, so that it has no fault in common with what it tests. For its loop's thread.
class ScriptedServer {
 public:
  struct Call {
    std::size_t connection = 0;  // counted from 0 in the order of accepting
    std::uint32_t xid = 0;
    std::uint32_t program = 0;
    std::uint32_t version = 0;
    std::uint32_t procedure = 0;
    std::uint32_t credential_flavor = 0;
    std::string credential;
    std::string arguments;
  };

  // Listens on a port of 127.0.0.1 that the kernel picks.
  explicit ScriptedServer(EventLoop& loop);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  void stop_listening();
  void listen_again();  // on the same port

  // What to do when something happens; empty: only note it.
  std::function<void(std::size_t connection)> on_accept;
  std::function<void(const Call& call)> on_call;

  const std::vector<Call>& calls() const { return calls_; }
  std::size_t accepted() const { return connections_.size(); }
  // Whether the connection is open on both sides.
  bool is_open(std::size_t connection) const;

  void send(std::size_t connection, std::string_view bytes);
  // Successfully, in one fragment.
  void answer(const Call& call, std::string_view results);
  // After everything sent has been handed to the kernel.
  void close(std::size_t connection);
  // With a TCP reset, at once.
  void reset(std::size_t connection);
  // Whether to take calls off this connection; the kernel still buffers some.
  void read_input(std::size_t connection, bool on);
  // Takes off this connection now what the kernel has of it.
  void read_available(std::size_t connection);
  // How many calls a byte of which has been taken off this connection.
  std::size_t calls_begun(std::size_t connection) const;

 private:
  class Listener;
  class Connection;

  EventLoop& loop_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Call> calls_;
};

// Replies as RFC 5531 has them, without a record mark.
std::string success_reply(std::uint32_t xid, std::string_view results);
std::string accepted_reply(std::uint32_t xid, std::uint32_t accept_stat);
std::string prog_mismatch_reply(std::uint32_t xid, std::uint32_t low, std::uint32_t high);
std::string rpc_mismatch_reply(std::uint32_t xid, std::uint32_t low, std::uint32_t high);
std::string auth_error_reply(std::uint32_t xid, std::uint32_t why);

// A record of fragments of at most `fragment_size` bytes; of one fragment if that is 0.
std::string record_of(std::string_view message, std::size_t fragment_size = 0);

// A scripted server on a thread and a loop of its own, for clients that block.
class ServerThread {
 public:
  ServerThread();
  ~ServerThread();
  ServerThread(const ServerThread&) = delete;
  ServerThread& operator=(const ServerThread&) = delete;

  std::uint16_t port() const { return port_; }
  // Runs `task` on the server's thread and waits for it; what it throws is thrown here.
  void run(const std::function<void(ScriptedServer&)>& task);
  // Answers every call with what `results_of` makes of it.
  void answer_all(std::function<std::string(const ScriptedServer::Call&)> results_of);
  // Runs `task` later; for the server's thread.
  void after(Duration pause, std::function<void()> task) {
    loop_.add_timer(loop_.now() + pause, std::move(task));
  }

 private:
  EventLoop loop_;
  ScriptedServer server_;
  const std::uint16_t port_;
  std::thread thread_;
};

}  // namespace rkv::rpc
