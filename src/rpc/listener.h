#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "rpc/address.h"
#include "rpc/event_loop.h"

namespace rkv::rpc {

// A listening TCP socket. When descriptors run out it does not spin: it keeps one in reserve, which
// it gives up to accept and close the next connection (so that the client learns at once), and then
// pauses.
class Listener final : public EventLoop::Handler {
 public:
  // Gets a connected, non-blocking socket, which it then owns.
  using Accepted = std::function<void(int descriptor, const Address& from)>;

  static Result<std::unique_ptr<Listener>> open(EventLoop& loop, Logger& logger, std::string name,
                                                const Address& address, Accepted accepted);
  // The same with a socket that listens already, which the listener then owns (also on failure).
  static Result<std::unique_ptr<Listener>> adopt(EventLoop& loop, Logger& logger, std::string name,
                                                 int descriptor, Accepted accepted);
  ~Listener() override;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const Address& address() const { return address_; }
  void on_ready(std::uint32_t events) override;

 private:
  Listener(EventLoop& loop, Logger& logger, std::string name, int descriptor,
           const Address& address, Accepted accepted);
  void turn_one_away();
  void pause(int error);

  EventLoop& loop_;
  Logger& logger_;
  const std::string name_;
  const int descriptor_;
  const Address address_;
  const Accepted accepted_;
  int reserve_ = -1;
  TimePoint log_again_;  // a pause before then is not worth another line
  EventLoop::TimerId pause_timer_ = 0;
};

}  // namespace rkv::rpc
