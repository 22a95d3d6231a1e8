#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "client/async_client.h"
#include "client/options.h"
#include "client/range.h"
#include "client/results.h"
#include "client/server.h"
#include "client/transaction.h"

namespace rkv::client {

// On what a put or a del depends, and what it is to tell. All that is given must hold.
struct WriteConditions {
  bool if_absent = false;  // there is no such key
  std::optional<std::uint64_t> if_version;
  std::optional<std::string> if_value;
  bool wants_previous = false;  // the entry before

  bool operator==(const WriteConditions&) const = default;
};

// Calls a cluster, one operation at a time: each returns when it has ended, within its timeout. For
// one thread at a time. AsyncClient, which it has one of, says what happens meanwhile; nothing does
// between two operations.
//
// A put or del without a condition, and every plain get, is one PUT, DEL or GET. What has a
// condition, or is to tell the entry before, and incr and append are transactions, which
// replication forward does not offer.
class Client {
 public:
  // `servers`: at least one.
  explicit Client(std::vector<Server> servers, const ClientOptions& options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  WriteOutcome put(std::string_view key, std::string_view value, const CallOptions& options = {});
  WriteOutcome put(std::string_view key, std::string_view value, const WriteConditions& conditions,
                   const CallOptions& options = {});
  WriteOutcome put_if_absent(std::string_view key, std::string_view value,
                             const CallOptions& options = {});
  WriteOutcome put_if_version(std::string_view key, std::string_view value, std::uint64_t version,
                              const CallOptions& options = {});
  WriteOutcome put_if_value(std::string_view key, std::string_view value, std::string_view expected,
                            const CallOptions& options = {});
  // kNotFound: there was nothing to remove, and no condition that did not hold.
  WriteOutcome del(std::string_view key, const CallOptions& options = {});
  WriteOutcome del(std::string_view key, const WriteConditions& conditions,
                   const CallOptions& options = {});
  // Adds to a decimal number in 64 bits with sign; a key that is not there is 0. kInvalid: the
  // value is no number; kOverLimit or kInvalid: the sum does not fit.
  WriteOutcome incr(std::string_view key, std::int64_t amount, const CallOptions& options = {});
  // Appends to a value; a key that is not there is made.
  WriteOutcome append(std::string_view key, std::string_view value,
                      const CallOptions& options = {});

  ReadOutcome get(std::string_view key, const CallOptions& options = {});
  // One transaction, so all are of one moment; of more than kStepsMax keys several, and `at_once`
  // says so. kOverLimit: together the values are too long for one answer.
  ReadManyOutcome get_many(const std::vector<std::string>& keys, const CallOptions& options = {});

  TransactOutcome transact(const Transaction& transaction, const CallOptions& options = {});
  PageOutcome range(const RangeQuery& query, const CallOptions& options = {});
  // Removes every key of the range, kDelRangeMax at a time, each of which has the whole timeout.
  // After a failure `removed` says how many are gone for certain.
  RemoveRangeOutcome delete_range(const Range& range, const CallOptions& options = {});

  // The replicas of the cluster, as the first server that answers knows them.
  Result<ReplicaList> replicas(const CallOptions& options = {});
  Result<ReplicaStatus> status(bool state_hash = false, const CallOptions& options = {});

  // The token of Consistency::kSequential; see AsyncClient.
  Position seen() const;
  void saw(Position position);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace rkv::client
