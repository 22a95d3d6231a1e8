#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "rpc/byte_stream.h"
#include "rpc/call_output.h"
#include "rpc/channel.h"
#include "rpc/connector.h"
#include "rpc/pending_calls.h"
#include "rpc/record.h"

namespace rkv::rpc {

// What is behind a Channel: the connection, made and lost over and over, and the calls on it.
//
//     kIdle --call--> kConnecting --> kConnected --lost--> kIdle, or kPausing if it was of no use
//                          |failed
//                          +--> kPausing --time--> kIdle
class Channel::Connection final : public EventLoop::Handler {
 public:
  Connection(EventLoop& loop, Resolver& resolver, Logger& logger, std::string host,
             std::uint16_t port, const ChannelOptions& options);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes on a call whose numbers, deadline and `done` are set.
  void call(PendingCall call, AUTH* auth, xdrproc_t encode, const void* args);
  // Ends every call, those included that callbacks make meanwhile.
  void close();

  void connect_now();
  void set_state_listener(StateListener listener) { listener_ = std::move(listener); }
  bool connected() const { return state_ == State::kConnected; }
  std::size_t calls_outstanding() const { return calls_.size() + ended_.size(); }
  const std::string& name() const { return connector_.name(); }

 private:
  enum class State { kIdle, kConnecting, kConnected, kPausing, kClosed };
  struct EndedCall {
    RawDone done;
    CallOutcome outcome;
  };

  // Connecting.
  void connect();
  void connect_ended(const Connector::Outcome& outcome);
  void attempt_failed(const std::string& reason, const rpc_err& error);
  void end_pause();
  void lose(std::string_view what, int error);
  bool was_useful() const;
  void drop_stream();
  void tell(bool connected, const std::string& reason);

  // Output.
  bool encode_call(PendingCall& call, std::uint32_t xid, AUTH* auth, xdrproc_t encode,
                   const void* args, CallOutcome* failure);
  void flush();
  void end_failed_write();
  void update_watch();

  // Input.
  void on_ready(std::uint32_t events) override;
  void read();
  bool take_replies();
  bool take_reply(std::string_view record);

  // Ending calls.
  void arm_deadline();
  void end_due();
  void end_later(RawDone done, CallOutcome outcome);
  void run_ended();
  void run_ended_posted();
  void post(void (Connection::*task)());

  EventLoop& loop_;
  Logger& logger_;
  const ChannelOptions options_;
  Connector connector_;
  Random random_;
  StateListener listener_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // posted tasks hold it weakly

  State state_ = State::kIdle;
  std::uint32_t failures_ = 0;  // attempts in a row that came to nothing
  TimePoint pause_end_;
  EventLoop::TimerId pause_timer_ = 0;
  CallOutcome pause_outcome_;  // of calls made in the pause

  // While connected.
  std::unique_ptr<ByteStream> stream_;
  std::optional<RecordReader> reader_;
  TimePoint connected_at_;
  bool was_answered_ = false;  // a reply came over this connection
  bool is_writable_ = false;   // as far as is known
  bool watches_output_ = false;
  int write_error_ = 0;  // of the write that failed, until it is dealt with

  PendingCalls calls_;
  CallOutput output_;
  ReadScratch scratch_;
  EventLoop::HookId flush_hook_ = 0;
  TimePoint flushed_in_turn_;  // now() of the turn whose flush() has run

  EventLoop::TimerId deadline_timer_ = 0;
  TimePoint deadline_timer_at_ = kNever;

  std::deque<EndedCall> ended_;  // callbacks yet to be run
  bool is_run_ended_posted_ = false;
};

}  // namespace rkv::rpc
