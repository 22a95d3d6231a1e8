#include "client/request_check.h"

#include <fmt/format.h>

#include "base/limits.h"

namespace rkv::client {

Status check_key(std::string_view key) {
  if (key.empty()) return Status::invalid("the key is empty, it needs at least 1 byte");
  if (key.size() <= kKeySizeMax) return Status();
  return {StatusCode::kOverLimit,
          fmt::format("the key has {} bytes, the limit is {}", key.size(), kKeySizeMax)};
}

Status check_value(std::string_view value) {
  if (value.size() <= kValueSizeMax) return Status();
  return {StatusCode::kOverLimit,
          fmt::format("the value has {} bytes, the limit is {}", value.size(), kValueSizeMax)};
}

}  // namespace rkv::client
