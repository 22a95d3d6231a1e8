// Connections as a weapon: many, idle, broken off, or more than there are descriptors.

#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "attack.h"
#include "scene.h"

namespace rkv::attacks {
namespace {

constexpr std::size_t kConnections = 10'000;
constexpr std::size_t kConnectionsAtATime = 250;  // below the length of any queue of a listener
constexpr std::size_t kDescriptorsBeside = 100;   // that this process needs for other things
constexpr std::size_t kFewDescriptors = 64;
constexpr Duration kIdleDeadline{5000};

// So many connections as this process may have descriptors for.
std::size_t connections_possible() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t descriptors = std::max<std::size_t>(limit.rlim_cur, kDescriptorsBeside + 1);
  return std::min(kConnections, descriptors - kDescriptorsBeside);
}

// A connection that waits costs a few kilobytes, and nothing when it is not used.
void many_connections(Scene& scene) {
  const std::size_t count = connections_possible();
  const std::string null_call = record(call({}));
  std::vector<Socket> sockets;
  while (sockets.size() < count && !scene.failed()) {
    const std::size_t begin = sockets.size();
    for (std::size_t i = 0; i < kConnectionsAtATime && sockets.size() < count; ++i) {
      sockets.push_back(scene.connect());
    }
    for (std::size_t i = begin; i < sockets.size(); ++i) sockets[i].send_all(null_call);
    for (std::size_t i = begin; i < sockets.size() && !scene.failed(); ++i) {
      scene.expect(sockets[i].read_message().has_value(),
                   "connection " + std::to_string(i + 1) + " of the attacker is not answered");
    }
  }
  scene.hold();
  for (Socket& socket : sockets) socket.reset();
}

// Who says nothing for too long is closed (idle_timeout).
void idle(Scene& scene) {
  constexpr int kSockets = 100;
  std::vector<Socket> sockets;
  sockets.reserve(kSockets);
  for (int i = 0; i < kSockets; ++i) sockets.push_back(scene.connect());
  scene.hold();
  for (Socket& socket : sockets) {
    if (scene.failed()) break;
    scene.expect_closed(socket, kIdleDeadline, "an idle connection");
  }
}

// Without a descriptor for the next connection the listener pauses, and does not ask again and
// again (Listener::pause()); those that have a connection are served; and when descriptors come
// back, so do new connections.
void descriptors(Scene& scene) {
  std::vector<Socket> sockets;
  for (std::size_t i = 0; i < 4 * kFewDescriptors; ++i) sockets.push_back(scene.connect());
  scene.hold();
  const std::size_t used = scene.target().process().usage().descriptors;
  // One is kept to turn others away with.
  scene.expect(used + 4 >= kFewDescriptors,
               "the attack did not succeed: " + std::to_string(used) + " descriptors in use");
  for (Socket& socket : sockets) socket.reset();
  const Deadline recovery(Duration(5000));
  Socket after = scene.connect();
  while (!recovery.passed() && after.ask(call({}), Duration(500)).what != "SUCCESS") {
    after = scene.connect();
  }
  scene.expect(!recovery.passed(), "new connections are not answered after the attack");
}

// Connections that are reset: at once, within a record, and with an answer under way. What was held
// for them goes with them.
void resets(Scene& scene) {
  const std::string put = record(put_call(1, "reset", std::string(4000, 'v')));
  scene.hold_while([&] {
    for (int i = 0; i < 50; ++i) {
      Socket socket = scene.connect();
      if (i % 3 == 1) socket.send_all(put.substr(0, 50));
      if (i % 3 == 2) socket.send_all(put);
      socket.reset();
    }
    pause_for(Duration(1));
  });
  const Deadline gone(patience());
  while (!gone.passed() && scene.target().process().usage().descriptors > kFewDescriptors) {
    pause_for(Duration(10));
  }
  scene.expect(!gone.passed(), "descriptors of connections that are gone are still open");
}

}  // namespace

std::vector<Attack> connection_attacks() {
  return {
      {.name = "connections",
       .what = "10,000 connections, a NULL call on each",
       .run = many_connections,
       .bounds = {.memory_growth_max = 64 * kMebibyte},
       .stock_fails = true},
      {.name = "idle",
       .what = "100 connections that say nothing",
       .run = idle,
       .setup = {.options = {"--idle-timeout-s", "1"}},
       .bounds = {.memory_growth_max = 32 * kMebibyte},
       .stock_fails = true},
      {.name = "descriptors",
       .what = "256 connections to a server with 64 descriptors",
       .run = descriptors,
       .setup = {.descriptors_max = kFewDescriptors},
       .stock_fails = true,
       .new_connections = false},
      {.name = "resets",
       .what = "connections that are reset, as many as can be made",
       .run = resets,
       .bounds = {.memory_growth_max = 16 * kMebibyte, .cpu_max = 0},
       .stock_fails = true},
  };
}

}  // namespace rkv::attacks
