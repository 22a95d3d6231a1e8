#include "scripted_datagram_server.h"

#include <cppunit/TestAssert.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "scripted_server.h"

namespace rkv::rpc {

ScriptedDatagramServer::ScriptedDatagramServer(EventLoop& loop, const std::string& host,
                                               std::uint16_t port)
    : loop_(loop),
      descriptor_(socket(Address::parse(host, port).value().family(),
                         SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  const Address wanted = Address::parse(host, port).value();
  CPPUNIT_ASSERT_EQUAL_MESSAGE("the test's port is free", 0,
                               bind(descriptor_, wanted.raw(), wanted.raw_size()));
  address_ = Address::local_of(descriptor_).value();
  loop_.watch(descriptor_, EPOLLIN, this);
}

ScriptedDatagramServer::~ScriptedDatagramServer() {
  loop_.unwatch(descriptor_);
  close(descriptor_);
}

std::size_t ScriptedDatagramServer::copies_of(std::uint32_t xid) const {
  return static_cast<std::size_t>(std::count_if(
      calls_.begin(), calls_.end(), [xid](const Call& call) { return call.xid == xid; }));
}

void ScriptedDatagramServer::send(const Address& to, std::string_view bytes) const {
  sendto(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL, to.raw(), to.raw_size());
}

void ScriptedDatagramServer::answer(const Call& call, std::string_view results) const {
  send(call.from, success_reply(call.xid, results));
}

void ScriptedDatagramServer::on_ready(std::uint32_t /*events*/) {
  while (true) {
    std::string bytes(65536, '\0');
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    auto* const raw = reinterpret_cast<sockaddr*>(&from);
    const ssize_t size =
        recvfrom(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT, raw, &from_size);
    if (size < 0) return;
    bytes.resize(static_cast<std::size_t>(size));
    const std::uint32_t xid = XdrReader(bytes).read_uint32();
    const Call call{xid, std::move(bytes), Address(raw, from_size)};
    calls_.push_back(call);
    if (on_call) on_call(call);
  }
}

}  // namespace rkv::rpc
