#include "raw_datagram_client.h"

#include <cppunit/TestAssert.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rkv::rpc {
namespace {

constexpr std::size_t kDatagramMax = 65536;
constexpr int kReceiveBuffer = 1 << 20;

}  // namespace

RawDatagramClient::RawDatagramClient(const Address& server, const std::string& from)
    : server_(server), descriptor_(socket(server.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  CPPUNIT_ASSERT_MESSAGE("a socket", descriptor_ >= 0);
  setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
  const Address source = Address::parse(from, 0).value();
  CPPUNIT_ASSERT_EQUAL(0, bind(descriptor_, source.raw(), source.raw_size()));
}

RawDatagramClient::~RawDatagramClient() { close(descriptor_); }

void RawDatagramClient::send_to(const Address& server, std::string_view bytes) {
  const ssize_t sent =
      sendto(descriptor_, bytes.data(), bytes.size(), 0, server.raw(), server.raw_size());
  CPPUNIT_ASSERT_EQUAL(static_cast<ssize_t>(bytes.size()), sent);
}

RawDatagramClient::Datagram RawDatagramClient::read() {
  pollfd entry{descriptor_, POLLIN, 0};
  CPPUNIT_ASSERT_MESSAGE("no datagram comes",
                         poll(&entry, 1, static_cast<int>(kPatience.ms())) == 1);
  std::string bytes(kDatagramMax, '\0');
  sockaddr_storage from{};
  socklen_t from_size = sizeof from;
  auto* const raw = reinterpret_cast<sockaddr*>(&from);
  const ssize_t size = recvfrom(descriptor_, bytes.data(), bytes.size(), 0, raw, &from_size);
  CPPUNIT_ASSERT(size >= 0);
  bytes.resize(static_cast<std::size_t>(size));
  return {std::move(bytes), Address(raw, from_size)};
}

void RawDatagramClient::expect_nothing_before_this() {
  WireCall call;
  call.xid = ++next_probe_;
  send_call(call);
  CPPUNIT_ASSERT_EQUAL(next_probe_, read_reply().xid);
}

}  // namespace rkv::rpc
