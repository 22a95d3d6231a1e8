#include "rpc/rpcbind_call.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "rpc/call_outcome.h"
#include "rpc/event_loop.h"
#include "rpc/message.h"
#include "rpc/record.h"

namespace rkv::rpc {
namespace {

// A list of all that is registered is the longest reply; an entry has about 80 bytes.
constexpr std::size_t kReplySizeMax = 4 << 20;
constexpr std::size_t kReplyFragmentsMax = 4096;
constexpr std::size_t kDatagramSizeMax = 65536;
constexpr Duration kResendAfter = milliseconds(200);
constexpr std::uint32_t kLastFragment = 0x80000000;
constexpr std::uint32_t kRpcVersion = 2;

RpcbindAnswer no_answer(std::string reason) {
  return {RpcbindAnswer::Kind::kNoAnswer, std::move(reason), {}, {}};
}

RpcbindAnswer failed(int error) {
  const bool nobody = error == ECONNREFUSED || error == ENOENT;
  return {nobody ? RpcbindAnswer::Kind::kNobody : RpcbindAnswer::Kind::kNoAnswer,
          describe_errno(error),
          {},
          {}};
}

std::string encode(std::uint32_t xid, const RpcbindCall& call) {
  std::string message;
  for (const std::uint32_t word : {xid, static_cast<std::uint32_t>(CALL), kRpcVersion, call.program,
                                   call.version, call.procedure}) {
    append_uint32(message, word);
  }
  // Credential and verifier: AUTH_NONE, no bytes.
  for (int i = 0; i < 4; ++i) append_uint32(message, 0);
  return message + call.arguments;
}

// One socket, one call.
class Exchange {
 public:
  Exchange(const RpcbindCall& call, bool is_datagram)
      : is_datagram_(is_datagram), deadline_(EventLoop::read_clock() + call.timeout) {
    if (getrandom(&xid_, sizeof xid_, 0) != static_cast<ssize_t>(sizeof xid_)) {
      xid_ = static_cast<std::uint32_t>(deadline_.ns);
    }
    const std::string message = encode(xid_, call);
    if (!is_datagram_) {
      append_uint32(output_, kLastFragment | static_cast<std::uint32_t>(message.size()));
    }
    output_ += message;
  }
  ~Exchange() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  RpcbindAnswer run(const sockaddr* address, socklen_t size) {
    const int type = is_datagram_ ? SOCK_DGRAM : SOCK_STREAM;
    descriptor_ = socket(address->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor_ < 0) return failed(errno);
    if (connect(descriptor_, address, size) != 0) {
      if (errno != EINPROGRESS) return failed(errno);
      if (!wait_for(POLLOUT, deadline_)) return too_late();
      int error = 0;
      socklen_t error_size = sizeof error;
      getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &error_size);
      if (error != 0) return failed(error);
    }
    return is_datagram_ ? exchange_datagrams() : exchange_records();
  }

 private:
  static RpcbindAnswer too_late() { return no_answer("no answer in time"); }

  // Whether the socket became ready for `events`, or has failed, before `until`.
  bool wait_for(short events, TimePoint until) const {
    while (true) {
      const Duration left = until - EventLoop::read_clock();
      if (left <= Duration()) return false;
      pollfd ready{descriptor_, events, 0};
      // Rounded up, so that it does not spin in the last millisecond.
      const int count = poll(&ready, 1, static_cast<int>(left.ms() + 1));
      if (count > 0) return true;
      if (count < 0 && errno != EINTR) return false;
    }
  }

  std::optional<RpcbindAnswer> send_all() {
    std::size_t sent = 0;
    while (sent < output_.size()) {
      const ssize_t size =
          send(descriptor_, output_.data() + sent, output_.size() - sent, MSG_NOSIGNAL);
      if (size > 0) {
        sent += static_cast<std::size_t>(size);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!wait_for(POLLOUT, deadline_)) return too_late();
      } else if (errno != EINTR) {
        return failed(errno);
      }
    }
    return std::nullopt;
  }

  RpcbindAnswer exchange_records() {
    if (const std::optional<RpcbindAnswer> failure = send_all()) return *failure;
    ReadScratch scratch;
    RecordReader reader({kReplySizeMax, kReplyFragmentsMax}, &scratch);
    while (true) {
      if (!wait_for(POLLIN, deadline_)) return too_late();
      const std::span<char> space = reader.space();
      const ssize_t size = recv(descriptor_, space.data(), space.size(), 0);
      if (size == 0) return no_answer("it closed the connection");
      if (size < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) continue;
        return no_answer(describe_errno(errno));
      }
      reader.received(static_cast<std::size_t>(size));
      std::string_view record;
      const RecordReader::Next next = reader.next(&record);
      if (next == RecordReader::Next::kRecord) {
        return answer_of(record).value_or(no_answer("what it answered is no reply to the call"));
      }
      if (next != RecordReader::Next::kIncomplete) return no_answer("its answer is too long");
    }
  }

  RpcbindAnswer exchange_datagrams() {
    std::array<char, kDatagramSizeMax> datagram{};
    TimePoint resend_at;
    while (EventLoop::read_clock() < deadline_) {
      if (EventLoop::read_clock() >= resend_at) {
        // An error that came back for the datagram before is reported here too.
        if (send(descriptor_, output_.data(), output_.size(), 0) < 0 && errno == ECONNREFUSED) {
          return failed(ECONNREFUSED);
        }
        resend_at = EventLoop::read_clock() + kResendAfter;
      }
      if (!wait_for(POLLIN, std::min(resend_at, deadline_))) continue;
      const ssize_t size = recv(descriptor_, datagram.data(), datagram.size(), 0);
      if (size < 0 && errno == ECONNREFUSED) return failed(ECONNREFUSED);
      if (size <= 0) continue;
      // Anybody can send a datagram: what is no reply to this call is not looked at.
      const std::optional<RpcbindAnswer> answer =
          answer_of({datagram.data(), static_cast<std::size_t>(size)});
      if (answer) return *answer;
    }
    return too_late();
  }

  // Nothing if the message is no reply to this call.
  std::optional<RpcbindAnswer> answer_of(std::string_view message) const {
    ReplyHeader header;
    if (!parse_reply(message, &header) || header.xid != xid_) return std::nullopt;
    if (header.error.re_status == RPC_SUCCESS) {
      return RpcbindAnswer{
          RpcbindAnswer::Kind::kAnswered, {}, RPC_SUCCESS, std::string(header.results)};
    }
    return RpcbindAnswer{RpcbindAnswer::Kind::kRefused,
                         std::string("it answered ") + clnt_sperrno(header.error.re_status),
                         header.error.re_status,
                         {}};
  }

  const bool is_datagram_;
  const TimePoint deadline_;
  std::uint32_t xid_ = 0;
  std::string output_;
  int descriptor_ = -1;
};

}  // namespace

RpcbindAnswer call_at_path(const std::string& path, const RpcbindCall& call) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  return Exchange(call, false).run(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

RpcbindAnswer call_at_endpoint(const Endpoint& endpoint, const RpcbindCall& call) {
  const Address address = reachable_address(endpoint.address);
  return Exchange(call, endpoint.transport == Transport::kUdp)
      .run(address.raw(), address.raw_size());
}

}  // namespace rkv::rpc
