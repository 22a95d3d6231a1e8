#include "twopc/lock_table.h"

#include <utility>

#include "base/check.h"

namespace rkv::twopc {

LockTable::Result LockTable::acquire(const Claim& claim, const std::vector<std::string>& keys,
                                     bool holds_nothing, Woken& woken) {
  RKV_CHECK(!knows(claim), "a claim is made once");
  Waiter waiter{&keys, holds_nothing, false, false};
  const Result result = look(claim, waiter);
  if (result == Result::kDies) return result;
  const auto [added, is_new] = claims_.emplace(claim, waiter);
  if (result == Result::kGranted) {
    std::set<std::string> changed;
    grant(claim, added->second);
    kill_younger(claim, added->second, changed, woken);
    settle(std::move(changed), woken);
    return result;
  }
  std::set<std::string> free;  // that it does not take, for want of others
  for (const std::string& key : *added->second.keys) {
    Lock& lock = locks_[key];
    lock.waiting.insert(claim);
    if (!lock.is_held) free.insert(key);
  }
  settle(std::move(free), woken);
  return result;
}

// Nobody overtakes an older one that waits for the same key.
LockTable::Result LockTable::look(const Claim& claim, const Waiter& waiter) const {
  bool must_wait = false;
  for (const std::string& key : *waiter.keys) {
    const auto found = locks_.find(key);
    if (found == locks_.end()) continue;
    const Lock& lock = found->second;
    if (lock.is_held && lock.holder != claim) {
      must_wait = true;
      if (lock.holder < claim && !claims_.at(lock.holder).ending && !waiter.holds_nothing) {
        return Result::kDies;
      }
    }
    if (!lock.waiting.empty() && *lock.waiting.begin() < claim) {
      must_wait = true;
      if (!waiter.holds_nothing) return Result::kDies;
    }
  }
  return must_wait ? Result::kWaits : Result::kGranted;
}

void LockTable::grant(const Claim& claim, Waiter& waiter) {
  waiter.is_holder = true;
  for (const std::string& key : *waiter.keys) {
    Lock& lock = locks_[key];
    RKV_CHECK(!lock.is_held, "a key has one holder");
    lock.waiting.erase(claim);
    lock.is_held = true;
    lock.holder = claim;
  }
}

void LockTable::take(const Claim& claim, const std::vector<std::string>& keys) {
  RKV_CHECK(!knows(claim), "a claim is made once");
  grant(claim, claims_.emplace(claim, Waiter{&keys, false, false, false}).first->second);
}

void LockTable::is_ending(const Claim& claim) { claims_.at(claim).ending = true; }

void LockTable::release(const Claim& claim, Woken& woken) {
  const auto found = claims_.find(claim);
  RKV_CHECK(found != claims_.end(), "who ends has a claim");
  const Waiter ended = found->second;
  claims_.erase(found);
  std::set<std::string> changed;
  give_back(claim, ended, changed);
  settle(std::move(changed), woken);
}

// What nobody else wants is gone with it; mostly that is all there is.
void LockTable::give_back(const Claim& claim, const Waiter& waiter,
                          std::set<std::string>& changed) {
  for (const std::string& key : *waiter.keys) {
    const auto at = locks_.find(key);
    Lock& lock = at->second;
    if (waiter.is_holder) lock.is_held = false;
    lock.waiting.erase(claim);
    if (!lock.waiting.empty()) {
      changed.insert(key);
    } else if (!lock.is_held) {
      locks_.erase(at);
    }
  }
}

// Looks again at who waits for keys of which a holder or an older waiter has gone.
void LockTable::settle(std::set<std::string> changed, Woken& woken) {
  while (!changed.empty()) {
    std::set<Claim> candidates;
    for (const std::string& key : changed) {
      const auto at = locks_.find(key);
      if (at == locks_.end()) continue;
      const Lock& lock = at->second;
      candidates.insert(lock.waiting.begin(), lock.waiting.end());
      if (!lock.is_held && lock.waiting.empty()) locks_.erase(at);
    }
    changed.clear();
    // Oldest first: what is granted to one, a younger one finds held.
    for (const Claim& each : candidates) {
      const auto waiting = claims_.find(each);
      if (waiting == claims_.end()) continue;  // it has died meanwhile
      const Result result = look(each, waiting->second);
      if (result == Result::kDies) die(waiting, changed, woken);
      if (result != Result::kGranted) continue;
      grant(each, waiting->second);
      woken.granted.push_back(each);
      kill_younger(each, waiting->second, changed, woken);
    }
  }
}

// Those that wait for one of its keys, and hold locks elsewhere, are younger than the new holder.
void LockTable::kill_younger(const Claim& claim, const Waiter& waiter,
                             std::set<std::string>& changed, Woken& woken) {
  for (const std::string& key : *waiter.keys) {
    std::vector<Claim> dying;
    for (const Claim& each : locks_.at(key).waiting) {
      if (claim < each && !claims_.at(each).holds_nothing) dying.push_back(each);
    }
    for (const Claim& each : dying) {
      die(claims_.find(each), changed, woken);
    }
  }
}

void LockTable::die(std::map<Claim, Waiter>::iterator found, std::set<std::string>& changed,
                    Woken& woken) {
  for (const std::string& key : *found->second.keys) {
    locks_.at(key).waiting.erase(found->first);
    changed.insert(key);
  }
  woken.died.push_back(found->first);
  claims_.erase(found);
}

const Claim* LockTable::holder(const std::string& key) const {
  const auto found = locks_.find(key);
  return found != locks_.end() && found->second.is_held ? &found->second.holder : nullptr;
}

void LockTable::clear() {
  locks_.clear();
  claims_.clear();
}

}  // namespace rkv::twopc
