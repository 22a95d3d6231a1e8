#include "kv/state_machine.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "kv/evaluation.h"

namespace rkv::kv {

// Reads what a transaction is about, and hands it on when all of it is there. Every read begins at
// once: the store answers each with what was applied before it was asked, so all of them see one
// state, whatever is applied until the last one is answered.
class StateMachine::Gathering : public std::enable_shared_from_this<Gathering> {
 public:
  Gathering(Store& store, std::weak_ptr<bool> alive, std::shared_ptr<const Transaction> transaction,
            UniqueFunction<void(const Findings&)> done)
      : store_(store),
        alive_(std::move(alive)),
        transaction_(std::move(transaction)),
        keys_(keys_of(*transaction_)),
        with_value_(keys_of_values(*transaction_)),
        done_(std::move(done)) {}

  // Who is called back holds the object.
  void run() {
    waiting_ = 1;  // for the end of this
    for (const std::string& key : keys_) look_for(key);
    look_for(range_scan(transaction_->then), &findings_.then_range);
    look_for(range_scan(transaction_->otherwise), &findings_.otherwise_range);
    arrived();
  }

 private:
  void look_for(const std::string& key) {
    ++waiting_;
    store_.get(key, [self = shared_from_this(), &key](const Entry* entry) {
      self->take(key, entry);
      self->arrived();
    });
  }

  // Copies no value that is not looked at, and none that would be too much: a short call can name
  // many long values.
  void take(const std::string& key, const Entry* entry) {
    std::optional<Entry>& found = findings_.entries[key];
    if (entry == nullptr) return;
    found = Entry{{}, entry->version, entry->position, entry->created};
    if (!with_value_.contains(key)) return;
    findings_.values_size += entry->value.size();
    if (findings_.values_size <= kTxnValuesSizeMax) found->value = entry->value;
  }

  void look_for(const std::optional<Scan>& scan, std::vector<std::string>* range) {
    if (!scan) return;
    ++waiting_;
    store_.scan(*scan, [self = shared_from_this(), range](ScanPage&& page) {
      for (ScannedEntry& entry : page.entries) range->push_back(std::move(entry.key));
      self->arrived();
    });
  }

  void arrived() {
    if (--waiting_ == 0 && !alive_.expired()) done_(findings_);
  }

  Store& store_;
  const std::weak_ptr<bool> alive_;
  const std::shared_ptr<const Transaction> transaction_;
  const std::vector<std::string> keys_;
  const std::set<std::string, std::less<>> with_value_;
  UniqueFunction<void(const Findings&)> done_;
  Findings findings_;
  std::size_t waiting_ = 0;  // reads that are not answered, and run()
};

StateMachine::StateMachine(Store& store, const Options& options)
    : store_(store),
      sessions_mode_(options.sessions),
      sessions_(options.limits),
      last_position_(store.applied()),
      alive_(std::make_shared<bool>(true)) {
  if (sessions_mode_ == Sessions::kNone) return;
  sessions_.load_epoch(store_.epoch());
  store_.visit_replies(
      [this](const ReplyId& id, const Reply& reply) { sessions_.load(id, reply); });
}

StateMachine::~StateMachine() = default;

void StateMachine::apply(Position position, Command command, ApplyDone done) {
  add({position, false, std::move(command), std::move(done), {}});
}

void StateMachine::skip(Position position) { add({position, true, {}, nullptr, {}}); }

void StateMachine::add(Waiting waiting) {
  RKV_CHECK(waiting.position == last_position_ + 1,
            "commands are applied in the order of their positions");
  last_position_ = waiting.position;
  waiting_.push_back(std::move(waiting));
  run();
}

// The store answers with what was applied before the call, so nobody has to wait for a read.
void StateMachine::after_applies(UniqueFunction<void()> task) {
  if (waiting_.empty()) {
    task();
    return;
  }
  waiting_.push_back({0, false, {}, nullptr, std::move(task)});
}

void StateMachine::read(std::string_view key, Store::GetDone done) {
  if (waiting_.empty()) {
    read_now(key, std::move(done));
    return;
  }
  after_applies([this, key = std::string(key), done = std::move(done)]() mutable {
    read_now(key, std::move(done));
  });
}

void StateMachine::read(std::shared_ptr<const Transaction> transaction, ApplyDone done) {
  after_applies([this, transaction = std::move(transaction), done = std::move(done)]() mutable {
    const Position position = store_.applied();
    gather(transaction, [transaction, position, done = std::move(done)](const Findings& findings) {
      done(evaluate(*transaction, findings, position).applied);
    });
  });
}

void StateMachine::scan(Scan scan, bool pins, Store::ScanDone done) {
  after_applies([this, scan = std::move(scan), pins, done = std::move(done)]() mutable {
    const bool may_pin = pins && scan.at == 0;
    const Position pinned = may_pin ? store_.pin() : 0;
    store_.scan(scan, [this, alive = std::weak_ptr<bool>(alive_), may_pin, pinned,
                       done = std::move(done)](ScanPage&& page) {
      if (alive.expired()) return;
      if (may_pin && !page.more) store_.unpin(pinned);
      done(std::move(page));
    });
  });
}

void StateMachine::look_up(const OperationId& operation, LookUpDone done) {
  after_applies([this, operation, done = std::move(done)] {
    done(sessions_.answer(operation, store_.applied()));
  });
}

void StateMachine::read_now(std::string_view key, Store::GetDone done) {
  store_.get(key,
             [alive = std::weak_ptr<bool>(alive_), done = std::move(done)](const Entry* entry) {
               if (!alive.expired()) done(entry);
             });
}

void StateMachine::gather(const std::shared_ptr<const Transaction>& transaction,
                          UniqueFunction<void(const Findings&)> done) {
  std::make_shared<Gathering>(store_, std::weak_ptr<bool>(alive_), transaction, std::move(done))
      ->run();
}

// A loop and not a recursion: a store that answers inline brings finish() back in here from below
// begin_first(), thousands of times in a row.
void StateMachine::run() {
  if (running_) return;
  running_ = true;
  while (!busy_ && !waiting_.empty()) begin_first();
  running_ = false;
}

void StateMachine::begin_first() {
  Waiting& first = waiting_.front();
  if (first.position == 0) {
    UniqueFunction<void()> task = std::move(first.task);
    waiting_.pop_front();
    task();
    return;
  }
  if (first.nothing) {
    store_.apply(first.position, {}, {});
    waiting_.pop_front();
    return;
  }
  if (first.command.kind == Command::Kind::kEpoch) {
    finish_epoch();
    return;
  }
  // Everything before the first one has been applied: what is known now is what was decided by the
  // order of the positions.
  if (sessions_mode_ == Sessions::kRecognise && has_session(first.command)) {
    const std::optional<Applied> known = sessions_.answer(first.command.operation, first.position);
    if (known) {
      finish_known(*known);
      return;
    }
  }
  busy_ = true;
  if (first.command.transaction != nullptr) {
    begin_transaction(first.command.transaction, first.position);
    return;
  }
  store_.get(first.command.key, [this, alive = std::weak_ptr<bool>(alive_)](const Entry* before) {
    if (!alive.expired()) finish_single(before);
  });
}

void StateMachine::begin_transaction(const std::shared_ptr<const Transaction>& transaction,
                                     Position position) {
  gather(transaction, [this, transaction, position](const Findings& findings) {
    Evaluation evaluation = evaluate(*transaction, findings, position);
    finish(evaluation.applied, std::move(evaluation.changes));
  });
}

bool StateMachine::has_session(const Command& command) const {
  return sessions_mode_ != Sessions::kNone && command.operation.client != 0;
}

void StateMachine::finish_known(const Applied& known) {
  const Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  store_.apply(first.position, {}, {});
  if (first.apply_done) first.apply_done(known);
}

void StateMachine::finish_epoch() {
  const Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  store_.apply(first.position, {}, sessions_.begin_epoch(first.command.epoch));
  if (first.apply_done) first.apply_done({Applied::Outcome::kApplied, 0, first.position});
}

// A put or a del.
void StateMachine::finish_single(const Entry* before) {
  Waiting& first = waiting_.front();
  Applied applied;
  applied.position = first.position;
  std::vector<Change> changes;
  if (first.command.kind == Command::Kind::kPut) {
    applied.version = before == nullptr ? 1 : before->version + 1;
    const Position created = before == nullptr ? first.position : before->created;
    changes.push_back(
        {std::move(first.command.key),
         Entry{std::move(first.command.value), applied.version, first.position, created}});
  } else if (before != nullptr) {
    applied.version = before->version;
    changes.push_back({std::move(first.command.key), std::nullopt});
  } else {
    applied.outcome = Applied::Outcome::kNotFound;
  }
  finish(applied, std::move(changes));
}

void StateMachine::finish(const Applied& applied, std::vector<Change> changes) {
  const Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  SessionChanges sessions;
  // What is known is looked for before the command is applied; but where commands are applied that
  // are not asked about, a later one may have said already that nobody waits for this one any more,
  // or its epoch be over.
  const bool may_be_known = sessions_mode_ == Sessions::kRemember;
  if (has_session(first.command) &&
      !(may_be_known && sessions_.known(first.command.operation, first.position))) {
    sessions.replies = sessions_.remember(first.command.operation, applied);
  }
  store_.apply(first.position, std::move(changes), std::move(sessions));
  busy_ = false;
  if (first.apply_done) first.apply_done(applied);
  run();
}

}  // namespace rkv::kv
