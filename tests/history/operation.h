#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rkv::history {

// A moment on one clock that all processes of a history share, in any unit.
using Time = std::uint64_t;
constexpr Time kNever = UINT64_MAX;

// What a process asked for. A new kind needs its rule in register_model and its line in
// history_file.
enum class Kind { kPut, kGet, kDel };

// What it was told.
enum class Outcome {
  kOk,
  kNotFound,  // kGet, kDel: there was no such key
  kRefused,   // surely nothing happened
  kUnknown,   // no answer: it may have happened at any time since, may yet happen, or never will
};

// One call of one process: what it asked, when, and what it was told.
struct Operation {
  std::uint64_t process = 0;  // for people: a process may have several operations under way
  Time invoked = 0;
  Time returned = kNever;  // kNever with kUnknown; else at or after `invoked`
  Kind kind = Kind::kPut;
  std::string key;
  std::string argument;  // kPut: the value to write
  Outcome outcome = Outcome::kUnknown;
  // With kOk, if it was told: kPut, the key's new version; kGet, the one read; kDel, the one
  // removed. A key's version counts its puts since it was created, from 1.
  std::optional<std::uint64_t> version;
  std::string value;  // kGet with kOk: what was read
};

using History = std::vector<Operation>;

// The operation as a person reads it, in one line: process 3 put "k" = "v" -> version 2 [10, 20]
std::string to_text(const Operation& operation);

}  // namespace rkv::history
