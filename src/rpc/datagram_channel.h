#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "rpc/address.h"
#include "rpc/call_channel.h"
#include "rpc/event_loop.h"
#include "rpc/pending_calls.h"
#include "rpc/resolver.h"

namespace rkv::rpc {

struct DatagramChannelOptions {
  Duration resend_first = milliseconds(200);  // without a reply, a call is sent again after this,
  Duration resend_max = seconds(2);           // then after twice the time each, up to this
  std::size_t calls_max = 4096;               // calls outstanding
};

// Calls one server over UDP (RFC 5531, section 10), many at once. A call and its reply are one
// datagram each, the call of at most kDatagramSizeMax bytes. A call without a reply is sent again,
// the same bytes with the same xid, until its deadline. Only time makes it be sent again: a reply
// to a call that has ended already, or to none, is dropped, and so is what is no reply, or comes
// from elsewhere.
//
// The server may run a call as often as it was sent. The outcomes mean:
//   kNotSent  it is too long; nothing was sent; or it was sent once to each address of the server,
//             and the machine there said each time that nobody takes datagrams at that port.
//   kUnknown  it was sent and not answered; also when the machine says that nobody takes datagrams
//             there and the call was sent more than once: the server may have gone in between.
//   kRefused  as Channel has it.
class DatagramChannel final : public CallChannel, private EventLoop::Handler {
 public:
  static constexpr std::size_t kRepliesPerTurnMax =
      256;  // before the loop's others have their turn

  // `host` may be a name, which `resolver` looks up at the first call, and again after a refusal.
  // What is passed by reference must outlive the channel.
  DatagramChannel(EventLoop& loop, Resolver& resolver, const std::string& host, std::uint16_t port,
                  const DatagramChannelOptions& options);
  // Calls under way end as kNotSent or kUnknown before this returns; calls that their callbacks
  // make end as kNotSent. Not from within a callback of this channel.
  ~DatagramChannel() override;

  void call_raw(std::uint32_t program, std::uint32_t version, std::uint32_t procedure, AUTH* auth,
                xdrproc_t encode, const void* args, TimePoint deadline, RawDone done) override;

  std::size_t calls_outstanding() const { return calls_.size() + ended_.size(); }
  const std::string& name() const override { return name_; }

 private:
  struct Call {
    PendingCall pending;
    std::string message;
    std::uint32_t times_sent = 0;
    Duration pause;  // before it is sent again
    TimePoint due;   // when something is to be done: send it again, or end it
  };
  struct EndedCall {
    RawDone done;
    CallOutcome outcome;
  };

  // Sending.
  bool encode_call(std::uint32_t xid, AUTH* auth, xdrproc_t encode, const void* args, Call* call,
                   CallOutcome* failure) const;
  std::uint32_t draw_xid();
  void send(std::uint32_t xid);
  void schedule(std::uint32_t xid, Call& call, TimePoint due);
  void arm_timer();
  void work_on_due();

  // The server's addresses, of which one is used at a time.
  void look_up();
  void looked_up(Result<std::vector<Address>> addresses);
  bool connect_next();
  void drop_socket();

  // Receiving.
  void on_ready(std::uint32_t events) override;
  void take_replies();
  void take_reply(std::string_view message);
  std::vector<std::uint32_t> read_refusals() const;
  void take_refusals(const std::vector<std::uint32_t>& xids);

  // Ending calls.
  Call take(std::uint32_t xid);
  void end_all_not_sent(const std::string& why, const rpc_err& error);
  void end_later(RawDone done, CallOutcome outcome);
  void run_ended();

  EventLoop& loop_;
  Resolver& resolver_;
  const DatagramChannelOptions options_;
  const std::string host_;
  const std::uint16_t port_;
  const std::string name_;
  Random random_;
  // Posted tasks and look-ups hold it weakly.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool is_closed_ = false;

  bool is_looking_up_ = false;
  std::vector<Address> addresses_;
  std::size_t next_address_ = 0;
  int descriptor_ = -1;  // connected to one of the addresses
  int connect_error_ = 0;
  const std::unique_ptr<char[]> input_;

  std::unordered_map<std::uint32_t, Call> calls_;  // by xid
  std::set<std::pair<TimePoint, std::uint32_t>> schedule_;
  EventLoop::TimerId timer_ = 0;
  TimePoint timer_at_ = kNever;

  std::deque<EndedCall> ended_;  // callbacks yet to be run
  bool is_run_ended_posted_ = false;
};

}  // namespace rkv::rpc
