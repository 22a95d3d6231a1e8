#include "rkv/help_texts.h"

#include <array>

namespace rkv::cli {
namespace {

constexpr std::array kCommands = {
    CommandText{"put", "put KEY VALUE|-|@FILE", "set a key to a value",
                R"(The value is the argument itself, what is read from standard input (-), or what
is in a file (@FILE). A value that begins with @, or is -, goes through standard
input. Keys have 1 to 1024 bytes, values up to 1 MiB, of any kind. Prints the
key's version: how often it was put since it was created.

Conditions, which all must hold; if not, nothing is done, a line says what is there,
and the exit status is 1. Not under replication forward.
  --if-absent     there is no such key
  --if-version N  the key has this version; 0: there is no such key
  --if-value V    the key has this value
  --prev          also tell the entry that was there before

Examples:
  rkv put color blue
  rkv put motd @/etc/motd
  date | rkv put now -
  rkv put -- -key -value
  rkv put --if-version 3 color red
)"},
    CommandText{
        "get", "get KEY... or a range", "print values",
        R"(Of one key, to a file or a pipe the value goes as it is, byte for byte, with nothing
added. On a terminal text is shown as text, with a newline at the end; a value that is
not text is shown with \x escapes. With -w json: key, value, version, created and
modified (under paxos the slots of the writes that made and last changed the key),
position and server; what is not text is in value_base64 (or key_base64) instead.

Of several keys, and of a range: a line KEY<TAB>VALUE for each, tabs, newlines and what
is not text with \x escapes; or a table; or JSON. Several keys, 1,000 at most, are read
64 at a time, each time at one moment; not under replication forward. Those that are
not there have a line on standard error, and the exit status is 1.

A range, in bytewise order; it may be empty. Under paxos all of it is of one revision,
whatever is written meanwhile; under the others --consistency eventual is needed.
  --prefix P      every key that begins with P; '' is all keys
  --from A --to B from A on, and up to B without it; either may be left out
  --limit N       the first N
  --keys-only     without the values
  --count-only    how many there are
  --reverse       from the last to the first

Examples:
  rkv get color
  rkv get photo > photo.jpg
  rkv -w json get color size
  rkv get --prefix user/ --keys-only --limit 10
)"},
    CommandText{
        "del", "del KEY or a range", "remove keys",
        R"(Of one key it prints ok; exit status 1 if there is no such key. Takes the conditions
--if-version N and --if-value V, and --prev, as put does.

Of a range (--prefix P, --from A --to B, as in get) it prints how many keys are gone,
which may be none. 10,000 keys at a time are removed at one moment. Under paxos only.

Examples:
  rkv del color
  rkv del --if-value red color
  rkv del --prefix session/
)"},
    CommandText{
        "incr", "incr KEY [N]", "add to a number",
        R"(Adds N (1 if not given, it may be below 0) to the decimal number that the key has, in
64 bits with sign; a key that is not there is made from 0. Prints the new number. What
is no number, or would not fit, is refused. Not under replication forward.

Examples:
  rkv incr visits
  rkv incr stock -5
)"},
    CommandText{
        "append", "append KEY VALUE|-|@FILE", "add to the end of a value",
        R"(Takes the value as put does. A key that is not there is made. Prints the version and
how many bytes the value has then. Not under replication forward.

Example:
  date | rkv append log -
)"},
    CommandText{
        "txn", "txn [FILE|-]", "compare and change several keys at once",
        R"(Reads a transaction from a file, from standard input, or typed at a terminal. All of
it happens at one moment, or nothing of it. docs/txn.txt says it in full:

  if version KEY = 3           also !=, < and >; 0 is a key that is not there
  if exists KEY                or: if absent KEY
  if value KEY = "some text"
  if created KEY < 17          or modified: under paxos only
  then                         if all of that holds
    put KEY VALUE|@FILE [--prev]
    get KEY
    del KEY [--prev]
    del --prefix P             or --from A --to B; one of them, under paxos
    incr KEY [N]
    append KEY VALUE|@FILE
  else                         if not
    get KEY
  end                          at a terminal and in the shell; elsewhere the end of the file

Without conditions `then` may be left out. Words are as in the shell: '...', "...", \xNN;
lines that begin with # are comments. Prints the branch that ran, then or else, and a
line for each of its steps. Exit status: 0 `then` ran, 1 `else` ran, others as below.
Not under replication forward.

Examples:
  rkv txn transfer.txn
  printf 'if absent lock\nthen\nput lock me\n' | rkv txn -
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
From a file or from standard input (-): a dump, see below; or lines `KEY<TAB>VALUE`,
where a value cannot hold a newline, all other bytes are fine, NUL too.
A dump is known by its first line. That it is whole is seen before the first put, from
standard input at its end only.
Many puts are under way at once. At the end prints how many keys were stored, how
many errors there were, how many bytes the stored values have, and the rate. The
first 10 errors have a line each on standard error. The exit status is that of the
worst one, in this order: 8, 4, 7, 3, 5, 6, 2.
  --resume  note in FILE.loaded how far it is, and go on there if that file is there;
            it is removed at the end. Refused if FILE or the cluster is another one

Examples:
  rkv load /usr/share/zoneinfo
  rkv load --resume backup.dump
  printf 'a\t1\nb\t2\n' | rkv load -
)"},
    CommandText{
        "dump", "dump [FILE|-]", "write all keys, for load",
        R"(Writes every key and value, or those of a range (--prefix P, --from A --to B, as in
get), in key order as lines of JSON that load takes: docs/dump.txt. The last line has
the number of keys and a hash over them, so that a dump that is cut off is noticed.
Under paxos all is of one revision; under the others --consistency eventual is needed,
and each part is as it was when it was read.
It is written to FILE.part, which gets its name when it is whole. Without a FILE, or
with -, it goes to standard output.
  --resume  go on with a FILE.part that was broken off, while the server still has its
            revision: about a minute; exit status 3 if it has not

Examples:
  rkv dump backup.dump
  rkv dump --prefix user/ | gzip > users.dump.gz
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
    R"(Options, before or after the command; -- ends them. A number such as -5 is none:
  -s HOST[:PORT],...  servers to ask, in this order (default port 7411); the next one
                      is tried when one does not answer. Default: 127.0.0.1
  -f FILE             take the servers from a replicas file
  -w simple|table|json
                      output for people (default), the same with tables drawn, or for
                      programs
  -t, --transport tcp|udp
                      tcp is the default; over udp a key and its value have about 1100
                      bytes at most
  --timeout SECONDS   for one operation as a whole, fractions allowed (default 10)
  --consistency linearizable|sequential|eventual
                      of get, dump, and a txn that only reads: every write that was
                      acknowledged before (default); never less than this client has
                      seen, which is for a shell, under paxos; what the replica has
  --max-staleness SECONDS
                      of eventual reads: every write so long ago is seen
  --history FILE      append a line to it for every call: docs/history.txt
  --help, --version

Environment, used where the option is not given: RKV_SERVERS (-s), RKV_REPLICAS (-f),
RKV_OUTPUT (-w), RKV_TRANSPORT (-t), RKV_TIMEOUT, RKV_CONSISTENCY, RKV_MAX_STALENESS,
RKV_HISTORY.

Exit status: 0 ok, 1 not found or a condition does not hold, 2 usage, 3 not available
and nothing happened, 4 outcome unknown, 5 denied, 6 over a limit, 7 other error,
8 partly applied.
)";

constexpr std::string_view kShellText =
    R"(Upper and lower case are the same in commands, DELETE is DEL. 'help COMMAND' tells more.

Options: those of the command, -w, --timeout, --consistency and --max-staleness for this
command, --help; -- ends them. A number such as -5 is none. The servers, the transport
and the history of calls are those that the shell was started with.

Words are apart by blanks. '...' and "..." keep blanks in a word. But for '...', \xNN is
the byte of that number, and \\, \", \' and \ before a blank are that character. A word
that begins with a quote or a backslash is no option, no - and no @FILE. A line that
begins with # is a comment. There is no - for standard input. A txn without a FILE takes
the lines behind it, up to `end`; if it is refused, they are dropped.

On a terminal: tab completes commands and options, the arrow keys and ^R go through the
history (in ${XDG_STATE_HOME:-~/.local/state}/rkv/history, 1000 lines; a line that begins
with a blank is not kept), ^C drops the line, ^D leaves. A ~/.editrc is read, see editrc(5).
)";

}  // namespace

std::span<const CommandText> command_texts() { return kCommands; }
std::string_view options_text() { return kOptionsText; }
std::string_view shell_text() { return kShellText; }

}  // namespace rkv::cli
