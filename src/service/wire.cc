#include "service/wire.h"

#include "base/check.h"
#include "base/limits.h"

namespace rkv::service {

static_assert(kKeySizeMax == KV_KEY_MAX);
static_assert(kValueSizeMax == KV_VALUE_MAX);
static_assert(kCommandSizeMax == KV_COMMAND_MAX);
static_assert(kReplicasMax == KV_REPLICAS_MAX);
static_assert(kReasonSizeMax == KV_REASON_MAX);
static_assert(kNameSizeMax == KV_NAME_MAX);
static_assert(kHostSizeMax == KV_HOST_MAX);
static_assert(kCountersMax == KV_COUNTERS_MAX);
static_assert(kBatchCommandsMax == KV_BATCH_MAX);
static_assert(kComparesMax == KV_COMPARES_MAX);
static_assert(kStepsMax == KV_STEPS_MAX);
static_assert(kStepsResultSizeMax == KV_STEPS_RESULT_MAX);
static_assert(kTxnValuesSizeMax == KV_TXN_VALUES_MAX);
static_assert(kDelRangeMax == KV_DEL_RANGE_MAX);
static_assert(kEntriesMax == KV_ENTRIES_MAX);
static_assert(kPageSizeMax == KV_PAGE_MAX);
static_assert(kTokenSizeMax == KV_TOKEN_MAX);

kv_status to_wire(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return KV_OK;
    case StatusCode::kNotFound:
      return KV_NOT_FOUND;
    case StatusCode::kInvalid:
      return KV_INVALID;
    case StatusCode::kUnavailable:
      return KV_UNAVAILABLE;
    case StatusCode::kUnknown:
      return KV_UNKNOWN;
    case StatusCode::kDenied:
      return KV_DENIED;
    case StatusCode::kOverLimit:
      return KV_OVER_LIMIT;
    case StatusCode::kInternal:
      return KV_ERROR;
    case StatusCode::kPartlyApplied:
      return KV_PARTLY_APPLIED;
    case StatusCode::kBusy:
      return KV_BUSY;
    case StatusCode::kExpired:
      return KV_EXPIRED;
    case StatusCode::kRevisionGone:
      return KV_REVISION_GONE;
  }
  RKV_CHECK(false, "status code out of range");
}

kv_failure failure_to_wire(std::string& reason, ReplicaId replica) {
  if (reason.size() > kReasonSizeMax) reason.resize(kReasonSizeMax);
  kv_failure failure{};
  failure.reason = string_to_wire(reason);
  failure.replica = replica.value;
  return failure;
}

char* string_to_wire(const std::string& text) { return const_cast<char*>(text.c_str()); }

kv_key key_to_wire(std::string_view key) {
  return {static_cast<u_int>(key.size()), const_cast<char*>(key.data())};
}

kv_value value_to_wire(std::string_view value) {
  return {static_cast<u_int>(value.size()), const_cast<char*>(value.data())};
}

OperationId from_wire(const kv_operation_id& operation) {
  return {operation.client, operation.sequence, operation.first_outstanding};
}

}  // namespace rkv::service
