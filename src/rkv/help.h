#pragma once

#include <string>
#include <string_view>

namespace rkv::cli {

// What `rkv help` prints: usage, all commands, all options.
std::string general_help();

// What `rkv help COMMAND` prints; empty if there is no such command.
std::string command_help(std::string_view command);

// "put KEY VALUE|-|@FILE"; empty if there is no such command.
std::string_view command_usage(std::string_view command);

}  // namespace rkv::cli
