#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "client/options.h"
#include "client/range.h"
#include "client/results.h"
#include "client/transaction.h"

namespace rkv::client {

// Writes the operations of clients to a file, each as a line of JSON once it has ended, in the
// format of docs/history.txt. What had not ended when the program was killed has no line. May be
// shared by clients of several threads: a line is written at once, in one piece, and so also where
// several programs append to one file.
class HistoryRecorder {
 public:
  // What every line tells.
  struct Call {
    TimePoint begun;
    Status status;
    ReplicaId replica;          // 0: not known
    std::uint64_t process = 0;  // who called
    bool has_slots = false;     // the positions are slots: replication paxos
  };

  // Appends to the file, which is made if there is none. kInternal if it cannot be opened.
  static Result<std::unique_ptr<HistoryRecorder>> open(const std::string& path);
  ~HistoryRecorder();
  HistoryRecorder(const HistoryRecorder&) = delete;
  HistoryRecorder& operator=(const HistoryRecorder&) = delete;

  // Called by the clients as an operation ends. The outcome counts where the status is success.
  void put(const Call& call, const std::string& key, const std::string& value,
           const WriteOutcome& outcome);
  void del(const Call& call, const std::string& key, const WriteOutcome& outcome);
  void get(const Call& call, const std::string& key, Consistency consistency,
           const ReadOutcome& outcome);
  void transact(const Call& call, const Transaction& transaction, Consistency consistency,
                const TransactOutcome& outcome);
  // One page of a range.
  void list(const Call& call, const RangeQuery& query, Consistency consistency,
            const PageOutcome& outcome);

  // The first failure to write, if there was one; after it nothing more is written.
  Status status() const;

 private:
  class State;
  explicit HistoryRecorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rkv::client
