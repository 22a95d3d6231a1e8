#pragma once

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transactions.h"
#include "twopc/records.h"
#include "twopc/twopc.h"

namespace rkv::twopc {

// One replica of three, driven by events alone: every call is a turn, and what it brings about is
// in effects() until the next one. Its log survives restart(), as far as it was durable.
class Driver {
 public:
  static Options default_options() {
    Options options;
    options.self = kSelf;
    options.replicas = {kSelf, kSecond, kThird};
    return options;
  }

  explicit Driver(const Options& options = default_options()) : options_(options) { start(); }

  // ---- Events ----

  void step(protocol::Event event) {
    effects_.clear();
    twopc_->step(std::move(event), now_, effects_);
    end_turn();
  }
  void advance(Duration duration) {
    now_ = now_ + duration;
    effects_.clear();
    twopc_->tick(now_, effects_);
    end_turn();
  }
  // Everything that was written is durable.
  void sync() {
    durable_ = log_.records.size();
    durable_standing_ = log_.standing;
    step(protocol::Persisted{persists_});
  }
  // A crash and a start: what was not durable is gone. The state holds `saved` positions.
  void restart(Position saved = 0) {
    log_.records.resize(durable_);
    log_.standing = durable_standing_;
    saved_ = saved;
    start();
  }
  void up(ReplicaId peer) { step(protocol::PeerUp{peer}); }
  void all_up() {
    up(kSecond);
    up(kThird);
  }
  void down(ReplicaId peer) {
    step(protocol::PeerDown{peer, "replica " + std::to_string(peer.value) + " is down"});
  }
  void stop_role(std::string_view role) {
    effects_.clear();
    twopc_->stop_role(role, now_, effects_);
    end_turn();
  }
  // Once everything is durable, and read again.
  void start_role(std::string_view role) {
    sync();
    effects_.clear();
    protocol::Recovery recovery{0, incarnation_, log_};
    twopc_->start_role(role, std::move(recovery), now_, effects_);
    end_turn();
  }

  // A client's write of a key; without an operation id, so that no look at the state is needed.
  void put(protocol::ProposalId proposal, const std::string& key,
           const OperationId& operation = {}) {
    step(protocol::Propose{proposal, shared("value"), {key}, operation});
  }
  void read(protocol::ReadId read, const std::string& key) { step(protocol::Read{read, key}); }

  // A request of another replica; returns its number.
  template <typename MessageType, typename Fields>
  protocol::CallId request(ReplicaId from, Fields fields) {
    const protocol::CallId call = next_request_++;
    step(protocol::Request{from, call, std::make_shared<MessageType>(std::move(fields))});
    return call;
  }
  // A coordinator asks for a vote; returns it, and what it waits for in vote_after().
  Vote prepare(const TransactionPtr& transaction, TxnMark finished_below = {}) {
    const ReplicaId from = transaction->id.coordinator;
    const auto call = request<TxnPrepare>(
        from, TxnPrepareFields{transaction->timestamp.clock, finished_below, {transaction}});
    const auto answer = answer_to<TxnPrepared>(call);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, answer->votes.size());
    reason_ = answer->reason;
    return answer->votes.front();
  }
  void decide(const TxnId& id, Decision decision, TxnMark finished_below = {}) {
    const auto call =
        request<TxnDecide>(id.coordinator, TxnDecideFields{1, finished_below, {{id, decision}}});
    CPPUNIT_ASSERT_EQUAL(std::string(), answer_to<TxnDecided>(call)->refused);
  }
  // What this replica tells another one of a transaction.
  Knowledge query(ReplicaId from, const TxnId& id) {
    return answer_to<TxnOutcome>(request<TxnQuery>(from, TxnQueryFields{1, {id}}))->outcomes.at(0);
  }

  // Votes on the one transaction of the message that was sent to it last.
  void vote(ReplicaId from, Vote vote, const std::string& reason = {}) {
    const protocol::CallId call = last_prepare(from).call;
    step(protocol::Answer{from, call,
                          std::make_shared<TxnPrepared>(TxnPreparedFields{1, {vote}, reason})});
  }
  void vote_late(ReplicaId from, const TxnId& id, Vote vote) {
    request<TxnVotes>(from, TxnVotesFields{1, {{id, vote}}, {}});
  }
  void both_vote_yes() {
    const auto second = last_prepare(kSecond);
    const auto third = last_prepare(kThird);
    const auto yes =
        std::make_shared<TxnPrepared>(TxnPreparedFields{1, {Vote::kYes}, std::string()});
    step(protocol::Answer{kSecond, second.call, yes});
    step(protocol::Answer{kThird, third.call, yes});
  }
  // Says that it has all outcomes that it was sent last on disk.
  void acknowledge(ReplicaId from, const std::string& refused = {}) {
    const auto sent_last = last<TxnDecide>(from, decides_);
    step(protocol::Answer{from, sent_last.call,
                          std::make_shared<TxnDecided>(TxnDecidedFields{1, refused})});
  }
  void fail(ReplicaId to, protocol::CallId call) {
    step(protocol::SendFailed{to, call, true, "no answer within 500 ms"});
  }

  // ---- What came of it ----

  const protocol::Effects& effects() const { return effects_; }
  TwoPc& twopc() { return *twopc_; }
  View view() const { return twopc_->view(); }
  TimePoint now() const { return now_; }
  protocol::SyncPoint persists() const { return persists_; }
  const Options& options() const { return options_; }
  const std::string& reason() const { return reason_; }  // of the last vote

  template <typename MessageType>
  std::shared_ptr<const MessageType> answer_to(protocol::CallId call) {
    for (const protocol::Respond& respond : all_of<protocol::Respond>(effects_)) {
      if (respond.call != call) continue;
      after_ = respond.after;
      return std::static_pointer_cast<const MessageType>(respond.message);
    }
    CPPUNIT_FAIL("there is no answer");
    return nullptr;
  }
  // What the last answer waits for.
  protocol::SyncPoint after() const { return after_; }

  SentMessage<TxnPrepare> last_prepare(ReplicaId to) const {
    return last<TxnPrepare>(to, prepares_);
  }
  SentMessage<TxnDecide> last_decide(ReplicaId to) const { return last<TxnDecide>(to, decides_); }
  SentMessage<TxnQuery> last_query(ReplicaId to) const { return last<TxnQuery>(to, queries_); }
  // The id of the transaction that was begun last.
  TxnId begun() const { return last_prepare(kSecond).message->transactions.back()->id; }

  // What went to a replica in the last turn, as "prepare", "commit", "abort", "query", "vote yes".
  std::vector<std::string> said_to(ReplicaId to) const {
    std::vector<std::string> said;
    for (const protocol::Send& send : all_of<protocol::Send>(effects_)) {
      if (send.to == to) append_words(*send.message, said);
    }
    return said;
  }
  bool said_nothing() const { return all_of<protocol::Send>(effects_).empty(); }

  // How a write ended in the last turn; nothing: it has not.
  std::optional<Status> ended(protocol::ProposalId proposal) const {
    for (const protocol::Finish& finish : all_of<protocol::Finish>(effects_)) {
      if (finish.proposal == proposal) return finish.status;
    }
    return std::nullopt;
  }
  bool is_done(protocol::ProposalId proposal) const {
    const std::optional<Status> status = ended(proposal);
    return status && status->ok();
  }
  std::string failure_of(protocol::ProposalId proposal) const {
    const std::optional<Status> status = ended(proposal);
    CPPUNIT_ASSERT(status.has_value());
    return status->to_string();
  }
  bool is_read(protocol::ReadId read) const {
    for (const protocol::AllowRead& allow : all_of<protocol::AllowRead>(effects_)) {
      if (allow.read == read) return true;
    }
    return false;
  }
  std::vector<Position> applied() const {
    std::vector<Position> positions;
    for (const protocol::Apply& apply : all_of<protocol::Apply>(effects_)) {
      positions.push_back(apply.position);
    }
    return positions;
  }
  // The types of the records that the last turn has written.
  std::vector<Record::Type> written() const {
    std::vector<Record::Type> types;
    for (const protocol::Persist& persist : all_of<protocol::Persist>(effects_)) {
      for (const LogRecord& record : persist.batch.records) {
        types.push_back(decode_record(record)->type);
      }
    }
    return types;
  }

 private:
  void start() {
    twopc_ = std::make_unique<TwoPc>(options_);
    persists_ = 0;
    for (auto* calls : {&prepares_, &decides_, &queries_}) calls->clear();
    effects_.clear();
    protocol::Recovery recovery{saved_, ++incarnation_, log_};
    twopc_->recover(std::move(recovery), now_, effects_);
    end_turn();
  }
  void end_turn() {
    twopc_->flush(now_, effects_);
    for (const protocol::Persist& persist : all_of<protocol::Persist>(effects_)) {
      log_.records.insert(log_.records.end(), persist.batch.records.begin(),
                          persist.batch.records.end());
      log_.standing = persist.batch.standing;
      ++persists_;
    }
    for (const protocol::Send& send : all_of<protocol::Send>(effects_)) {
      const int tag = send.message->tag();
      if (tag == kTxnPrepare) prepares_.push_back(send);
      if (tag == kTxnDecide) decides_.push_back(send);
      if (tag == kTxnQuery) queries_.push_back(send);
    }
  }
  template <typename MessageType>
  static SentMessage<MessageType> last(ReplicaId to, const std::vector<protocol::Send>& sends) {
    const auto found = std::find_if(sends.rbegin(), sends.rend(),
                                    [to](const protocol::Send& each) { return each.to == to; });
    CPPUNIT_ASSERT_MESSAGE("it was not sent", found != sends.rend());
    return {to, found->call, found->after,
            std::static_pointer_cast<const MessageType>(found->message)};
  }
  static void append_words(const protocol::Message& message, std::vector<std::string>& said) {
    switch (message.tag()) {
      case kTxnPrepare:
        said.emplace_back("prepare");
        break;
      case kTxnDecide:
        for (const OutcomeOf& each : as<TxnDecide>(message).outcomes) {
          said.emplace_back(each.decision == Decision::kCommit ? "commit" : "abort");
        }
        break;
      case kTxnQuery:
        said.emplace_back("query");
        break;
      case kTxnVotes:
        for (const LateVote& each : as<TxnVotes>(message).votes) {
          said.emplace_back(each.vote == Vote::kYes ? "vote yes" : "vote no");
        }
        break;
      case kTxnSubmit:
        said.emplace_back("submit");
        break;
      default:
        said.emplace_back("end");
    }
  }

  const Options options_;
  std::unique_ptr<TwoPc> twopc_;
  TimePoint now_{1'000'000'000};
  Incarnation incarnation_ = 0;
  Position saved_ = 0;
  protocol::Effects effects_;
  RecoveredLog log_;
  std::size_t durable_ = 0;  // of its records
  std::string durable_standing_;
  protocol::SyncPoint persists_ = 0;  // since the start
  protocol::CallId next_request_ = 1;
  std::vector<protocol::Send> prepares_;
  std::vector<protocol::Send> decides_;
  std::vector<protocol::Send> queries_;
  protocol::SyncPoint after_ = 0;
  std::string reason_;
};

}  // namespace rkv::twopc
