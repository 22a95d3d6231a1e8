#!/bin/bash
# Runs the include rules, the unit tests and tests/system/*_test.sh, one line for each, and ends
# with "N passed, N failed, N skipped" (without the last part when nothing was skipped). The
# programs to test are in $BUILD (build). With arguments, only the tests of these names:
#
#   tests/run.sh [include_rules] [include_rules_test] [unit_tests] [cluster_test] ...
#
# In a test's first lines, "# needs: root rpcinfo" names what it cannot do without (root, programs,
# or terminals: /dev/pts, which a chroot may not have) and "# timeout: 60" how many seconds it may
# take (120). It runs in an empty directory of its own, which is removed when the test passes; no
# process of it may be left.
#
# TIMEOUT_FACTOR=4 gives every test four times as long: for sanitizers and slow machines. A test
# fails when the sanitizer of any program that it ran has something to report.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export PATH="$PATH:/usr/sbin:/sbin"

build=${BUILD:-build}
[[ $build == /* ]] || build=$PWD/$build
export BUILD=$build RKVD=$build/rkvd RKV=$build/rkv
export TSAN_OPTIONS="${TSAN_OPTIONS:-suppressions=$PWD/tests/tsan.supp die_after_fork=0}"
unset "${!RKV_@}" "${!RKVD_@}" "${!KV_R_@}"

export TIMEOUT_FACTOR=${TIMEOUT_FACTOR:-1}
if [[ ! $TIMEOUT_FACTOR =~ ^[1-9][0-9]{0,2}$ ]]; then
  echo "run.sh: TIMEOUT_FACTOR is '$TIMEOUT_FACTOR', but must be a number from 1 to 999" >&2
  exit 2
fi

passed=0 failed=0 skipped=0
scratch=$(mktemp -d "${TMPDIR:-/tmp}/rkv-tests.XXXXXX") || exit 1
scratch=$(readlink -f "$scratch")

# Ends every process that works in or on this directory, and says which those were.
end_processes() {
  local process command
  for process in /proc/[0-9]*; do
    [[ ${process#/proc/} != "$$" ]] || continue
    { command=$(tr '\0' ' ' <"$process/cmdline"); } 2>/dev/null || continue
    if [[ $command == *"$1/"* || $(readlink "$process/cwd") == "$1"* ]]; then
      echo "left behind: ${process#/proc/} $command"
      kill -KILL "${process#/proc/}" 2>/dev/null
    fi
  done
}

end_run() {
  trap '' INT TERM HUP
  if [[ -n ${running:-} ]]; then   # interrupted
    kill -TERM "$running" 2>/dev/null
    wait "$running"
    end_processes "$scratch"
    rm -rf "${scratch:?}"
  fi
  rmdir "$scratch" 2>/dev/null
}
trap end_run EXIT
trap 'exit 1' INT TERM HUP

# The first thing that the test needs and that is not here.
missing_need() {
  local need
  for need in $(sed -n '1,20s/^# needs: *//p' "$1"); do
    if [[ $need == root ]]; then
      ((EUID == 0)) || { echo root; return; }
    elif [[ $need == terminals ]]; then   # a chroot may have no /dev/pts
      script -qec true /dev/null </dev/null >/dev/null 2>&1 || { echo terminals; return; }
    else
      type -P "$need" >/dev/null || { echo "$need"; return; }
    fi
  done
}

result() {   # ok, FAILED or skipped; name; more
  printf '%-8s %-24s %s\n' "$@"
}

# Runs a command as a test. $counts: "N passed, N failed", if the output ends so, and else empty.
run_test() {   # name, seconds it may take, command...
  local name=$1 limit=$(($2 * TIMEOUT_FACTOR)) status started=$SECONDS left output reports report
  shift 2
  mkdir "$scratch/$name" || exit 1
  output=$scratch/$name.out
  reports=$scratch/$name.sanitizer   # and .PID
  (
    cd "$scratch/$name" || exit 1
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$reports"
    export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$reports:print_stacktrace=1"
    export TSAN_OPTIONS="$TSAN_OPTIONS log_path=$reports"
    exec env TMPDIR="$scratch/$name" timeout -k 15 "$limit" "$@"
  ) </dev/null >"$output" 2>&1 &
  running=$!
  wait "$running"
  status=$?
  running=''
  counts=$(tail -n 1 "$output" | grep -E '^[0-9]+ passed, [0-9]+ failed$')
  if ((status == 124 || status == 137)); then
    echo "$name did not end within $limit s" >>"$output"
  fi
  left=$(end_processes "$scratch/$name")
  if [[ -n $left ]]; then
    echo "$left" >>"$output"
    status=1
  fi
  for report in "$reports".*; do
    [[ -f $report ]] || continue
    echo "the sanitizer of process ${report##*.} reports:" | cat - "$report" >>"$output"
    rm "$report"
    status=1
  done
  if ((status == 0)); then
    result ok "$name" "$((SECONDS - started)) s${counts:+, $counts}"
    rm -rf "${scratch:?}/$name" "$output"
  else
    sed 's/^/    /' "$output"
    result FAILED "$name" "$((SECONDS - started)) s; its files: $scratch/$name, $output"
  fi
  return $status
}

count() {
  if (($1 == 0)); then
    ((++passed))
  else
    ((++failed))
  fi
}

asked=()
for name; do
  name=${name##*/}
  name=${name%.sh}
  case $name in
    include_rules | include_rules_test | unit_tests) ;;
    *) name=${name%_test}_test
      [[ -f tests/system/$name.sh ]] || { echo "run.sh: there is no test $name" >&2; exit 2; } ;;
  esac
  asked+=("$name")
done

is_asked() {
  ((${#asked[@]} == 0)) || [[ " ${asked[*]} " == *" $1 "* ]]
}

for name in include_rules include_rules_test; do
  if is_asked "$name"; then
    run_test "$name" 60 bash "$PWD/tests/$name.sh"
    count $?
  fi
done

if is_asked unit_tests; then
  run_test unit_tests "${UNIT_TIMEOUT:-600}" "$BUILD/unit_tests"
  status=$?
  if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    ((passed += BASH_REMATCH[1]))
    ((failed += BASH_REMATCH[2]))
    ((status == 0 || BASH_REMATCH[2] > 0)) || ((++failed))
  else
    count "$status"
  fi
fi

for test in tests/system/*_test.sh; do
  name=${test##*/}
  name=${name%.sh}
  is_asked "$name" || continue
  need=$(missing_need "$test")
  if [[ -n $need ]]; then
    result skipped "$name" "needs $need"
    ((++skipped))
    continue
  fi
  limit=$(sed -n '1,20s/^# timeout: *//p' "$test")
  run_test "$name" "${limit:-120}" bash "$PWD/$test"
  count $?
done

summary="$passed passed, $failed failed"
((skipped == 0)) || summary+=", $skipped skipped"
echo "$summary"
((failed == 0))
