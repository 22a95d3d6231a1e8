#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "part.h"
#include "state.h"
#include "text_table.h"

namespace rkv::history {

// The rule of several keys that transactions touch together, or of one key with transactions: the
// sequential specification that their operations are held against. Each key is there or not, with a
// value and a version that counts its changes since it was created. A state's number stands for
// what all of them are; its version is not used.
//
// Of slots it knows nothing: an answered transaction that compares some may have failed for that,
// whatever the keys are. (sequential.h looks at the slots.)
class GroupModel {
 public:
  // See search.cc.
  static constexpr bool kWantsUnused = true;
  static constexpr bool kDeepens = true;

  // Of operations of which none was refused and every read is answered. An answered transaction
  // has a result for each step of the branch that ran; an unanswered one that compares slots has
  // the branch that its operation tells. What removes a range removes those of its keys that the
  // other operations name.
  explicit GroupModel(const std::vector<Part>& parts);
  GroupModel(const GroupModel&) = delete;
  GroupModel& operator=(const GroupModel&) = delete;

  // What a part makes of a state; nothing if it cannot have happened there with its outcome.
  // Without an answer it always can, and makes what its branch does there.
  std::optional<State> apply(const State& state, std::size_t part);
  // Whether an answered part, as it was answered, changes no state.
  bool changes_nothing(std::size_t part) const { return actions_[part].changes_nothing; }
  // Unanswered parts of equal effect do the same in every state.
  std::uint64_t effect(std::size_t part) const { return actions_[part].effect; }
  bool is_put(std::size_t) const { return false; }
  // Whether some candidate could come behind this unanswered part, which makes `after` of the
  // state, or behind it and further unused ones. If it says no, none can.
  bool may_help(std::size_t part, const State& after, const Blocked& blocked);
  // Whether it holds all the states and texts that it may: what it says from now on is right, but
  // it takes too much memory.
  bool is_full() const;

  // What these keys are, as a person reads it.
  std::string to_text(const State& state, const std::vector<std::string>& keys) const;

 private:
  using KeyNumber = std::uint32_t;

  // A key in a state.
  struct Cell {
    TextNumber value = TextTable::kAbsent;
    std::uint64_t version = 0;  // 0 too where the history tells none
    bool operator==(const Cell&) const = default;
  };
  struct NumberedCompare {
    const Compare* compare = nullptr;
    KeyNumber key = 0;
    TextNumber value = 0;
  };
  struct NumberedStep {
    Step::Kind kind = Step::Kind::kGet;
    KeyNumber key = 0;
    TextNumber value = 0;
    std::int64_t amount = 0;
    const StepResult* told = nullptr;            // nothing: there was no answer
    TextNumber value_told = TextTable::kAbsent;  // of a get; kAbsent: none was told
    std::vector<KeyNumber> range;                // kDelRange: its keys, in their order
  };
  // What a key's version must have been before an answered operation, by what it was told.
  struct Need {
    KeyNumber key = 0;
    std::uint64_t version = 0;
  };
  // An operation with the keys and texts as numbers; every one is a transaction here.
  struct Action {
    bool answered = false;
    bool succeeded = false;       // as it was told
    bool compares_slots = false;  // which may be why it did not succeed
    bool changes_nothing = false;
    std::uint64_t effect = 0;
    std::vector<NumberedCompare> compares;
    std::vector<NumberedStep> then;
    std::vector<NumberedStep> otherwise;
    std::vector<Need> needs;         // answered: of each key that it told the version of
    bool needs_all = false;          // those are all its keys
    std::vector<KeyNumber> writes;   // unanswered: the keys that it may make or change,
    std::vector<KeyNumber> removes;  // and those that it may remove
  };
  // What an operation asked and was told, as a transaction.
  struct Wording {
    Transaction transaction;
    TransactionResult result;
  };
  struct CellsHash {
    const GroupModel* model;
    std::size_t operator()(std::uint32_t state) const;
  };
  struct CellsEqual {
    const GroupModel* model;
    bool operator()(std::uint32_t a, std::uint32_t b) const;
  };

  static Wording wording_of(const Part& part);
  void look_through(const std::vector<Part>& parts);
  KeyNumber number_of(const std::string& key);
  std::vector<KeyNumber> keys_in(const Range& range) const;
  TextNumber value_number(KeyNumber key, const std::string& value);
  std::vector<NumberedStep> numbered(const std::vector<Step>& steps,
                                     const std::vector<StepResult>* told);
  Action action_of(const Wording& wording, bool answered);
  void find_needs(Action& action) const;
  static void find_writes(Action& action);

  bool holds(const NumberedCompare& compare) const;
  enum class Done { kDone, kRefused, kOtherwiseThanTold };
  Done run(const NumberedStep& step);
  Done change(const NumberedStep& step, TextNumber value);
  Done remove_range(const NumberedStep& step);
  bool may_come(const Action& candidate, std::size_t part, const State& state);
  std::uint32_t number_of_cells();

  std::vector<Wording> wordings_;  // one for each part; actions_ point into it
  std::vector<Action> actions_;    // the same
  std::vector<std::string> keys_;
  std::map<std::string, KeyNumber> key_numbers_;
  std::vector<bool> text_matters_;  // by key: it is compared, counted or appended to
  std::unordered_set<std::string> read_values_;
  bool counts_versions_ = false;
  TextTable texts_;

  std::vector<Cell> cells_;  // of the states, one after another
  std::unordered_set<std::uint32_t, CellsHash, CellsEqual> states_;
  std::vector<Cell> now_;         // where apply() is
  std::vector<bool> may_grow_;    // may_help(): by key
  std::vector<bool> may_vanish_;  // the same
};

}  // namespace rkv::history
