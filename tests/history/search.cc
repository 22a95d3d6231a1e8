#include "search.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "configuration_set.h"
#include "group_model.h"
#include "register_model.h"

namespace rkv::history {
namespace {

// The search of Wing and Gong for an order of operations that keeps to their times and to the
// model, with Lowe's cache of configurations that led nowhere. Every answered operation must be in
// the order; one without an answer may be, anywhere behind its invocation.
//
// Three things make it fast, none of which changes the verdict. What changes nothing is taken as
// soon as it is possible, and never taken back: it fits behind whatever else could come first.
// Operations without an answer are tried last, when nothing else is possible: the fewer are used
// up, the more is left for later; and only those that the model says may help. And of those that do
// the same, the first invoked goes first.
//
// Of a group of keys, unanswered operations of one key may prepare for those of another, so there
// are many rows of them. Few are needed: the search is for short rows first, then for longer ones
// (Model::kDeepens).
template <class Model>
class Search {
 public:
  explicit Search(const std::vector<Part>& parts);

  // Once: searches for at most so many steps.
  SearchResult run(std::uint64_t steps_max);

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  // Of unanswered operations in a row: how many are tried at first, and how much more then.
  static constexpr std::size_t kRowAtFirst = 1;
  static constexpr std::size_t kRowGrowth = 3;

  // The invocation or the return of an answered operation, in a list in the order of time. Taking
  // an operation into the order takes its two nodes out of the list.
  struct Node {
    Index previous = 0;
    Index next = 0;
    Index operation = kNone;  // of answered_
    bool is_return = false;
    Index unanswered = 0;  // how many of unanswered_ were invoked before this return
  };
  struct Answered {
    std::size_t part = 0;
    Index invocation = 0;  // nodes
    Index returning = 0;
  };
  struct Unanswered {
    std::size_t part = 0;
    Index same_before = kNone;  // the one before it that does the same
  };
  // An operation that is in the order, and how to take it out again.
  struct Taken {
    bool answered = false;
    bool for_good = false;  // nothing else need be tried in its place
    Index operation = 0;    // of answered_ or unanswered_
    Index blocked_at = 0;   // an unanswered one: the return at which it was tried
    State before;
  };

  void build_nodes(const std::vector<Part>& parts);
  void find_same();
  void reset();
  Verdict search(std::uint64_t steps_max);
  std::vector<std::size_t> order() const;
  bool take_answered(Index node);
  bool take_unanswered(Index node, Index from);
  bool row_is_full() const;
  void look_around(Index node);
  bool step_back();
  void lift(const Answered& operation);
  void unlift(const Answered& operation);

  Model model_;
  std::vector<Node> nodes_;  // the first is the list's head and end
  std::vector<Answered> answered_;
  std::vector<Unanswered> unanswered_;

  std::vector<Index> links_;  // the list as build_nodes() left it
  std::uint64_t taken_ = 0;
  State state_;
  Index node_ = 0;                  // what is tried next
  Index cursor_ = 0;                // at a return: the first of unanswered_ to try
  std::size_t row_max_ = SIZE_MAX;  // of unanswered operations
  bool row_was_cut_ = false;        // a longer one was not tried
  Blocked blocked_;                 // at the return that is tried
  std::vector<Taken> order_;
  Configuration configuration_;
  ConfigurationSet seen_;
};

template <class Model>
Search<Model>::Search(const std::vector<Part>& parts) : model_(parts) {
  RKV_CHECK(parts.size() < kNone / 4, "the operations of a key have 32-bit numbers");
  build_nodes(parts);
  find_same();
  for (const Node& node : nodes_) links_.push_back(node.next);
}

template <class Model>
void Search<Model>::build_nodes(const std::vector<Part>& parts) {
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

template <class Model>
void Search<Model>::find_same() {
  std::map<std::uint64_t, Index> last;
  for (Index i = 0; i < unanswered_.size(); ++i) {
    const auto [found, is_first] = last.try_emplace(model_.effect(unanswered_[i].part), i);
    if (is_first) continue;
    unanswered_[i].same_before = found->second;
    found->second = i;
  }
}

template <class Model>
void Search<Model>::reset() {
  for (Index i = 0; i < nodes_.size(); ++i) {
    nodes_[i].next = links_[i];
    nodes_[links_[i]].previous = i;
  }
  row_was_cut_ = false;
  state_ = State();
  node_ = nodes_.front().next;
  cursor_ = 0;
  order_.clear();
  configuration_ = {WindowBits(answered_.size()), WindowBits(unanswered_.size())};
  seen_.clear();
}

template <class Model>
SearchResult Search<Model>::run(std::uint64_t steps_max) {
  SearchResult result;
  if (Model::kDeepens) row_max_ = kRowAtFirst;
  for (;; row_max_ *= kRowGrowth) {
    reset();
    result.verdict = search(steps_max);
    if (result.verdict != Verdict::kNotLinearizable || !row_was_cut_) break;
  }
  result.steps = taken_;
  if (result.verdict == Verdict::kLinearizable) result.order = order();
  return result;
}

template <class Model>
Verdict Search<Model>::search(std::uint64_t steps_max) {
  while (nodes_.front().next != 0) {
    if (taken_ >= steps_max || model_.is_full()) return Verdict::kUnknown;
    ++taken_;
    if (!nodes_[node_].is_return) {
      if (!take_answered(node_)) node_ = nodes_[node_].next;
    } else if (!take_unanswered(node_, cursor_) && !step_back()) {
      return Verdict::kNotLinearizable;
    }
  }
  return Verdict::kLinearizable;
}

template <class Model>
bool Search<Model>::take_answered(Index node) {
  const Index operation = nodes_[node].operation;
  const Answered& answered = answered_[operation];
  const std::optional<State> after = model_.apply(state_, answered.part);
  if (!after) return false;
  const bool for_good = model_.changes_nothing(answered.part);
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
template <class Model>
bool Search<Model>::take_unanswered(Index node, Index from) {
  if (nodes_[node].unanswered == from) return false;
  look_around(node);
  for (Index i = from; i < nodes_[node].unanswered; ++i) {
    if (configuration_.unanswered.test(i)) continue;
    const Unanswered& unanswered = unanswered_[i];
    if (unanswered.same_before != kNone &&
        !configuration_.unanswered.test(unanswered.same_before)) {
      continue;
    }
    const State after = *model_.apply(state_, unanswered.part);
    if (after == state_ || !model_.may_help(unanswered.part, after, blocked_)) continue;
    if (row_is_full()) {
      row_was_cut_ = true;
      return false;
    }
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

// Whether as many unanswered operations as there may be stand in a row at the end of the order.
template <class Model>
bool Search<Model>::row_is_full() const {
  if (order_.size() < row_max_) return false;
  return std::none_of(order_.end() - static_cast<std::ptrdiff_t>(row_max_), order_.end(),
                      [](const Taken& taken) { return taken.answered; });
}

template <class Model>
void Search<Model>::look_around(Index node) {
  blocked_.candidates.clear();
  for (Index i = nodes_.front().next; i != node; i = nodes_[i].next) {
    blocked_.candidates.push_back(answered_[nodes_[i].operation].part);
  }
  blocked_.behind_put = !order_.empty() && !order_.back().answered &&
                        model_.is_put(unanswered_[order_.back().operation].part);
  if (!Model::kWantsUnused) return;
  blocked_.unused.clear();
  for (Index i = 0; i < nodes_[node].unanswered; ++i) {
    if (!configuration_.unanswered.test(i)) blocked_.unused.push_back(unanswered_[i].part);
  }
}

// Takes back the latest operation in whose place another one may do.
template <class Model>
bool Search<Model>::step_back() {
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

template <class Model>
void Search<Model>::lift(const Answered& operation) {
  for (const Index at : {operation.invocation, operation.returning}) {
    nodes_[nodes_[at].previous].next = nodes_[at].next;
    nodes_[nodes_[at].next].previous = nodes_[at].previous;
  }
}

template <class Model>
void Search<Model>::unlift(const Answered& operation) {
  for (const Index at : {operation.returning, operation.invocation}) {
    nodes_[nodes_[at].previous].next = at;
    nodes_[nodes_[at].next].previous = at;
  }
}

template <class Model>
std::vector<std::size_t> Search<Model>::order() const {
  std::vector<std::size_t> parts;
  for (const Taken& taken : order_) {
    parts.push_back(taken.answered ? answered_[taken.operation].part
                                   : unanswered_[taken.operation].part);
  }
  return parts;
}

}  // namespace

bool is_group(const std::vector<Part>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
    return part.operation->kind == Kind::kTransact ||
           part.operation->key != parts.front().operation->key;
  });
}

SearchResult search(const std::vector<Part>& parts, std::uint64_t steps_max) {
  if (is_group(parts)) return Search<GroupModel>(parts).run(steps_max);
  return Search<RegisterModel>(parts).run(steps_max);
}

}  // namespace rkv::history
