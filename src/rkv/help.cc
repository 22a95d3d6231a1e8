#include "rkv/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rkv::cli {
namespace {

struct CommandText {
  std::string_view name;
  std::string_view usage;
  std::string_view summary;
  std::string_view details;
};

constexpr std::array kCommands = {
    CommandText{"put", "put KEY VALUE|-|@FILE", "set a key to a value",
                R"(The value is the argument itself, what is read from standard input (-), or what
is in a file (@FILE). A value that begins with @, or is -, goes through standard
input. Keys have 1 to 1024 bytes, values up to 1 MiB, of any kind. Prints the
key's version: how often it was put since it was created.

Examples:
  rkv put color blue
  rkv put motd @/etc/motd
  date | rkv put now -
  rkv put -- -key -value
)"},
    CommandText{"get", "get KEY", "print the value of a key",
                R"(To a file or a pipe the value goes as it is, byte for byte, with nothing added.
On a terminal text is shown as text, with a newline at the end; a value that is
not text is shown with \x escapes. With -w json: key, value, version, position and
server; what is not text is in value_base64 (or key_base64) instead.

Examples:
  rkv get color
  rkv get photo > photo.jpg
  rkv -w json get color
)"},
    CommandText{"del", "del KEY", "remove a key",
                R"(Prints ok; exit status 1 if there is no such key.

Example:
  rkv del color
)"},
    CommandText{"replicas", "replicas", "list the replicas of the cluster",
                R"(One line for each, as in replicas.conf: id, host, client port, peer port. As the
first server that answers knows them.

Example:
  rkv -s kv1.example.org replicas > replicas.conf
)"},
    CommandText{
        "status", "status [--state-hash]", "show how each replica is",
        R"(Asks every replica of the cluster, all at once. The list of them comes from -f, or
from the first server that answers. Exit status 3 if not all of them answer.

Options:
  --state-hash  also show a hash over all keys, versions and values of each replica;
                equal states have equal hashes. Reads everything: takes its time.

Examples:
  rkv status
  rkv -f replicas.conf -w json status --state-hash
)"},
    CommandText{"load", "load DIR|FILE|-", "put many keys, fast",
                R"(From a directory: each regular file under it, with its path from there as key.
Symbolic links to files count as files, those to directories are not followed.
From a file or from standard input (-): each line `KEY<TAB>VALUE`; a value cannot
hold a newline, all other bytes are fine, NUL too.
Many puts are under way at once. At the end prints how many keys were stored, how
many errors there were, how many bytes the stored values have, and the rate. The
first 10 errors have a line each on standard error. The exit status is that of the
worst one, in this order: 8, 4, 7, 3, 5, 6, 2.

Examples:
  rkv load /usr/share/zoneinfo
  printf 'a\t1\nb\t2\n' | rkv load -
)"},
    CommandText{"version", "version", "print the version of this program", ""},
    CommandText{"help", "help [COMMAND]", "explain a command, or list all", ""},
};

constexpr std::string_view kOptionsText =
    R"(Options, before or after the command; -- ends them:
  -s HOST[:PORT],...  servers to ask, in this order (default port 7411); the next one
                      is tried when one does not answer and nothing can have happened.
                      Default: 127.0.0.1
  -f FILE             take the servers from a replicas file
  -w simple|json      output for people (default) or for programs
  --timeout SECONDS   for one operation as a whole, fractions allowed (default 10)
  --help, --version

Environment, used where the option is not given: RKV_SERVERS (-s), RKV_REPLICAS (-f),
RKV_OUTPUT (-w), RKV_TIMEOUT (--timeout).

Exit status: 0 ok, 1 not found, 2 usage, 3 not available and nothing happened,
4 outcome unknown, 5 denied, 6 over a limit, 7 other error, 8 partly applied.
)";

const CommandText* find_command(std::string_view name) {
  const auto* const found =
      std::find_if(kCommands.begin(), kCommands.end(),
                   [&](const CommandText& each) { return each.name == name; });
  return found == kCommands.end() ? nullptr : found;
}

}  // namespace

std::string general_help() {
  std::string text = "Usage: rkv [options] COMMAND [arguments]\n\nCommands:\n";
  for (const CommandText& command : kCommands) {
    text += fmt::format("  {:<24} {}\n", command.usage, command.summary);
  }
  return text + "\n" + std::string(kOptionsText) +
         "\n'rkv help COMMAND' tells more of a command.\n";
}

std::string command_help(std::string_view command) {
  const CommandText* const found = find_command(command);
  if (found == nullptr) return {};
  const std::string head =
      fmt::format("Usage: rkv [options] {}\n\n{}{}.\n", found->usage,
                  static_cast<char>(found->summary.front() - 'a' + 'A'), found->summary.substr(1));
  const std::string_view gap = found->details.empty() ? "" : "\n";
  return fmt::format("{}{}{}\n{}", head, gap, found->details, kOptionsText);
}

std::string_view command_usage(std::string_view command) {
  const CommandText* const found = find_command(command);
  return found == nullptr ? std::string_view() : found->usage;
}

}  // namespace rkv::cli
