#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "client/server.h"

namespace rkv::chaos {

enum class Mode {
  kRegister,  // puts and gets on few keys, written down as a history
  kRecord,    // puts of new keys; those that were acknowledged are written down
  kVerify,    // reads what kRecord has written down, at every server
};

// What the command line says; see --help.
struct Options {
  Mode mode = Mode::kRegister;
  std::vector<client::Server> servers;
  std::size_t clients = 16;
  Duration duration = seconds(10);
  Duration timeout = seconds(2);  // for one operation
  Duration pause;                 // of a client between two operations
  bool pinned = false;            // a client never leaves its server
  std::size_t keys = 8;
  std::uint64_t read_percent = 50;
  std::size_t value_size = 100;  // bytes
  std::string history_file;
  std::string record_file;
  std::string gaps_file;
};

// Nothing when help was asked for, and given. Throws std::exception for what makes no sense.
std::optional<Options> read_options(int argc, char** argv);

}  // namespace rkv::chaos
