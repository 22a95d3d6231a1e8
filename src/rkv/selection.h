#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "client/range.h"
#include "rkv/json.h"
#include "rkv/options.h"

namespace rkv::cli {

// The range that --prefix, --from and --to name; nothing if none of them is given. kInvalid with a
// line for the user if they exclude one another, or no key can be between them, as with an empty
// --to; an empty --from is the first key.
Result<std::optional<client::Range>> range_of(const Options& options);

// The range as a person reads it: "the prefix a/", "from a to b", "all keys".
std::string describe_range(const Options& options);

// Adds prefix, from and to as they were given.
void add_range(Json& object, const Options& options);

}  // namespace rkv::cli
