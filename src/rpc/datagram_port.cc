#include "rpc/datagram_port.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "rpc/datagram.h"
#include "rpc/server.h"
#include "rpc/xdr.h"

namespace rkv::rpc {
namespace {

// Datagrams taken or given in one system call.
constexpr std::size_t kBatchMax = 32;
// Asked of the kernel for bursts; it gives what its own limits allow.
constexpr int kSocketBufferSize = 4 << 20;

// Room for the one control message that says which address of this machine a datagram is for.
struct alignas(cmsghdr) ControlBytes {
  std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes{};
};

Status socket_failure(const char* what, const Address& address) {
  return Status::unavailable(std::string(what) + " " + address.to_string() +
                             " (udp): " + std::strerror(errno));
}

// Asks for the address that each datagram was sent to.
bool set_options(int descriptor, int family) {
  const int on = 1;
  const int size = kSocketBufferSize;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (family == AF_INET) {
    return setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0;
  }
  return setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) == 0;
}

void read_local_end(msghdr& header, DatagramEnds* ends) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(each), sizeof info);
      ends->local_v4 = info.ipi_spec_dst;
    } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
      std::memcpy(&ends->local_v6, CMSG_DATA(each), sizeof ends->local_v6);
      // The way back is the kernel's to choose, but a link-local address means nothing without its
      // interface.
      if (!IN6_IS_ADDR_LINKLOCAL(&ends->local_v6.ipi6_addr)) ends->local_v6.ipi6_ifindex = 0;
    }
  }
}

template <typename Info>
void write_control(msghdr& header, ControlBytes& control, int level, int type, const Info& info) {
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* const only = CMSG_FIRSTHDR(&header);
  only->cmsg_level = level;
  only->cmsg_type = type;
  only->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(only), &info, sizeof info);
}

void write_local_end(msghdr& header, ControlBytes& control, const DatagramEnds& ends) {
  if (ends.peer.family() == AF_INET6) {
    write_control(header, control, IPPROTO_IPV6, IPV6_PKTINFO, ends.local_v6);
    return;
  }
  in_pktinfo info{};
  info.ipi_spec_dst = ends.local_v4;
  write_control(header, control, IPPROTO_IP, IP_PKTINFO, info);
}

// The procedure that a message calls, if it is a call: it is at one place in all of them (RFC 5531,
// section 9). What ends before it calls none.
ProcedureId called_procedure(std::string_view message) {
  constexpr std::size_t kPlace = 12;  // behind xid, direction and RPC version
  if (message.size() < kPlace) return {};
  XdrReader reader(message.substr(kPlace));
  const std::uint32_t program = reader.read_uint32();
  const std::uint32_t version = reader.read_uint32();
  return {program, version, reader.read_uint32()};
}

}  // namespace

// ---- the sender of a datagram

bool DatagramCaller::send(FunctionRef<bool(XDR*)> encode) {
  return port_.queue(ends_, call_, encode);
}

bool DatagramCaller::send_results(const ProcedureId& procedure, std::uint32_t xid,
                                  xdrproc_t routine, const void* results) {
  if (Caller::send_results(procedure, xid, routine, results)) return true;
  const auto found = server_.datagram_replies_.find(procedure);
  if (found == server_.datagram_replies_.end() ||
      found->second.use != Server::DatagramReply::kOrResultsTooLong) {
    return false;
  }
  // Only of what could be sent over TCP may it be said. xdr_sizeof() is 0 for what does not encode.
  if (xdr_sizeof(routine, const_cast<void*>(results)) == 0) return false;
  return send_use_tcp(procedure, xid);
}

ReplyPlace DatagramCaller::call_handed_over() { return port_.hold(ends_, call_); }

int DatagramCaller::descriptor() const { return port_.descriptor(); }

bool DatagramCaller::begin_call() {
  if (port_.is_full()) return false;
  if (key_.empty()) return true;
  call_ = server_.duplicates_.begin(std::move(key_));
  return call_.has_value();
}

// ---- the port

// Where a batch of datagrams is read to. What is longer than a message may be is cut there.
struct DatagramPort::InputBatch {
  std::array<mmsghdr, kBatchMax> headers{};
  std::array<iovec, kBatchMax> parts{};
  std::array<sockaddr_storage, kBatchMax> peers{};
  std::array<ControlBytes, kBatchMax> controls{};
  std::array<std::array<char, kDatagramSizeMax>, kBatchMax> bytes{};
};

Result<std::unique_ptr<DatagramPort>> DatagramPort::open(Server& server, std::uint32_t number,
                                                         const Address& address) {
  const int descriptor =
      socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
  if (descriptor < 0) return socket_failure("cannot make a socket for", address);
  const int on = 1;
  const bool is_v6 = address.family() == AF_INET6;
  if ((is_v6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      bind(descriptor, address.raw(), address.raw_size()) != 0) {
    Status status = socket_failure("cannot listen at", address);
    close(descriptor);
    return status;
  }
  return adopt(server, number, descriptor);
}

Result<std::unique_ptr<DatagramPort>> DatagramPort::adopt(Server& server, std::uint32_t number,
                                                          int descriptor) {
  const Result<Address> bound = Address::local_of(descriptor);
  Status status = bound.status();
  if (status.ok() && !set_options(descriptor, bound.value().family())) {
    status = socket_failure("cannot prepare the socket at", bound.value());
  }
  if (!status.ok()) {
    close(descriptor);
    return status;
  }
  return std::unique_ptr<DatagramPort>(new DatagramPort(server, number, descriptor, bound.value()));
}

DatagramPort::DatagramPort(Server& server, std::uint32_t number, int descriptor,
                           const Address& address)
    : server_(server),
      number_(number),
      descriptor_(descriptor),
      address_(address),
      input_(std::make_unique<InputBatch>()) {
  server_.loop_.watch(descriptor_, EPOLLIN, this);
}

DatagramPort::~DatagramPort() {
  server_.loop_.unwatch(descriptor_);
  close(descriptor_);
}

// Readiness that is left over is reported again, when the others have had their turn.
void DatagramPort::on_ready(std::uint32_t /*events*/) {
  std::size_t budget = server_.limits_.datagrams_per_turn_max;
  while (budget > 0) {
    const std::size_t taken = read_batch(std::min(budget, kBatchMax));
    if (taken == 0) return;
    budget -= taken;
  }
}

std::size_t DatagramPort::read_batch(std::size_t count_max) {
  InputBatch& input = *input_;
  for (std::size_t i = 0; i < count_max; ++i) {
    input.parts[i] = {input.bytes[i].data(), input.bytes[i].size()};
    msghdr& header = input.headers[i].msg_hdr;
    header = {};
    header.msg_name = &input.peers[i];
    header.msg_namelen = sizeof input.peers[i];
    header.msg_iov = &input.parts[i];
    header.msg_iovlen = 1;
    header.msg_control = input.controls[i].bytes.data();
    header.msg_controllen = input.controls[i].bytes.size();
  }
  const int count = recvmmsg(descriptor_, input.headers.data(), static_cast<unsigned>(count_max),
                             MSG_DONTWAIT, nullptr);
  if (count < 0) {
    // Anything else is an error that the network reported of an answer; reading it has cleared it.
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : 1;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) take_datagram(i);
  return static_cast<std::size_t>(count);
}

void DatagramPort::take_datagram(std::size_t index) {
  msghdr& header = input_->headers[index].msg_hdr;
  ++server_.counters_.datagrams_received;
  DatagramEnds ends;
  ends.peer = Address(static_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
  read_local_end(header, &ends);
  if (server_.accept_filter_ && !server_.accept_filter_(ends.peer)) {
    ++server_.counters_.datagrams_dropped;
    return;
  }
  // Its own bytes only: behind them are those of datagrams before it, from whomever.
  const std::string_view message(input_->bytes[index].data(), input_->headers[index].msg_len);
  const bool is_cut = (header.msg_flags & MSG_TRUNC) != 0;
  // One that is cut is not run, and what is missing of it might tell it from another one.
  std::string key;
  if (!is_cut && server_.remembers_duplicates(called_procedure(message))) {
    key = DuplicateCache::key_of(ends.peer, message);
    if (take_copy(ends, key)) return;
  }
  DatagramCaller caller(server_, *this, ends, std::move(key));
  if (!caller.take_message(message, is_cut)) ++server_.counters_.datagrams_dropped;
}

// Comes before anything that might refuse the call: its first copy may have been run, so that none
// may be told that nothing has happened.
bool DatagramPort::take_copy(const DatagramEnds& ends, std::string_view key) {
  const std::optional<DuplicateCache::Known> known = server_.duplicates_.find(key);
  if (!known.has_value()) return false;
  ++server_.counters_.datagrams_repeated;
  if (!known->is_answered) return true;
  const std::string_view answer = known->answer;
  RKV_CHECK(queue(ends, std::nullopt,
                  [answer](XDR* xdr) {
                    return XDR_PUTBYTES(xdr, const_cast<char*>(answer.data()),
                                        static_cast<u_int>(answer.size())) != FALSE;
                  }),
            "an answer that was sent before fits a datagram");
  return true;
}

void DatagramPort::stop_reading() { server_.loop_.unwatch(descriptor_); }

bool DatagramPort::queue(const DatagramEnds& ends, const std::optional<DuplicateCache::Call>& call,
                         FunctionRef<bool(XDR*)> encode) {
  const std::size_t before = output_.content().size();
  if (!append_record(output_, 0, kDatagramSizeMax, encode)) return false;
  const std::size_t size = output_.content().size() - before;
  if (call.has_value()) {
    server_.duplicates_.answered(*call, output_.content().substr(before + kRecordMarkSize),
                                 server_.loop_.now());
  }
  if (before + size > server_.limits_.datagram_output_max) {
    output_.retract(size);
    ++server_.counters_.datagrams_not_answered;
    return true;
  }
  server_.counters_.output_bytes += size;
  answers_.push_back({ends, size - kRecordMarkSize});
  return true;
}

void DatagramPort::flush() {
  const char* bytes = output_.content().data();
  std::size_t sent = 0;
  while (sent < answers_.size()) {
    const std::size_t count = send_batch(sent, bytes);
    for (std::size_t i = sent; i < sent + count; ++i) bytes += kRecordMarkSize + answers_[i].size;
    sent += count;
  }
  server_.counters_.output_bytes -= output_.content().size();
  output_.consume(output_.content().size());
  answers_.clear();
}

// Sends some of the answers, of which number `first` is at `bytes`. Returns how many are dealt
// with, sent or not; at least one.
std::size_t DatagramPort::send_batch(std::size_t first, const char* bytes) {
  std::array<mmsghdr, kBatchMax> headers{};
  std::array<iovec, kBatchMax> parts{};
  std::array<ControlBytes, kBatchMax> controls;
  const std::size_t count = std::min(answers_.size() - first, kBatchMax);
  for (std::size_t i = 0; i < count; ++i) {
    const Answer& answer = answers_[first + i];
    // sendmmsg() reads only.
    parts[i] = {const_cast<char*>(bytes) + kRecordMarkSize, answer.size};
    bytes += kRecordMarkSize + answer.size;
    msghdr& header = headers[i].msg_hdr;
    header.msg_name = const_cast<sockaddr*>(answer.ends.peer.raw());
    header.msg_namelen = answer.ends.peer.raw_size();
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    write_local_end(header, controls[i], answer.ends);
  }
  ServerCounters& counters = server_.counters_;
  const int sent = sendmmsg(descriptor_, headers.data(), static_cast<unsigned>(count),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) {
    counters.datagrams_answered += static_cast<std::uint64_t>(sent);
    return static_cast<std::size_t>(sent);
  }
  // No room: none of them goes. Otherwise it is the first one that cannot be sent.
  const bool is_full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
  const std::size_t lost = is_full ? answers_.size() - first : 1;
  counters.datagrams_not_answered += lost;
  return lost;
}

ReplyPlace DatagramPort::hold(const DatagramEnds& ends,
                              const std::optional<DuplicateCache::Call>& call) {
  RKV_CHECK(free_slots_.size() + server_.limits_.datagram_calls_max > waiting_.size(),
            "a call is refused before it can wait without room");
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(waiting_.size()));
    waiting_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  WaitingCall& waiting = waiting_[slot];
  waiting.ends = ends;
  waiting.call = call;
  waiting.is_held = true;
  return {Transport::kUdp, number_, slot, ++waiting.generation};
}

DatagramCaller DatagramPort::release(std::uint32_t slot, std::uint32_t generation) {
  WaitingCall& waiting = waiting_[slot];
  RKV_CHECK(waiting.is_held && waiting.generation == generation,
            "a call that waits is answered once");
  waiting.is_held = false;
  free_slots_.push_back(slot);
  return {server_, *this, waiting.ends, std::exchange(waiting.call, std::nullopt)};
}

bool DatagramPort::is_full() const {
  return waiting_.size() - free_slots_.size() >= server_.limits_.datagram_calls_max;
}

}  // namespace rkv::rpc
