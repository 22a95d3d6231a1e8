#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "operation.h"

namespace rkv::history {

// What one key is: a register that is there or not, with a version that counts its puts since it
// was created. Values are numbers here, equal ones for equal values.
struct RegisterState {
  static constexpr std::uint32_t kAbsent = 0;

  std::uint32_t value = kAbsent;
  std::uint64_t version = 0;  // 0 too where the history tells no versions
  bool operator==(const RegisterState&) const = default;
};

// An operation as the model sees it.
struct RegisterStep {
  Kind kind = Kind::kPut;
  Outcome outcome = Outcome::kUnknown;   // never kRefused; kGet: never kUnknown
  std::uint32_t value = 0;               // kPut: what is written; kGet: what was read
  std::optional<std::uint64_t> version;  // that was told
};

// An operation of a history, and whether its answer is known.
struct Part {
  const Operation* operation = nullptr;
  bool answered = false;
};

// The rule of a key, and its operations as steps: the sequential specification that a history is
// held against. A key is absent at first.
class RegisterModel {
 public:
  // Of operations of one key, of which none was refused and every get is answered.
  explicit RegisterModel(const std::vector<Part>& parts);

  // One for each part, in their order.
  const std::vector<RegisterStep>& steps() const { return steps_; }
  // Whether the history tells a version anywhere. If not, none is counted.
  bool counts_versions() const { return counts_versions_; }

  // What a step makes of a state; nothing if it cannot have happened there with its outcome.
  std::optional<RegisterState> apply(const RegisterState& state, const RegisterStep& step) const;

 private:
  std::vector<RegisterStep> steps_;
  bool counts_versions_ = false;
};

}  // namespace rkv::history
