#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "paxos/acceptor.h"
#include "paxos/catch_up.h"
#include "paxos/context.h"
#include "paxos/elector.h"
#include "paxos/leadership.h"
#include "paxos/learner.h"
#include "paxos/options.h"
#include "paxos/reads.h"
#include "paxos/submissions.h"
#include "protocol/protocol.h"

namespace rkv::paxos {

// Multi-Paxos: one replica's proposer, acceptor and learner, put together. PROTOCOL.txt in this
// folder has the messages, the states, and why it is safe; this class takes each event to the role
// that it is for.
class Paxos final : public protocol::Protocol {
 public:
  explicit Paxos(const Options& options);

  void recover(protocol::Recovery recovery, TimePoint now, protocol::Effects& effects) override;
  bool keeps_log() const override { return true; }
  std::optional<protocol::SyncPoint> applied_sync() const override;
  std::vector<LogRecord> live_records() const override { return acceptor_.live_records(); }
  void step(protocol::Event event, TimePoint now, protocol::Effects& effects) override;
  void tick(TimePoint now, protocol::Effects& effects) override;
  TimePoint next_tick() const override;
  void flush(TimePoint now, protocol::Effects& effects) override;
  protocol::Role role() const override;

  // The roles of the paper: acceptor, proposer and learner. PROTOCOL.txt says what each forgets.
  std::vector<std::string_view> roles() const override;
  void stop_role(std::string_view role, TimePoint now, protocol::Effects& effects) override;
  void start_role(std::string_view role, protocol::Recovery&& recovery, TimePoint now,
                  protocol::Effects& effects) override;

  // What an observer may want to know.
  struct View {
    bool leading = false;
    bool serving = false;  // leading, with everything learned that came before
    Ballot ballot;         // of this leader, or of the one that is followed
    Ballot promised;
    Slot chosen = 0;  // known to be
    Slot applied = 0;
    Slot synced = 0;  // the highest one that the log has on disk
    Slot cut = 0;
    std::uint64_t elections = 0;  // leaders heard of since the start
    TimePoint elected_at;         // when the last of them was heard of first
    std::string yielded_because;  // why this replica does not lead any more; empty: it never did
    TimePoint lease_until = kLongAgo;  // of this leader
  };
  View view() const;

 private:
  void on(protocol::Propose&& propose);
  void on(const protocol::Read& read);
  void on(const protocol::Checked& /*checked*/) {}  // never asked
  void on(const protocol::Request& request);
  void on(const protocol::Answer& answer);
  void on(const protocol::SendFailed& failed);
  void on(const protocol::PeerUp& up);
  void on(const protocol::PeerDown& down);
  void on(const protocol::Persisted& persisted);
  void on(const protocol::StateSaved& saved);
  void on(const protocol::LogRoom& room);

  // Requests of other replicas.
  void on_pre_vote(protocol::CallId call, const PreVote& message);
  void on_prepare(protocol::CallId call, const Prepare& message);
  void on_accept(ReplicaId from, protocol::CallId call, const Accept& message);
  void on_submit(protocol::CallId call, const Submit& message);
  void on_read_index(protocol::CallId call);

  bool follow(const Ballot& ballot);
  std::uint32_t accept_values(const Accept& message);
  void begin_to_lead();
  void yield_if_must();
  void yield(std::string reason);
  void start_acceptor(protocol::Recovery recovery);
  void start_learner(protocol::Recovery recovery);
  void after_event();
  void apply_learned();
  void note_leader(const Ballot& ballot);
  void persist();
  std::string why_waiting() const;

  const Options options_;
  Acceptor acceptor_;
  Learner learner_;
  Context context_;
  Elector elector_;
  CatchUp catch_up_;
  Submissions submissions_;
  Reads reads_;
  std::unique_ptr<Leadership> leadership_;  // while this replica leads
  Slot standing_chosen_ = 0;                // as last written to the log
  TimePoint standing_due_ = kNever;         // when it must be written anew

  // For view() only.
  Ballot last_leader_;
  std::uint64_t elections_ = 0;
  TimePoint elected_at_;
  std::string yielded_because_;
  Slot synced_ = 0;
  std::deque<std::pair<protocol::SyncPoint, Slot>> syncing_;  // the highest slot of each
};

}  // namespace rkv::paxos
