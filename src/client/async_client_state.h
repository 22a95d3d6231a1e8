#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "client/async_client.h"
#include "client/client_id.h"
#include "client/operation.h"
#include "client/server_pool.h"
#include "client/write_ids.h"
#include "rpc/call_channel.h"
#include "rpc/event_loop.h"

namespace rkv::client {

// What an AsyncClient does: takes operations on, gives the writes their ids, sends each again until
// it has an answer or its time is over, and ends it. Beginning and ending are in async_client.cc,
// sending is in async_client_sending.cc.
class AsyncClient::State {
 public:
  State(rpc::EventLoop& loop, std::vector<Server> servers, const ClientOptions& options);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Takes an operation on. `refused`: why it may not be sent, if so.
  void start(std::unique_ptr<Operation> operation, const Status& refused = Status());

  std::size_t count() const { return count_; }
  std::size_t bytes() const { return bytes_; }
  Position seen() const { return seen_; }
  void saw(Position position) {
    if (position > seen_) seen_ = position;
  }
  std::vector<Server> servers() const { return pool_->servers(); }

 private:
  struct Refused {
    std::unique_ptr<Operation> operation;
    Status status;
  };

  ServerPoolOptions pool_options() const;

  // Beginning.
  Status check_room(const Operation& operation) const;
  void refuse(std::unique_ptr<Operation> operation, const Status& status);
  void run_refused();
  Operation& adopt(std::unique_ptr<Operation> operation);

  // What a write needs before it is sent.
  void await_sequence(Operation& operation);
  void give_sequences();
  void send_first(Operation& operation);
  bool session_is_open() const;
  void ask_session();
  void session_came(const Result<Session>& session);

  // Sending, and what comes of it.
  void attempt(Operation& operation);
  bool would_end_in_doubt(const Operation& operation) const;
  TimePoint answer_deadline(const Operation& operation) const;
  void pause(Operation& operation);
  void copy_ended(Operation& operation, ServerPool::Index server, const rpc::CallOutcome& outcome,
                  const Operation::Answer& answer);
  void not_answered(Operation& operation, ServerPool::Index server,
                    const rpc::CallOutcome& outcome);
  void answered(Operation& operation, ServerPool::Index server, const Operation::Answer& answer);
  void busy(Operation& operation, ServerPool::Index server);
  void expired(Operation& operation, const Status& status);
  void go_on_in_doubt(Operation& operation);

  // Ending.
  void finish(Operation& operation, Status status);
  void finish_late(Operation& operation);
  Status failure_so_far(const Operation& operation) const;

  rpc::EventLoop& loop_;
  const ClientOptions options_;
  bool is_closing_ = false;
  // Posted tasks hold it weakly.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::optional<ServerPool> pool_;

  std::unordered_map<Operation*, std::unique_ptr<Operation>> operations_;
  std::size_t count_ = 0;  // of those that a program began
  std::size_t bytes_ = 0;  // of them
  std::deque<Refused> refused_;
  Position seen_ = 0;

  WriteIds ids_{draw_client_id()};
  std::uint64_t session_ = 0;  // counts them; 0: there was none yet
  bool session_is_over_ = false;
  TimePoint session_opened_at_;
  Operation* session_question_ = nullptr;
  std::list<Operation*> awaiting_sequence_;
  std::optional<Session> cluster_;  // what a session told of it
};

}  // namespace rkv::client
