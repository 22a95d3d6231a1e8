#include "forward/forward.h"

#include <memory>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/limits.h"

namespace rkv::forward {

using protocol::Effects;

Forward::Forward(const Options& options) : options_(options) {
  for (const ReplicaId peer : options_.peers) {
    peers_[peer].reason =
        "replica " + std::to_string(peer.value) + " has not been reached since the start";
  }
}

void Forward::recover(protocol::Recovery recovery, TimePoint now, Effects& /*effects*/) {
  now_ = now;
  applied_ = recovery.applied;
}

void Forward::step(protocol::Event event, TimePoint now, Effects& effects) {
  now_ = now;
  std::visit([this, &effects](auto& it) { on(std::move(it), effects); }, event);
}

void Forward::on(protocol::Propose&& propose, Effects& effects) {
  for (const auto& [id, peer] : peers_) {
    if (peer.up) continue;
    effects.emplace_back(
        protocol::Finish{propose.proposal, Status::unavailable(peer.reason), {}, 0});
    return;
  }
  // A full message leaves before this write would overfill it.
  if (gathered_.size() == kBatchCommandsMax ||
      gathered_bytes_ + propose.command->size() > kBatchBytesMax) {
    send_gathered(effects);
  }
  gathered_bytes_ += propose.command->size();
  gathered_.push_back(propose.proposal);
  gathered_commands_.push_back(propose.command);
  ++applied_;
  effects.emplace_back(protocol::Apply{applied_, std::move(propose.command), propose.proposal});
}

void Forward::on(const protocol::Read& read, Effects& effects) {
  effects.emplace_back(protocol::AllowRead{read.read});
}

void Forward::on(const protocol::Request& request, Effects& effects) {
  RKV_CHECK(request.message->tag() == kWrites, "forward has one kind of request");
  const auto& writes = static_cast<const Writes&>(*request.message);
  for (const SharedBytes& command : writes.commands()) {
    ++applied_;
    effects.emplace_back(protocol::Apply{applied_, command, 0});
  }
  effects.emplace_back(
      protocol::Respond{request.call, std::make_shared<Written>(applied_), applied_});
}

void Forward::on(const protocol::Answer& answer, Effects& effects) {
  peer_done(answer.call, nullptr, effects);
}

void Forward::on(const protocol::SendFailed& failed, Effects& effects) {
  peer_done(failed.call, &failed.reason, effects);
}

void Forward::on(const protocol::PeerUp& up, Effects& /*effects*/) { peers_.at(up.peer).up = true; }

void Forward::on(const protocol::PeerDown& down, Effects& /*effects*/) {
  Peer& peer = peers_.at(down.peer);
  peer.up = false;
  peer.reason = down.reason;
}

void Forward::flush(TimePoint now, Effects& effects) {
  now_ = now;
  send_gathered(effects);
}

void Forward::send_gathered(Effects& effects) {
  if (gathered_.empty()) return;
  Batch batch;
  batch.proposals = std::exchange(gathered_, {});
  batch.last = applied_;
  batch.deadline = now_ + options_.answer_timeout;
  gathered_bytes_ = 0;
  const auto message = std::make_shared<Writes>(std::exchange(gathered_commands_, {}));
  if (peers_.empty()) {
    finish(batch, effects);
    return;
  }
  const BatchId id = next_batch_++;
  for (const auto& [peer, state] : peers_) {
    batch.waiting.insert(peer);
    outgoing_[next_call_] = {id, peer};
    // Applied and durable here before any other replica hears of it.
    effects.emplace_back(protocol::Send{peer, next_call_, message, batch.last});
    ++next_call_;
  }
  batches_.emplace(id, std::move(batch));
}

// One peer's part of a batch has ended: with its answer, or with a failure.
void Forward::peer_done(protocol::CallId call, const std::string* failure, Effects& effects) {
  const auto outgoing = outgoing_.find(call);
  if (outgoing == outgoing_.end()) return;  // it came after its deadline
  const auto [batch_id, peer] = outgoing->second;
  outgoing_.erase(outgoing);
  const auto found = batches_.find(batch_id);
  if (found == batches_.end()) return;
  Batch& batch = found->second;
  batch.waiting.erase(peer);
  if (failure != nullptr) batch.missing[peer] = *failure;
  if (!batch.waiting.empty()) return;
  finish(batch, effects);
  batches_.erase(found);
}

void Forward::finish(const Batch& batch, Effects& effects) const {
  Status status;
  std::vector<ReplicaId> missing;
  if (!batch.missing.empty()) {
    std::string reason =
        "applied at replica " + std::to_string(options_.self.value) + ", but perhaps not at";
    for (const auto& [peer, why] : batch.missing) {
      reason += missing.empty() ? " replica " : "; replica ";
      reason += std::to_string(peer.value) + " (" + why + ")";
      missing.push_back(peer);
    }
    status = Status(StatusCode::kPartlyApplied, std::move(reason));
  }
  for (const protocol::ProposalId proposal : batch.proposals) {
    effects.emplace_back(protocol::Finish{proposal, status, missing, batch.last});
  }
}

void Forward::tick(TimePoint now, Effects& effects) {
  now_ = now;
  while (!batches_.empty() && batches_.begin()->second.deadline <= now) {
    Batch batch = std::move(batches_.begin()->second);
    const BatchId id = batches_.begin()->first;
    batches_.erase(batches_.begin());
    for (const ReplicaId peer : batch.waiting) {
      batch.missing[peer] =
          "no answer within " + std::to_string(options_.answer_timeout.ms()) + " ms";
    }
    std::erase_if(outgoing_, [id](const auto& entry) { return entry.second.batch == id; });
    finish(batch, effects);
  }
}

TimePoint Forward::next_tick() const {
  return batches_.empty() ? kNever : batches_.begin()->second.deadline;
}

}  // namespace rkv::forward
