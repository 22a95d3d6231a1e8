#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "twopc/transaction.h"

namespace rkv::twopc {

// Who wants the locks of some keys. Of a write of this replica's own clients that the others have
// not heard of yet, `id` is a name that means something here only.
struct Claim {
  Timestamp timestamp;
  TxnId id;
  auto operator<=>(const Claim&) const = default;  // older ones are lower
};

// The locks of one replica: a key has one holder, and those that wait for it.
//
// Wait-die, so that no ring of transactions waits for one another over several replicas: who holds
// locks elsewhere may only wait for younger ones, so all waiting goes one way. Whoever would wait
// for an older one dies: it gives all its locks back and is tried again, as old as it was. Who
// holds nothing anywhere may wait for anybody, and for a holder that is about to end without
// anybody's help everybody may wait.
class LockTable {
 public:
  enum class Result { kGranted, kWaits, kDies };

  // Who has waited and need not any more.
  struct Woken {
    std::vector<Claim> granted;
    std::vector<Claim> died;
  };

  // Wants all of these keys, or none yet. The keys must stay where they are until the claim ends.
  // `holds_nothing`: its transaction has no locks at other replicas and has not asked for any. Once
  // for each claim.
  Result acquire(const Claim& claim, const std::vector<std::string>& keys, bool holds_nothing,
                 Woken& woken);
  // Takes the keys without asking: after a restart, for a transaction that had them.
  void take(const Claim& claim, const std::vector<std::string>& keys);

  // The holder's outcome is decided, and only the disk of this replica stands before its end.
  void is_ending(const Claim& claim);

  // A claim ends, whether it holds its keys or waits for them.
  void release(const Claim& claim, Woken& woken);

  // Whether a claim holds its keys, or waits.
  bool knows(const Claim& claim) const { return claims_.contains(claim); }
  // Who holds a key; null: nobody.
  const Claim* holder(const std::string& key) const;

  std::size_t keys() const { return locks_.size(); }
  void clear();

 private:
  struct Lock {
    bool is_held = false;
    Claim holder;
    std::set<Claim> waiting;
  };
  struct Waiter {
    const std::vector<std::string>* keys = nullptr;
    bool holds_nothing = false;
    bool is_holder = false;
    bool ending = false;
  };

  Result look(const Claim& claim, const Waiter& waiter) const;
  void grant(const Claim& claim, Waiter& waiter);
  void give_back(const Claim& claim, const Waiter& waiter, std::set<std::string>& changed);
  void settle(std::set<std::string> changed, Woken& woken);
  void kill_younger(const Claim& claim, const Waiter& waiter, std::set<std::string>& changed,
                    Woken& woken);
  void die(std::map<Claim, Waiter>::iterator found, std::set<std::string>& changed, Woken& woken);

  std::map<std::string, Lock> locks_;  // of keys that somebody holds or waits for
  std::map<Claim, Waiter> claims_;
};

}  // namespace rkv::twopc
