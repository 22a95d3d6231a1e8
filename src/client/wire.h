#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "client/options.h"
#include "client/range.h"
#include "client/results.h"
#include "client/transaction.h"

// Types of kv.h, which is included where they are used: it defines macros with short names.
struct kv_put_args;
struct kv_get_args;
struct kv_del_args;
struct kv_transact_args;
struct kv_range_args;
struct kv_put_result;
struct kv_get_result;
struct kv_del_result;
struct kv_replicas_result;
struct kv_status_result;
struct kv_transact_result;
struct kv_range_result;
struct kv_session_result;

namespace rkv::client {

// Between the types of kv.x and those of this library. `server` is who answered, for reasons and
// for the outcome. Reasons become one line of text, whatever the server sent.

// How a read is to be done, as the wire has it.
struct ReadOptions {
  Consistency consistency = Consistency::kLinearizable;
  Position seen = 0;  // kSequential
  Duration max_staleness;
  bool wants_revisions = false;
};

// The arguments refer to `key`, `value`, `query`, which must outlive them.
void fill_put(const OperationId& operation, std::string_view key, std::string_view value,
              kv_put_args* args);
void fill_get(std::string_view key, const ReadOptions& options, kv_get_args* args);
void fill_del(const OperationId& operation, std::string_view key, kv_del_args* args);
void fill_range(const RangeQuery& query, const ReadOptions& options, kv_range_args* args);

// The arguments of TXN; they refer to the transaction, which must outlive them.
class TransactArgs {
 public:
  TransactArgs(const OperationId& operation, const Transaction& transaction,
               const ReadOptions& options);
  ~TransactArgs();
  TransactArgs(const TransactArgs&) = delete;
  TransactArgs& operator=(const TransactArgs&) = delete;
  const kv_transact_args& args() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

WriteOutcome outcome_of(const kv_put_result& result, const std::string& server);
WriteOutcome outcome_of(const kv_del_result& result, const std::string& server);
ReadOutcome outcome_of(const kv_get_result& result, const std::string& server);
TransactOutcome outcome_of(const kv_transact_result& result, const std::string& server);
PageOutcome outcome_of(const kv_range_result& result, const std::string& server);
Result<ReplicaList> replicas_of(const kv_replicas_result& result, const std::string& server);
Result<ReplicaStatus> status_of(const kv_status_result& result, const std::string& server);
Result<Session> session_of(const kv_session_result& result, const std::string& server);

}  // namespace rkv::client
