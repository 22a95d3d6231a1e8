#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "history/operation.h"
#include "kv/command.h"
#include "kv/scan.h"
#include "kv/transaction.h"
#include "replica/manager.h"
#include "sim/schedule.h"

namespace rkv::sim {

// What a client asks for.
struct Request {
  enum class What { kWrite, kGet, kGetMany, kList };

  What what = What::kGet;
  std::size_t group = 0;  // of the keys that it is about
  kv::Command command;  // of a write, without its id; of a get the key; of several the transaction
  kv::Scan scan;        // of a listing, its next page
  replica::ReadOptions options;
  Duration staleness_checked;  // with max_staleness: by true time, which no replica has
  bool is_recorded = true;     // histories have a word for it
  bool is_bank = false;        // reads all accounts
};

// Makes of the steps of a schedule what clients ask for. There are groups of keys, and a request is
// about the keys of one of them, so that what is searched for the history of a group stays small:
// - single keys, with text in them, and counters;
// - accounts, between which something is transferred: their sum is always zero;
// - a few keys for transactions of any kind;
// - some more, of which ranges are removed and whose revisions are compared: not in the history.
class Workload {
 public:
  struct Options {
    bool has_total_order = true;
    // Transactions may be refused for what they find. (What they are told is not counted then.)
    bool has_refusals = true;
    // A group with so many operations of which nobody knows how they ended is not used again.
    int unknown_max = 10;
    int unknown_together_max = 4;  // the same, of groups with transactions
  };

  explicit Workload(const Options& options) : options_(options) {}

  // `name` is another one for each write.
  Request make(const Step& step, const std::string& name);
  // An operation of this group has an end that nobody knows.
  void unknown(std::size_t group);
  // Somebody has seen this under a key.
  void saw(const std::string& key, std::uint64_t version, std::string_view value);

 private:
  static constexpr std::size_t kSingles = 5;
  static constexpr std::size_t kCounters = 2;
  static constexpr std::size_t kBank = kSingles + kCounters;
  static constexpr std::size_t kMixed = kBank + 1;
  static constexpr std::size_t kBulk = kMixed + 1;
  static constexpr std::size_t kGroups = kBulk + 1;
  struct Group {
    int generation = 0;
    int unknown = 0;
  };
  struct Seen {
    std::uint64_t version = 0;
    std::string value;
  };

  std::string key_of(std::size_t group, std::size_t index) const;
  kv::Compare make_compare(const std::string& key, Random& random) const;
  kv::Step make_step(const std::string& key, const std::string& name, Random& random) const;
  void make_transfer(kv::Transaction& transaction, Random& random) const;
  void make_mixed(kv::Transaction& transaction, const std::string& name, Random& random) const;
  void make_bulk(kv::Transaction& transaction, const std::string& name, Random& random) const;
  void make_single(StepKind kind, kv::Transaction& transaction, const std::string& key,
                   const std::string& name, Random& random) const;
  void make_many(Request& request, Random& random) const;
  void make_listing(Request& request, Random& random) const;
  void draw_consistency(Request& request, StepKind kind, Random& random) const;

  const Options options_;
  std::array<Group, kGroups> groups_;
  std::map<std::string, Seen> seen_;
};

// ---- Words of histories for it ----

history::Transaction to_history(const kv::Transaction& transaction);
history::TransactionResult to_history(const kv::StepsResult& result);

}  // namespace rkv::sim
