#include "sim/invariants_txn_records.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "sim/hash.h"
#include "sim/txn_text.h"

namespace rkv::sim {

using twopc::Record;
using twopc::Transaction;
using twopc::TxnId;

std::string_view to_string(Transactions::Has has) {
  switch (has) {
    case Transactions::Has::kNothing:
      return "nothing";
    case Transactions::Has::kPrepared:
      return "prepared";
    case Transactions::Has::kRefused:
      return "refused";
    case Transactions::Has::kAborted:
      return "aborted";
    case Transactions::Has::kCommitted:
      return "committed";
  }
  return "?";
}

void Transactions::fail(std::string_view invariant, ReplicaId replica, const TxnId& id,
                        const std::string& what) {
  violation_.report(invariant, "replica " + std::to_string(replica.value) + ", transaction " +
                                   to_string(id) + ": " + what);
}

Transactions::Entry& Transactions::at(const TxnId& id) {
  Entry& entry = entries_[id];
  if (entry.copies.empty()) entry.copies.resize(replicas_.size());
  return entry;
}

const Transactions::Entry* Transactions::find(const TxnId& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

Transactions::Has Transactions::has(ReplicaId replica, const TxnId& id) const {
  const Entry* const entry = find(id);
  return entry == nullptr ? Has::kNothing : copy(*entry, replica).durable;
}

Transactions::Has Transactions::has_written(ReplicaId replica, const TxnId& id) const {
  const Entry* const entry = find(id);
  return entry == nullptr ? Has::kNothing : copy(*entry, replica).written;
}

const TxnId* Transactions::committed(const OperationId& operation) const {
  const auto found = operations_.find({operation.client, operation.sequence});
  return found == operations_.end() ? nullptr : &found->second;
}

// ---- What they are ----

void Transactions::named(ReplicaId by, const Transaction& it) {
  const TxnId& id = it.id;
  Entry& entry = at(id);
  if (entry.named) {
    if (entry.timestamp != it.timestamp || !(entry.origin == it.origin) ||
        entry.operation != it.operation || entry.keys != it.keys ||
        entry.command != hash_of(it.command)) {
      fail("transaction ids are never reused", by, id, "is another one than before");
    }
    return;
  }
  entry.named = true;
  entry.timestamp = it.timestamp;
  entry.origin = it.origin;
  entry.operation = it.operation;
  entry.keys = it.keys;
  entry.command = hash_of(it.command);
  const OriginKey origin = key_of(it.origin);
  const auto [first, is_first] = first_tries_.try_emplace(origin, id);
  const Entry& tried = at(first->second);
  if (!is_first && tried.timestamp != it.timestamp) {
    fail("a write keeps its timestamp", by, id,
         "has timestamp " + to_string(it.timestamp) + ", but its try " + to_string(first->second) +
             " has " + to_string(tried.timestamp));
  }
  if (!is_first && (tried.operation != it.operation || tried.command != entry.command)) {
    fail("transactions are what clients asked for", by, id,
         "is another write than its try " + to_string(first->second));
  }
  const auto owner = timestamps_.try_emplace({it.timestamp, id.incarnation}, origin).first;
  if (owner->second != origin) {
    fail("a timestamp is of one write", by, id,
         "has timestamp " + to_string(it.timestamp) + ", as another write has");
  }
}

void Transactions::begun(ReplicaId by, const Transaction& it) {
  named(by, it);
  Entry& entry = at(it.id);
  if (it.id.coordinator != by || it.id.incarnation != incarnation_of_(by)) {
    fail("transaction ids are their coordinator's", by, it.id,
         "begins it in incarnation " + std::to_string(incarnation_of_(by)));
  }
  if (!std::exchange(entry.begun, true)) ++begun_;
}

// ---- Locks ----

void Transactions::lock(ReplicaId replica, const TxnId& id, const Entry& entry) {
  for (const std::string& key : entry.keys) {
    const auto [holder, is_free] = of(replica).locks.try_emplace(key, id);
    if (is_free || holder->second == id) continue;
    fail("one transaction at a time for a key", replica, id,
         "takes " + key + ", which " + to_string(holder->second) + " holds (" +
             std::string(to_string(has_written(replica, holder->second))) + " here)");
  }
}

void Transactions::forget(Keys& keys, const TxnId& id, const Entry& entry) {
  for (const std::string& key : entry.keys) {
    const auto holder = keys.find(key);
    if (holder != keys.end() && holder->second == id) keys.erase(holder);
  }
}

std::vector<TxnId> Transactions::holders(ReplicaId replica, std::string_view key) const {
  const Replica& self = replicas_[replica.value - 1];
  std::vector<TxnId> found;
  for (const Keys* const keys : {&self.unapplied, &self.locks}) {
    const auto holder = keys->find(key);
    if (holder != keys->end() && holder->second.coordinator != replica) {
      found.push_back(holder->second);
    }
  }
  return found;
}

bool Transactions::is_older(const TxnId& id, const TxnId& other) const {
  const Entry* const a = find(id);
  const Entry* const b = find(other);
  return a != nullptr && b != nullptr &&
         std::pair(a->timestamp, id) < std::pair(b->timestamp, other);
}

bool Transactions::is_held(ReplicaId replica, std::string_view key) const {
  return !holders(replica, key).empty();
}

std::vector<TxnId> Transactions::in_doubt(ReplicaId replica, std::string_view key) const {
  std::vector<TxnId> found = holders(replica, key);
  std::erase_if(found, [&](const TxnId& id) { return has(replica, id) == Has::kNothing; });
  return found;
}

bool Transactions::is_open(ReplicaId replica, const TxnId& id) const {
  for (const std::string& key : keys_of(id)) {
    for (const TxnId& holder : holders(replica, key)) {
      if (holder == id) return true;
    }
  }
  return false;
}

bool Transactions::was_told_aborted(ReplicaId replica, const TxnId& id) const {
  const Entry* const entry = find(id);
  return entry != nullptr && copy(*entry, replica).told_aborted;
}

bool Transactions::is_finished(const TxnId& id) const {
  const Entry* const entry = find(id);
  return entry != nullptr &&
         std::all_of(entry->copies.begin(), entry->copies.end(),
                     [](const Copy& each) { return each.durable == Has::kCommitted; });
}

void Transactions::told_aborted(ReplicaId replica, const TxnId& id) {
  Entry& entry = at(id);
  Copy& mine = copy(entry, replica);
  mine.told_aborted = true;
  if (mine.written == Has::kPrepared) forget(of(replica).locks, id, entry);
}

const TxnId* Transactions::applies(ReplicaId replica, Position position) {
  const auto found = of(replica).positions.find(position);
  if (found == of(replica).positions.end()) return nullptr;
  const Entry& entry = at(found->second);
  forget(of(replica).locks, found->second, entry);
  forget(of(replica).unapplied, found->second, entry);
  return &found->second;
}

// ---- What is written ----

std::optional<Record> Transactions::decode(ReplicaId replica, const LogRecord& record) {
  std::optional<Record> decoded = twopc::decode_record(record);
  if (!decoded) fail("the log can be read", replica, {}, "a record cannot be understood");
  return decoded;
}

void Transactions::written(ReplicaId replica, const LogRecord& bytes) {
  const std::optional<Record> record = decode(replica, bytes);
  if (!record) return;
  switch (record->type) {
    case Record::Type::kPrepared:
      return prepares(replica, *record);
    case Record::Type::kDecided:
      return decides(replica, *record);
    case Record::Type::kCommitted:
    case Record::Type::kAborted:
    case Record::Type::kRefused:
      return learns(replica, *record);
    case Record::Type::kFinished:
      return finishes(replica, *record);
  }
}

void Transactions::prepares(ReplicaId replica, const Record& record) {
  named(replica, *record.transaction);
  Entry& entry = at(record.id);
  Has& has = copy(entry, replica).written;
  if (record.id.coordinator == replica) {
    fail("a coordinator decides, and does not vote", replica, record.id, "prepares its own");
  }
  if (has == Has::kPrepared) return;  // the same once more
  if (has != Has::kNothing) {
    fail("AC2: no decision is reversed", replica, record.id,
         "prepares it, but has it " + std::string(to_string(has)));
  }
  lock(replica, record.id, entry);
  has = Has::kPrepared;
}

void Transactions::decides(ReplicaId replica, const Record& record) {
  named(replica, *record.transaction);
  Entry& entry = at(record.id);
  Has& has = copy(entry, replica).written;
  if (has == Has::kCommitted) return;
  if (record.id.coordinator != replica || record.id.incarnation != incarnation_of_(replica)) {
    fail("transaction ids are their coordinator's", replica, record.id, "decides it");
  }
  if (entry.aborted) {
    fail("AC1: all decide the same", replica, record.id,
         "decides to commit it, but it was said to be aborted");
  }
  if (dead_.contains(key_of(entry.origin))) {
    fail("what is refused never happens", replica, record.id,
         "decides to commit it, but its client was told that nothing has happened");
  }
  for (std::uint32_t i = 1; i <= replicas_.size(); ++i) {
    const Has theirs = copy(entry, ReplicaId{i}).durable;
    if (i == replica.value || theirs == Has::kPrepared) continue;
    fail("AC3: commit only when all have prepared", replica, record.id,
         "decides to commit it, but replica " + std::to_string(i) + " durably has it " +
             std::string(to_string(theirs)));
  }
  lock(replica, record.id, entry);
  committed_origins_[key_of(entry.origin)] = record.id;
  has = Has::kCommitted;
}

// A participant: what became of it.
void Transactions::learns(ReplicaId replica, const Record& record) {
  Entry& entry = at(record.id);
  Has& has = copy(entry, replica).written;
  const Has before = has;
  switch (record.type) {
    case Record::Type::kCommitted:
      has = Has::kCommitted;
      if (!is_committed(record.id)) {
        fail("AC1: all decide the same", replica, record.id,
             "commits it, but its coordinator has not durably decided so");
      }
      if (before == has) break;
      // The next one may be prepared: its record comes behind this one.
      forget(of(replica).locks, record.id, entry);
      for (const std::string& key : entry.keys) of(replica).unapplied[key] = record.id;
      break;
    case Record::Type::kAborted:
      has = Has::kAborted;
      aborted(replica, record.id);
      forget(of(replica).locks, record.id, entry);
      break;
    default:
      // Who was asked late may have forgotten what it has known.
      if (has == Has::kAborted || is_finished(record.id)) return;
      has = Has::kRefused;
      break;
  }
  const bool may_follow =
      before == has || before == (has == Has::kRefused ? Has::kNothing : Has::kPrepared);
  if (!may_follow) {
    fail("AC2: no decision is reversed", replica, record.id,
         "writes " + std::string(to_string(has)) + " after " + std::string(to_string(before)));
  }
}

void Transactions::finishes(ReplicaId replica, const Record& record) {
  const Entry& entry = at(record.id);
  for (std::uint32_t i = 1; i <= replicas_.size(); ++i) {
    const Has theirs = copy(entry, ReplicaId{i}).durable;
    if (theirs == Has::kCommitted) continue;
    fail("a decision is kept until all have it", replica, record.id,
         "is finished, but replica " + std::to_string(i) + " durably has it " +
             std::string(to_string(theirs)));
  }
}

void Transactions::aborted(ReplicaId by, const TxnId& id) {
  Entry& entry = at(id);
  const Copy& decision = copy(entry, id.coordinator);
  if (decision.durable == Has::kCommitted || decision.written == Has::kCommitted) {
    fail("AC1: all decide the same", by, id,
         "says that it was aborted, but its coordinator has decided to commit it");
  }
  if (!std::exchange(entry.aborted, true)) ++aborted_;
}

void Transactions::finished_below(ReplicaId coordinator, const twopc::TxnMark& mark) {
  twopc::TxnMark& last = marks_[coordinator];
  if (mark <= last) return;
  auto it = entries_.lower_bound({coordinator, last.incarnation, last.number});
  last = mark;
  for (; it != entries_.lower_bound({coordinator, mark.incarnation, mark.number}); ++it) {
    const auto& [id, entry] = *it;
    if (copy(entry, coordinator).written != Has::kCommitted) {
      aborted(coordinator, id);
      continue;
    }
    for (std::uint32_t i = 1; i <= replicas_.size(); ++i) {
      if (copy(entry, ReplicaId{i}).durable == Has::kCommitted) continue;
      fail("what is finished is so everywhere", coordinator, id,
           "is said to be finished, but replica " + std::to_string(i) + " durably has it " +
               std::string(to_string(copy(entry, ReplicaId{i}).durable)));
    }
  }
}

void Transactions::nothing_happened(ReplicaId by, const twopc::Origin& origin) {
  const OriginKey key = key_of(origin);
  if (!dead_.insert(key).second) return;
  const auto found = committed_origins_.find(key);
  if (found == committed_origins_.end()) return;
  const TxnId& id = found->second;
  if (has_written(id.coordinator, id) != Has::kCommitted) return;  // lost with a process
  fail("what is refused never happens", by, id,
       "its client is told that nothing has happened, but it was committed");
}

void Transactions::refused(const OperationId& operation) {
  refused_.emplace(operation.client, operation.sequence);
  const TxnId* const id = committed(operation);
  if (id == nullptr) return;
  fail("what is refused never happens", id->coordinator, *id,
       "has committed write " + std::to_string(operation.client) + "/" +
           std::to_string(operation.sequence) + ", whose client was told that nothing comes of it");
}

// ---- What is durable ----

void Transactions::commits(const TxnId& id, const Entry& entry) {
  ++committed_;
  if (entry.operation.client == 0) return;
  const auto [other, is_first] =
      operations_.try_emplace({entry.operation.client, entry.operation.sequence}, id);
  if (is_first && refused_.contains(other->first)) return refused(entry.operation);
  if (is_first || other->second == id) return;
  fail("an operation is committed once", id.coordinator, id,
       "commits write " + std::to_string(entry.operation.client) + "/" +
           std::to_string(entry.operation.sequence) + ", as " + to_string(other->second) + " did");
}

void Transactions::becomes(ReplicaId replica, const Record& record, Has has) {
  Entry& entry = at(record.id);
  Copy& mine = copy(entry, replica);
  of(replica).needed.insert(record.id);
  if (record.transaction != nullptr) {
    named(replica, *record.transaction);
    mine.transaction_at = record.number;
  }
  if (has == Has::kCommitted) {
    mine.outcome_at = record.number;
    mine.position = record.position;
    const auto [there, is_new] = of(replica).positions.try_emplace(record.position, record.id);
    if (!is_new && there->second != record.id) {
      fail("a position is of one transaction", replica, record.id,
           "is at position " + std::to_string(record.position) + ", as " +
               to_string(there->second) + " is");
    }
  }
  // A log may hold what was prepared behind what became of it, where that was carried on.
  if (has <= mine.durable) return;
  mine.durable = has;
  if (has == Has::kCommitted && record.id.coordinator == replica) commits(record.id, entry);
}

void Transactions::durable(ReplicaId replica, const LogRecord& bytes) {
  const std::optional<Record> record = decode(replica, bytes);
  if (!record) return;
  switch (record->type) {
    case Record::Type::kPrepared:
      return becomes(replica, *record, Has::kPrepared);
    case Record::Type::kDecided:
    case Record::Type::kCommitted:
      return becomes(replica, *record, Has::kCommitted);
    case Record::Type::kAborted:
      return becomes(replica, *record, Has::kAborted);
    case Record::Type::kRefused:
      return becomes(replica, *record, Has::kRefused);
    case Record::Type::kFinished:
      copy(at(record->id), replica).finished = true;
      return;
  }
}

std::optional<TxnId> Transactions::undecided(ReplicaId replica) const {
  for (const TxnId& id : replicas_[replica.value - 1].needed) {
    if (has(replica, id) == Has::kPrepared) return id;
  }
  return std::nullopt;
}

// ---- Restarts and cuts ----

bool Transactions::is_needed(const TxnId& id, const Copy& mine, Position saved,
                             ReplicaId replica) const {
  if (mine.durable == Has::kPrepared) return true;
  if (mine.durable != Has::kCommitted) return false;
  return mine.position > saved || (id.coordinator == replica && !mine.finished);
}

void Transactions::cut(ReplicaId replica, Position number, Position saved) {
  auto& needed = of(replica).needed;
  for (auto it = needed.begin(); it != needed.end();) {
    const Copy& mine = copy(at(*it), replica);
    if (!is_needed(*it, mine, saved, replica)) {
      it = needed.erase(it);
      continue;
    }
    if (mine.transaction_at <= number || (mine.outcome_at != 0 && mine.outcome_at <= number)) {
      fail("what is cut off the log is not needed", replica, *it,
           "its records are cut, but it is " + std::string(to_string(mine.durable)) + ", " +
               (mine.position > saved ? "and not in the state on disk" : "and not finished"));
    }
    ++it;
  }
}

void Transactions::check_kept(ReplicaId replica, const RecoveredLog& log, Position saved) {
  if (log.lost_up_to) fail("the log is whole", replica, {}, "a part of it is damaged");
  struct Found {
    bool transaction = false;
    bool committed = false;
  };
  std::map<TxnId, Found> found;
  for (const LogRecord& bytes : log.records) {
    const std::optional<Record> record = decode(replica, bytes);
    if (!record) return;
    Found& it = found[record->id];
    it.transaction |= record->transaction != nullptr;
    it.committed |=
        record->type == Record::Type::kCommitted || record->type == Record::Type::kDecided;
  }
  for (const TxnId& id : of(replica).needed) {
    const Copy& mine = copy(at(id), replica);
    if (!is_needed(id, mine, saved, replica)) continue;
    const Found& it = found[id];
    if (!it.transaction || (mine.durable == Has::kCommitted && !it.committed)) {
      fail("what was durable is there after a restart", replica, id,
           "was " + std::string(to_string(mine.durable)) + ", and its records are gone");
    }
  }
}

void Transactions::read_again(ReplicaId replica, const RecoveredLog& log, Position saved) {
  check_kept(replica, log, saved);
}

void Transactions::recovered(ReplicaId replica, const RecoveredLog& log, Position saved) {
  check_kept(replica, log, saved);
  for (const LogRecord& record : log.records) durable(replica, record);
  take_up(replica, saved);
}

// What was on its way to the disk is on it, or is gone. The locks are as the log says.
void Transactions::take_up(ReplicaId replica, Position saved) {
  Replica& self = of(replica);
  self.locks.clear();
  self.unapplied.clear();
  for (auto& [id, entry] : entries_) {
    Copy& mine = copy(entry, replica);
    mine.written = mine.durable;
    mine.told_aborted = false;
    if (mine.durable == Has::kPrepared) lock(replica, id, entry);
  }
  for (auto it = self.positions.upper_bound(saved); it != self.positions.end(); ++it) {
    for (const std::string& key : at(it->second).keys) self.unapplied[key] = it->second;
  }
}

}  // namespace rkv::sim
