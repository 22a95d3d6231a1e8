// Datagrams: cut, too long, empty, junk, and questions whose answer is much longer than they are.

#include <random>
#include <vector>

#include "attack.h"
#include "scene.h"

namespace rkv::attacks {
namespace {

constexpr std::size_t kReplyMax = 1232;  // bytes of a datagram that rkvd sends
constexpr Duration kNoAnswer{300};       // how long an answer that should not come is waited for
constexpr std::uint32_t kTries = 20;

// Opaque bytes that are announced and not sent must not be taken from the datagram before, which is
// another client's: the stream that is decoded ends where the datagram does.
void disclosure(Scene& scene) {
  const std::string secret(70, 'S');
  const std::string honest = put_call(1, "victim", secret);
  const std::string cut =
      call({.procedure = kPut}, Bytes().hyper(0).hyper(0).hyper(0).opaque("attack").word(70).str());
  Socket victim = Socket::udp(scene.target().port());
  Socket attacker = Socket::udp(scene.target().port());
  Socket reader = scene.connect();
  for (std::uint32_t i = 0; i < kTries && !scene.failed(); ++i) {
    victim.ask(honest);
    const Answer answer = attacker.ask(cut, kNoAnswer);
    const Answer found = reader.ask(get_call(2, "attack"));
    scene.expect(found.value().find("SSSS") == std::string_view::npos,
                 "gave one client's value to another");
    scene.expect(answer.status() != 0U, "a PUT that ends within its value was taken");
  }
  scene.hold();
}

// A good call that ends too soon, at every length, changes nothing.
void truncated(Scene& scene) {
  const std::string whole = put_call(1, "cut", "a value");
  Socket attacker = Socket::udp(scene.target().port());
  for (std::size_t size = 0; size < whole.size(); ++size) attacker.send_all(whole.substr(0, size));
  scene.hold();
  Socket reader = scene.connect();
  const Answer found = reader.ask(get_call(2, "cut"));
  scene.expect(found.status() != 0U, "a call that was cut was carried out");
}

// Datagrams over every limit: refused or dropped, and never carried out in part.
void oversized(Scene& scene) {
  Socket attacker = Socket::udp(scene.target().port());
  for (const std::size_t size : {1300U, 8800U, 9000U, 20'000U, 60'000U}) {
    attacker.send_all(put_call(1, "long", std::string(size, 'v')));
    attacker.send_all(std::string(size, '\0'));
  }
  scene.hold();
  Socket reader = scene.connect();
  const std::size_t stored = reader.ask(get_call(2, "long")).value().size();
  const bool whole = stored == 0 || stored == 1300 || stored >= 8000;
  scene.expect(whole, "a part of a value was stored");
}

// Nothing, ten thousand times: it costs nothing, and a reader of datagrams does not take it for the
// end of something.
void empty(Scene& scene) {
  Socket attacker = Socket::udp(scene.target().port());
  for (int i = 0; i < 10'000; ++i) attacker.send_all("");
  scene.hold();
  scene.expect_answer(attacker, call({.xid = 5}), "SUCCESS");
}

// The sender's address may be forged, so no answer may be much larger than a question.
void amplification(Scene& scene) {
  Socket writer = scene.connect();
  writer.ask(put_call(1, "large", std::string(8000, 'v')));
  Socket attacker = Socket::udp(scene.target().port());
  attacker.send_all(get_call(2, "large"));
  const std::size_t size = attacker.read_message(patience()).value_or("").size();
  scene.expect(size <= kReplyMax, "answered " + std::to_string(get_call(2, "large").size()) +
                                      " bytes with " + std::to_string(size));
  scene.hold();
}

// What is not a call gets no answer: it may come from a forged address.
void junk_datagrams(Scene& scene) {
  std::minstd_rand random(20'261'121);
  std::uniform_int_distribution<int> byte(0, 255);
  Socket attacker = Socket::udp(scene.target().port());
  for (std::size_t i = 0; i < 5000; ++i) {
    std::string bytes(i % 200, '\0');
    for (char& c : bytes) c = static_cast<char>(byte(random));
    attacker.send_all(bytes);
    if (i % 10 == 0) attacker.send_all(call({.direction = 1}));
  }
  scene.expect(!attacker.read_message(kNoAnswer).has_value(), "junk was answered");
  scene.hold();
}

}  // namespace

std::vector<Attack> udp_attacks() {
  return {
      {.name = "udp-disclosure",
       .what = "a PUT that announces 70 bytes of value and sends none",
       .run = disclosure,
       .stock_fails = true,
       .needs_udp = true},
      {.name = "udp-truncated",
       .what = "a PUT, cut at every length",
       .run = truncated,
       .stock_fails = true,
       .needs_udp = true},
      {.name = "udp-oversized",
       .what = "datagrams of up to 60,000 bytes",
       .run = oversized,
       .needs_udp = true},
      {.name = "udp-empty",
       .what = "10,000 datagrams of no bytes",
       .run = empty,
       .needs_udp = true},
      {.name = "udp-amplification",
       .what = "a short question with a long answer",
       .run = amplification,
       .stock_fails = true,
       .needs_udp = true},
      {.name = "udp-junk",
       .what = "5,000 datagrams that are not calls",
       .run = junk_datagrams,
       .needs_udp = true},
  };
}

}  // namespace rkv::attacks
