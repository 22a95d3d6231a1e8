#pragma once

#include <string>

#include "base/status.h"
#include "chaos/options.h"

namespace rkv::chaos {

// Reads every key of the record at every server, and again what could not be read, until the time
// is over. Prints a line of JSON, and on stderr the first keys that are not as the record says.
// Whether all are. Fails if the record cannot be read.
Result<bool> verify(const Options& options);

}  // namespace rkv::chaos
