#pragma once

#include <kv.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "client/transaction.h"

namespace rkv::client {

// What the sources that turn kv.x's types into those of this library, and back, have in common.

// XDR's pointers are not const, but encoding does not write through them.
template <typename Opaque, typename Length>
void refer(std::string_view bytes, Opaque* data, Length* length) {
  *data = const_cast<char*>(bytes.data());
  *length = static_cast<Length>(bytes.size());
}

// Opaque data that was decoded; its pointer is null when it is empty.
inline std::string bytes_of(const char* data, u_int size) {
  return size == 0 ? std::string() : std::string(data, size);
}

// An enum as a plain number: what a later release may send is no value of it.
template <typename WireEnum>
int number_of(const WireEnum& value) {
  int number = 0;
  static_assert(sizeof number == sizeof value);
  std::memcpy(&number, &value, sizeof number);
  return number;
}

inline kv_operation_id wire_operation(const OperationId& operation) {
  return {operation.client, operation.sequence, operation.first_outstanding};
}

struct ReadOptions;
kv_read_options wire_read_options(const ReadOptions& options);

// A failure that a server answered with: its status, and its reason with who says it.
Status failure_of_answer(int status, const kv_failure& failure, const std::string& server);

Entry entry_of(const kv_entry& entry);

}  // namespace rkv::client
