#pragma once

#include <span>
#include <string_view>

namespace rkv::cli {

// What the help has to say of a command.
struct CommandText {
  std::string_view name;
  std::string_view usage;    // "put KEY VALUE|-|@FILE"
  std::string_view summary;  // a few words, in lower case
  std::string_view details;  // lines; may be empty
};

// All commands, in the order of the help.
std::span<const CommandText> command_texts();

// What holds for all of them, on the command line and in the shell.
std::string_view options_text();
std::string_view shell_text();

}  // namespace rkv::cli
