#pragma once

// kv.h is in here.
#include <kv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "kv/scan.h"
#include "kv/transaction.h"
#include "rpc/server.h"
#include "rpc/stub_client.h"
#include "service/cluster.h"

namespace rkv::service {

// A replica alone, with everything behind KV_PROG that a replica has but its disk: a real server on
// a loopback port, over TCP and UDP, run by a thread.
class ServedReplica {
 public:
  static constexpr std::uint32_t kId = 1;
  static constexpr Incarnation kIncarnation = 3;

  explicit ServedReplica(Replication replication);
  ~ServedReplica();
  ServedReplica(const ServedReplica&) = delete;
  ServedReplica& operator=(const ServedReplica&) = delete;

  const rpc::Address& address() const;
  rpc::ServerCounters counters();

 private:
  class State;
  std::unique_ptr<State> state_;
};

// What came back of a call.
struct Answer {
  kv_status status = KV_OK;
  std::string reason;                 // of a failure
  std::uint64_t position = 0;         // where there is one; of RANGE its revision
  bool has_missing_position = false;  // of KV_NOT_FOUND: its extension has case 1, the position
};
struct ValueAnswer : Answer {
  std::string value;
  std::optional<kv_revisions> revisions;
};
struct StepsAnswer : Answer {
  kv::StepsResult steps;
};
struct PageAnswer : Answer {
  std::vector<std::string> keys;
  std::vector<std::string> values;
  std::uint64_t count = 0;
  std::string next;
};

// What a listing asks for, with nothing of C in it.
struct RangeQuestion {
  std::string first;
  std::string end;
  bool reverse = false;
  kv_range_what what = KV_RANGE_ENTRIES;
  std::uint32_t limit = 0;
  std::uint32_t size_max = 0;
  kv_read_options options{};
  std::string token;
  bool one_page = false;
};

// Calls it, one call after the other.
class ServedClient {
 public:
  explicit ServedClient(const ServedReplica& replica,
                        rpc::Transport transport = rpc::Transport::kTcp);

  Answer put(const std::string& key, const std::string& value, kv_operation_id operation = {});
  // `wants_missing_position`: the arguments' extension says so.
  Answer del(const std::string& key, kv_operation_id operation = {},
             bool wants_missing_position = false);
  // Without options the arguments have no extension.
  ValueAnswer get(const std::string& key, std::optional<kv_read_options> options = std::nullopt);
  // A plain one whose arguments want the position where there is no key.
  ValueAnswer get_with_missing_position(const std::string& key);
  StepsAnswer transact(const kv::Transaction& transaction, kv_operation_id operation = {},
                       kv_read_options options = {});
  PageAnswer range(const RangeQuestion& question);
  std::uint64_t session();

 private:
  ValueAnswer get(kv_get_args args);

  rpc::StubClient client_;
};

// The arguments of TXN as bytes.
std::string encoded_arguments(const kv::Transaction& transaction, kv_operation_id operation = {},
                              kv_read_options options = {});

}  // namespace rkv::service
