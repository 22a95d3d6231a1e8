#include "replica/manager.h"

#include <utility>
#include <variant>

#include "base/check.h"
#include "base/failpoint.h"

namespace rkv::replica {

namespace {

// The client that stands for writes which came without an operation id: one for each start of each
// replica. Clients draw theirs at random, with the top bit clear.
std::uint64_t own_client_of(ReplicaId self, Incarnation incarnation) {
  constexpr std::uint64_t kTopBit = std::uint64_t{1} << 63;
  constexpr int kIncarnationBits = 40;
  return kTopBit | (static_cast<std::uint64_t>(self.value) << kIncarnationBits) | incarnation;
}

// A retry is known by its operation id: by the state where all replicas have one order of the
// writes, or by the protocol that asks it.
kv::StateMachine::Sessions sessions_of(const protocol::Protocol& protocol) {
  if (protocol.checks_operations()) return kv::StateMachine::Sessions::kRemember;
  return protocol.keeps_log() ? kv::StateMachine::Sessions::kRecognise
                              : kv::StateMachine::Sessions::kNone;
}

}  // namespace

Manager::Manager(std::unique_ptr<protocol::Protocol> protocol, const Environment& environment,
                 const Limits& limits, TimePoint now, std::function<void()> wanted)
    : protocol_(std::move(protocol)),
      store_(environment.store),
      state_machine_(environment.store,
                     {.sessions = sessions_of(*protocol_), .limits = limits.sessions}),
      transport_(environment.transport),
      log_(environment.log),
      self_(environment.self),
      incarnation_(environment.incarnation),
      own_client_(own_client_of(environment.self, environment.incarnation)),
      limits_(limits),
      wanted_(std::move(wanted)),
      now_(now),
      listings_(environment.store, limits.listings),
      epoch_keeper_(limits.epoch_age_max) {
  RKV_CHECK(protocol_->keeps_log() == (log_ != nullptr), "a log is there for who keeps one");
  protocol::Recovery recovery{store_.applied(), environment.incarnation, {}};
  saving_ = store_.applied();
  for (const std::string_view role : protocol_->roles()) {
    RKV_CHECK(log_ != nullptr, "a role starts again from a log");
    role_states_.emplace(role, RoleState::kRunning);
  }
  if (log_ != nullptr) {
    recovery.log = log_->take_recovered();
    log_->set_live_records([this] { return protocol_->live_records(); });
    log_->set_durable_listener([this](env::LogDevice::BatchNumber batch) {
      release(batch);
      enqueue(protocol::Persisted{batch});
    });
  }
  store_.set_durable_listener([this](Position durable) {
    if (log_ == nullptr) {
      release(durable);
    } else {
      enqueue(protocol::StateSaved{durable});
    }
    begin_hashes();
  });
  protocol::Effects effects;
  protocol_->recover(std::move(recovery), now, effects);
  carry_out(effects);
}

Manager::~Manager() {
  store_.set_durable_listener(nullptr);
  if (log_ == nullptr) return;
  log_->set_durable_listener(nullptr);
  log_->set_live_records(nullptr);
}

// Comes before something is added to the work. What comes within a turn may be done in it still: at
// its end it is known whether there is anything left.
void Manager::want_turn() {
  if (!in_turn_ && !has_work()) wanted_();
}

void Manager::enqueue(protocol::Event event) {
  want_turn();
  events_.push_back(std::move(event));
}

// ---- Roles that fail ----

bool Manager::stop_role(std::string_view role) {
  const auto found = role_states_.find(role);
  if (found == role_states_.end() || found->second != RoleState::kRunning) return false;
  found->second = RoleState::kStopped;
  ++counters_.role_failures;
  ++counters_.roles_stopped;
  change_role({found->first, std::nullopt});
  return true;
}

bool Manager::start_role(std::string_view role) {
  const auto found = role_states_.find(role);
  if (found == role_states_.end() || found->second != RoleState::kStopped) return false;
  found->second = RoleState::kStarting;
  const std::weak_ptr<bool> alive = alive_;
  log_->read_again([this, alive, name = found->first](env::LogDevice::Recovered log) {
    if (!alive.expired()) change_role({name, std::move(log)});
  });
  return true;
}

void Manager::change_role(RoleChange change) {
  want_turn();
  role_changes_.push_back(std::move(change));
}

void Manager::change_roles(TimePoint now, protocol::Effects& effects) {
  for (RoleChange& change : std::exchange(role_changes_, {})) {
    if (!change.log) {
      protocol_->stop_role(change.role, now, effects);
      continue;
    }
    role_states_.at(change.role) = RoleState::kRunning;
    --counters_.roles_stopped;
    protocol_->start_role(change.role, {store_.applied(), incarnation_, std::move(*change.log)},
                          now, effects);
  }
}

void Manager::write(const kv::Command& command, WriteDone done) {
  if (writes_.size() >= limits_.writes_waiting_max) {
    const Status busy(StatusCode::kBusy, "too many writes are waiting at this replica");
    done(WriteResult{busy, {}, {}});
    return;
  }
  const protocol::ProposalId id = next_id_++;
  Write& write = writes_[id];
  write.done = std::move(done);
  ++counters_.writes;
  counters_.writes_waiting = writes_.size();
  if (protocol_->keeps_log() && !protocol_->checks_operations() && command.operation.client == 0) {
    kv::Command named = command;
    named.operation = next_own_operation();
    write.own_sequence = named.operation.sequence;
    propose(id, named);
  } else {
    propose(id, command);
  }
}

void Manager::propose(protocol::ProposalId id, const kv::Command& command) {
  protocol::Propose propose;
  propose.proposal = id;
  propose.command = std::make_shared<const std::string>(kv::encode_command(command));
  if (protocol_->checks_operations()) {
    propose.keys = kv::keys_of(command);
    propose.operation = command.operation;
  }
  enqueue(std::move(propose));
}

// A protocol that keeps a log may have a write replicated twice, when it cannot know what became of
// the first try; the state machine tells by the operation id.
OperationId Manager::next_own_operation() {
  own_sequence_ = std::max(own_sequence_ + 1, kv::first_sequence_of(epoch()));
  own_outstanding_.insert(own_sequence_);
  return {own_client_, own_sequence_, *own_outstanding_.begin()};
}

// Several replicas may propose the same epoch: it begins once.
void Manager::keep_epoch(TimePoint now) {
  const kv::SessionTable& sessions = state_machine_.sessions();
  if (now < epoch_keeper_.next_look(sessions) && !epoch_keeper_.is_pressed(sessions)) return;
  if (!has_transactions()) return;
  const ReplicaId leader = protocol_->role().leader;
  const bool anybody_may = protocol_->checks_operations() && leader == ReplicaId{};
  if (!epoch_keeper_.is_due(now, anybody_may || leader == self_, sessions)) return;
  kv::Command command;
  command.kind = kv::Command::Kind::kEpoch;
  command.epoch = sessions.epoch() + 1;
  const protocol::ProposalId id = next_id_++;
  Write& write = writes_[id];
  write.done = [this](const WriteResult&) { epoch_keeper_.proposal_ended(); };
  write.is_of_client = false;
  propose(id, command);
}

void Manager::peer_request(ReplicaId from, protocol::MessagePtr message, Answer answer) {
  const protocol::CallId id = next_id_++;
  requests_.emplace(id, std::move(answer));
  ++counters_.peer_requests;
  enqueue(protocol::Request{from, id, std::move(message)});
}

void Manager::peer_up(ReplicaId peer) { enqueue(protocol::PeerUp{peer}); }

void Manager::peer_down(ReplicaId peer, std::string reason) {
  enqueue(protocol::PeerDown{peer, std::move(reason)});
}

void Manager::turn(TimePoint now) {
  if (log_ != nullptr && log_->has_room() != has_room_) {
    has_room_ = !has_room_;
    enqueue(protocol::LogRoom{has_room_});
  }
  now_ = now;
  const bool tick_is_due = protocol_->next_tick() <= now;
  if (!has_work() && now < next_turn()) return;
  in_turn_ = true;
  hash_came_ = false;
  ++counters_.turns;
  turns_[counters_.turns % kTurnsRemembered] = {counters_.turns, now};
  begin_local_reads(now);
  keep_epoch(now);
  protocol::Effects effects;
  change_roles(now, effects);
  events_turn_ = counters_.turns + 1;
  for (protocol::Event& event : std::exchange(events_, {})) {
    protocol_->step(std::move(event), now, effects);
  }
  if (tick_is_due) protocol_->tick(now, effects);
  protocol_->flush(now, effects);
  carry_out(effects);
  release_behind(now);
  begin_pages();
  listings_.tick(now);
  begin_hashes();
  save_state(now);
  in_turn_ = false;
  if (has_work()) wanted_();
}

TimePoint Manager::next_turn() const {
  return std::min({protocol_->next_tick(), save_at_, behind_until_, listings_.next_tick(),
                   epoch_keeper_.next_look(state_machine_.sessions())});
}

bool Manager::quiet() const { return writes_.empty() && reads_waiting() == 0 && held_.empty(); }

ManagerCounters Manager::counters() const {
  ManagerCounters counters = counters_;
  counters.reads_waiting = reads_waiting();
  return counters;
}

// Without a log the store's write is what makes this turn durable. With one it can wait, and must
// until the log is durable that it came from.
void Manager::save_state(TimePoint now) {
  if (log_ == nullptr) {
    store_.write();
    return;
  }
  if (!save_after_) begin_save(now);
  if (!save_after_ || *save_after_ > log_->durable()) return;  // more of it makes a turn
  save_after_.reset();
  RKV_FAILPOINT(replica_before_save);
  store_.write_sealed();
  RKV_FAILPOINT(replica_after_save);
}

void Manager::begin_save(TimePoint now) {
  const std::uint64_t unsaved = store_.applied() - saving_;
  if (unsaved == 0) return;
  if (unsaved_since_ == kNever) unsaved_since_ = now;
  save_at_ = kNever;
  if (store_.durable() < saving_) return;  // the end of that save makes a turn
  if (unsaved < limits_.applied_unsaved_max && unsaved_bytes_ < limits_.unsaved_bytes_max &&
      now < unsaved_since_ + limits_.unsaved_age_max && hashes_waiting_.empty()) {
    save_at_ = unsaved_since_ + limits_.unsaved_age_max;
    return;
  }
  save_after_ = protocol_->applied_sync();
  if (!save_after_) return;  // what can be written down again makes a turn
  store_.seal();
  saving_ = store_.applied();
  unsaved_bytes_ = 0;
  unsaved_since_ = kNever;
}

void Manager::hash(HashDone done) {
  want_turn();
  hash_came_ = true;
  hashes_waiting_.emplace_back(store_.applied(), std::move(done));
}

// The store hashes what is on disk.
void Manager::begin_hashes() {
  while (!hashes_waiting_.empty() && hashes_waiting_.front().first <= store_.durable()) {
    const HashDone done = std::move(hashes_waiting_.front().second);
    hashes_waiting_.pop_front();
    store_.hash(done);
  }
}

void Manager::carry_out(protocol::Effects& effects) {
  for (protocol::Effect& effect : effects) {
    std::visit([this](auto& it) { carry_out(std::move(it)); }, effect);
  }
}

void Manager::carry_out(protocol::Persist&& persist) {
  RKV_CHECK(log_ != nullptr, "only a protocol that keeps a log persists");
  RKV_FAILPOINT(replica_before_persist);
  log_->append(std::move(persist.batch));
  RKV_FAILPOINT(replica_after_persist);
}

void Manager::carry_out(const protocol::CutLog& cut) { log_->cut(cut.slot); }

void Manager::carry_out(protocol::Apply&& apply) {
  if (apply.command == nullptr) {
    state_machine_.skip(apply.position);
    return;
  }
  unsaved_bytes_ += apply.command->size();
  Result<kv::Command> command = kv::decode_command(*apply.command);
  RKV_CHECK(command.ok(), "commands are validated where they come in");
  kv::StateMachine::ApplyDone done;
  if (apply.proposal != 0) {
    done = [this, proposal = apply.proposal](const kv::Applied& applied) {
      write_applied(proposal, applied);
    };
  }
  RKV_FAILPOINT(replica_before_apply);
  state_machine_.apply(apply.position, std::move(command).value(), std::move(done));
  RKV_FAILPOINT(replica_after_apply);
}

void Manager::carry_out(const protocol::Check& check) {
  const std::weak_ptr<bool> alive = alive_;
  state_machine_.look_up(
      check.operation, [this, alive, check](const std::optional<kv::Applied>& known) {
        if (alive.expired()) return;
        const auto write = writes_.find(check.proposal);
        if (known && write != writes_.end()) write->second.applied = known;
        const bool is_full = known && known->outcome == kv::Applied::Outcome::kFull;
        const bool is_known = known && !is_full;
        enqueue(protocol::Checked{check.check, is_known, is_full});
      });
}

void Manager::carry_out(protocol::Send&& send) {
  const protocol::SyncPoint after = send.after;
  hold(after, [this, send = std::move(send)] {
    const std::weak_ptr<bool> alive = alive_;
    transport_.send(
        send.to, send.message,
        {[this, alive, to = send.to, call = send.call](protocol::MessagePtr answer) {
           if (!alive.expired()) enqueue(protocol::Answer{to, call, std::move(answer)});
         },
         [this, alive, to = send.to, call = send.call](env::SendFailure failure,
                                                       const std::string& reason) {
           if (alive.expired()) return;
           enqueue(protocol::SendFailed{to, call, failure == env::SendFailure::kUnknown, reason});
         }});
  });
}

void Manager::carry_out(protocol::Respond&& respond) {
  const protocol::SyncPoint after = respond.after;
  hold(after, [this, respond = std::move(respond)] {
    const auto request = requests_.find(respond.call);
    RKV_CHECK(request != requests_.end(), "a request is answered once");
    Answer answer = std::move(request->second);
    requests_.erase(request);
    answer(respond.message);
  });
}

void Manager::carry_out(protocol::Finish&& finish) {
  const protocol::SyncPoint after = finish.after;
  hold(after, [this, finish = std::move(finish)] {
    const auto found = writes_.find(finish.proposal);
    RKV_CHECK(found != writes_.end(), "a proposal ends once");
    if (finish.status.ok() && !found->second.applied) {
      found->second.finished = true;  // the store has not answered yet
    } else {
      end_write(found, finish.status, finish.missing);
    }
  });
}

void Manager::write_applied(protocol::ProposalId proposal, const kv::Applied& applied) {
  const auto found = writes_.find(proposal);
  if (found == writes_.end()) return;
  found->second.applied = applied;
  if (found->second.finished) end_write(found, Status(), {});
}

void Manager::end_write(std::unordered_map<protocol::ProposalId, Write>::iterator found,
                        Status status, std::vector<ReplicaId> missing) {
  Write write = std::move(found->second);
  writes_.erase(found);
  counters_.writes_waiting = writes_.size();
  if (write.own_sequence != 0) {
    own_outstanding_.erase(write.own_sequence);
    // The client has no id that could be too old; and another copy may have been done unseen.
    if (status.ok() && write.applied && write.applied->outcome == kv::Applied::Outcome::kExpired) {
      status =
          Status::unknown("this replica has been so far behind the others that it does not know");
    }
  }
  if (!status.ok() && write.is_of_client) ++counters_.writes_failed;
  RKV_FAILPOINT(replica_before_finish);
  write.done(
      WriteResult{std::move(status), write.applied.value_or(kv::Applied{}), std::move(missing)});
  RKV_FAILPOINT(replica_after_finish);
}

void Manager::hold(protocol::SyncPoint after, UniqueFunction<void()> task) {
  if (after <= durable()) {
    task();
  } else {
    held_.emplace(after, std::move(task));
  }
}

void Manager::release(protocol::SyncPoint durable) {
  while (!held_.empty() && held_.begin()->first <= durable) {
    UniqueFunction<void()> task = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    task();
  }
}

}  // namespace rkv::replica
