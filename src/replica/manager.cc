#include "replica/manager.h"

#include <utility>
#include <variant>

#include "base/check.h"

namespace rkv::replica {

Manager::Manager(std::unique_ptr<protocol::Protocol> protocol, kv::Store& store,
                 Transport& transport, const Limits& limits, std::function<void()> wanted)
    : protocol_(std::move(protocol)),
      store_(store),
      state_machine_(store),
      transport_(transport),
      limits_(limits),
      wanted_(std::move(wanted)) {
  protocol_->recover(store_.applied());
  store_.set_durable_listener([this](Position durable) { release(durable); });
}

Manager::~Manager() { store_.set_durable_listener(nullptr); }

void Manager::enqueue(protocol::Event event) {
  if (events_.empty()) wanted_();
  events_.push_back(std::move(event));
}

void Manager::write(const kv::Command& command, WriteDone done) {
  if (writes_.size() >= limits_.writes_waiting_max) {
    const Status busy(StatusCode::kBusy, "too many writes are waiting at this replica");
    done(WriteResult{busy, {}, {}});
    return;
  }
  const protocol::ProposalId id = next_id_++;
  writes_.emplace(id, Write{std::move(done), std::nullopt});
  ++counters_.writes;
  counters_.writes_waiting = writes_.size();
  enqueue(protocol::Propose{id, kv::encode_command(command)});
}

void Manager::read(std::string key, ReadDone done) {
  if (reads_.size() >= limits_.reads_waiting_max) {
    done(Status(StatusCode::kBusy, "too many reads are waiting at this replica"), nullptr, 0);
    return;
  }
  const protocol::ReadId id = next_id_++;
  reads_.emplace(id, ReadWaiting{std::move(key), std::move(done)});
  ++counters_.reads;
  counters_.reads_waiting = reads_.size();
  enqueue(protocol::Read{id});
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
  const bool tick_is_due = protocol_->next_tick() <= now;
  if (events_.empty() && !tick_is_due) return;
  ++counters_.turns;
  protocol::Effects effects;
  for (protocol::Event& event : std::exchange(events_, {})) {
    protocol_->step(std::move(event), now, effects);
  }
  if (tick_is_due) protocol_->tick(now, effects);
  protocol_->flush(now, effects);
  carry_out(effects);
  store_.write();
}

void Manager::carry_out(protocol::Effects& effects) {
  for (protocol::Effect& effect : effects) {
    std::visit([this](auto& it) { carry_out(std::move(it)); }, effect);
  }
}

void Manager::carry_out(protocol::Apply&& apply) {
  Result<kv::Command> command = kv::decode_command(apply.command);
  RKV_CHECK(command.ok(), "commands are validated where they come in");
  kv::StateMachine::ApplyDone done;
  if (apply.proposal != 0) {
    done = [this, proposal = apply.proposal](const kv::Applied& applied) {
      const auto write = writes_.find(proposal);
      if (write != writes_.end()) write->second.applied = applied;
    };
  }
  state_machine_.apply(apply.position, std::move(command).value(), std::move(done));
}

void Manager::carry_out(protocol::Send&& send) {
  const Position after = send.after;
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
  const Position after = respond.after;
  hold(after, [this, respond = std::move(respond)] {
    const auto request = requests_.find(respond.call);
    RKV_CHECK(request != requests_.end(), "a request is answered once");
    Answer answer = std::move(request->second);
    requests_.erase(request);
    answer(respond.message);
  });
}

void Manager::carry_out(protocol::Finish&& finish) {
  const Position after = finish.after;
  hold(after, [this, finish = std::move(finish)] {
    const auto found = writes_.find(finish.proposal);
    RKV_CHECK(found != writes_.end(), "a proposal ends once");
    Write write = std::move(found->second);
    writes_.erase(found);
    counters_.writes_waiting = writes_.size();
    if (!finish.status.ok()) ++counters_.writes_failed;
    RKV_CHECK(!finish.status.ok() || write.applied, "what succeeds has been applied");
    write.done(WriteResult{finish.status, write.applied.value_or(kv::Applied{}), finish.missing});
  });
}

void Manager::carry_out(const protocol::AllowRead& allow) {
  const auto found = reads_.find(allow.read);
  RKV_CHECK(found != reads_.end(), "a read is allowed once");
  // The store may answer later and copies what it is given; the done of a read is one of a kind.
  auto read = std::make_shared<ReadWaiting>(std::move(found->second));
  reads_.erase(found);
  state_machine_.read(read->key, [this, read](const kv::Entry* entry) {
    finish_read(std::move(read->done), entry);
  });
}

// Tells nobody what a crash could still undo: an entry waits until its write is durable. Of a key
// that is not there it is not known which write removed it, so that waits for all that is applied.
void Manager::finish_read(ReadDone done, const kv::Entry* entry) {
  const Position read_at = store_.applied();
  const Position needed = entry != nullptr ? entry->position : read_at;
  counters_.reads_waiting = reads_.size();
  if (needed <= store_.durable()) {
    done(Status(), entry, read_at);
    return;
  }
  std::optional<kv::Entry> copy;
  if (entry != nullptr) copy = *entry;
  hold(needed, [done = std::move(done), copy = std::move(copy), read_at]() mutable {
    done(Status(), copy ? &*copy : nullptr, read_at);
  });
}

void Manager::hold(Position after, UniqueFunction<void()> task) {
  if (after <= store_.durable()) {
    task();
  } else {
    held_.emplace(after, std::move(task));
  }
}

void Manager::release(Position durable) {
  while (!held_.empty() && held_.begin()->first <= durable) {
    UniqueFunction<void()> task = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    task();
  }
}

}  // namespace rkv::replica
