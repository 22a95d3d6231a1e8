#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "configuration_set.h"
#include "register_model.h"

namespace rkv::history {

enum class Verdict { kLinearizable, kNotLinearizable, kUnknown };

// The search of Wing and Gong for an order of one key's operations that keeps to their times and to
// the model, with Lowe's cache of configurations that led nowhere. Every answered operation must be
// in the order; one without an answer may be, anywhere behind its invocation.
//
// Three things make it fast, none of which changes the verdict. What is possible now and leaves the
// state as it is, is taken now, and never taken back: it fits behind whatever else could come
// first. Operations without an answer are tried last, when nothing else is possible: the fewer are
// used up, the more is left for later. And of those that do the same, the first invoked goes first.
class Search {
 public:
  // The parts are of one key, and as RegisterModel wants them.
  explicit Search(const std::vector<Part>& parts);

  // Searches from the start, for at most so many steps; kUnknown if they did not suffice.
  Verdict run(std::uint64_t steps_max);
  // That the last run() took.
  std::uint64_t steps() const { return taken_; }
  // After kLinearizable: the order, as indices of the parts.
  std::vector<std::size_t> order() const;

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;

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
    RegisterState before;
  };

  void build_nodes(const std::vector<Part>& parts);
  void find_same();
  void reset();
  bool take_answered(Index node);
  bool take_unanswered(Index node, Index from);
  bool may_help(Index node, const RegisterState& after) const;
  bool step_back();
  void lift(const Answered& operation);
  void unlift(const Answered& operation);

  const RegisterModel model_;
  std::vector<Node> nodes_;  // the first is the list's head and end
  std::vector<Answered> answered_;
  std::vector<Unanswered> unanswered_;

  std::vector<Index> links_;  // the list as build_nodes() left it
  std::uint64_t taken_ = 0;
  RegisterState state_;
  Index node_ = 0;    // what is tried next
  Index cursor_ = 0;  // at a return: the first of unanswered_ to try
  std::vector<Taken> order_;
  Configuration configuration_;
  ConfigurationSet seen_;
};

}  // namespace rkv::history
