// Record marking (RFC 5531, section 11) as a weapon: records that do not end, that announce more
// than comes, or that come in too many pieces.

#include <vector>

#include "attack.h"
#include "scene.h"

namespace rkv::attacks {
namespace {

// A deadline of a second is looked at every second; what is above that is patience.
const Setup kShortRecords = {.options = {"--record-timeout-s", "1"}};
constexpr Duration kRecordDeadline{5000};
constexpr Duration kAtOnce{2000};

constexpr std::uint32_t kRecordMax = 4 << 20;    // bytes of a call that rkvd takes
constexpr std::size_t kFragmentsTried = 20'000;  // many more than it takes

// The beginning of a PUT with a value of 1 MiB: nothing about it is wrong but that it does not end.
std::string put_beginning() {
  return put_call(1, "endless", std::string(kMebibyte, 'v')).substr(0, 100);
}

// The start of a record, and nothing more: others are served, and a deadline from its first byte
// ends it (record_timeout).
void hold_start(Scene& scene, std::string_view start) {
  Socket socket = scene.connect();
  socket.send_all(start);
  scene.hold();
  if (!scene.failed()) scene.expect_closed(socket, kRecordDeadline, "a record that does not end");
}

void header_byte(Scene& scene) { hold_start(scene, mark(100).substr(0, 1)); }

void half_record(Scene& scene) {
  const std::string whole = record(put_call(1, "half", std::string(1000, 'v')));
  hold_start(scene, std::string_view(whole).substr(0, whole.size() / 2));
}

// A length over the limit is refused when its header is read (record_size_max); the body does not
// come.
void announce(Scene& scene, std::uint32_t size) {
  std::vector<Socket> sockets;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(scene.connect());
    sockets.back().send_all(mark(size));
  }
  scene.hold();
  for (Socket& socket : sockets) {
    if (!scene.failed()) scene.expect_closed(socket, kAtOnce, "a record over the limit");
  }
}

void announce_2gib(Scene& scene) { announce(scene, 0x7fffffff); }
void announce_64mib(Scene& scene) { announce(scene, 64 << 20); }
void announce_just_over(Scene& scene) { announce(scene, kRecordMax + 1); }

// Memory follows the bytes that came, not those announced (RecordReader::grow()): 1,000 times 4 MiB
// are announced.
void announce_many(Scene& scene) {
  std::vector<Socket> sockets;
  for (int i = 0; i < 1000; ++i) {
    sockets.push_back(scene.connect());
    sockets.back().send_all(mark(kRecordMax) + put_beginning());
  }
  scene.hold();
}

// What is held for records that do not end has a ceiling over all connections (input_bytes_max, 512
// MiB): 700 PUTs of 1 MiB come but for their last byte, which is more. Who needs more is closed.
void fill_input(Scene& scene) {
  std::string most = record(put_call(1, "endless", std::string(kMebibyte, 'v')));
  most.pop_back();
  std::vector<Socket> sockets;
  for (int i = 0; i < 700 && !scene.failed(); ++i) {
    sockets.push_back(scene.connect());
    sockets.back().send_all(most);
  }
  scene.hold();
}

// Sends fragments until the server has enough of them.
void send_fragments(Scene& scene, const std::string& fragment, const std::string& why) {
  std::string many;
  constexpr std::size_t kAtATime = 16;
  for (std::size_t i = 0; i < kAtATime; ++i) many += fragment;
  const std::string beginning = put_beginning();
  Socket socket = scene.connect();
  socket.send_all(mark(static_cast<std::uint32_t>(beginning.size()), false) + beginning);
  for (std::size_t sent = 0; sent < kFragmentsTried && !socket.closed(); sent += kAtATime) {
    if (scene.failed() || !socket.send_all(many)) break;
  }
  scene.hold();
  if (!scene.failed()) scene.expect_closed(socket, kAtOnce, why);
}

// The number of fragments of a record is bounded (fragments_max) ...
void fragments_endless(Scene& scene) {
  send_fragments(scene, mark(1, false) + "x", "too many fragments");
}

// ... of which some may be empty, and would never fill anything ...
void fragments_empty(Scene& scene) { send_fragments(scene, mark(0, false), "empty fragments"); }

// ... and their sum is, not only each (record_size_max).
void fragments_sum(Scene& scene) {
  send_fragments(scene, mark(60'000, false) + std::string(60'000, 'x'),
                 "fragments over the limit together");
}

// Bytes that trickle in do not renew the deadline of a record (record_timeout).
void slow_loris(Scene& scene) {
  const std::string whole = record(put_call(1, "slow", std::string(1000, 'v')));
  std::vector<Socket> sockets;
  sockets.reserve(20);
  for (int i = 0; i < 20; ++i) sockets.push_back(scene.connect());
  std::size_t sent = 0;
  const auto send_a_byte = [&] {
    for (Socket& socket : sockets) socket.send_some(whole.substr(sent, 1));
    ++sent;
    pause_for(Duration(50));
  };
  scene.hold_while(send_a_byte);
  const Deadline deadline(kRecordDeadline);
  while (!scene.failed() && !deadline.passed() && !sockets.back().closed()) send_a_byte();
  for (Socket& socket : sockets) {
    if (scene.failed()) break;
    scene.expect(socket.closed(), "not closed for a record that does not end", Verdict::kHeld);
  }
}

}  // namespace

std::vector<Attack> framing_attacks() {
  const Bounds many = {.memory_growth_max = 64 * kMebibyte};
  // 512 MiB, what the allocator rounds up, and what is for a moment there twice while it grows.
  const Bounds filled = {.memory_growth_max = 640 * kMebibyte, .cpu_max = 0};
  return {
      {.name = "header-byte",
       .what = "one byte of a record's header, and no more",
       .run = header_byte,
       .setup = kShortRecords,
       .stock_fails = true},
      {.name = "half-record",
       .what = "half of a PUT, and no more",
       .run = half_record,
       .setup = kShortRecords,
       .stock_fails = true},
      {.name = "slow-loris",
       .what = "20 connections send a PUT, a byte every 50 ms",
       .run = slow_loris,
       .setup = kShortRecords,
       .stock_fails = true},
      {.name = "announce-2gib",
       .what = "20 headers announce a record of 2 GiB",
       .run = announce_2gib,
       .stock_fails = true},
      {.name = "announce-64mib",
       .what = "20 headers announce a record of 64 MiB",
       .run = announce_64mib,
       .stock_fails = true},
      {.name = "announce-just-over",
       .what = "20 headers announce a byte more than the limit",
       .run = announce_just_over,
       .stock_fails = true},
      {.name = "announce-many",
       .what = "1,000 connections announce 4 MiB, send 100 bytes",
       .run = announce_many,
       .bounds = many,
       .stock_fails = true},
      {.name = "fill-input",
       .what = "700 PUTs of 1 MiB but for their last byte",
       .run = fill_input,
       .bounds = filled,
       .stock_fails = true},
      {.name = "fragments-endless",
       .what = "fragments of one byte, none of them the last",
       .run = fragments_endless,
       .stock_fails = true},
      {.name = "fragments-empty",
       .what = "empty fragments, none of them the last",
       .run = fragments_empty},
      {.name = "fragments-sum",
       .what = "fragments of 60,000 bytes, none of them the last",
       .run = fragments_sum,
       .stock_fails = true},
  };
}

}  // namespace rkv::attacks
