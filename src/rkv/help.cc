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

Of replicas of paxos it shows:
  ballot    of the leader that the replica is or follows: round.replica
  lag       writes chosen, as far as any replica here knows, and not applied yet
  applied   writes applied; chosen: slots known to be chosen
  synced    the highest slot that the log has on disk
  flushed   how much of what is applied is in the state on disk; the log has the rest
  lease     for so long the leader reads without asking others
  log       how large the log is on disk
  election  how long ago the last one was, and in brackets how many this replica has
            seen since it was started
Of replicas of 2pc:
  waiting     writes of its clients that wait for a lock, or to be tried again
  voting      those sent to the others and not decided
  prepared    transactions of others that hold locks here, or wait for them
  in-doubt    those of them whose outcome it does not know although it should: their
              coordinator is down or silent; their keys wait until somebody tells
  unfinished  decided to commit, and not acknowledged by every replica
Below, what is in doubt and whose it is, who is down as seen by others, and what a
person has to see to.

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
    CommandText{"demo", "demo", "show five puts, five gets and five deletes",
                R"(Uses five keys under a prefix that nobody else is likely to use, rkv-demo- and
random digits, and shows each operation with its result. Ends at the first failure,
with its exit status. Leaves nothing behind: what it has put is removed, also when it
fails or is interrupted; what could not be removed is named.

Example:
  rkv -f replicas.conf demo
)"},
    CommandText{"shell", "shell", "take commands from the terminal, or from a script",
                R"(Each line is a command with its arguments, as on the command line. All of them
share one client and its connections. On a terminal with a prompt, a history and
completion; 'help' there tells more. Exit status 0 then.

When standard input is not a terminal, commands are read from it line by line, without
a prompt; a failed command does not end the shell. Its exit status is that of the worst
failure, in this order: 8, 4, 7, 3, 5, 6, 2, 1. A get prints one newline behind the
value. Lines that begin with # are comments.

Examples:
  rkv shell
  printf 'put a 1\nget a\n' | rkv shell
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
  -w simple|table|json
                      output for people (default), the same with tables drawn for status
                      and replicas, or for programs
  -t, --transport tcp|udp
                      tcp is the default; over udp a key and its value have about 1100
                      bytes at most, and a put may be done twice when an answer is lost
  --timeout SECONDS   for one operation as a whole, fractions allowed (default 10)
  --help, --version

Environment, used where the option is not given: RKV_SERVERS (-s), RKV_REPLICAS (-f),
RKV_OUTPUT (-w), RKV_TRANSPORT (-t), RKV_TIMEOUT (--timeout).

Exit status: 0 ok, 1 not found, 2 usage, 3 not available and nothing happened,
4 outcome unknown, 5 denied, 6 over a limit, 7 other error, 8 partly applied.
)";

constexpr std::string_view kShellText =
    R"(Upper and lower case are the same in commands, DELETE is DEL. 'help COMMAND' tells more.

Options: -w simple|table|json for this command, status --state-hash, --help; -- ends them.
The servers, the transport and the timeout are those that the shell was started with.

Words are apart by blanks. '...' and "..." keep blanks in a word. But for '...', \xNN is
the byte of that number, and \\, \", \' and \ before a blank are that character. A word
that begins with a quote or a backslash is no option, no - and no @FILE. A line that
begins with # is a comment. There is no - for standard input.

On a terminal: tab completes commands, the arrow keys and ^R go through the history (in
${XDG_STATE_HOME:-~/.local/state}/rkv/history, 1000 lines; a line that begins with a blank
is not kept), ^C drops the line, ^D leaves. A ~/.editrc is read, see editrc(5).
)";

const CommandText* find_command(std::string_view name) {
  const auto* const found =
      std::find_if(kCommands.begin(), kCommands.end(),
                   [&](const CommandText& each) { return each.name == name; });
  return found == kCommands.end() ? nullptr : found;
}

std::string capitalized(std::string_view text) {
  return fmt::format("{}{}", static_cast<char>(text.front() - 'a' + 'A'), text.substr(1));
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
      fmt::format("Usage: rkv [options] {}\n\n{}.\n", found->usage, capitalized(found->summary));
  const std::string_view gap = found->details.empty() ? "" : "\n";
  return fmt::format("{}{}{}\n{}", head, gap, found->details, kOptionsText);
}

std::string_view command_usage(std::string_view command) {
  const CommandText* const found = find_command(command);
  return found == nullptr ? std::string_view() : found->usage;
}

std::string shell_help() {
  std::string text = "Commands:\n";
  for (const CommandText& command : kCommands) {
    if (command.name == "shell") continue;
    text += fmt::format("  {:<24} {}\n", command.usage, command.summary);
  }
  return fmt::format("{}  {:<24} {}\n\n{}", text, "exit", "leave the shell; so does quit",
                     kShellText);
}

std::string shell_command_help(std::string_view command) {
  if (command == "exit" || command == "quit") {
    return fmt::format("Usage: {}\n\nLeave the shell.\n", command);
  }
  const CommandText* const found = find_command(command);
  if (found == nullptr) return {};
  return fmt::format("Usage: {}\n\n{}.\n{}{}", found->usage, capitalized(found->summary),
                     found->details.empty() ? "" : "\n", found->details);
}

const std::vector<std::string_view>& shell_verbs() {
  static const std::vector<std::string_view> kVerbs = {"del",  "delete",   "demo",   "exit",
                                                       "get",  "help",     "load",   "put",
                                                       "quit", "replicas", "status", "version"};
  return kVerbs;
}

std::string to_command_name(std::string_view given, bool in_shell) {
  std::string name(given);
  if (!in_shell) return name;
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name == "delete" ? "del" : name;
}

}  // namespace rkv::cli
