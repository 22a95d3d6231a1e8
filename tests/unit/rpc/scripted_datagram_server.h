#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "rpc/address.h"
#include "rpc/event_loop.h"

namespace rkv::rpc {

// A UDP server that does exactly what its test says: answers late, twice, in another order or not
// at all, and sends what nobody asked for. For its loop's thread.
class ScriptedDatagramServer final : private EventLoop::Handler {
 public:
  struct Call {
    std::uint32_t xid = 0;
    std::string message;  // the whole datagram
    Address from;
  };

  // On a port of `host` that the kernel picks, or on `port`.
  explicit ScriptedDatagramServer(EventLoop& loop, const std::string& host = "127.0.0.1",
                                  std::uint16_t port = 0);
  ~ScriptedDatagramServer() override;
  ScriptedDatagramServer(const ScriptedDatagramServer&) = delete;
  ScriptedDatagramServer& operator=(const ScriptedDatagramServer&) = delete;

  std::uint16_t port() const { return address_.port(); }
  // What to do with a datagram; empty: only note it.
  std::function<void(const Call& call)> on_call;
  const std::vector<Call>& calls() const { return calls_; }
  // How many of them have this xid.
  std::size_t copies_of(std::uint32_t xid) const;

  void send(const Address& to, std::string_view bytes) const;
  void answer(const Call& call, std::string_view results) const;

 private:
  void on_ready(std::uint32_t events) override;

  EventLoop& loop_;
  const int descriptor_;
  Address address_;
  std::vector<Call> calls_;
};

}  // namespace rkv::rpc
