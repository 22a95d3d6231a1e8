// A cluster of three: the attacker is at the first replica, the others at the third. Their PUTs
// need a majority, so they show whether the third one still reaches its peers; and where the first
// one leads, whether that is still served.

#include <vector>

#include "attack.h"
#include "scene.h"

namespace rkv::attacks {
namespace {

constexpr Duration kAtOnce{2000};
constexpr const char* kStranger = "127.0.0.9";  // an address of this host, and of no member

// Peers are taken from the members' addresses only (Server::set_accept_filter).
void peer_stranger(Scene& scene) {
  const std::uint16_t port = scene.target().peer_port();
  const std::string null_call = call({.program = kPeerProgram});
  std::vector<Socket> sockets;
  for (int i = 0; i < 100; ++i) {
    sockets.emplace_back(port, kStranger);
    sockets.back().send_all(record(null_call));
  }
  scene.hold();
  for (Socket& stranger : sockets) {
    scene.expect(!stranger.read_message(kAtOnce).has_value(), "a stranger was answered");
    scene.expect_closed(stranger, kAtOnce, "a stranger at the peer port");
    if (scene.failed()) break;
  }
  Socket member(port);
  scene.expect_answer(member, null_call, "SUCCESS");
}

// From a member's address, and wrong all the same: numbers that no enum has, another cluster, a
// batch that announces more than comes.
void peer_garbage(Scene& scene) {
  const auto envelope = [](std::uint32_t replication) {
    return Bytes()
        .raw(std::string(16, 'c'))
        .word(0)
        .word(2)
        .word(1)
        .hyper(1)
        .word(replication)
        .word(0)   // the lease
        .word(0)   // the coordinator
        .word(0);  // no extension
  };
  const auto rput = [](const Bytes& arguments) {
    return call({.procedure = kRput, .program = kPeerProgram}, arguments.str());
  };
  Socket socket(scene.target().peer_port());
  for (const std::uint32_t phase : {2U, 1000U, UINT32_MAX}) {
    scene.expect_answer(socket, rput(envelope(1).word(phase).word(0)), "GARBAGE_ARGS");
  }
  for (const std::uint32_t count : {1U, 512U, 513U, 0x3fffffffU, UINT32_MAX}) {
    scene.expect_answer(socket, rput(envelope(1).word(1).word(count)), "GARBAGE_ARGS");
  }
  const Bytes accept = envelope(2).word(12).hyper(1).word(2).hyper(1).hyper(0);
  for (const std::uint32_t count : {1U, 512U, 513U, 0x3fffffffU, UINT32_MAX}) {
    scene.expect_answer(socket, rput(Bytes(accept).word(count)), "GARBAGE_ARGS");
  }
  const Bytes prepare = envelope(3).word(20).hyper(1).hyper(1).hyper(1);
  for (const std::uint32_t count : {1U, 512U, 513U, 0x3fffffffU, UINT32_MAX}) {
    scene.expect_answer(socket, rput(Bytes(prepare).word(count)), "GARBAGE_ARGS");
  }
  for (const std::uint32_t replication : {0U, 1U, 2U, 3U, 77U, UINT32_MAX}) {
    const Answer answer = socket.ask(rput(envelope(replication).word(0).word(0)));
    const bool refused = answer.what == "GARBAGE_ARGS" || answer.status().value_or(0) != 0;
    scene.expect(refused, "the hello of another cluster was answered with " + answer.what);
  }
  scene.hold();
}

// Half records and unread answers at the client port of one replica; four clients flood it with
// PUTs. What peers need is apart from that: their port, connections and limits.
void cluster_flood(Scene& scene) {
  std::vector<Socket> halves;
  std::string gets;
  for (std::uint32_t i = 0; i < 1000; ++i) gets += record(get_call(i, "flood"));
  for (int i = 0; i < 100; ++i) {
    halves.push_back(scene.connect(4096));
    halves.back().send_some(i % 2 == 0 ? mark(4 << 20) : gets);
  }
  std::string puts;
  for (std::uint32_t i = 0; i < 100; ++i)
    puts += record(put_call(i, "flood", std::string(200, 'v')));
  constexpr int kSockets = 4;
  std::vector<Socket> sockets;
  sockets.reserve(kSockets);
  for (int i = 0; i < kSockets; ++i) sockets.push_back(scene.connect());
  std::vector<std::string_view> left(sockets.size(), puts);
  scene.hold_while([&] {
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      left[i].remove_prefix(sockets[i].send_some(left[i]));
      if (left[i].empty()) left[i] = puts;
      sockets[i].read_some(kMebibyte);
    }
    pause_for(Duration(1));
  });
}

}  // namespace

std::vector<Attack> cluster_attacks() {
  return {
      {.name = "peer-stranger",
       .what = "connections to the peer port from a foreign address",
       .run = peer_stranger,
       .setup = {.replicas = 3},
       .rkvd_only = true},
      {.name = "peer-garbage",
       .what = "false messages to the peer port from a member's address",
       .run = peer_garbage,
       .setup = {.replicas = 3},
       .rkvd_only = true},
      {.name = "cluster-flood",
       .what = "floods at one replica of three; the others are at another",
       .run = cluster_flood,
       .setup = {.replicas = 3},
       // Real writes: 64 MiB of them are kept for replicas that lag, and as much is being saved.
       .bounds = {.memory_growth_max = 256 * kMebibyte, .cpu_max = 0},
       .rkvd_only = true},
  };
}

}  // namespace rkv::attacks
