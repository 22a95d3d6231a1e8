#include "search.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace rkv::history {
namespace {

// The version that a key must have for a step to be possible; nothing if any one may do.
std::optional<std::uint64_t> version_needed(const RegisterStep& step) {
  if (step.outcome == Outcome::kNotFound) return 0;
  if (!step.version) return std::nullopt;
  if (step.kind != Kind::kPut) return *step.version;
  return *step.version == 0 ? 0 : *step.version - 1;
}

}  // namespace

Search::Search(const std::vector<Part>& parts) : model_(parts) {
  RKV_CHECK(parts.size() < kNone / 4, "the operations of a key have 32-bit numbers");
  build_nodes(parts);
  find_same();
  for (const Node& node : nodes_) links_.push_back(node.next);
}

void Search::build_nodes(const std::vector<Part>& parts) {
  // Time, whether it is a return (at the same time, invocations come first: then the two are
  // concurrent), and which.
  std::vector<std::tuple<Time, bool, std::size_t>> events;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    events.emplace_back(parts[i].operation->invoked, false, i);
    if (parts[i].answered) events.emplace_back(parts[i].operation->returned, true, i);
  }
  std::sort(events.begin(), events.end());
  std::vector<Index> number(parts.size());
  nodes_.push_back({});
  for (const auto& [time, is_return, part] : events) {
    if (!parts[part].answered) {
      unanswered_.push_back({part, kNone});
      continue;
    }
    const auto at = static_cast<Index>(nodes_.size());
    if (is_return) {
      answered_[number[part]].returning = at;
    } else {
      number[part] = static_cast<Index>(answered_.size());
      answered_.push_back({part, at, 0});
    }
    nodes_.back().next = at;
    nodes_.push_back({at - 1, 0, number[part], is_return, static_cast<Index>(unanswered_.size())});
  }
  nodes_.front().previous = static_cast<Index>(nodes_.size() - 1);
}

void Search::find_same() {
  std::map<std::pair<Kind, std::uint32_t>, Index> last;
  for (Index i = 0; i < unanswered_.size(); ++i) {
    const RegisterStep& step = model_.steps()[unanswered_[i].part];
    const auto [found, is_first] = last.try_emplace({step.kind, step.value}, i);
    if (is_first) continue;
    unanswered_[i].same_before = found->second;
    found->second = i;
  }
}

void Search::reset() {
  for (Index i = 0; i < nodes_.size(); ++i) {
    nodes_[i].next = links_[i];
    nodes_[links_[i]].previous = i;
  }
  taken_ = 0;
  state_ = RegisterState();
  node_ = nodes_.front().next;
  cursor_ = 0;
  order_.clear();
  configuration_ = {WindowBits(answered_.size()), WindowBits(unanswered_.size())};
  seen_.clear();
}

Verdict Search::run(std::uint64_t steps_max) {
  reset();
  while (nodes_.front().next != 0) {
    if (taken_ == steps_max) return Verdict::kUnknown;
    ++taken_;
    if (!nodes_[node_].is_return) {
      if (!take_answered(node_)) node_ = nodes_[node_].next;
    } else if (!take_unanswered(node_, cursor_) && !step_back()) {
      return Verdict::kNotLinearizable;
    }
  }
  return Verdict::kLinearizable;
}

bool Search::take_answered(Index node) {
  const Index operation = nodes_[node].operation;
  const Answered& answered = answered_[operation];
  const RegisterStep& step = model_.steps()[answered.part];
  const std::optional<RegisterState> after = model_.apply(state_, step);
  if (!after) return false;
  const bool for_good = step.kind == Kind::kGet || step.outcome == Outcome::kNotFound;
  configuration_.answered.set(operation);
  if (!for_good && !seen_.add(configuration_, *after)) {
    configuration_.answered.clear(operation);
    return false;
  }
  order_.push_back({true, for_good, operation, 0, state_});
  lift(answered);
  state_ = *after;
  node_ = nodes_.front().next;
  cursor_ = 0;
  return true;
}

// At a return that cannot be passed: its operation, or another one before it, must become possible.
bool Search::take_unanswered(Index node, Index from) {
  const bool behind_put =
      !order_.empty() && !order_.back().answered &&
      model_.steps()[unanswered_[order_.back().operation].part].kind == Kind::kPut;
  for (Index i = from; i < nodes_[node].unanswered; ++i) {
    if (configuration_.unanswered.test(i)) continue;
    const Index same_before = unanswered_[i].same_before;
    if (same_before != kNone && !configuration_.unanswered.test(same_before)) continue;
    const RegisterStep& step = model_.steps()[unanswered_[i].part];
    // What it would remove need not have been put.
    if (step.kind == Kind::kDel && behind_put) continue;
    const RegisterState after = *model_.apply(state_, step);
    if (after == state_ || (step.kind == Kind::kPut && !may_help(node, after))) continue;
    configuration_.unanswered.set(i);
    if (!seen_.add(configuration_, after)) {
      configuration_.unanswered.clear(i);
      continue;
    }
    order_.push_back({false, false, i, node, state_});
    state_ = after;
    node_ = nodes_.front().next;
    cursor_ = 0;
    return true;
  }
  return false;
}

// Whether some operation that could come next could do so behind this put, or behind further ones,
// which make the version only higher.
bool Search::may_help(Index node, const RegisterState& after) const {
  for (Index i = nodes_.front().next; i != node; i = nodes_[i].next) {
    const RegisterStep& step = model_.steps()[answered_[nodes_[i].operation].part];
    const std::optional<std::uint64_t> needed = version_needed(step);
    if (!needed || *needed > after.version) return true;
    if (*needed == after.version && model_.apply(after, step)) return true;
  }
  return false;
}

// Takes back the latest operation in whose place another one may do.
bool Search::step_back() {
  while (!order_.empty()) {
    const Taken taken = order_.back();
    order_.pop_back();
    state_ = taken.before;
    if (!taken.answered) {
      configuration_.unanswered.clear(taken.operation);
      node_ = taken.blocked_at;
      cursor_ = taken.operation + 1;
      return true;
    }
    const Answered& answered = answered_[taken.operation];
    configuration_.answered.clear(taken.operation);
    unlift(answered);
    if (taken.for_good) continue;
    node_ = nodes_[answered.invocation].next;
    cursor_ = 0;
    return true;
  }
  return false;
}

void Search::lift(const Answered& operation) {
  for (const Index at : {operation.invocation, operation.returning}) {
    nodes_[nodes_[at].previous].next = nodes_[at].next;
    nodes_[nodes_[at].next].previous = nodes_[at].previous;
  }
}

void Search::unlift(const Answered& operation) {
  for (const Index at : {operation.returning, operation.invocation}) {
    nodes_[nodes_[at].previous].next = at;
    nodes_[nodes_[at].next].previous = at;
  }
}

std::vector<std::size_t> Search::order() const {
  std::vector<std::size_t> parts;
  for (const Taken& taken : order_) {
    parts.push_back(taken.answered ? answered_[taken.operation].part
                                   : unanswered_[taken.operation].part);
  }
  return parts;
}

}  // namespace rkv::history
