#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/unique_function.h"
#include "kv/command.h"
#include "kv/session_table.h"
#include "kv/store.h"

namespace rkv::kv {

struct Findings;

// Turns commands into changes of a store, strictly in the order of their positions, whatever the
// order in which the store's reads finish. Deterministic: equal commands give equal states and
// results. Used from one thread. A callback may apply and read more, but must not destroy the state
// machine.
//
// With sessions, a command whose client is not 0 is applied at most once, as far as SessionTable
// promises: a retry takes up its position, changes nothing, and has the result of the first.
class StateMachine {
 public:
  // What is done about retries. The same at all replicas and from the first position on.
  enum class Sessions {
    kNone,       // nothing: each command is applied
    kRecognise,  // one that is a retry is not applied: for replicas that apply in one order
    // What was applied is remembered, and look_up() tells it; what comes is applied. For a protocol
    // under which replicas apply in different orders, and that asks before it decides.
    kRemember,
  };
  struct Options {
    Sessions sessions = Sessions::kRecognise;
    SessionLimits limits;  // of the sessions; others than these are for tests
  };

  // `store` must outlive the state machine; the replies that it keeps are taken up here.
  StateMachine(Store& store, const Options& options);
  ~StateMachine();
  StateMachine(const StateMachine&) = delete;
  StateMachine& operator=(const StateMachine&) = delete;

  using ApplyDone = std::function<void(const Applied& applied)>;
  // Applies a command at a position, which must be the last one plus 1. `done` is run when the
  // change is in the store (not yet durable), possibly before this returns; it may be empty.
  void apply(Position position, Command command, ApplyDone done);
  // The same for a position at which nothing is to be done.
  void skip(Position position);

  // Each of these reads the state as left by every command applied before this call.

  void read(std::string_view key, Store::GetDone done);
  // Does a transaction that only reads. The outcome is kApplied, kInvalid or kOverLimit.
  void read(std::shared_ptr<const Transaction> transaction, ApplyDone done);
  // A page of a range. With `pins`, a page that is not the last one, of a scan of the state as it
  // is now, leaves a Store::pin() behind at its position.
  void scan(Scan scan, bool pins, Store::ScanDone done);

  using LookUpDone = std::function<void(const std::optional<Applied>& known)>;
  // What an operation, whose client is not 0, is answered without being applied, as left by every
  // command applied before this call; nothing, if it must be applied.
  void look_up(const OperationId& operation, LookUpDone done);

  // What is remembered for retries, at the position of the store.
  const SessionTable& sessions() const { return sessions_; }

  // How many applies wait for the store, and reads behind them.
  std::size_t waiting() const { return waiting_.size(); }

 private:
  // An apply, or something (position 0) that came while applies were waiting.
  struct Waiting {
    Position position = 0;
    bool nothing = false;  // to be done at this position
    Command command;
    ApplyDone apply_done;
    UniqueFunction<void()> task;
  };
  class Gathering;

  void run();
  void begin_first();
  void begin_transaction(const std::shared_ptr<const Transaction>& transaction, Position position);
  void add(Waiting waiting);
  void after_applies(UniqueFunction<void()> task);
  bool has_session(const Command& command) const;
  void gather(const std::shared_ptr<const Transaction>& transaction,
              UniqueFunction<void(const Findings&)> done);
  void read_now(std::string_view key, Store::GetDone done);
  void finish_known(const Applied& known);
  void finish_epoch();
  void finish_single(const Entry* before);
  void finish(const Applied& applied, std::vector<Change> changes);

  Store& store_;
  const Sessions sessions_mode_;
  SessionTable sessions_;
  Position last_position_;       // of the last apply()
  std::deque<Waiting> waiting_;  // the first one may be under way
  bool busy_ = false;            // a read for the first one is under way
  bool running_ = false;         // run() is on the stack
  // Callbacks given to the store hold this weakly: none runs after the state machine is gone.
  std::shared_ptr<bool> alive_;
};

}  // namespace rkv::kv
