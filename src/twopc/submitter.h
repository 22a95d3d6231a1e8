#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "twopc/context.h"
#include "twopc/participant.h"
#include "twopc/view.h"

namespace rkv::twopc {

// The writes of this replica's clients where all writes go through another one: hands them to that
// coordinator, and hears as a participant that they were made.
class Submitter {
 public:
  Submitter(Context& context, Participant& participant)
      : context_(context), participant_(participant) {}

  void add(Submission submission);
  // The answer to a look at the state that was asked for here; false if it was not.
  bool checked(const protocol::Checked& checked);

  void answered(const Outgoing& outgoing, const TxnSubmitted& answer);
  void failed(const Outgoing& outgoing, bool delivered_possible, const std::string& reason);
  void ended(const TxnEnded& message);
  void coordinator_is_down(const std::string& reason);
  // A write of this replica's clients is applied.
  void applied(protocol::ProposalId proposal);

  void tick();
  TimePoint next_tick() const;
  void flush();

  void describe(View& view) const { view.waiting += waiting_.size(); }

 private:
  struct Waiting {
    TimePoint came_at;
    std::string key;
    OperationId operation;
    bool was_sent = false;  // so that it may be made
  };
  void end(protocol::ProposalId proposal, Status status);

  Context& context_;
  Participant& participant_;
  std::map<protocol::ProposalId, Waiting> waiting_;  // in the order in which they came
  std::deque<Submission> outbox_;
  std::size_t outbox_bytes_ = 0;
  std::set<std::uint64_t> in_flight_;  // the numbers of the messages
  std::uint64_t next_number_ = 1;
  std::map<protocol::CallId, protocol::ProposalId> checks_;
};

}  // namespace rkv::twopc
