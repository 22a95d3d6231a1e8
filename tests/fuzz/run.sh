#!/bin/bash
# Runs libFuzzer targets one after the other, on tests/fuzz/corpus and what earlier runs have found,
# and prints a line for each and one for all. Stops with status 1 at the first that finds something.
#
#   run.sh SECONDS RUNS TARGET...     how long, or how many executions, for each; '' is no limit
#
# What is new goes to build/fuzz/corpus/TARGET, an input that breaks something to
# build/fuzz/TARGET-crash-..., the output of libFuzzer to build/fuzz/TARGET.log.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
seconds_each=$1 runs_each=$2
shift 2
[[ -n $seconds_each$runs_each ]] || { echo 'say SECONDS=n or RUNS=n, for each target' >&2; exit 2; }
limits=()
[[ -z $seconds_each ]] || limits+=("-max_total_time=$seconds_each")
[[ -z $runs_each ]] || limits+=("-runs=$runs_each")

# What is freed is kept from use for a while, to see its use: less of it than usual, as large blocks
# come and go many thousand times a second.
export ASAN_OPTIONS=quarantine_size_mb=16

statistic() {   # name; of $log
  sed -n "s/^stat::$1: *//p" "$log"
}

# Longer inputs only slow these targets down: the others need room for many fields.
longest() {   # target
  case $1 in
    call_header | reply_header | connection) echo 1024 ;;
    *) echo 4096 ;;
  esac
}

row='%-16s %13s %9s %11s %7s %7s\n'
# shellcheck disable=SC2059
printf "$row" target executions seconds per-second edges new
executions_in_all=0 started_all=$SECONDS
for target; do
  log=build/fuzz/$target.log started=$SECONDS
  found=build/fuzz/corpus/$target kept=tests/fuzz/corpus/$target
  mkdir -p "$found" "$kept"
  if ! "build/fuzz/$target" "${limits[@]}" -print_final_stats=1 -timeout=10 -rss_limit_mb=3000 \
    -max_len="$(longest "$target")" -dict=tests/fuzz/dictionary.txt \
    -artifact_prefix="build/fuzz/$target-" "$found" "$kept" >"$log" 2>&1; then
    tail -n 40 "$log"
    echo "FAILED: $target; see $log"
    exit 1
  fi
  executions=$(statistic number_of_executed_units)
  edges=$(sed -n 's/^#[0-9]*\tDONE *cov: \([0-9]*\) .*/\1/p' "$log")
  # shellcheck disable=SC2059
  printf "$row" "$target" "$executions" $((SECONDS - started)) \
    "$(statistic average_exec_per_sec)" "$edges" "$(statistic new_units_added)"
  ((executions_in_all += executions))
done
seconds=$((SECONDS - started_all))
# shellcheck disable=SC2059
printf "$row" all "$executions_in_all" "$seconds" \
  $((executions_in_all / (seconds > 0 ? seconds : 1))) '' ''
