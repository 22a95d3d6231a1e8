#include "register_model.h"

#include <string_view>
#include <unordered_map>

namespace rkv::history {
namespace {

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
    RegisterStep step;
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

std::optional<RegisterState> RegisterModel::apply(const RegisterState& state,
                                                  const RegisterStep& step) const {
  const bool is_there = state.value != RegisterState::kAbsent;
  if (step.kind == Kind::kPut) {
    const RegisterState after{step.value, counts_versions_ ? state.version + 1 : 0};
    if (step.version && after.version != *step.version) return std::nullopt;
    return after;
  }
  if (step.outcome == Outcome::kNotFound) {
    if (is_there) return std::nullopt;
    return state;
  }
  if (step.outcome == Outcome::kOk) {
    if (!is_there || (step.version && state.version != *step.version)) return std::nullopt;
    if (step.kind == Kind::kGet && state.value != step.value) return std::nullopt;
  }
  return step.kind == Kind::kGet ? state : RegisterState();
}

}  // namespace rkv::history
