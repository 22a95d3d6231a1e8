#pragma once

#include <string>

#include "base/ids.h"
#include "storage/rocks_database.h"

namespace rkv::storage {

// A process that writes until it is killed. The test binary is started anew for it, because
// RocksDB's threads do not survive a fork.
constexpr const char* kCrashWriterArgument = "--crash-writer";

// The argument behind the directory.
constexpr const char* kCrashWriterFlushes = "flush";

// Opens or creates a store in the directory and applies one position after another, as
// crash_key() and crash_value() say, for ever. Writes each position that is reported
// durable to standard output, as 8 bytes in network order.
int run_crash_writer(const std::string& directory, Durability durability);

// What is put at a position: some keys come again and again, some never.
std::string crash_key(Position position);
std::string crash_value(Position position);

}  // namespace rkv::storage
