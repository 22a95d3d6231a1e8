#include "brute_force.h"

#include <map>
#include <utility>
#include <vector>

#include "base/check.h"

namespace rkv::history {
namespace {

// Key: value and version.
using Table = std::map<std::string, std::pair<std::string, std::uint64_t>>;

// Does what the operation asks, and tells whether it was told that.
bool happen(Table& table, const Operation& operation) {
  const auto found = table.find(operation.key);
  const bool is_there = found != table.end();
  const bool told = operation.outcome != Outcome::kUnknown;
  if (operation.kind == Kind::kPut) {
    auto& [value, version] = table[operation.key];
    value = operation.argument;
    ++version;
    return !told || !operation.version || *operation.version == version;
  }
  if (told && (operation.outcome == Outcome::kOk) != is_there) return false;
  if (told && is_there && operation.version && *operation.version != found->second.second) {
    return false;
  }
  if (operation.kind == Kind::kGet) {
    return !told || !is_there || operation.value == found->second.first;
  }
  if (is_there) table.erase(found);
  return true;
}

bool some_order_fits(const History& history, std::vector<bool>& used, const Table& table) {
  bool all_answered_are_used = true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!used[i] && history[i].returned != kNever) all_answered_are_used = false;
  }
  if (all_answered_are_used) return true;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (used[i]) continue;
    bool is_next = true;
    for (std::size_t j = 0; j < history.size(); ++j) {
      if (!used[j] && history[j].returned < history[i].invoked) is_next = false;
    }
    Table after = table;
    if (!is_next || !happen(after, history[i])) continue;
    used[i] = true;
    if (some_order_fits(history, used, after)) return true;
    used[i] = false;
  }
  return false;
}

}  // namespace

bool brute_force(const History& history) {
  RKV_CHECK(history.size() <= kBruteForceMax, "few enough to try every order");
  History happened;
  for (const Operation& operation : history) {
    if (operation.outcome != Outcome::kRefused) happened.push_back(operation);
  }
  std::vector<bool> used(happened.size());
  return some_order_fits(happened, used, {});
}

}  // namespace rkv::history
