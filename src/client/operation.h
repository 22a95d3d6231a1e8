#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "client/history_recorder.h"
#include "client/options.h"
#include "client/outcome.h"
#include "client/server_pool.h"
#include "client/wire.h"
#include "rpc/call_channel.h"
#include "rpc/event_loop.h"

namespace rkv::client {

// One operation of an AsyncClient: what it asks, what it was answered, and how far it has come. A
// copy of it that is sent is a call of its own; no two are under way at once.
class Operation {
 public:
  // Why a copy did not end it.
  struct Reason {
    ServerPool::Index server = 0;
    std::string text;
    bool was_answered = false;
  };
  // What the answer to a copy says.
  struct Answer {
    Status status;
    Position position = 0;
  };
  // `answer`: when the outcome is kAnswered.
  using CopyDone = std::function<void(const rpc::CallOutcome& outcome, const Answer& answer)>;
  // Whose answer it ends with; both empty where there was none.
  struct Answerer {
    std::string server;
    ReplicaId replica;
  };

  Operation(Effect what, std::size_t bytes, const CallOptions& how)
      : effect(what), size(bytes), options(how) {}
  virtual ~Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  // Sends a copy. `id` counts for a write, `seen` for a sequential read. Keeps what is answered.
  virtual void send(rpc::CallChannel& channel, const OperationId& id, Position seen,
                    TimePoint until, CopyDone done) = 0;
  // Runs the callback: with the last answer, where its status is this one, and with this status.
  virtual void end(const Status& status, const Answerer& answerer) = 0;
  // Writes down how it ended, before end().
  virtual void record(HistoryRecorder&, const HistoryRecorder::Call&) const {}

  const Effect effect;
  const std::size_t size;  // bytes of keys and values
  const CallOptions options;

  // What the AsyncClient knows of it.
  TimePoint begun;
  TimePoint deadline;
  rpc::EventLoop::TimerId timer = 0;     // while it waits for something else than an answer
  std::uint64_t sequence = 0;            // of a write that was sent; 0: none yet
  std::uint64_t session = 0;             // which session the sequence is of, counted from 1
  bool may_have_run = false;             // a copy of a write that ended without a clear answer
  bool is_counted = false;               // a program began it, not the client itself
  bool is_slow = false;                  // takes its time even where all is well
  bool was_busy = false;                 // the latest failure was kBusy
  int busy_in_a_row = 0;                 // at one server
  int pauses = 0;                        // before it was sent again
  int rounds = 0;                        // how often all servers have been tried
  ServerPool* pool = nullptr;            // where it goes
  Answerer answerer;                     // of the latest answer
  std::vector<ServerPool::Index> tried;  // in this round
  std::string first_server;              // to try before all others; empty: none
  bool is_of_first_server = false;       // no other one can do it, however busy that one is
  // Why it did not end at a server: the latest reason of each.
  std::vector<Reason> reasons;

 protected:
  ReadOptions read_options(Position seen) const {
    return {options.consistency, seen, options.max_staleness, options.wants_revisions};
  }
};

}  // namespace rkv::client
