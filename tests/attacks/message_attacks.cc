// Whole records whose content is wrong: heads, credentials, arguments. Each has its answer in RFC
// 5531, section 9, or has none and ends the connection.

#include <fmt/core.h>

#include <random>
#include <vector>

#include "attack.h"
#include "scene.h"

namespace rkv::attacks {
namespace {

constexpr Duration kAtOnce{2000};
constexpr std::uint32_t kInvalid = 2;  // KV_INVALID
constexpr std::uint32_t kAuthSys = 1;
constexpr std::uint32_t kAuthBadCredential = 1;       // AUTH_BADCRED
constexpr std::uint32_t kAuthRejectedCredential = 2;  // AUTH_REJECTEDCRED

// The answer is this one, and the connection goes on.
void expect_refusal(Scene& scene, std::string_view message, const std::string& what) {
  Socket socket = scene.connect();
  scene.expect_answer(socket, message, what);
  if (!scene.failed()) scene.expect_answer(socket, call({.xid = 2}), "SUCCESS");
}

void rpc_version(Scene& scene) {
  for (const std::uint32_t version : {0U, 1U, 3U, UINT32_MAX}) {
    expect_refusal(scene, call({.rpc_version = version}), "RPC_MISMATCH 2..2");
  }
  scene.hold();
}

void program(Scene& scene) {
  for (const std::uint32_t number : {0U, 100'000U, kProgram + 2, UINT32_MAX}) {
    expect_refusal(scene, call({.program = number}), "PROG_UNAVAIL");
  }
  scene.hold();
}

void version(Scene& scene) {
  for (const std::uint32_t number : {0U, 2U, UINT32_MAX}) {
    expect_refusal(scene, call({.version = number}), "PROG_MISMATCH 1..1");
  }
  scene.hold();
}

void procedure(Scene& scene) {
  for (const std::uint32_t number : {9U, 1000U, UINT32_MAX}) {
    expect_refusal(scene, call({.procedure = number}), "PROC_UNAVAIL");
  }
  scene.hold();
}

// Flavors that the server does not take are refused, whatever their bodies are. Flavor 7 asks for
// TLS (RFC 9289), and must not get an answer that looks like it.
void credential_flavor(Scene& scene) {
  const std::string why = fmt::format("AUTH_ERROR {}", kAuthRejectedCredential);
  for (const std::uint32_t flavor : {2U, 3U, 6U, 7U, 1000U, UINT32_MAX}) {
    expect_refusal(scene, call({.credential_flavor = flavor}), why);
    expect_refusal(scene, call({.credential_flavor = flavor, .credential = std::string(400, 'x')}),
                   why);
  }
  scene.hold();
}

// Lengths within an AUTH_SYS body that do not fit it are found before they are followed.
void credential_lengths(Scene& scene) {
  const Bytes long_name = Bytes().word(1).word(0xffffffff).raw("host");
  const Bytes name_over = Bytes().word(1).opaque(std::string(256, 'h')).word(0).word(0).word(0);
  const Bytes name_behind = Bytes().word(1).word(300).raw("host");
  const Bytes many_groups = Bytes().word(1).opaque("host").word(0).word(0).word(0xffffffff);
  const Bytes groups_over =
      Bytes().word(1).opaque("host").word(0).word(0).word(17).raw(std::string(17 * 4, '\0'));
  const Bytes groups_one_more =
      Bytes().word(1).opaque("host").word(0).word(0).word(17).raw(std::string(16 * 4, '\0'));
  const Bytes groups_behind = Bytes().word(1).opaque("host").word(0).word(0).word(16).word(1);
  const Bytes trailing = Bytes().word(1).opaque("host").word(0).word(0).word(0).word(7);
  const Bytes empty;
  for (const Bytes& body : {long_name, name_over, name_behind, many_groups, groups_over,
                            groups_one_more, groups_behind, trailing, empty}) {
    expect_refusal(scene, call({.credential_flavor = kAuthSys, .credential = body.str()}),
                   fmt::format("AUTH_ERROR {}", kAuthBadCredential));
  }
  scene.hold();
}

// A credential has at most 400 bytes (RFC 5531, section 8.2).
void credential_long(Scene& scene) {
  const std::string why = fmt::format("AUTH_ERROR {}", kAuthBadCredential);
  for (const std::size_t size : {401U, 1000U, 100'000U}) {
    const std::string body(size, 'x');
    expect_refusal(scene, call({.credential_flavor = kAuthSys, .credential = body}), why);
    expect_refusal(scene, call({.credential_flavor = 0, .credential = body}), why);
  }
  scene.hold();
}

// Bytes behind the arguments: this is not a call of that procedure.
void trailing_bytes(Scene& scene) {
  const std::string arguments = put_arguments("trailing", "value");
  for (const std::size_t size : {4U, 1U, 1000U}) {
    expect_refusal(scene, call({.procedure = kPut}, arguments + std::string(size, '\0')),
                   "GARBAGE_ARGS");
  }
  scene.hold();
}

// Arguments that end too soon, at every length.
void cut_arguments(Scene& scene) {
  const std::string arguments = put_arguments("cut", "value");
  for (std::size_t size = 0; size < arguments.size() && !scene.failed(); ++size) {
    expect_refusal(scene, call({.procedure = kPut}, arguments.substr(0, size)), "GARBAGE_ARGS");
  }
  scene.hold();
}

// A union's arm that kv.x does not have, and lengths of 4 GiB and a byte over the limit: refused,
// and nothing is allocated for them.
void false_arguments(Scene& scene) {
  const Bytes operation = Bytes().hyper(0).hyper(0).hyper(0);
  const auto put_with = [&operation](const Bytes& rest) {
    return call({.procedure = kPut}, operation.str() + rest.str());
  };
  for (int i = 0; i < 200 && !scene.failed(); ++i) {
    expect_refusal(scene, put_with(Bytes().opaque("key").opaque("value").word(7)), "GARBAGE_ARGS");
    for (const std::uint32_t size : {1025U, 0x7fffffffU, 0xfffffffcU, 0xffffffffU}) {
      expect_refusal(scene, put_with(Bytes().word(size).raw("key")), "GARBAGE_ARGS");
      expect_refusal(scene, call({.procedure = kGet}, Bytes().word(size).raw("key").str()),
                     "GARBAGE_ARGS");
      expect_refusal(scene, put_with(Bytes().opaque("key").word(0x100000 + size).raw("value")),
                     "GARBAGE_ARGS");
    }
  }
  scene.hold();
}

// The answer has this status, and the connection goes on.
void expect_status(Scene& scene, std::string_view message, std::uint32_t status) {
  Socket socket = scene.connect();
  const Answer answer = socket.ask(std::string(message));
  scene.expect(answer.what == "SUCCESS" && answer.status() == status,
               "answered with " + answer.what);
  if (!scene.failed()) scene.expect_answer(socket, call({.xid = 2}), "SUCCESS");
}

// Transactions with kinds that there are not, a step too many, empty keys, and lengths of 4 GiB.
void false_transactions(Scene& scene) {
  const auto transaction_of = [](const Bytes& compares, std::uint32_t count, const Bytes& steps) {
    const Bytes head = Bytes().hyper(0).hyper(0).hyper(0);
    const Bytes rest = Bytes().word(0).word(0).hyper(0).word(0).word(0);
    return call({.procedure = kTxn},
                head.str() + compares.str() + Bytes().word(count).str() + steps.str() + rest.str());
  };
  const Bytes no_compares = Bytes().word(0);
  const auto compare_of = [](std::uint32_t relation, std::uint32_t target) {
    return Bytes().word(1).opaque("key").word(relation).word(target).hyper(0);
  };
  const auto get_of = [](std::string_view key) { return Bytes().word(1).opaque(key).word(0); };
  Bytes many;
  for (int i = 0; i < 65; ++i) many.raw(get_of("key").str());
  for (int i = 0; i < 100 && !scene.failed(); ++i) {
    expect_refusal(scene, transaction_of(no_compares, 65, many), "GARBAGE_ARGS");
    for (const std::uint32_t wrong : {0U, 7U, 0x7fffffffU, UINT32_MAX}) {
      expect_refusal(scene, transaction_of(no_compares, 1, Bytes().word(wrong).opaque("key")),
                     "GARBAGE_ARGS");
      expect_refusal(scene, transaction_of(Bytes().word(65 + wrong / 2), 0, Bytes()),
                     "GARBAGE_ARGS");
      expect_status(scene, transaction_of(compare_of(wrong, 1), 1, get_of("key")), kInvalid);
      expect_status(scene, transaction_of(compare_of(1, wrong), 1, get_of("key")), kInvalid);
    }
    expect_status(scene, transaction_of(no_compares, 1, get_of("")), kInvalid);
    expect_status(scene, transaction_of(no_compares, 0, Bytes()), kInvalid);
  }
  scene.hold();
}

// Listings that go on from tokens which nobody has given.
void false_tokens(Scene& scene) {
  std::minstd_rand random(20'261'122);
  std::uniform_int_distribution<int> byte(0, 255);
  const auto range_with = [](std::string_view token) {
    return call({.procedure = kRange}, Bytes()
                                           .opaque("")
                                           .opaque("")
                                           .word(0)
                                           .word(0)
                                           .word(0)
                                           .word(0)
                                           .word(0)
                                           .hyper(0)
                                           .word(0)
                                           .opaque(token)
                                           .word(0)
                                           .word(0)
                                           .str());
  };
  for (std::size_t size = 1; size <= 1280 && !scene.failed(); size += size < 64 ? 1 : 64) {
    std::string token(size, '\0');
    expect_status(scene, range_with(token), kInvalid);
    for (char& c : token) c = static_cast<char>(byte(random));
    expect_status(scene, range_with(token), kInvalid);
  }
  if (!scene.failed()) {
    expect_refusal(scene, range_with(std::string(1281, 'x')), "GARBAGE_ARGS");
  }
  scene.hold();
}

// RFC 4506, section 4.4: a boolean is 0 or 1; libtirpc takes every other number for 1, and so the
// call is answered or refused, but answered.
void false_boolean(Scene& scene) {
  for (const std::uint32_t value : {2U, 0x80000000U, UINT32_MAX}) {
    Socket socket = scene.connect();
    const Answer answer =
        socket.ask(call({.procedure = kStatus}, Bytes().word(value).word(0).str()));
    scene.expect(answer.what == "SUCCESS" || answer.what == "GARBAGE_ARGS" ||
                     (scene.is_stock() && answer.what == "PROC_UNAVAIL"),
                 "answered with " + answer.what);
  }
  scene.hold();
}

// rpcgen's dispatcher does not free what it had decoded of arguments that turn out wrong:
// Call::get_arguments() does.
void decode_leak(Scene& scene) {
  const std::string bad = record(call(
      {.procedure = kPut},
      Bytes().hyper(0).hyper(0).hyper(0).opaque(std::string(1000, 'k')).word(0xffffffff).str()));
  constexpr int kBatch = 100;
  constexpr int kBatches = 200;
  std::string batch;
  for (int i = 0; i < kBatch; ++i) batch += bad;
  Socket socket = scene.connect();
  for (int i = 0; i < kBatches && !scene.failed(); ++i) {
    scene.expect(socket.send_all(batch), "the calls are not taken");
    for (int answers = 0; answers < kBatch && !scene.failed(); ++answers) {
      const std::string what = read_answer(socket.read_message().value_or("")).what;
      scene.expect(what == "GARBAGE_ARGS", "answered with " + what);
    }
  }
  scene.hold();
}

// A server is not spoken to with replies, or with bytes that are no message: closed.
void no_call(Scene& scene) {
  const std::string whole = call({});
  std::vector<std::string> messages = {call({.direction = 1}), call({.direction = 2})};
  for (std::size_t size = 0; size < whole.size(); size += 4) {
    messages.push_back(whole.substr(0, size));
  }
  for (const std::string& message : messages) {
    Socket socket = scene.connect();
    socket.send_all(record(message));
    scene.expect_closed(socket, kAtOnce, "what is not a call");
    if (scene.failed()) break;
  }
  scene.hold();
}

// Bytes at random, the same in every run; half of them behind the head of a good call.
void junk(Scene& scene) {
  std::minstd_rand random(20'261'121);
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_int_distribution<std::size_t> size(1, 300);
  const auto some = [&] {
    std::string bytes(size(random), '\0');
    for (char& c : bytes) c = static_cast<char>(byte(random));
    return bytes;
  };
  std::vector<Socket> sockets;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    sockets.push_back(scene.connect());
    if (i % 2 == 0) {
      sockets.back().send_all(some());
    } else {
      sockets.back().send_all(record(call({.procedure = i % 10}, some())));
    }
  }
  scene.hold();
}

}  // namespace

std::vector<Attack> message_attacks() {
  return {
      {.name = "rpc-version",
       .what = "another version of RPC",
       .run = rpc_version,
       .stock_fails = true},
      {.name = "program", .what = "a program that is not there", .run = program},
      {.name = "version", .what = "a version that is not there", .run = version},
      {.name = "procedure", .what = "a procedure that is not there", .run = procedure},
      {.name = "credential-flavor",
       .what = "credentials of flavors that are not taken",
       .run = credential_flavor,
       .stock_fails = true},
      {.name = "credential-lengths",
       .what = "AUTH_SYS credentials with false lengths inside",
       .run = credential_lengths,
       .stock_fails = true},
      {.name = "credential-long",
       .what = "credentials of 401 bytes and more",
       .run = credential_long,
       .stock_fails = true},
      {.name = "trailing-bytes",
       .what = "bytes behind the arguments",
       .run = trailing_bytes,
       .stock_fails = true},
      {.name = "cut-arguments",
       .what = "a PUT's arguments, cut at every length",
       .run = cut_arguments},
      {.name = "false-arguments",
       .what = "lengths of up to 4 GiB, a union's arm that is not there",
       .run = false_arguments},
      {.name = "false-transactions",
       .what = "transactions of kinds that are not there, with a step too many",
       .run = false_transactions,
       .rkvd_only = true},
      {.name = "false-tokens",
       .what = "listings that go on from tokens that nobody has given",
       .run = false_tokens,
       .rkvd_only = true},
      {.name = "false-boolean", .what = "booleans that are neither 0 nor 1", .run = false_boolean},
      {.name = "decode-leak",
       .what = "20,000 PUTs of a good key and a bad value",
       .run = decode_leak,
       .bounds = {.memory_growth_max = 4 * kMebibyte},
       .stock_fails = true},
      {.name = "no-call", .what = "replies, and records that end within the head", .run = no_call},
      {.name = "junk",
       .what = "1,000 connections send bytes at random",
       .run = junk,
       .bounds = {.memory_growth_max = 32 * kMebibyte},
       .stock_fails = true},
  };
}

}  // namespace rkv::attacks
