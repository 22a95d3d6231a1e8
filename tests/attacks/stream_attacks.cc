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

// Answers are taken a byte at a time through the smallest window, so that the server's writes are
// cut anywhere: what arrives is what was asked for, in one piece.
void reads_by_byte(Scene& scene) {
  std::string value;
  for (std::size_t i = 0; value.size() < 64 * 1024; ++i) value += std::to_string(i) + " ";
  Socket socket = scene.connect(1024);
  scene.expect(socket.ask(put_call(1, kKey, value)).status() == 0U, "the value is not stored");
  constexpr std::uint32_t kCalls = 8;
  for (std::uint32_t i = 0; i < kCalls; ++i) socket.send_all(record(get_call(i, kKey)));
  std::string taken;
  const std::size_t answer_size = kMarkSize + 24 + 8 + (value.size() + 3) / 4 * 4 + 20;
  const Deadline deadline(Duration(10'000));
  while (taken.size() < kCalls * answer_size && !socket.closed() && !deadline.passed()) {
    const std::string byte = socket.read_some(1);
    if (byte.empty()) pause_for(Duration(1));
    taken += byte;
  }
  scene.expect(taken.size() == kCalls * answer_size, "the answers do not arrive whole");
  for (std::uint32_t i = 0; i < kCalls && !scene.failed(); ++i) {
    const Answer answer = read_answer(
        std::string_view(taken).substr(i * answer_size + kMarkSize, answer_size - kMarkSize));
    scene.expect(answer.xid == i && answer.value() == value, "an answer is damaged");
  }
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
       .bounds = {.cpu_max = 0},
       .stock_fails = true},
      {.name = "flood",
       .what = "four clients with thousands of calls in flight",
       .run = flood,
       .bounds = {.memory_growth_max = 48 * kMebibyte, .cpu_max = 0}},
  };
}

}  // namespace rkv::attacks
