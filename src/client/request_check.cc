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

Status check_range(const RangeQuery& query) {
  for (const std::string& bound : {query.range.first, query.range.end}) {
    if (bound.size() > kKeySizeMax) {
      return {StatusCode::kOverLimit, fmt::format("a bound of the range has {} bytes, the limit is "
                                                  "{}",
                                                  bound.size(), kKeySizeMax)};
    }
  }
  if (query.limit > kEntriesMax) {
    return {StatusCode::kOverLimit, fmt::format("a page of {} entries was asked for, the limit is "
                                                "{}",
                                                query.limit, kEntriesMax)};
  }
  if (query.size_max > kPageSizeMax) {
    return {StatusCode::kOverLimit, fmt::format("a page of {} bytes was asked for, the limit is {}",
                                                query.size_max, kPageSizeMax)};
  }
  if (query.token.size() > kTokenSizeMax) {
    return Status::invalid(fmt::format("the token has {} bytes, none has more than {}",
                                       query.token.size(), kTokenSizeMax));
  }
  return Status();
}

}  // namespace rkv::client
