#pragma once

#include <cstdint>
#include <deque>
#include <istream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/log_record.h"
#include "base/time.h"
#include "kind.h"
#include "protocol/protocol.h"

namespace rkv::scenario {

// A few replicas, driven step by step by a script. Nothing happens by itself: messages wait in
// their links until they are delivered or dropped, what is written waits for its sync, and time
// stands still. Everything that a step brings about goes into the transcript.
//
// Of Paxos, replica 1 is the most impatient one: replica N stands for election (80 + 20 N) ms after
// it has last heard of a leader. A lease lasts 80 ms, heartbeats come every 40 ms. Of two-phase
// commit, a vote must come within 200 ms, who has voted asks for the outcome after 100 ms, what
// could not be delivered is tried again after 50 ms, and a conflict after 10 ms; at the start each
// replica reaches all others, and after that it knows what up and down tell it.
//
// Steps, one on a line (# begins a comment, which goes into the transcript too):
//   replicas N          the first step: N replicas of Paxos,
//   replicas N 2pc [C]  or of two-phase commit; all writes go through replica C
//   advance MS          time goes on, in steps of 10 ms; ticks that become due are made
//   put R NAME          a client of replica R writes the value NAME
//   read R NAME         a client of replica R reads; NAME is for the transcript
//                       (of 2pc: put R KEY=VALUE, and read R KEY)
//   retry R KEY=VALUE   the client of that write sends it again, to replica R
//   deliver A B         the oldest message from A to B arrives; answers are messages too
//   drop A B            it is lost; its sender learns that there will be no answer
//   sync R              everything that R has written is durable
//   settle              delivers and syncs until nothing is left to be done
//   cut A B             messages between A and B are lost from now on
//   heal A B            and now not any more
//   up A B              A and B learn that they reach each other
//   down A B            A learns that it does not reach B
//   crash R             R ends, and what was not durable is gone
//   restart R           R starts again
//   stop R ROLE         a role of R stops: acceptor, proposer or learner; coordinator
//                       or participant
//   start R ROLE        it starts again from the log, once all that R has written is durable
//   state               a line for each replica
class World {
 public:
  // Runs one line. Throws std::runtime_error for one that makes no sense.
  void run(std::string_view line);
  const std::string& transcript() const { return transcript_; }

 private:
  struct InFlight {
    bool is_answer = false;
    protocol::CallId call = 0;  // the sender's number of the request
    protocol::MessagePtr message;
    std::uint64_t asker_life = 0;  // the asker's incarnation
  };
  struct Asker {
    std::uint32_t replica = 0;
    protocol::CallId call = 0;
    std::uint64_t life = 0;
  };
  struct Replica {
    std::unique_ptr<protocol::Protocol> protocol;  // null: it is down
    Incarnation incarnation = 0;
    std::vector<LogBatch> durable;  // batches, over all its lives
    std::deque<LogBatch> written;   // not durable yet
    protocol::SyncPoint synced = 0;
    std::vector<std::pair<protocol::SyncPoint, protocol::Effect>> held;
    std::map<protocol::CallId, Asker> requests;
    protocol::CallId next_request = 1;
    Position applied = 0;
    std::map<std::string, std::string> values;  // by key, of a kind that has keys
    std::set<std::string> done;                 // the writes that were applied
    std::deque<protocol::Checked> checked;      // to be told
  };
  using Link = std::pair<std::uint32_t, std::uint32_t>;  // from, to

  bool run_without_numbers(const std::string& verb);
  void run(const std::string& verb, std::uint32_t a, std::istream& words);
  void prepare(std::uint32_t count);
  void put(std::uint32_t id, const std::string& name, OperationId operation);
  void apply(std::uint32_t id, const protocol::Apply& apply);
  void check(std::uint32_t id, const protocol::Check& check);
  void advance(Duration duration);
  void start(std::uint32_t id);
  void crash(std::uint32_t id);
  void stop_role(std::uint32_t id, const std::string& role);
  void start_role(std::uint32_t id, const std::string& role);
  void deliver(Link link);
  void drop(Link link);
  void sync(std::uint32_t id);
  void settle();
  void print_state();

  void step(std::uint32_t id, protocol::Event event);
  void carry_out(std::uint32_t id, protocol::Effects& effects);
  void carry_out(std::uint32_t id, protocol::Effect& effect);
  void send(std::uint32_t id, const protocol::Send& send);
  void respond(std::uint32_t id, const protocol::Respond& respond);
  void post(Link link, InFlight message);
  void lose(Link link, const InFlight& message);
  void say(const std::string& text) { transcript_ += text + "\n"; }
  Replica& replica(std::uint32_t id);

  std::unique_ptr<Kind> kind_;
  TimePoint now_{0};
  std::map<std::uint32_t, Replica> replicas_;
  std::map<Link, std::deque<InFlight>> links_;
  std::set<Link> cut_;
  std::map<std::uint64_t, std::string> names_;  // of writes and reads, by their numbers
  std::uint64_t next_name_ = 1;
  std::map<std::string, OperationId> operations_;  // of writes, by their names
  std::string transcript_;
};

}  // namespace rkv::scenario
