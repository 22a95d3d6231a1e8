#include "load.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "fail.h"
#include "loopback.h"

namespace rkv::bench {
namespace {

constexpr int kEventsMax = 256;
constexpr int kPatienceMs = 5000;
// The part of a run that goes by before calls are counted.
constexpr double kWarmUp = 0.1;
// An xid is the slot in its low bits and a count of the slot's calls above.
constexpr std::uint32_t kXidStep = kKeys;

std::int64_t clock_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

void call_once(int descriptor, Procedure procedure) {
  const std::string call = encode_call(procedure, 0);
  std::string reply = encode_reply(procedure);
  if (send(descriptor, call.data(), call.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(call.size()) ||
      recv(descriptor, reply.data(), reply.size(), MSG_WAITALL) !=
          static_cast<ssize_t>(reply.size())) {
    fail_errno("a call on an idle connection is not answered");
  }
}

Load::Load(std::uint16_t port, const LoadPlan& plan)
    : plan_(plan),
      reply_size_(encode_reply(plan.procedure).size()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      slots_(plan.in_flight) {
  if (plan.in_flight > kKeys) fail("more calls in flight than there are keys");
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].call = encode_call(plan.procedure, i);
    slots_[i].xid = static_cast<std::uint32_t>(i);
  }
  for (std::size_t i = 0; i < plan.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>());
    Connection& connection = *connections_.back();
    connection.index = i;
    connection.descriptor = connect_to(port);
    fcntl(connection.descriptor, F_SETFL, fcntl(connection.descriptor, F_GETFL) | O_NONBLOCK);
    watch(connection, EPOLL_CTL_ADD);
  }
}

Load::~Load() {
  for (const auto& connection : connections_) close(connection->descriptor);
  close(epoll_);
}

LoadResult Load::run() {
  const auto span_ns = static_cast<std::int64_t>(plan_.seconds * 1e9);
  now_ns_ = clock_ns();
  count_from_ns_ = now_ns_ + static_cast<std::int64_t>(kWarmUp * static_cast<double>(span_ns));
  end_ns_ = count_from_ns_ + span_ns;
  for (std::size_t i = 0; i < slots_.size(); ++i) call(*connections_[i % connections_.size()], i);
  for (const auto& connection : connections_) flush(*connection);
  // To the last reply: a server that is left in the middle of its answers has another end to meet.
  while (waiting_ > 0) turn();
  return {static_cast<double>(latencies_.total()) / plan_.seconds,
          static_cast<double>(latencies_.quantile(0.50)) / 1000,
          static_cast<double>(latencies_.quantile(0.99)) / 1000};
}

void Load::turn() {
  std::array<epoll_event, kEventsMax> events;
  const int count = epoll_wait(epoll_, events.data(), kEventsMax, kPatienceMs);
  if (count == 0) fail("a server does not answer");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Connection& connection = *connections_[event.data.u64];
    if ((event.events & EPOLLIN) != 0) receive(connection);
    flush(connection);
  }
}

void Load::receive(Connection& connection) {
  bool is_first = true;
  const bool is_open = connection.in.read(connection.descriptor, [&](std::string_view reply) {
    if (is_first) now_ns_ = clock_ns();
    is_first = false;
    take_reply(connection, reply);
  });
  if (!is_open) fail("a server has closed a connection");
}

void Load::take_reply(Connection& connection, std::string_view reply) {
  const std::size_t index =
      reply.size() == reply_size_ ? read_word(reply.data() + kXidOffset) % kXidStep : slots_.size();
  if (index >= slots_.size()) fail("a reply that is not a success");
  Slot& slot = slots_[index];
  if (!slot.waiting || read_word(reply.data() + kXidOffset) != slot.xid) {
    fail("a reply to no call");
  }
  slot.waiting = false;
  --waiting_;
  if (now_ns_ >= end_ns_) return;
  if (now_ns_ >= count_from_ns_) {
    latencies_.add(static_cast<std::uint64_t>(now_ns_ - slot.sent_ns));
  }
  call(connection, index);
}

void Load::call(Connection& connection, std::size_t index) {
  Slot& slot = slots_[index];
  slot.xid += kXidStep;
  slot.sent_ns = now_ns_;
  slot.waiting = true;
  ++waiting_;
  write_word(slot.call.data() + kXidOffset, slot.xid);
  connection.out += slot.call;
}

void Load::flush(Connection& connection) {
  if (connection.out.empty()) return;
  const ssize_t count =
      send(connection.descriptor, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
  if (count < 0 && errno != EAGAIN) fail_errno("cannot send to a server");
  if (count > 0) connection.out.erase(0, static_cast<std::size_t>(count));
  if (connection.blocked == connection.out.empty()) {
    connection.blocked = !connection.blocked;
    watch(connection, EPOLL_CTL_MOD);
  }
}

void Load::watch(const Connection& connection, int operation) {
  epoll_event event{};
  event.events = connection.blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = connection.index;
  if (epoll_ctl(epoll_, operation, connection.descriptor, &event) != 0) fail_errno("epoll_ctl");
}

}  // namespace rkv::bench
