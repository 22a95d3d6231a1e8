#pragma once

#include <string_view>

#include "base/status.h"

namespace rkv::client {

// Whether a key, or a value, may be sent. kInvalid for an empty key; kOverLimit, naming the limit
// and the size, for what is too long: it would not decode at the server.
Status check_key(std::string_view key);
Status check_value(std::string_view value);

}  // namespace rkv::client
