#pragma once

#include <cstdint>
#include <deque>
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
#include "paxos/paxos.h"

namespace rkv::scenario {

// A few Paxos replicas, driven step by step by a script. Nothing happens by itself: messages wait
// in their links until they are delivered or dropped, what is written waits for its sync, and time
// stands still. Everything that a step brings about goes into the transcript.
//
// Replica 1 is the most impatient one: replica N stands for election (80 + 20 N) ms after it has
// last heard of a leader. A lease lasts 80 ms, heartbeats come every 40 ms.
//
// Steps, one on a line (# begins a comment, which goes into the transcript too):
//   replicas N          the first step
//   advance MS          time goes on, in steps of 10 ms; ticks that become due are made
//   put R NAME          a client of replica R writes the value NAME
//   read R NAME         a client of replica R reads; NAME is for the transcript
//   deliver A B         the oldest message from A to B arrives; answers are messages too
//   drop A B            it is lost; its sender learns that there will be no answer
//   sync R              everything that R has written is durable
//   settle              delivers and syncs until nothing is left to be done
//   cut A B             messages between A and B are lost from now on
//   heal A B            and now not any more
//   crash R             R ends, and what was not durable is gone
//   restart R           R starts again
//   stop R ROLE         a role of R stops: acceptor, proposer or learner
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
    std::unique_ptr<paxos::Paxos> paxos;  // null: it is down
    Incarnation incarnation = 0;
    std::vector<LogBatch> durable;  // batches, over all its lives
    std::deque<LogBatch> written;   // not durable yet
    protocol::SyncPoint synced = 0;
    std::vector<std::pair<protocol::SyncPoint, protocol::Effect>> held;
    std::map<protocol::CallId, Asker> requests;
    protocol::CallId next_request = 1;
  };
  using Link = std::pair<std::uint32_t, std::uint32_t>;  // from, to

  void prepare(std::uint32_t count);
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

  TimePoint now_{0};
  std::map<std::uint32_t, Replica> replicas_;
  std::map<Link, std::deque<InFlight>> links_;
  std::set<Link> cut_;
  std::map<std::uint64_t, std::string> names_;  // of writes and reads, by their numbers
  std::uint64_t next_name_ = 1;
  std::string transcript_;
};

}  // namespace rkv::scenario
