#include "counterexample.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/check.h"
#include "group_model.h"
#include "search.h"

namespace rkv::history {
namespace {

constexpr std::size_t kShown = 12;  // operations of a list

// What was known when the answer at `last` had come: answers that came later had not, and what was
// asked later is left out. `answers` is every answered part in the order of the answers.
std::vector<Part> known_at(const std::vector<Part>& parts, const std::vector<Part>& answers,
                           std::size_t last) {
  const Time now = answers[last].operation->returned;
  std::vector<Part> known(answers.begin(), answers.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  for (std::size_t i = last + 1; i < answers.size(); ++i) {
    const Operation* const operation = answers[i].operation;
    if (!is_read(*operation) && operation->invoked <= now) known.push_back({operation});
  }
  for (const Part& part : parts) {
    if (!part.answered && part.operation->invoked <= now) known.push_back(part);
  }
  return known;
}

std::string line_of(const Operation& operation) { return "\n    " + to_text(operation); }

std::string last_lines(const std::vector<const Operation*>& operations) {
  std::string text;
  const std::size_t begin = operations.size() - std::min(operations.size(), kShown);
  if (begin > 0) text += "\n    ... " + std::to_string(begin) + " before these";
  for (std::size_t i = begin; i < operations.size(); ++i) text += line_of(*operations[i]);
  return text;
}

std::string state_text(const std::vector<const Operation*>& order) {
  const Operation* last_write = nullptr;
  std::uint64_t version = 0;
  for (const Operation* operation : order) {
    if (operation->kind == Kind::kGet || operation->outcome == Outcome::kNotFound) continue;
    version = operation->kind == Kind::kPut ? version + 1 : 0;
    last_write = operation;
  }
  if (version == 0) return "there is no such key";
  return '"' + printable(last_write->argument, 40) + "\", version " + std::to_string(version);
}

// What the keys of an operation are behind an order of these parts.
std::string state_text(const std::vector<Part>& parts, const std::vector<std::size_t>& order,
                       const std::vector<std::string>& keys) {
  GroupModel model(parts);
  State state;
  for (const std::size_t part : order) {
    const std::optional<State> after = model.apply(state, part);
    RKV_CHECK(after.has_value(), "an order that was found keeps to the model");
    state = *after;
  }
  return model.to_text(state, keys);
}

std::string quoted(const std::string& key) { return '"' + printable(key) + '"'; }

// The keys that an operation touches: those that it names, and those in a range that the others do.
std::vector<std::string> keys_touched(const Operation& operation, const std::vector<Part>& parts) {
  std::set<std::string> keys;
  for (const std::string& key : keys_of(operation)) keys.insert(key);
  for (const Part& part : parts) {
    for (const std::string& key : keys_of(*part.operation)) {
      if (removes(operation.transaction, key)) keys.insert(key);
    }
  }
  return {keys.begin(), keys.end()};
}

std::string names_of(const std::vector<std::string>& keys) {
  if (keys.size() == 1) return "key " + quoted(keys.front()) + ": no order of its operations fits";
  std::string text = "keys ";
  for (const std::string& key : keys) text += (&key == &keys.front() ? "" : ", ") + quoted(key);
  return text + ": no order of what touches them fits";
}

}  // namespace

std::string counterexample(const std::vector<Part>& parts, std::uint64_t steps_max) {
  std::vector<Part> answers;
  for (const Part& part : parts) {
    if (part.answered) answers.push_back(part);
  }
  std::stable_sort(answers.begin(), answers.end(), [](const Part& a, const Part& b) {
    return a.operation->returned < b.operation->returned;
  });
  // There is an order before `first_wrong` answers have come, and none behind it: what has none has
  // none however it goes on.
  std::size_t low = 0;
  std::size_t high = answers.size() - 1;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const SearchResult result = search(known_at(parts, answers, middle), steps_max);
    if (result.verdict == Verdict::kNotLinearizable) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const Operation& wrong = *answers[high].operation;
  const std::vector<std::string> keys = keys_touched(wrong, parts);
  std::string text = names_of(keys);
  text += "\n  this answer, number " + std::to_string(high + 1) + " of " +
          std::to_string(answers.size()) + ", has no place any more:" + line_of(wrong);
  std::vector<Part> before;
  if (high > 0) before = known_at(parts, answers, high - 1);
  const std::vector<std::size_t> found = search(before, steps_max).order;
  std::vector<const Operation*> order;
  order.reserve(found.size());
  for (const std::size_t part : found) order.push_back(before[part].operation);
  text += "\n  an order of what was answered before:" + last_lines(order);
  text += "\n  which leaves: ";
  text += is_group(parts) ? state_text(before, found, keys) : state_text(order);
  std::vector<const Operation*> open;
  for (const Part& part : known_at(parts, answers, high)) {
    if (!part.answered) open.push_back(part.operation);
  }
  text += "\n  writes under way then, their answers yet unknown:" + last_lines(open);
  return text;
}

std::string undecided_text(const std::vector<Part>& parts, std::size_t groups,
                           std::uint64_t steps_max) {
  return std::to_string(steps_max) + " steps did not suffice for " + std::to_string(groups) +
         " keys; one is " + quoted(keys_touched(*parts.front().operation, parts).front()) +
         " with " + std::to_string(parts.size()) + " operations";
}

}  // namespace rkv::history
