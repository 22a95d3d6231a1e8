#pragma once

#include <memory>

#include "base/log.h"

namespace rkv::posix {

// A logger that writes each line to stderr with time (UTC, milliseconds) and level in front.
std::unique_ptr<Logger> make_stderr_logger(LogLevel level);

}  // namespace rkv::posix
