// Clients that ask and do not take the answers.

#include <vector>

#include "attack.h"
#include "scene.h"

namespace rkv::attacks {
namespace {

const Setup kShortWrites = {.options = {"--write-timeout-s", "1"}};
constexpr Duration kWriteDeadline{6000};
constexpr int kSmallReceive = 4096;  // bytes that the attacker's kernel takes for him
constexpr std::string_view kBigKey = "big";

// Makes the value that is asked for.
void store_big_value(Scene& scene) {
  Socket socket = scene.connect();
  const Answer answer = socket.ask(put_call(1, kBigKey, std::string(kMebibyte, 'v')));
  scene.expect(answer.status() == 0U, "the big value is not stored: " + answer.what);
  for (int i = 0; i < 3 && answer.status() == 0U; ++i) socket.ask(get_call(2, kBigKey));
  scene.measure_from_here();
}

std::string many_gets(std::size_t count) {
  std::string calls;
  for (std::size_t i = 0; i < count; ++i) {
    calls += record(get_call(static_cast<std::uint32_t>(i), kBigKey));
  }
  return calls;
}

// What waits to be taken is bounded per connection (output_per_connection_max): its calls are then
// not read. Who takes nothing at all for too long is closed (write_timeout).
void unread_gets(Scene& scene) {
  store_big_value(scene);
  Socket socket = scene.connect(kSmallReceive);
  const std::string calls = many_gets(64);
  socket.send_all(calls);
  scene.hold();
  // Shows that it is closed without taking anything: more is sent until that is not possible.
  const Deadline deadline(kWriteDeadline);
  while (!scene.failed() && !deadline.passed() && socket.send_some("x") > 0) {
    pause_for(Duration(50));
  }
  if (!scene.failed()) {
    scene.expect(socket.closed(), "not closed for answers that are not read", Verdict::kHeld);
  }
}

// The same on 16 connections that ask for more than all may have together, and take a few bytes now
// and then, so that no deadline meets them: memory stays within the ceiling of each.
void unread_trickle(Scene& scene) {
  store_big_value(scene);
  const std::string calls = many_gets(64);
  std::vector<Socket> sockets;
  for (int i = 0; i < 16; ++i) {
    sockets.push_back(scene.connect(kSmallReceive));
    sockets.back().send_all(calls);
  }
  scene.hold_while([&] {
    for (Socket& socket : sockets) socket.read_some(1);
    pause_for(Duration(20));
  });
}

// More connections than the output of all may fill (output_bytes_max, 512 MiB), and each takes a
// byte now and then. Who holds most is closed: the others must not be told BUSY for it.
void fill_output(Scene& scene) {
  store_big_value(scene);
  const std::string calls = many_gets(12);
  std::vector<Socket> sockets;
  for (int i = 0; i < 150 && !scene.failed(); ++i) {
    sockets.push_back(scene.connect(kSmallReceive));
    sockets.back().send_all(calls);
    sockets.back().wait_to_read(patience());
  }
  scene.hold_while([&] {
    for (Socket& socket : sockets) socket.read_some(1);
    pause_for(Duration(20));
  });
}

// The same all at once, so that every connection has its calls read in the same turn. What is made
// of answers in one turn is bounded (output_per_turn_max), so that the others need not wait until
// there are answers for all.
void burst(Scene& scene) {
  store_big_value(scene);
  const std::string calls = many_gets(12);
  std::vector<Socket> sockets;
  sockets.reserve(150);
  for (int i = 0; i < 150; ++i) sockets.push_back(scene.connect(kSmallReceive));
  for (Socket& socket : sockets) socket.send_all(calls);
  scene.hold_while([&] {
    for (Socket& socket : sockets) socket.read_some(1);
    pause_for(Duration(20));
  });
}

// Small calls as fast as they are taken, and no answer read: reading stops (output_per_connection_
// max, calls_per_connection_max), so that what the server holds is bounded; then write_timeout.
void unread_flood(Scene& scene) {
  Socket socket = scene.connect(kSmallReceive);
  std::string calls;
  for (std::uint32_t i = 0; i < 1000; ++i) calls += record(call({.xid = i}));
  std::string_view left = calls;
  scene.hold_while([&] {
    const Deadline turn(Duration(50));
    while (!turn.passed()) {
      const std::size_t sent = socket.send_some(left);
      if (sent == 0) break;
      left.remove_prefix(sent);
      if (left.empty()) left = calls;
    }
    pause_for(Duration(5));
  });
}

}  // namespace

std::vector<Attack> slow_reader_attacks() {
  // 4 MiB wait at most, and the answer that goes over it; room is made by doubling.
  const Bounds one = {.memory_growth_max = 24 * kMebibyte};
  const Bounds sixteen = {.memory_growth_max = 16 * 12 * kMebibyte};
  const Bounds all = {.memory_growth_max = 700 * kMebibyte};
  // A buffer may be twice as large as what waits in it, and that is 512 MiB of all at most.
  const Bounds at_once = {
      .memory_growth_max = 1024 * kMebibyte, .cpu_max = 0, .others_wait_max = Duration(1000)};
  return {
      {.name = "unread-gets",
       .what = "64 GETs of 1 MiB, and no answer is read",
       .run = unread_gets,
       .setup = kShortWrites,
       .bounds = one,
       .stock_fails = true},
      {.name = "unread-trickle",
       .what = "16 times 64 GETs of 1 MiB, a byte read every 20 ms",
       .run = unread_trickle,
       .bounds = sixteen,
       .stock_fails = true},
      {.name = "fill-output",
       .what = "150 times 12 GETs of 1 MiB, a byte read every 20 ms",
       .run = fill_output,
       .bounds = all,
       .stock_fails = true},
      {.name = "burst",
       .what = "the same at once: 1,800 GETs of 1 MiB",
       .run = burst,
       .bounds = at_once,
       .stock_fails = true},
      {.name = "unread-flood",
       .what = "NULL calls without end, and no answer is read",
       .run = unread_flood,
       .bounds = {.memory_growth_max = 24 * kMebibyte, .cpu_max = 0},
       .stock_fails = true},
  };
}

}  // namespace rkv::attacks
