#include "twopc/participant.h"

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/limits.h"

namespace rkv::twopc {

void Participant::recover(const LogContents& contents) {
  is_running_ = true;
  for (const auto& [id, number] : contents.refused) {
    context_.ledger.pin(number);
    remember(id, Record::Type::kRefused, number);
  }
  for (const TxnId& id : contents.aborted) remember(id, Record::Type::kAborted, 0);
  for (const LogContents::Commit& commit : contents.commits) {
    if (commit.type != Record::Type::kCommitted) continue;
    context_.ledger.pin(commit.number);
    remember(commit.id, Record::Type::kCommitted, commit.number);
    if (commit.position <= context_.ledger.applied()) continue;
    // It is about to be applied: only the role was away.
    Entry& entry = entries_[commit.id];
    entry.state = Entry::State::kEnding;
    entry.transaction = commit.transaction;
    for (const std::string& key : commit.transaction->keys) unapplied_[key] = commit.id;
  }
  for (const auto& [id, prepared] : contents.in_doubt) {
    Entry& entry = entries_[id];
    entry.state = Entry::State::kPrepared;
    entry.transaction = prepared.transaction;
    entry.prepared = prepared.number;
    entry.since = context_.now;
    entries_bytes_ += prepared.transaction->command->size();
    context_.ledger.pin(prepared.number);
    context_.locks.take(claim_of(*prepared.transaction), prepared.transaction->keys);
    ask_now(id, entry);
  }
  for (const std::uint64_t pin : std::exchange(pins_of_stopped_, {})) context_.ledger.unpin(pin);
  for (const ReaderId reader : std::exchange(readers_of_stopped_, {})) {
    if (const auto found = readers_.find(reader); found != readers_.end()) {
      Reader again = std::move(found->second);
      readers_.erase(found);
      add_reader(std::move(again));
    }
  }
}

// What the log must keep, it keeps until the role is back.
void Participant::stop() {
  is_running_ = false;
  for (auto& [id, entry] : entries_) {
    if (entry.state == Entry::State::kPrepared) pins_of_stopped_.push_back(entry.prepared);
    release(*entry.transaction);
  }
  for (const auto& [id, outcome] : outcomes_) {
    if (outcome.pinned != 0) pins_of_stopped_.push_back(outcome.pinned);
  }
  for (const auto& [id, reader] : readers_) readers_of_stopped_.push_back(id);
  entries_.clear();
  entries_bytes_ = 0;
  in_doubt_ = 0;
  outcomes_.clear();
  finished_below_.clear();
  unapplied_.clear();
  asking_.clear();
  asked_.clear();
  late_votes_.clear();
  // Others' that were granted meanwhile, or have died, are forgotten with the rest.
  const auto is_foreign = [this](const Claim& each) {
    return each.id.coordinator != context_.options.self;
  };
  std::erase_if(woken_.granted, is_foreign);
  std::erase_if(woken_.died, is_foreign);
}

// ---- Votes --------------------------------------------------------------------------------------

TxnPreparedFields Participant::prepare(ReplicaId from, const TxnPrepare& message) {
  TxnPreparedFields answer;
  if (is_running_) saw_mark(from, message.finished_below);
  for (const TransactionPtr& transaction : message.transactions) {
    answer.votes.push_back(vote(transaction, &answer.reason));
  }
  answer.clock = context_.clock();
  return answer;
}

Vote Participant::vote(const TransactionPtr& transaction, std::string* reason) {
  const TxnId& id = transaction->id;
  const std::string self = context_.own_name();
  context_.saw_clock(transaction->timestamp.clock);
  if (!is_running_) {
    *reason = "the participant of " + self + " is stopped";
    return Vote::kRefused;
  }
  if (const auto found = entries_.find(id); found != entries_.end()) {  // the message came twice
    return found->second.state == Entry::State::kWaiting ? Vote::kWaits : Vote::kYes;
  }
  if (is_finished(id) || outcomes_.contains(id)) {
    return Vote::kConflict;  // its outcome was asked for before: it has to be another one
  }
  if (!context_.log_has_room) {
    *reason = context_.why_full();
    return Vote::kRefused;
  }
  const Options& options = context_.options;
  if (entries_.size() >= options.prepared_max ||
      entries_bytes_ + transaction->command->size() > options.prepared_bytes_max) {
    *reason = self + " has too many open transactions";
    return Vote::kRefused;
  }
  const auto result =
      context_.locks.acquire(claim_of(*transaction), transaction->keys, false, woken_);
  if (result == LockTable::Result::kDies) return Vote::kConflict;
  Entry& entry = entries_[id];
  entry.transaction = transaction;
  entries_bytes_ += transaction->command->size();
  if (result == LockTable::Result::kWaits) return Vote::kWaits;
  write_prepared(entry);
  return Vote::kYes;
}

void Participant::write_prepared(Entry& entry) {
  const TxnId& id = entry.transaction->id;
  RKV_FAILPOINT(twopc_before_prepare);
  entry.prepared = context_.ledger.append(Record::Type::kPrepared, id, entry.transaction);
  context_.ledger.pin(entry.prepared);
  entry.state = Entry::State::kPrepared;
  entry.since = context_.now;
  ask_later(id, entry);
}

void Participant::granted(const TxnId& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;  // it has ended since
  RKV_CHECK(found->second.state == Entry::State::kWaiting, "who is granted locks has waited");
  write_prepared(found->second);
  late_votes_[id.coordinator].push_back({id, Vote::kYes});
}

void Participant::died(const TxnId& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;  // it has ended since
  RKV_CHECK(found->second.state == Entry::State::kWaiting, "who dies has waited");
  entries_bytes_ -= found->second.transaction->command->size();
  entries_.erase(found);
  late_votes_[id.coordinator].push_back({id, Vote::kConflict});
}

// ---- Outcomes -----------------------------------------------------------------------------------

TxnDecidedFields Participant::decide(ReplicaId from, const TxnDecide& message) {
  TxnDecidedFields answer;
  if (!is_running_) {
    answer.refused = "the participant of " + context_.own_name() + " is stopped";
  } else {
    for (const OutcomeOf& each : message.outcomes) decided(each.id, each.decision);
    saw_mark(from, message.finished_below);
  }
  answer.clock = context_.clock();
  return answer;
}

void Participant::decided(const TxnId& id, Decision decision) {
  const auto found = entries_.find(id);
  if (found != entries_.end()) {
    if (decision == Decision::kCommit) {
      commit(found);
    } else {
      abort(found);
    }
    return;
  }
  const auto known = outcomes_.find(id);
  if (known != outcomes_.end()) {
    const bool was_committed = known->second.type == Record::Type::kCommitted;
    RKV_CHECK(was_committed == (decision == Decision::kCommit), "a transaction has one outcome");
    return;
  }
  // Its TxnPrepare, if it still comes, is too late. (A commit of which nothing is known was
  // finished here before.)
  if (decision == Decision::kAbort && !is_finished(id)) {
    remember(id, Record::Type::kAborted, 0);
  }
}

void Participant::commit(Entries::iterator found) {
  Entry& entry = found->second;
  if (entry.state == Entry::State::kEnding) return;  // it was said before
  RKV_CHECK(entry.state == Entry::State::kPrepared, "what is committed was voted for");
  not_in_doubt(entry);
  RKV_FAILPOINT(twopc_before_commit);
  const std::uint64_t number =
      context_.ledger.append_commit(Record::Type::kCommitted, entry.transaction, entry.prepared);
  context_.ledger.unpin(entry.prepared);
  context_.ledger.pin(number);
  remember(found->first, Record::Type::kCommitted, number);
  entry.state = Entry::State::kEnding;
  entries_bytes_ -= entry.transaction->command->size();
  for (const std::string& key : entry.transaction->keys) unapplied_[key] = found->first;
  // The next one may vote: its record comes behind this one's.
  release(*entry.transaction);
}

void Participant::abort(Entries::iterator found) {
  Entry& entry = found->second;
  RKV_CHECK(entry.state != Entry::State::kEnding, "a commit is not taken back");
  if (entry.state == Entry::State::kPrepared) {
    not_in_doubt(entry);
    context_.ledger.append_lazily(Record::Type::kAborted, found->first);
    context_.ledger.unpin(entry.prepared);
  }
  remember(found->first, Record::Type::kAborted, 0);
  const Entry ended = std::move(entry);
  entries_bytes_ -= ended.transaction->command->size();
  entries_.erase(found);
  // Readers that came before the next holder need not wait for that.
  std::vector<Reader> readers;
  for (const ReaderId id : ended.readers) {
    if (const auto reader = readers_.find(id); reader != readers_.end()) {
      readers.push_back(std::move(reader->second));
      readers_.erase(reader);
    }
  }
  for (Reader& reader : readers) add_reader_behind(std::move(reader));
  release(*ended.transaction);
}

// One that waited may have died already by the end of another.
void Participant::release(const Transaction& transaction) {
  const Claim claim = claim_of(transaction);
  if (context_.locks.knows(claim)) context_.locks.release(claim, woken_);
}

void Participant::remember(const TxnId& id, Record::Type type, std::uint64_t pinned) {
  outcomes_[id] = {type, pinned};
}

// Nobody will ask for the outcome of older ones any more.
void Participant::saw_mark(ReplicaId coordinator, const TxnMark& mark) {
  TxnMark& known = finished_below_[coordinator];
  if (mark <= known) return;
  known = mark;
  auto outcome = outcomes_.lower_bound(TxnId{coordinator, 0, 0});
  while (outcome != outcomes_.end() && outcome->first.coordinator == coordinator &&
         is_finished(outcome->first)) {
    if (outcome->second.pinned != 0) context_.ledger.unpin(outcome->second.pinned);
    outcome = outcomes_.erase(outcome);
  }
}

bool Participant::is_finished(const TxnId& id) const {
  const auto found = finished_below_.find(id.coordinator);
  return found != finished_below_.end() && TxnMark{id.incarnation, id.number} < found->second;
}

// ---- In doubt -----------------------------------------------------------------------------------

Knowledge Participant::tell(const TxnId& id) {
  if (!is_running_) return Knowledge::kUnknown;
  const auto entry = entries_.find(id);
  if (entry != entries_.end()) {
    if (entry->second.state == Entry::State::kEnding) return Knowledge::kCommitted;
    if (entry->second.state == Entry::State::kPrepared) return Knowledge::kUnknown;
  }
  const auto outcome = outcomes_.find(id);
  if (outcome != outcomes_.end()) {
    const bool committed = outcome->second.type == Record::Type::kCommitted;
    return committed ? Knowledge::kCommitted : Knowledge::kAborted;
  }
  if (is_finished(id) || !context_.log_has_room) return Knowledge::kUnknown;
  // It has not voted, and now it never will.
  if (entry != entries_.end()) {
    abort(entry);
    late_votes_[id.coordinator].push_back({id, Vote::kConflict});
  }
  const std::uint64_t number = context_.ledger.append(Record::Type::kRefused, id);
  context_.ledger.pin(number);
  remember(id, Record::Type::kRefused, number);
  return Knowledge::kAborted;
}

void Participant::answered(const Outgoing& outgoing, const TxnOutcome& answer) {
  asked_.erase(outgoing.to);
  if (!is_running_) return;
  const std::size_t count = std::min(outgoing.ids.size(), answer.outcomes.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = entries_.find(outgoing.ids[i]);
    if (found == entries_.end() || found->second.state != Entry::State::kPrepared) continue;
    if (answer.outcomes[i] == Knowledge::kCommitted) commit(found);
    if (answer.outcomes[i] == Knowledge::kAborted) abort(found);
    // Its coordinator lives and has not decided, for which it may take its time.
    const bool is_open =
        answer.outcomes[i] == Knowledge::kUnknown && outgoing.to == outgoing.ids[i].coordinator;
    if (is_open && !is_overdue(found->second)) not_in_doubt(found->second);
  }
}

void Participant::not_answered(const Outgoing& outgoing) { asked_.erase(outgoing.to); }

// Who comes back may know.
void Participant::peer_is_up(ReplicaId peer) {
  std::vector<TxnId> sooner;
  for (const auto& [at, id] : asking_) {
    if (!asks_at(at, id) || at <= context_.now) continue;
    const bool is_old = entries_.at(id).since + context_.options.doubt_after <= context_.now;
    if (id.coordinator == peer || is_old) sooner.push_back(id);
  }
  for (const TxnId& id : sooner) ask_now(id, entries_.at(id));
}

void Participant::ask_later(const TxnId& id, Entry& entry) {
  entry.ask_at = context_.now + context_.options.doubt_after;
  asking_.emplace_back(entry.ask_at, id);
}

void Participant::ask_now(const TxnId& id, Entry& entry) {
  entry.ask_at = context_.now;
  asking_.emplace_front(entry.ask_at, id);
}

bool Participant::asks_at(TimePoint at, const TxnId& id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.state == Entry::State::kPrepared &&
         found->second.ask_at == at;
}

// A coordinator does not wait for votes any longer than that.
bool Participant::is_overdue(const Entry& entry) const {
  return context_.now - entry.since >= context_.options.vote_timeout;
}

void Participant::not_in_doubt(Entry& entry) {
  if (std::exchange(entry.is_in_doubt, false)) --in_doubt_;
}

// The coordinator is asked, and when it is down, or does not answer, everybody else.
void Participant::send_questions() {
  std::map<ReplicaId, std::vector<TxnId>> questions;
  while (!asking_.empty() && asking_.front().first <= context_.now) {
    const auto [at, id] = asking_.front();
    asking_.pop_front();
    if (!asks_at(at, id)) continue;
    const ReplicaId first = id.coordinator;
    const bool is_silent = !context_.member(first).up || asked_.contains(first);
    for (const Member& member : context_.members) {
      if (member.id != first && !is_silent) continue;
      if (!member.up || asked_.contains(member.id)) continue;
      std::vector<TxnId>& ids = questions[member.id];
      if (ids.size() < kQueriesMax) ids.push_back(id);
    }
    Entry& entry = entries_.at(id);
    const bool is_doubtful = is_silent || is_overdue(entry);
    if (is_doubtful && !std::exchange(entry.is_in_doubt, true)) ++in_doubt_;
    ask_later(id, entry);
  }
  while (!asking_.empty() && !asks_at(asking_.front().first, asking_.front().second)) {
    asking_.pop_front();
  }
  for (auto& [to, ids] : questions) {
    asked_.insert(to);
    auto message = std::make_shared<TxnQuery>(TxnQueryFields{context_.clock(), ids});
    context_.send(std::move(message), {kTxnQuery, to, std::move(ids), {}});
  }
}

// ---- Readers ------------------------------------------------------------------------------------

void Participant::add_read(protocol::ReadId read, const std::string& key) {
  add_reader({key, context_.now, read, {}});
}

void Participant::add_check(protocol::CallId check, const OperationId& operation,
                            protocol::ProposalId proposal, const std::string& key) {
  add_reader({key, context_.now, 0, {check, operation, proposal}});
}

// What a reader must wait for: a transaction of another replica that may be committed there
// already, or a commit that is not applied here. One of this replica's own is not decided before
// it is applied.
Participant::Entry* Participant::blocking(const std::string& key) {
  const Claim* holder = context_.locks.holder(key);
  if (holder != nullptr && holder->id.coordinator != context_.options.self) {
    return &entries_.at(holder->id);
  }
  const auto unapplied = unapplied_.find(key);
  return unapplied == unapplied_.end() ? nullptr : &entries_.at(unapplied->second);
}

void Participant::add_reader(Reader reader) {
  Entry* const entry = is_running_ ? blocking(reader.key) : nullptr;
  if (is_running_ && entry == nullptr) {
    serve(reader);
    return;
  }
  std::vector<ReaderId>& waiting = entry != nullptr ? entry->readers : readers_of_stopped_;
  if (waiting.size() >= context_.options.reads_per_key_max && reader.read != 0) {
    const Status busy(StatusCode::kBusy, "too many reads wait for this key");
    context_.effects->emplace_back(protocol::RefuseRead{reader.read, busy});
    return;
  }
  const ReaderId id = next_reader_++;
  waiting.push_back(id);
  readers_.emplace(id, std::move(reader));
}

void Participant::add_reader_behind(Reader reader) {
  const auto unapplied = unapplied_.find(reader.key);
  if (unapplied == unapplied_.end()) {
    serve(reader);
    return;
  }
  const ReaderId id = next_reader_++;
  entries_.at(unapplied->second).readers.push_back(id);
  readers_.emplace(id, std::move(reader));
}

void Participant::serve(Reader& reader) {
  if (reader.read != 0) {
    context_.effects->emplace_back(protocol::AllowRead{reader.read});
  } else {
    context_.effects->emplace_back(reader.check);
  }
}

void Participant::applied(const TransactionPtr& transaction) {
  const TxnId& id = transaction->id;
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;  // its role has stopped since
  RKV_CHECK(found->second.state == Entry::State::kEnding, "what is applied was committed");
  RKV_FAILPOINT(twopc_after_commit);
  for (const std::string& key : transaction->keys) {
    const auto unapplied = unapplied_.find(key);
    if (unapplied != unapplied_.end() && unapplied->second == id) unapplied_.erase(unapplied);
  }
  for (const ReaderId reader : found->second.readers) {
    const auto waiting = readers_.find(reader);
    if (waiting == readers_.end()) continue;  // it was too old
    serve(waiting->second);
    readers_.erase(waiting);
  }
  entries_.erase(found);
}

// ---- Time ---------------------------------------------------------------------------------------

void Participant::tick() {
  const Duration timeout = context_.options.request_timeout;
  while (!readers_.empty() && readers_.begin()->second.came_at + timeout <= context_.now) {
    const Reader& reader = readers_.begin()->second;
    if (reader.read != 0) {
      std::string reason = "the participant of " + context_.own_name() + " is stopped";
      if (const Claim* holder = is_running_ ? context_.locks.holder(reader.key) : nullptr) {
        reason = "the key is locked by a transaction in doubt, which " +
                 Context::name(holder->id.coordinator) + " coordinates";
      }
      context_.effects->emplace_back(
          protocol::RefuseRead{reader.read, Status::unavailable(std::move(reason))});
    } else {
      // The write that it is for is older, and has ended: the answer clears away what is left.
      context_.effects->emplace_back(reader.check);
    }
    readers_.erase(readers_.begin());
  }
}

TimePoint Participant::next_tick() const {
  TimePoint next = asking_.empty() ? kNever : asking_.front().first;
  if (!readers_.empty()) {
    next = std::min(next, readers_.begin()->second.came_at + context_.options.request_timeout);
  }
  return next;
}

void Participant::flush() {
  send_votes();
  send_questions();
}

void Participant::send_votes() {
  for (auto& [to, votes] : std::exchange(late_votes_, {})) {
    for (std::size_t first = 0; first < votes.size(); first += kBatchCommandsMax) {
      const std::size_t end = std::min(votes.size(), first + kBatchCommandsMax);
      TxnVotesFields fields;
      fields.clock = context_.clock();
      fields.votes.assign(votes.begin() + static_cast<std::ptrdiff_t>(first),
                          votes.begin() + static_cast<std::ptrdiff_t>(end));
      context_.send(std::make_shared<TxnVotes>(std::move(fields)), {kTxnVotes, to, {}, {}},
                    context_.ledger.sync());
    }
  }
}

void Participant::describe(View& view) const {
  std::vector<View::InDoubt> in_doubt;
  for (const auto& [id, entry] : entries_) {
    if (entry.state != Entry::State::kEnding) ++view.prepared;
    if (!entry.is_in_doubt) continue;
    in_doubt.push_back({id, entry.transaction->keys.front(), entry.since});
  }
  view.in_doubt_count = in_doubt.size();
  std::stable_sort(in_doubt.begin(), in_doubt.end(),
                   [](const auto& a, const auto& b) { return a.since < b.since; });
  if (in_doubt.size() > kInDoubtShownMax) in_doubt.resize(kInDoubtShownMax);
  view.in_doubt = std::move(in_doubt);
}

}  // namespace rkv::twopc
