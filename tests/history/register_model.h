#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "part.h"
#include "state.h"

namespace rkv::history {

// The rule of one key without transactions: the sequential specification that its operations are
// held against. It is a register that is there or not, with a version that counts its puts since it
// was created. A state's number is that of the value, equal ones for equal values; its version is 0
// too where the history tells none.
class RegisterModel {
 public:
  // The search of one key needs neither, see search.cc.
  static constexpr bool kWantsUnused = false;
  static constexpr bool kDeepens = false;

  // Of operations of one key, of which none was refused and every get is answered.
  explicit RegisterModel(const std::vector<Part>& parts);

  // What a part makes of a state; nothing if it cannot have happened there with its outcome.
  // Without an answer it always can.
  std::optional<State> apply(const State& state, std::size_t part) const;
  // Whether an answered part, as it was answered, changes no state.
  bool changes_nothing(std::size_t part) const;
  // Unanswered parts of equal effect do the same in every state.
  std::uint64_t effect(std::size_t part) const;
  bool is_put(std::size_t part) const { return steps_[part].kind == Kind::kPut; }
  // Whether some candidate could come behind this unanswered part, which makes `after` of the
  // state, or behind further ones. If it says no, none can.
  bool may_help(std::size_t part, const State& after, const Blocked& blocked) const;
  // Whether it holds all that it can: never.
  bool is_full() const { return false; }

 private:
  struct Step {
    Kind kind = Kind::kPut;
    Outcome outcome = Outcome::kUnknown;   // never kRefused; kGet: never kUnknown
    std::uint32_t value = 0;               // kPut: what is written; kGet: what was read
    std::optional<std::uint64_t> version;  // that was told
  };

  static std::optional<std::uint64_t> version_needed(const Step& step);

  std::vector<Step> steps_;  // one for each part
  bool counts_versions_ = false;
};

}  // namespace rkv::history
