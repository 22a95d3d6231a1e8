#pragma once

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "paxos/paxos.h"
#include "paxos/records.h"
#include "values.h"

namespace rkv::paxos {

inline constexpr ReplicaId kSelf{1};
inline constexpr ReplicaId kSecond{2};
inline constexpr ReplicaId kThird{3};
inline constexpr Ballot kTheirs{7, kSecond};
inline constexpr Ballot kHigher{9, kThird};
inline constexpr Ballot kNone{};

// A message with these fields.
template <int kTag, typename Fields>
Fields fields_of(const MessageOf<kTag, Fields>*);
template <typename MessageType>
protocol::MessagePtr make(decltype(fields_of(std::declval<const MessageType*>())) fields) {
  return std::make_shared<MessageType>(std::move(fields));
}

// A replica of three, whose messages, log and clock are the test's. Every event is a turn.
class PaxosFixture : public CppUnit::TestFixture {
 public:
  void setUp() override {
    options_ = Options();
    options_.self = kSelf;
    options_.replicas = {kSelf, kSecond, kThird};
    now_ = TimePoint{1'000'000'000};
    log_ = {};
    start({});
    now_ = now_ + options_.lease;
  }

 protected:
  void start(const RecoveredLog& log, Position applied = 0) {
    paxos_ = std::make_unique<Paxos>(options_);
    sent_.clear();
    finished_.clear();
    applied_.clear();
    persisted_ = 0;
    protocol::Effects effects;
    paxos_->recover({applied, 1, log}, now_, effects);
    carry_out(effects);
  }
  void stop(const std::string& role) {
    protocol::Effects effects;
    paxos_->stop_role(role, now_, effects);
    end_turn(effects);
  }
  void start_role(const std::string& role) { start_role(role, log_); }
  void start_role(const std::string& role, const RecoveredLog& log) {
    protocol::Effects effects;
    paxos_->start_role(role, {applied_.size(), 1, log}, now_, effects);
    end_turn(effects);
  }
  void step(protocol::Event event) {
    protocol::Effects effects;
    paxos_->step(std::move(event), now_, effects);
    end_turn(effects);
  }
  void tick() {
    protocol::Effects effects;
    paxos_->tick(now_, effects);
    end_turn(effects);
  }
  void sync() { step(protocol::Persisted{persisted_}); }
  void end_turn(protocol::Effects& effects) {
    paxos_->flush(now_, effects);
    carry_out(effects);
  }
  void carry_out(const protocol::Effects& effects) {
    for (const protocol::Effect& effect : effects) {
      if (const auto* persist = std::get_if<protocol::Persist>(&effect)) {
        ++persisted_;
        for (const LogRecord& record : persist->batch.records) log_.records.push_back(record);
        log_.standing = persist->batch.standing;
      } else if (const auto* send = std::get_if<protocol::Send>(&effect)) {
        sent_.push_back(*send);
      } else if (const auto* respond = std::get_if<protocol::Respond>(&effect)) {
        answers_.push_back(respond->message);
      } else if (const auto* apply = std::get_if<protocol::Apply>(&effect)) {
        applied_.push_back(apply->command == nullptr ? "no-op" : *apply->command);
      } else if (const auto* finish = std::get_if<protocol::Finish>(&effect)) {
        finished_.push_back(finish->status);
      }
    }
  }

  // Another replica asks; returns the answer, which lives as long as this object.
  template <typename AnswerType>
  const AnswerType& ask(ReplicaId from, protocol::MessagePtr request) {
    step(protocol::Request{from, ++call_, std::move(request)});
    return as<AnswerType>(*answers_.back());
  }
  const Accepted& accept(const Ballot& ballot, Slot first, const std::vector<std::string>& commands,
                         Slot chosen = 0) {
    AcceptFields fields{ballot, first, {}, chosen};
    for (const std::string& command : commands) fields.values.push_back(value_of(command));
    return ask<Accepted>(ballot.replica, std::make_shared<Accept>(std::move(fields)));
  }
  // The oldest question of this kind to a replica is answered so.
  void answer(Tag question, ReplicaId from, protocol::MessagePtr message) {
    const auto found = std::find_if(sent_.begin(), sent_.end(), [&](const protocol::Send& send) {
      return send.to == from && send.message->tag() == question;
    });
    CPPUNIT_ASSERT(found != sent_.end());
    const protocol::CallId call = found->call;
    sent_.erase(found);
    step(protocol::Answer{from, call, std::move(message)});
  }
  std::size_t count(Tag question) const {
    return static_cast<std::size_t>(std::count_if(
        sent_.begin(), sent_.end(),
        [question](const protocol::Send& send) { return send.message->tag() == question; }));
  }
  void propose(const std::string& command) {
    step(protocol::Propose{++call_, std::make_shared<const std::string>(command)});
  }

  // Up to a Prepare to the others.
  void stand() {
    sent_.clear();
    now_ = now_ + options_.election_max;
    tick();
    answer(kPreVote, kSecond, make<PreVoteAnswer>({true, kNone, 0, 0}));
    sync();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, count(kPrepare));
  }
  void grant(ReplicaId from) {
    const auto prepare = std::find_if(sent_.begin(), sent_.end(), [](const protocol::Send& send) {
      return send.message->tag() == kPrepare;
    });
    CPPUNIT_ASSERT(prepare != sent_.end());
    const Ballot ballot = as<Prepare>(*prepare->message).ballot;
    answer(kPrepare, from, make<Promise>({true, ballot, 0, 0, {}}));
  }
  void lead() {
    stand();
    grant(kSecond);
    CPPUNIT_ASSERT(paxos_->view().serving);
    answer(kAccept, kSecond, make<Accepted>({0, paxos_->view().ballot, 0}));
    answer(kAccept, kThird, make<Accepted>({0, paxos_->view().ballot, 0}));
  }

  Options options_;
  TimePoint now_;
  std::unique_ptr<Paxos> paxos_;
  RecoveredLog log_;  // as it is on disk
  protocol::SyncPoint persisted_ = 0;
  protocol::CallId call_ = 0;
  std::vector<protocol::MessagePtr> answers_;
  std::vector<protocol::Send> sent_;
  std::vector<std::string> applied_;
  std::vector<Status> finished_;
};

}  // namespace rkv::paxos
