#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "client/results.h"

// Types of kv.h, which is included where they are used: it defines macros with short names.
struct kv_operation_id;
struct kv_put_args;
struct kv_get_args;
struct kv_del_args;
struct kv_put_result;
struct kv_get_result;
struct kv_del_result;
struct kv_replicas_result;
struct kv_status_result;

namespace rkv::client {

// Between the types of kv.x and those of this library. `server` is who answered, for reasons and
// for the outcome. Reasons become one line of text, whatever the server sent.

// The arguments refer to `key` and `value`, which must outlive them.
void fill_put(const OperationId& operation, std::string_view key, std::string_view value,
              kv_put_args* args);
void fill_get(std::string_view key, kv_get_args* args);
void fill_del(const OperationId& operation, std::string_view key, kv_del_args* args);

WriteOutcome outcome_of(const kv_put_result& result, const std::string& server);
WriteOutcome outcome_of(const kv_del_result& result, const std::string& server);
ReadOutcome outcome_of(const kv_get_result& result, const std::string& server);
Result<ReplicaList> replicas_of(const kv_replicas_result& result, const std::string& server);
Result<ReplicaStatus> status_of(const kv_status_result& result, const std::string& server);

}  // namespace rkv::client
