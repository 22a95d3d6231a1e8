#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "rpc/address.h"
#include "rpc/channel.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

namespace rkv::rpc {

// One attempt at a time to reach a host: looks its name up, then tries its addresses in order, each
// for an equal share of the time that is left.
class Connector final : public EventLoop::Handler {
 public:
  struct Outcome {
    int descriptor = -1;  // connected, and the receiver's to close; -1: none
    std::string reason;   // without one: a line for a person
    rpc_err error{};      // the same in libtirpc's terms
  };
  using Done = std::function<void(const Outcome& outcome)>;

  // What is passed by reference must outlive the connector.
  Connector(EventLoop& loop, Resolver& resolver, std::string host, std::uint16_t port);
  // An attempt under way is dropped; its `done` is not run.
  ~Connector() override;
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Begins an attempt; the one before must have ended. `done` is run once, never from within
  // start().
  void start(Duration timeout, Done done);
  // The attempt under way is dropped, if there is one; its `done` is not run.
  void cancel();

  // "host:port".
  const std::string& name() const { return name_; }

 private:
  void on_ready(std::uint32_t events) override;
  void resolved(Result<std::vector<Address>> addresses);
  void try_next_address();
  void address_failed(int error);
  void look_up_timed_out();
  void set_timer(TimePoint when, void (Connector::*task)());
  void address_timed_out();
  void drop_socket();
  void finish(const Outcome& outcome);
  std::string address_name() const;

  EventLoop& loop_;
  Resolver& resolver_;
  const std::string host_;
  const std::uint16_t port_;
  const std::string name_;

  // Of the attempt under way; look-ups hold it weakly, so that a late one finds its attempt gone.
  std::shared_ptr<bool> attempt_;
  Done done_;
  Duration timeout_;
  TimePoint deadline_;
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  int descriptor_ = -1;
  EventLoop::TimerId timer_ = 0;
  Outcome last_failure_;
};

}  // namespace rkv::rpc
