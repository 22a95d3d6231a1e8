#pragma once

#include <kv.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

namespace rkv::service {

// Between the types of kv.x and those of the domain. What these functions put into a wire type
// refers to memory of the caller, for as long as it takes to encode it; nothing of it may be
// xdr_free()d.

kv_status to_wire(StatusCode code);

// `reason` must outlive the result and is cut to what fits the wire.
kv_failure failure_to_wire(std::string& reason, ReplicaId replica);

// A string that outlives the result, as the type that XDR strings have in C.
char* string_to_wire(const std::string& text);

inline std::string_view view_of(const kv_key& key) { return {key.kv_key_val, key.kv_key_len}; }
inline std::string_view view_of(const kv_value& value) {
  return {value.kv_value_val, value.kv_value_len};
}
inline std::string_view view_of(const kv_bound& bound) {
  return {bound.kv_bound_val, bound.kv_bound_len};
}
inline std::string_view view_of(const kv_token& token) {
  return {token.kv_token_val, token.kv_token_len};
}
inline std::string_view view_of(const kv_command& command) {
  return {command.kv_command_val, command.kv_command_len};
}

kv_key key_to_wire(std::string_view key);
kv_value value_to_wire(std::string_view value);

OperationId from_wire(const kv_operation_id& operation);

// An enum from the wire as a plain number: what another release sends may be no value of it, and a
// C++ enum may hold no other.
template <typename WireEnum>
int number_of(const WireEnum& value) {
  int number = 0;
  static_assert(sizeof number == sizeof value);
  std::memcpy(&number, &value, sizeof number);
  return number;
}

}  // namespace rkv::service
