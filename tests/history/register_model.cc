#include "register_model.h"

#include <string_view>
#include <unordered_map>

namespace rkv::history {
namespace {

// Numbers of values.
constexpr std::uint32_t kAbsent = 0;
constexpr std::uint32_t kNeverRead = 1;

bool tells_version(const Part& part) {
  return part.answered && part.operation->outcome == Outcome::kOk &&
         part.operation->version.has_value();
}

}  // namespace

// Values that nobody read are all the same to the history: fewer states to tell apart.
RegisterModel::RegisterModel(const std::vector<Part>& parts) {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  for (const Part& part : parts) {
    const Operation& operation = *part.operation;
    if (tells_version(part)) counts_versions_ = true;
    if (operation.kind != Kind::kGet || operation.outcome != Outcome::kOk) continue;
    numbers.emplace(operation.value, static_cast<std::uint32_t>(numbers.size()) + kNeverRead + 1);
  }
  steps_.reserve(parts.size());
  for (const Part& part : parts) {
    const Operation& operation = *part.operation;
    Step step;
    step.kind = operation.kind;
    step.outcome = part.answered ? operation.outcome : Outcome::kUnknown;
    if (operation.kind != Kind::kDel) {
      const std::string_view value =
          operation.kind == Kind::kPut ? operation.argument : operation.value;
      const auto found = numbers.find(value);
      step.value = found == numbers.end() ? kNeverRead : found->second;
    }
    if (tells_version(part)) step.version = operation.version;
    steps_.push_back(step);
  }
}

std::optional<State> RegisterModel::apply(const State& state, std::size_t part) const {
  const Step& step = steps_[part];
  const bool is_there = state.number != kAbsent;
  if (step.kind == Kind::kPut) {
    const State after{step.value, counts_versions_ ? state.version + 1 : 0};
    if (step.version && after.version != *step.version) return std::nullopt;
    return after;
  }
  if (step.outcome == Outcome::kNotFound) {
    if (is_there) return std::nullopt;
    return state;
  }
  if (step.outcome == Outcome::kOk) {
    if (!is_there || (step.version && state.version != *step.version)) return std::nullopt;
    if (step.kind == Kind::kGet && state.number != step.value) return std::nullopt;
  }
  return step.kind == Kind::kGet ? state : State();
}

bool RegisterModel::changes_nothing(std::size_t part) const {
  return steps_[part].kind == Kind::kGet || steps_[part].outcome == Outcome::kNotFound;
}

std::uint64_t RegisterModel::effect(std::size_t part) const {
  return steps_[part].kind == Kind::kPut ? steps_[part].value : kAbsent;
}

// The version that the key must have for a step to be possible; nothing if any one may do.
std::optional<std::uint64_t> RegisterModel::version_needed(const Step& step) {
  if (step.outcome == Outcome::kNotFound) return 0;
  if (!step.version) return std::nullopt;
  if (step.kind != Kind::kPut) return *step.version;
  return *step.version == 0 ? 0 : *step.version - 1;
}

// Behind a put, further ones make the version only higher.
bool RegisterModel::may_help(std::size_t part, const State& after, const Blocked& blocked) const {
  // What a removal would remove need not have been put.
  if (steps_[part].kind == Kind::kDel) return !blocked.behind_put;
  for (const std::size_t candidate : blocked.candidates) {
    const std::optional<std::uint64_t> needed = version_needed(steps_[candidate]);
    if (!needed || *needed > after.version) return true;
    if (*needed == after.version && apply(after, candidate)) return true;
  }
  return false;
}

}  // namespace rkv::history
