#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace rkv::bench {

// What the bench calls. The numbers are those of kv.x.
enum class Procedure : std::uint32_t { kNull = 0, kPut = 1, kGet = 2 };
inline constexpr std::array kProcedures = {Procedure::kNull, Procedure::kPut, Procedure::kGet};
const char* to_string(Procedure procedure);

constexpr std::size_t kKeySize = 16;
constexpr std::size_t kValueSize = 128;
// Every slot for a call in flight has a key of its own.
constexpr std::size_t kKeys = 1024;

// Where the fields of a record are; its mark is part of it.
constexpr std::size_t kXidOffset = 4;
constexpr std::size_t kProcedureOffset = 24;

// Exactly kKeySize bytes.
std::string key_of(std::size_t slot);
// Exactly kValueSize bytes.
std::string value();

// A record as a client sends it, and the one that answers it, both with xid 0.
std::string encode_call(Procedure procedure, std::size_t slot);
std::string encode_reply(Procedure procedure);

std::uint32_t read_word(const char* at);
void write_word(char* at, std::uint32_t word);

}  // namespace rkv::bench
