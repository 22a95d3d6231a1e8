#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../../contract/temporary_directory.h"
#include "rpc/rpcbind_client.h"

namespace rkv::rpc {

// An rpcbind with its rules of who may change what, on a socket and a thread of its own. It reads
// and writes with libtirpc's routines, so that it has no fault in common with what it tests.
// Thread-safe but for the hook.
class FakeRpcbind {
 public:
  FakeRpcbind();
  ~FakeRpcbind();
  FakeRpcbind(const FakeRpcbind&) = delete;
  FakeRpcbind& operator=(const FakeRpcbind&) = delete;

  std::string path() const { return directory_.path() / "socket"; }

  // Whom callers are taken for; "superuser" may remove everybody's entries.
  void set_caller(std::string owner);
  // Takes calls and never answers them.
  void set_silent(bool on) { is_silent_ = on; }
  // Answers every call with these bytes, as results.
  void set_answer(std::string results);
  // A netid that it does not know.
  void refuse(std::string netid);

  void add(const RpcbindEntry& entry);
  void clear();
  std::vector<RpcbindEntry> entries() const;
  // The address of a netid; empty if there is none.
  std::string address_of(std::string_view netid) const;
  // The procedures that were called, in order.
  std::vector<std::uint32_t> calls() const;

  // Run on its thread before each call is worked on; set before the first call.
  std::function<void(std::uint32_t procedure)> on_call;

 private:
  void work();
  void serve(int connection);
  std::string run(std::uint32_t procedure, std::string_view arguments);
  bool set(const RpcbindEntry& entry);
  bool unset(const RpcbindEntry& entry);
  std::string dump() const;

  const contract::TemporaryDirectory directory_;
  int listener_ = -1;
  int stop_event_ = -1;
  std::atomic<bool> is_silent_{false};
  mutable std::mutex mutex_;
  std::string caller_ = "superuser";  // guarded by mutex_, as all below
  std::string refused_netid_;
  std::string answer_;
  std::vector<RpcbindEntry> entries_;
  std::vector<std::uint32_t> calls_;
  std::vector<int> kept_;  // connections that get no answer; of the thread
  std::thread thread_;
};

}  // namespace rkv::rpc
