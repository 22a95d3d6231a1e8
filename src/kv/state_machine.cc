#include "kv/state_machine.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"

namespace rkv::kv {

StateMachine::StateMachine(Store& store)
    : store_(store), last_position_(store.applied()), alive_(std::make_shared<bool>(true)) {}

StateMachine::~StateMachine() = default;

void StateMachine::apply(Position position, Command command, ApplyDone done) {
  add({position, false, std::move(command), std::move(done), nullptr});
}

void StateMachine::skip(Position position) { add({position, true, {}, nullptr, nullptr}); }

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
  if (waiting_.front().position == 0) {
    // The store answers with what was applied before the call, so nobody has to wait for a read.
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    read_now(first.command.key, std::move(first.read_done));
    return;
  }
  if (waiting_.front().nothing) {
    store_.apply(waiting_.front().position, {});
    waiting_.pop_front();
    return;
  }
  busy_ = true;
  store_.get(waiting_.front().command.key,
             [this, alive = std::weak_ptr<bool>(alive_)](const Entry* before) {
               if (!alive.expired()) finish(before);
             });
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
  } else {
    applied.found = before != nullptr;
    applied.version = before == nullptr ? 0 : before->version;
    if (before != nullptr) changes.push_back({std::move(first.command.key), std::nullopt});
  }
  store_.apply(first.position, std::move(changes));
  busy_ = false;
  if (first.apply_done) first.apply_done(applied);
  run();
}

}  // namespace rkv::kv
