#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rkv::cli {

// What `rkv help` prints: usage, all commands, all options.
std::string general_help();

// What `rkv help COMMAND` prints; empty if there is no such command.
std::string command_help(std::string_view command);

// "put KEY VALUE|-|@FILE"; empty if there is no such command.
std::string_view command_usage(std::string_view command);

// The same for the shell, which has exit as well and takes options and help differently.
std::string shell_help();
std::string shell_command_help(std::string_view command);

// What a line of the shell may begin with, in lower case and in order.
const std::vector<std::string_view>& shell_verbs();

// The command that is meant: in the shell, letters may be of either case and del has a longer name.
// Whether there is such a command is not looked at.
std::string to_command_name(std::string_view given, bool in_shell);

}  // namespace rkv::cli
