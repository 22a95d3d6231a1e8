#include "kv/state_machine.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"

namespace rkv::kv {

StateMachine::StateMachine(Store& store, const Options& options)
    : store_(store),
      sessions_mode_(options.sessions),
      sessions_(options.limits),
      last_position_(store.applied()),
      alive_(std::make_shared<bool>(true)) {
  if (sessions_mode_ == Sessions::kNone) return;
  store_.visit_replies(
      [this](const ReplyId& id, const Reply& reply) { sessions_.load(id, reply); });
}

StateMachine::~StateMachine() = default;

void StateMachine::apply(Position position, Command command, ApplyDone done) {
  add({position, false, std::move(command), std::move(done), nullptr, nullptr});
}

void StateMachine::skip(Position position) { add({position, true, {}, nullptr, nullptr, nullptr}); }

void StateMachine::add(Waiting waiting) {
  RKV_CHECK(waiting.position == last_position_ + 1,
            "commands are applied in the order of their positions");
  last_position_ = waiting.position;
  waiting_.push_back(std::move(waiting));
  run();
}

void StateMachine::read(std::string_view key, Store::GetDone done) {
  if (waiting_.empty()) {
    read_now(key, std::move(done));
    return;
  }
  Waiting read;
  read.command.key = key;
  read.read_done = std::move(done);
  waiting_.push_back(std::move(read));
}

void StateMachine::look_up(const OperationId& operation, LookUpDone done) {
  if (waiting_.empty()) {
    done(sessions_.answer(operation, last_position_));
    return;
  }
  Waiting look_up;
  look_up.command.operation = operation;
  look_up.look_up_done = std::move(done);
  waiting_.push_back(std::move(look_up));
}

void StateMachine::read_now(std::string_view key, Store::GetDone done) {
  store_.get(key,
             [alive = std::weak_ptr<bool>(alive_), done = std::move(done)](const Entry* entry) {
               if (!alive.expired()) done(entry);
             });
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
    // The store answers with what was applied before the call, so nobody has to wait for a read.
    Waiting asked = std::move(first);
    waiting_.pop_front();
    if (asked.look_up_done) {
      asked.look_up_done(sessions_.answer(asked.command.operation, store_.applied()));
    } else {
      read_now(asked.command.key, std::move(asked.read_done));
    }
    return;
  }
  if (first.nothing) {
    store_.apply(first.position, {}, {});
    waiting_.pop_front();
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
  store_.get(first.command.key, [this, alive = std::weak_ptr<bool>(alive_)](const Entry* before) {
    if (!alive.expired()) finish(before);
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

void StateMachine::finish(const Entry* before) {
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  Applied applied;
  applied.position = first.position;
  std::vector<Change> changes;
  if (first.command.kind == Command::Kind::kPut) {
    applied.version = before == nullptr ? 1 : before->version + 1;
    changes.push_back({std::move(first.command.key),
                       Entry{std::move(first.command.value), applied.version, first.position}});
  } else if (before != nullptr) {
    applied.version = before->version;
    changes.push_back({std::move(first.command.key), std::nullopt});
  } else {
    applied.outcome = Applied::Outcome::kNotFound;
  }
  std::vector<ReplyChange> replies;
  // Where commands are applied in another order than they were sent in, a later one may have said
  // already that nobody waits for this one any more.
  if (has_session(first.command) && !sessions_.answer(first.command.operation, first.position)) {
    replies = sessions_.remember(first.command.operation, applied);
  }
  store_.apply(first.position, std::move(changes), std::move(replies));
  busy_ = false;
  if (first.apply_done) first.apply_done(applied);
  run();
}

}  // namespace rkv::kv
