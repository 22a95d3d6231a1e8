#pragma once

#include <string>

#include "base/status.h"
#include "rkv/options.h"

namespace rkv::cli {

// The value that the last argument of a command stands for: itself, standard input (-) or a file
// (@FILE).
Result<std::string> value_of(const Options& options);

}  // namespace rkv::cli
