#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "client/options.h"
#include "client/range.h"
#include "client/results.h"
#include "client/transaction.h"

namespace rkv::client {

// Writes the operations of clients to a file, each as a line of JSON once it has ended, in the
// format of docs/history.txt; what did not end, as when the program is killed, has no line. May be
// shared by clients of any threads: a line is written at once, in one piece.
class HistoryRecorder {
 public:
  // Appends to the file, which is made if there is none. kInternal if it cannot be opened.
  static Result<std::unique_ptr<HistoryRecorder>> open(const std::string& path);
  ~HistoryRecorder();
  HistoryRecorder(const HistoryRecorder&) = delete;
  HistoryRecorder& operator=(const HistoryRecorder&) = delete;

  // The first failure to write, if there was one; after it nothing more is written.
  Status status() const;

 private:
  class State;
  explicit HistoryRecorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace rkv::client
