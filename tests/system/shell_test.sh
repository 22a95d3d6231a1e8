#!/bin/bash
# The shell as a person has it: on a terminal, with the prompt, editing, completion and the history;
# and the progress bar of load.
# needs: script terminals
# timeout: 120
# shellcheck disable=SC2154 # variables of lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# ---- a terminal ---------------------------------------------------------------------------------

# Runs a command on a terminal of its own: what is typed goes to descriptor 9, what the terminal
# shows comes to $screen.
start_on_terminal() {   # command line
  screen=$test_directory/screen
  rm -f keyboard "$screen"
  mkfifo keyboard
  # bash, so that a shell of the user has no say in it. TERM is one that every system has.
  SHELL=/bin/bash TERM=xterm script -qefc "$1" "$screen" <keyboard >/dev/null 2>&1 &
  pid=$!
  started+=("$pid")
  exec 9>keyboard
  shown=0
}

type_keys() {
  printf %b "$1" >&9
}

# What the terminal has shown since the last look at it, without what moves the cursor.
screen_text() {
  tail -c +$((shown + 1)) "$screen" 2>/dev/null | tr -d '\r\0' |
    sed -E 's/\x1b\[[0-9;?]*[A-Za-z]//g'
}

screen_has() {   # extended regular expression
  [[ $(screen_text) =~ $1 ]]
}

# Waits until the terminal shows this, and begins a new look behind it.
expect_on_screen() {   # extended regular expression
  wait_until "$deadline" screen_has "$1" || fail "the terminal does not show '$1': $(screen_text)"
  shown=$(stat -c %s "$screen")
}

# A line is typed and its answer waited for, up to the next prompt.
enter() {   # line, extended regular expression
  type_keys "$1\n"
  expect_on_screen "$2"$'\n''+rkv> $'
}

leave() {   # exit status
  wait_for_end "$pid"
  exec 9>&-
  expect_equal 'the exit status' "$ended_with" "$1"
}

start_cluster 1
export RKV_SERVERS=${address_of_replica[1]}
export XDG_STATE_HOME=$test_directory/state HOME=$test_directory
history_file=$XDG_STATE_HOME/rkv/history

step 'commands at a prompt'
start_on_terminal "$RKV shell"
expect_on_screen "'help' lists the commands, 'exit' or \^D leaves"$'\n''rkv> $'
enter 'PUT color "light blue"' 'ok version 1'
enter 'get color' $'\nlight blue'
enter 'get \\x00\\xff' 'rkv: get: not found: no such key .*'
enter "put b '\\\\x00' " 'ok version 1'
enter 'put b \\x00' 'ok version 2'
enter 'get b' $'\n''\\x00'$'\n''.*not text.*'
type_keys 'txn --prev\n'
expect_on_screen "the lines up to 'end' are dropped; see 'help txn'"$'\n''txn> $'
type_keys 'put b z\n'
expect_on_screen 'txn> $'
enter 'end' ''
enter 'put b y' 'ok version 3'
enter ' put secret 1' 'ok version 1'
enter 'put gr\xc3\xbc\xc3\x9f \xe2\x82\xac' 'ok version 1'

step 'editing and completion'
type_keys 'sta\t'
expect_on_screen 'status $'
type_keys '-w tab\001\013'                       # to the beginning, and kill the line
type_keys 'DELe\t'
expect_on_screen 'DELete $'
enter 'color' $'\nok'
type_keys 'd\t\t'
expect_on_screen 'del  delete  demo'
type_keys '\003'                                 # ^C drops the line
expect_on_screen $'\n''rkv> $'
enter 'get color' 'rkv: get: not found.*'
# Twice up. What is shown of that depends on how the terminal is redrawn.
enter '\033[A\033[A' 'rkv: del: not found.*'
enter 'help replicas' 'Usage: replicas.*replicas.conf'

step 'the end of the input'
type_keys '\004'
leave 0

step 'the history is there again'
expect_equal 'the last line of the history' "$(tail -n 1 "$history_file")" 'help replicas'
expect_equal 'the mode of the history' "$(stat -c %a "$history_file")" 600
expect_equal 'the mode of its directory' "$(stat -c %a "${history_file%/*}")" 700
! grep -q secret "$history_file" || fail 'a line that begins with a blank is in the history'
start_on_terminal "$RKV shell"
expect_on_screen 'rkv> $'
enter '\022light' 'ok version 1'                 # ^R
enter 'frob' "rkv: there is no command frob; see 'help'"
type_keys 'exit\n'
leave 0
: >not-a-directory
start_on_terminal "XDG_STATE_HOME=$test_directory/not-a-directory $RKV shell"
expect_on_screen 'rkv> $'
enter 'put k v' 'ok version [0-9]+.*' # and what becomes of the history is said before it
grep -q 'the history is not kept: .*not-a-directory' "$screen" ||
  fail 'nothing is said of the history'
type_keys 'exit\n'
leave 0

step 'the terminal is as it was after a signal'
# With job control, as at any prompt: libedit gives a signal on to the whole process group.
start_on_terminal "set -m; stty -a >before; (echo \$BASHPID >shell.pid; exec $RKV shell); \
  echo \$? >shell.status; stty -a >after"
expect_on_screen 'rkv> $'
kill -TERM "$(<shell.pid)"
leave 0
expect_equal 'the status of the shell' "$(<shell.status)" 143
cmp before after || fail 'the terminal is left in another state'

step 'the progress bar'
seq 300000 | sed 's/.*/k&\tv&/' >lines
start_on_terminal "$RKV load lines"
leave 0
expect_match 'the terminal' "$(<"$screen")" $'\r''\[#*\.*\] +[0-9]+%  [0-9]+ keys, [0-9]+ keys/s'
text=$(tr '\r' '\n' <"$screen" | grep -a 'loaded')
expect_match 'what is shown after the bar is erased' "$text" \
  $'^\x1b''\[Kloaded 300000 keys, 0 errors'
seconds=$(sed -E 's/.* in ([0-9]+)\..*/\1/' <<<"$text")
drawn=$(tr '\r' '\n' <"$screen" | grep -ac 'keys/s')
((drawn <= 10 * (seconds + 1) + 1)) || fail "the bar is drawn $drawn times in $seconds s"
expect_status 0 "$RKV" load lines
expect_equal 'what is said where no terminal is' "$error" ''

step 'done'
