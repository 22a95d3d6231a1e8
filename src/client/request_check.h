#pragma once

#include <string_view>

#include "base/status.h"
#include "client/range.h"

namespace rkv::client {

// Whether a key, a value, or a question for a page may be sent. kInvalid for an empty key;
// kOverLimit, naming the limit and the size, for what is too long: it would not decode at the
// server.
Status check_key(std::string_view key);
Status check_value(std::string_view value);
Status check_range(const RangeQuery& query);

}  // namespace rkv::client
