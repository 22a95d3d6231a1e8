// What is allowed and hard: calls and answers in odd pieces, and more calls than one client should
// have answered at once.

#include <vector>

#include "attack.h"
#include "scene.h"

namespace rkv::attacks {
namespace {

constexpr std::string_view kKey = "key of the attacker";

// A PUT in two writes, cut at every place, within the header too; then a byte at a time.
void cuts(Scene& scene) {
  Socket socket = scene.connect();
  const std::string whole = record(put_call(7, kKey, "a value"));
  for (std::size_t cut = 1; cut < whole.size() && !scene.failed(); ++cut) {
    socket.send_all(whole.substr(0, cut));
    // The server's answer to another call shows that it has read the first part, mostly.
    Socket between = scene.connect();
    between.ask(call({}));
    socket.send_all(whole.substr(cut));
    const Answer answer = read_answer(socket.read_message().value_or(""));
    scene.expect(answer.xid == 7 && answer.status() == 0U,
                 "not answered when cut at byte " + std::to_string(cut));
  }
  if (!scene.failed()) {
    for (const char byte : whole) socket.send_all({&byte, 1});
    const Answer answer = read_answer(socket.read_message().value_or(""));
    scene.expect(answer.status() == 0U, "not answered when sent byte by byte");
  }
  scene.hold();
}

// Asks for a value of this size eight times, and takes so many bytes of the answers at a time: what
// arrives is what was asked for, in one piece.
void read_in_pieces(Scene& scene, std::size_t value_size, std::size_t at_a_time) {
  std::string value;
  for (std::size_t i = 0; value.size() < value_size; ++i) value += std::to_string(i) + " ";
  value.resize(value_size);
  Socket socket = scene.connect(16 * 1024);
  scene.expect(socket.ask(put_call(1, kKey, value)).status() == 0U, "the value is not stored");
  constexpr std::uint32_t kCalls = 8;
  for (std::uint32_t i = 0; i < kCalls; ++i) socket.send_all(record(get_call(i, kKey)));
  for (std::uint32_t i = 0; i < kCalls && !scene.failed(); ++i) {
    const Answer answer = read_answer(socket.read_message(patience(), at_a_time).value_or(""));
    scene.expect(answer.xid == i && answer.value() == value, "an answer is damaged");
  }
}

void reads_by_byte(Scene& scene) {
  read_in_pieces(scene, 64 * 1024, 1);
  scene.hold();
}

// More than the kernel takes of a server at once, so that its writes are cut anywhere, and go on
// when there is room again.
void reads_in_pieces(Scene& scene) {
  read_in_pieces(scene, kMebibyte, 4099);
  scene.hold();
}

// Four clients keep the server busy with pipelined calls and read every answer. Each has its turn
// (one read and records_per_turn_max), and the others theirs.
void flood(Scene& scene) {
  std::string calls;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    calls += i % 4 == 0 ? record(get_call(i, kKey)) : record(call({.xid = i}));
  }
  struct Flooder {
    Socket socket;
    std::string_view left;
  };
  std::vector<Flooder> flooders;
  flooders.reserve(4);
  for (int i = 0; i < 4; ++i) flooders.push_back({scene.connect(), calls});
  scene.hold_while([&] {
    for (Flooder& flooder : flooders) {
      flooder.left.remove_prefix(flooder.socket.send_some(flooder.left));
      if (flooder.left.empty()) flooder.left = calls;
      flooder.socket.read_some(kMebibyte);
      scene.expect(!flooder.socket.closed(), "a client that reads its answers was closed");
    }
  });
}

}  // namespace

std::vector<Attack> stream_attacks() {
  return {
      {.name = "cuts",
       .what = "a PUT in two writes, cut at every byte",
       .run = cuts,
       .stock_fails = true},
      {.name = "reads-by-byte",
       .what = "answers taken one byte at a time",
       .run = reads_by_byte,
       .bounds = {.cpu_max = 0}},
      {.name = "reads-in-pieces",
       .what = "8 GETs of 1 MiB at once, the answers taken in odd pieces",
       .run = reads_in_pieces,
       .bounds = {.memory_growth_max = 24 * kMebibyte, .cpu_max = 0}},
      {.name = "flood",
       .what = "four clients with thousands of calls in flight",
       .run = flood,
       .bounds = {.memory_growth_max = 48 * kMebibyte, .cpu_max = 0}},
  };
}

}  // namespace rkv::attacks
