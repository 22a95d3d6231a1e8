#include "rpc/datagram_channel.h"

#include <fmt/core.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>

#include "base/bytes.h"
#include "base/check.h"
#include "rpc/call_outcome.h"
#include "rpc/datagram.h"
#include "rpc/message.h"

namespace rkv::rpc {
namespace {

// Other servers may answer with more than kDatagramSizeMax: with all that a datagram can hold.
constexpr std::size_t kInputSize = 65536;
// Errors taken off the socket at once.
constexpr int kErrorsMax = 64;
constexpr std::size_t kXidSize = 4;

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

// A socket that takes datagrams from this address only, and tells of each datagram that the machine
// there had no use for.
int open_socket(const Address& address) {
  const int descriptor =
      socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
  if (descriptor < 0) return -1;
  const int on = 1;
  const bool is_v6 = address.family() == AF_INET6;
  setsockopt(descriptor, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_RECVERR : IP_RECVERR, &on,
             sizeof on);
  if (connect(descriptor, address.raw(), address.raw_size()) == 0) return descriptor;
  const int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

// Whether an entry of a socket's error queue says that a port is closed (RFC 792, RFC 4443).
bool is_refusal(msghdr& header) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    const bool is_error = (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR) ||
                          (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR);
    if (!is_error) continue;
    sock_extended_err error{};
    std::copy_n(CMSG_DATA(each), sizeof error, reinterpret_cast<unsigned char*>(&error));
    return error.ee_errno == ECONNREFUSED &&
           (error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6);
  }
  return false;
}

}  // namespace

DatagramChannel::DatagramChannel(EventLoop& loop, Resolver& resolver, const std::string& host,
                                 std::uint16_t port, const DatagramChannelOptions& options)
    : loop_(loop),
      resolver_(resolver),
      options_(options),
      host_(host),
      port_(port),
      name_(join_host_port(host, port)),
      random_(random_seed()),
      input_(new char[kInputSize]) {}

// Callbacks may still ask this channel for its name, and even make calls.
DatagramChannel::~DatagramChannel() {
  is_closed_ = true;
  loop_.cancel_timer(timer_);
  drop_socket();
  while (!calls_.empty()) {
    Call call = take(calls_.begin()->first);
    constexpr std::string_view kText = "the channel was closed";
    end_later(std::move(call.pending.done),
              call.times_sent > 0 ? unknown(name_, kText, make_rpc_err(RPC_CANTRECV))
                                  : not_sent(name_, kText, make_rpc_err(RPC_CANTSEND)));
  }
  while (!ended_.empty()) run_ended();
}

// ---- sending

void DatagramChannel::call_raw(std::uint32_t program, std::uint32_t version,
                               std::uint32_t procedure, AUTH* auth, xdrproc_t encode,
                               const void* args, TimePoint deadline, RawDone done) {
  Call call;
  call.pending.program = program;
  call.pending.version = version;
  call.pending.procedure = procedure;
  call.pending.started = EventLoop::read_clock();
  call.pending.deadline = deadline;
  call.pending.done = std::move(done);
  call.pause = options_.resend_first;
  const std::uint32_t xid = draw_xid();
  CallOutcome failure;
  if (!encode_call(xid, auth, encode, args, &call, &failure)) {
    end_later(std::move(call.pending.done), std::move(failure));
    return;
  }
  Call& added = calls_.emplace(xid, std::move(call)).first->second;
  schedule(xid, added, deadline);
  if (descriptor_ >= 0) {
    send(xid);
  } else if (!is_looking_up_) {
    look_up();
  }
  arm_timer();
}

bool DatagramChannel::encode_call(std::uint32_t xid, AUTH* auth, xdrproc_t encode, const void* args,
                                  Call* call, CallOutcome* failure) const {
  if (is_closed_) {
    *failure = not_sent(name_, "the channel was closed", make_rpc_err(RPC_CANTSEND));
    return false;
  }
  if (calls_outstanding() >= options_.calls_max) {
    constexpr const char* kText = "{} calls are under way already (limit calls_max)";
    *failure = not_sent(name_, fmt::format(kText, calls_outstanding()), make_rpc_err(RPC_CANTSEND));
    return false;
  }
  std::array<char, kDatagramSizeMax> bytes;
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), bytes.size(), XDR_ENCODE);
  AUTH* const given = auth == nullptr ? authnone_create() : auth;
  const bool has_header = encode_call_header(&xdr, xid, call->pending.program,
                                             call->pending.version, call->pending.procedure, given);
  const std::size_t header_size = XDR_GETPOS(&xdr);
  // Encoding and xdr_sizeof() take a value that they only read as one they could write.
  void* const value = const_cast<void*>(args);
  if (has_header && encode(&xdr, value) != FALSE) {
    call->message.assign(bytes.data(), XDR_GETPOS(&xdr));
    return true;
  }
  const std::size_t args_size = has_header ? xdr_sizeof(encode, value) : 0;
  const std::string why = args_size == 0
                              ? std::string("the call cannot be encoded")
                              : fmt::format("a call of {} bytes, but UDP carries {} at most",
                                            header_size + args_size, kDatagramSizeMax);
  *failure = not_sent(name_, why, make_rpc_err(RPC_CANTENCODEARGS));
  return false;
}

// Not in use, and not to be guessed.
std::uint32_t DatagramChannel::draw_xid() {
  while (true) {
    const auto xid = static_cast<std::uint32_t>(random_.next());
    if (!calls_.contains(xid)) return xid;
  }
}

void DatagramChannel::send(std::uint32_t xid) {
  Call& call = calls_.at(xid);
  const auto try_to_send = [&] {
    return ::send(descriptor_, call.message.data(), call.message.size(),
                  MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  };
  // The first attempt may only tell of an error that an earlier datagram met with.
  bool is_sent = try_to_send();
  if (!is_sent && errno == ECONNREFUSED) is_sent = try_to_send();
  const int error = is_sent ? 0 : errno;
  if (is_sent) ++call.times_sent;
  const bool is_full = error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
  if (!is_sent && !is_full && call.times_sent == 0) {
    end_later(std::move(take(xid).pending.done),
              not_sent(name_, describe_errno(error), make_rpc_err(RPC_CANTSEND, error)));
    return;
  }
  const TimePoint again = EventLoop::read_clock() + call.pause;
  call.pause = std::min(call.pause * 2, options_.resend_max);
  schedule(xid, call, std::min(again, call.pending.deadline));
}

void DatagramChannel::schedule(std::uint32_t xid, Call& call, TimePoint due) {
  schedule_.erase({call.due, xid});
  call.due = due;
  if (due != kNever) schedule_.emplace(due, xid);
}

void DatagramChannel::arm_timer() {
  const TimePoint first = schedule_.empty() ? kNever : schedule_.begin()->first;
  if (first == timer_at_ || is_closed_) return;
  loop_.cancel_timer(timer_);
  timer_at_ = first;
  timer_ = first == kNever ? 0 : loop_.add_timer(first, [this] { work_on_due(); });
}

void DatagramChannel::work_on_due() {
  timer_ = 0;
  timer_at_ = kNever;
  const TimePoint now = EventLoop::read_clock();
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    const std::uint32_t xid = schedule_.begin()->second;
    const Call& call = calls_.at(xid);
    if (call.pending.deadline > now) {
      send(xid);
      continue;
    }
    const Call late = take(xid);
    const std::string_view waited_for =
        is_looking_up_ ? "its address is being looked up" : "the network takes nothing";
    end_later(late.pending.done, late.times_sent > 0
                                     ? not_answered_in_time(name_, late.pending)
                                     : not_sent_in_time(name_, late.pending, waited_for));
  }
  arm_timer();
}

// ---- addresses

void DatagramChannel::look_up() {
  is_looking_up_ = true;
  resolver_.resolve(host_, port_, [this, alive = std::weak_ptr<bool>(alive_)](auto addresses) {
    if (!alive.expired()) looked_up(std::move(addresses));
  });
}

void DatagramChannel::looked_up(Result<std::vector<Address>> addresses) {
  is_looking_up_ = false;
  if (!addresses.ok()) {
    end_all_not_sent(addresses.status().reason(), make_rpc_err(RPC_UNKNOWNHOST));
    return;
  }
  addresses_ = std::move(addresses).value();
  next_address_ = 0;
  if (!connect_next()) {
    end_all_not_sent(describe_errno(connect_error_), make_rpc_err(RPC_CANTSEND, connect_error_));
    return;
  }
  std::vector<std::uint32_t> waiting;
  for (const auto& [xid, call] : calls_) waiting.push_back(xid);
  for (const std::uint32_t xid : waiting) send(xid);
  arm_timer();
}

// Goes on to the next address that there is a way to.
bool DatagramChannel::connect_next() {
  while (next_address_ < addresses_.size()) {
    const int descriptor = open_socket(addresses_[next_address_++]);
    if (descriptor < 0) {
      connect_error_ = errno;
      continue;
    }
    drop_socket();
    descriptor_ = descriptor;
    loop_.watch(descriptor_, EPOLLIN, this);
    return true;
  }
  return false;
}

void DatagramChannel::drop_socket() {
  if (descriptor_ < 0) return;
  loop_.unwatch(descriptor_);
  close(descriptor_);
  descriptor_ = -1;
}

// ---- receiving

void DatagramChannel::on_ready(std::uint32_t events) {
  if ((events & EPOLLERR) != 0) take_refusals(read_refusals());
  take_replies();
  arm_timer();
}

void DatagramChannel::take_replies() {
  // A callback may make a call, and so change the socket.
  for (std::size_t i = 0; i < kRepliesPerTurnMax && descriptor_ >= 0; ++i) {
    const ssize_t size = recv(descriptor_, input_.get(), kInputSize, MSG_DONTWAIT);
    if (size >= 0) {
      take_reply({input_.get(), static_cast<std::size_t>(size)});
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    }
    // Any other error is in the error queue too, and cleared.
  }
}

void DatagramChannel::take_reply(std::string_view message) {
  ReplyHeader reply;
  if (!parse_reply(message, &reply) || !calls_.contains(reply.xid)) return;
  // This address is good: the others need not be tried.
  next_address_ = addresses_.size();
  const Call call = take(reply.xid);
  const CallOutcome outcome = outcome_of_reply(name_, call.pending, reply);
  call.pending.done(outcome, outcome.answered() ? reply.results : std::string_view());
}

// The calls whose datagrams came back: the kernel hands out how they began.
std::vector<std::uint32_t> DatagramChannel::read_refusals() const {
  std::vector<std::uint32_t> xids;
  for (int i = 0; i < kErrorsMax; ++i) {
    std::array<char, kXidSize> bytes{};
    std::array<char, 512> control{};
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t size = recvmsg(descriptor_, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (size < 0) break;
    if (static_cast<std::size_t>(size) < kXidSize || !is_refusal(header)) continue;
    xids.push_back(XdrReader({bytes.data(), bytes.size()}).read_uint32());
  }
  return xids;
}

void DatagramChannel::take_refusals(const std::vector<std::uint32_t>& xids) {
  std::vector<std::uint32_t> refused;
  for (const std::uint32_t xid : xids) {
    const auto found = calls_.find(xid);
    if (found == calls_.end() || std::count(refused.begin(), refused.end(), xid) > 0) continue;
    if (found->second.times_sent <= 1) {
      refused.push_back(xid);
      continue;
    }
    end_later(take(xid).pending.done,
              unknown(name_, "connection refused, after it was sent more than once",
                      make_rpc_err(RPC_CANTRECV, ECONNREFUSED)));
  }
  if (refused.empty()) return;
  if (connect_next()) {
    for (const std::uint32_t xid : refused) {
      calls_.at(xid).times_sent = 0;
      send(xid);
    }
    return;
  }
  const rpc_err error = make_rpc_err(RPC_CANTSEND, ECONNREFUSED);
  for (const std::uint32_t xid : refused) {
    end_later(take(xid).pending.done, not_sent(name_, describe_errno(ECONNREFUSED), error));
  }
  // The next call looks the name up anew.
  if (calls_.empty()) drop_socket();
}

// ---- ending calls

DatagramChannel::Call DatagramChannel::take(std::uint32_t xid) {
  const auto found = calls_.find(xid);
  RKV_CHECK(found != calls_.end(), "a call ends once");
  Call call = std::move(found->second);
  schedule_.erase({call.due, xid});
  calls_.erase(found);
  return call;
}

void DatagramChannel::end_all_not_sent(const std::string& why, const rpc_err& error) {
  while (!calls_.empty()) {
    end_later(take(calls_.begin()->first).pending.done, not_sent(name_, why, error));
  }
  arm_timer();
}

void DatagramChannel::end_later(RawDone done, CallOutcome outcome) {
  ended_.push_back({std::move(done), std::move(outcome)});
  if (is_run_ended_posted_ || is_closed_) return;
  is_run_ended_posted_ = true;
  loop_.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    is_run_ended_posted_ = false;
    run_ended();
  });
}

// Runs the callbacks of what has ended so far; what they end waits for the next turn.
void DatagramChannel::run_ended() {
  for (std::size_t left = ended_.size(); left > 0; --left) {
    const EndedCall call = std::move(ended_.front());
    ended_.pop_front();
    call.done(call.outcome, {});
  }
}

}  // namespace rkv::rpc
