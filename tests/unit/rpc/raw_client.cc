#include "raw_client.h"

#include <cppunit/TestAssert.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "rpc/event_loop.h"

namespace rkv::rpc {
namespace {

constexpr std::uint32_t kLastFragment = 0x80000000;

void append_auth(std::string& out, const WireAuth& auth) {
  append_uint32(out, auth.flavor);
  append_opaque(out, auth.body);
}

}  // namespace

std::string encode_call(const WireCall& call, std::string_view arguments) {
  std::string out;
  append_uint32(out, call.xid);
  append_uint32(out, call.direction);
  append_uint32(out, call.rpc_version);
  append_uint32(out, call.program);
  append_uint32(out, call.version);
  append_uint32(out, call.procedure);
  append_auth(out, call.credential);
  append_auth(out, call.verifier);
  out += arguments;
  return out;
}

WireReply decode_reply(std::string_view bytes) {
  XdrReader reader(bytes);
  WireReply reply;
  reply.xid = reader.read_uint32();
  CPPUNIT_ASSERT_EQUAL_MESSAGE("a reply", 1u, reader.read_uint32());
  reply.accepted = reader.read_uint32() == 0;
  std::size_t head = 12;
  if (reply.accepted) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE("verifier AUTH_NONE", 0u, reader.read_uint32());
    CPPUNIT_ASSERT_EQUAL_MESSAGE("verifier length", 0u, reader.read_uint32());
    head += 8;
  }
  reply.stat = reader.read_uint32();
  head += 4;
  CPPUNIT_ASSERT_MESSAGE("a whole reply", reader.ok());
  if (reply.accepted && reply.stat == 0) {
    reply.results = bytes.substr(head);
    return reply;
  }
  const bool is_mismatch = reply.stat == (reply.accepted ? 2u : 0u);
  if (is_mismatch) {
    reply.low = reader.read_uint32();
    reply.high = reader.read_uint32();
  } else if (!reply.accepted) {
    reply.auth_stat = reader.read_uint32();
  }
  CPPUNIT_ASSERT_MESSAGE("nothing is missing and nothing left over", reader.done());
  return reply;
}

std::string fragment(std::string_view bytes, bool is_last) {
  std::string out;
  append_uint32(out, static_cast<std::uint32_t>(bytes.size()) | (is_last ? kLastFragment : 0));
  out += bytes;
  return out;
}

std::string record(std::string_view bytes) { return fragment(bytes, true); }

std::string record_of_fragments(std::string_view bytes, std::size_t size) {
  std::string out;
  while (bytes.size() > size) {
    out += fragment(bytes.substr(0, size), false);
    bytes.remove_prefix(size);
  }
  return out + fragment(bytes, true);
}

std::string system_credential(std::string_view machine, std::uint32_t uid, std::uint32_t gid,
                              const std::vector<std::uint32_t>& groups) {
  std::string out;
  append_uint32(out, 12345);  // the stamp
  append_opaque(out, machine);
  append_uint32(out, uid);
  append_uint32(out, gid);
  append_uint32(out, static_cast<std::uint32_t>(groups.size()));
  for (const std::uint32_t group : groups) append_uint32(out, group);
  return out;
}

std::string ledger_entry_bytes(std::int64_t amount, std::string_view note) {
  std::string out;
  append_uint64(out, static_cast<std::uint64_t>(amount));
  append_uint32(out, 1);  // settled
  append_opaque(out, note);
  return out;
}

std::string ledger_add_bytes(const std::vector<std::int64_t>& amounts) {
  std::string out;
  append_uint32(out, static_cast<std::uint32_t>(amounts.size()));
  for (const std::int64_t amount : amounts) out += ledger_entry_bytes(amount);
  return out;
}

std::int64_t read_int64(std::string_view bytes) {
  XdrReader reader(bytes);
  const std::uint64_t number = reader.read_uint64();
  CPPUNIT_ASSERT(reader.done());
  return static_cast<std::int64_t>(number);
}

RawClient::RawClient(const Address& server, int receive_buffer, const std::string& from)
    : descriptor_(socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  CPPUNIT_ASSERT_MESSAGE("a socket", descriptor_ >= 0);
  if (receive_buffer > 0) {
    setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  const Address source = Address::parse(from, 0).value();
  CPPUNIT_ASSERT_EQUAL(0, bind(descriptor_, source.raw(), source.raw_size()));
  const int connected = connect(descriptor_, server.raw(), server.raw_size());
  CPPUNIT_ASSERT_EQUAL_MESSAGE("connect to " + server.to_string(), 0, connected);
  fcntl(descriptor_, F_SETFL, fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
}

RawClient::~RawClient() {
  if (descriptor_ >= 0) close(descriptor_);
}

void RawClient::wait_for(short events) const {
  pollfd entry{descriptor_, events, 0};
  const TimePoint deadline = EventLoop::read_clock() + kPatience;
  while (poll(&entry, 1, 100) <= 0) {
    CPPUNIT_ASSERT_MESSAGE("the server does nothing with the connection",
                           EventLoop::read_clock() < deadline);
  }
}

std::size_t RawClient::send_what_fits(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count =
        ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else {
      // A server may close before it has read everything; the test sees that when it reads.
      if (errno != EAGAIN) return;
      wait_for(POLLOUT);
    }
  }
}

std::string RawClient::read_some(std::size_t size) {
  std::string bytes(size, '\0');
  while (true) {
    const ssize_t count = recv(descriptor_, bytes.data(), size, 0);
    if (count < 0 && errno == EAGAIN) {
      wait_for(POLLIN);
      continue;
    }
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return bytes;
  }
}

bool RawClient::fill(std::size_t size) {
  while (received_.size() < size) {
    const std::string bytes = read_some(64 * 1024);
    if (bytes.empty()) return false;
    received_ += bytes;
  }
  return true;
}

std::optional<std::string> RawClient::read_record() {
  std::string whole;
  bool is_last = false;
  while (!is_last) {
    if (!fill(4)) return std::nullopt;
    XdrReader reader(received_);
    const std::uint32_t mark = reader.read_uint32();
    const std::size_t size = mark & ~kLastFragment;
    if (!fill(4 + size)) return std::nullopt;
    whole.append(received_, 4, size);
    received_.erase(0, 4 + size);
    is_last = (mark & kLastFragment) != 0;
  }
  return whole;
}

WireReply RawClient::read_reply() {
  const std::optional<std::string> bytes = read_record();
  CPPUNIT_ASSERT_MESSAGE("closed instead of answered", bytes.has_value());
  return decode_reply(*bytes);
}

void RawClient::expect_closed() {
  CPPUNIT_ASSERT_MESSAGE("bytes instead of the end", received_.empty());
  CPPUNIT_ASSERT_EQUAL_MESSAGE("bytes instead of the end", std::string(), read_some(1));
}

bool RawClient::is_closed() const {
  char byte = 0;
  const ssize_t count = recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN);
}

void RawClient::finish_sending() { shutdown(descriptor_, SHUT_WR); }

void RawClient::reset() {
  const linger at_once{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(descriptor_);
  descriptor_ = -1;
}

}  // namespace rkv::rpc
