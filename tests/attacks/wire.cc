#include "wire.h"

#include <array>

namespace rkv::attacks {
namespace {

constexpr std::uint32_t kLastFragment = 0x80000000;
constexpr std::size_t kReplyHeadSize = 24;  // bytes, with an empty verifier

std::string range(const char* what, std::string_view message, std::size_t offset) {
  return std::string(what) + " " + std::to_string(word_at(message, offset)) + ".." +
         std::to_string(word_at(message, offset + 4));
}

std::string read_denied(std::string_view message) {
  if (message.size() < 16) return "not a reply";
  if (word_at(message, 12) == 1) return "AUTH_ERROR " + std::to_string(word_at(message, 16));
  return range("RPC_MISMATCH", message, 16);
}

std::string read_accepted(std::string_view message) {
  static constexpr std::array kNames = {"SUCCESS",      "PROG_UNAVAIL", "PROG_MISMATCH",
                                        "PROC_UNAVAIL", "GARBAGE_ARGS", "SYSTEM_ERR"};
  const std::uint32_t stat = word_at(message, kReplyHeadSize - 4);
  if (message.size() < kReplyHeadSize || stat >= kNames.size()) return "not a reply";
  if (stat == 2) return range(kNames[stat], message, kReplyHeadSize);
  return kNames[stat];
}

}  // namespace

Bytes& Bytes::word(std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift);
  return *this;
}

Bytes& Bytes::hyper(std::uint64_t value) {
  return word(static_cast<std::uint32_t>(value >> 32)).word(static_cast<std::uint32_t>(value));
}

Bytes& Bytes::opaque(std::string_view value) {
  word(static_cast<std::uint32_t>(value.size())).raw(value);
  bytes_.append((4 - value.size() % 4) % 4, '\0');
  return *this;
}

Bytes& Bytes::raw(std::string_view value) {
  bytes_ += value;
  return *this;
}

std::string call(const CallHead& head, std::string_view arguments) {
  Bytes bytes;
  bytes.word(head.xid).word(head.direction).word(head.rpc_version).word(head.program);
  bytes.word(head.version).word(head.procedure);
  bytes.word(head.credential_flavor).opaque(head.credential);
  return bytes.word(0).word(0).raw(arguments).str();
}

std::string put_arguments(std::string_view key, std::string_view value) {
  return Bytes().hyper(0).hyper(0).hyper(0).opaque(key).opaque(value).word(0).str();
}

std::string get_arguments(std::string_view key) { return Bytes().opaque(key).word(0).str(); }

std::string put_call(std::uint32_t xid, std::string_view key, std::string_view value) {
  return call({.procedure = kPut, .xid = xid}, put_arguments(key, value));
}

std::string get_call(std::uint32_t xid, std::string_view key) {
  return call({.procedure = kGet, .xid = xid}, get_arguments(key));
}

std::string mark(std::uint32_t size, bool is_last) {
  return Bytes().word(is_last ? size | kLastFragment : size).str();
}

std::string record(std::string_view message) {
  return mark(static_cast<std::uint32_t>(message.size())).append(message);
}

std::uint32_t word_at(std::string_view bytes, std::size_t offset) {
  if (bytes.size() < offset + 4) return UINT32_MAX;
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(offset, 4)) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

std::optional<std::uint32_t> Answer::status() const {
  if (what != "SUCCESS" || results.size() < 4) return std::nullopt;
  return word_at(results, 0);
}

std::string_view Answer::value() const {
  const std::size_t size = word_at(results, 4);
  if (status() != 0U || results.size() < 8 + size) return {};
  return std::string_view(results).substr(8, size);
}

Answer read_answer(std::string_view message) {
  Answer answer;
  answer.xid = word_at(message, 0);
  if (word_at(message, 4) != 1) {
    answer.what = "not a reply";
  } else if (word_at(message, 8) == 1) {
    answer.what = read_denied(message);
  } else {
    answer.what = read_accepted(message);
    if (answer.what == "SUCCESS") answer.results = message.substr(kReplyHeadSize);
  }
  return answer;
}

}  // namespace rkv::attacks
