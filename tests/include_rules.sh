#!/bin/bash
# Reads the #include lines below src/ and fails on an arrow that is not in DESIGN.md's house, and on
# the other rules of the house that a script can see. Prints "file:line: what is wrong".
#
#   include_rules.sh [ROOT]     ROOT is the top of the source tree; without it, the one this is in
set -uo pipefail
export LC_ALL=C.UTF-8
cd "${1:-$(dirname "$0")/..}" || exit 1

# Who may include whom: the folder of src/, then what it may see directly. Arrows are transitive,
# and every folder sees itself.
house='
base
env       base
kv        base
protocol  base
paxos     protocol
twopc     protocol
forward   protocol
storage   kv env
replica   env kv protocol paxos twopc forward
rpc       base
service   rpc replica
client    rpc
posix     env
rkvd      service storage posix
rkv       client posix
'

# These know no operating system, no time, no chance and no threads.
pure='base kv protocol paxos twopc forward'
# Neither does this one, but it names what the others bring.
os_free="env $pure"

# Headers that a folder of os_free must not include.
os_headers='thread|mutex|shared_mutex|condition_variable|atomic|future|semaphore|latch|barrier'
os_headers+='|stop_token|chrono|ctime|time\.h|random|fstream|filesystem|csignal'
os_headers+='|(sys|net|netinet|arpa|linux|rocksdb|rpc|rpcsvc|spdlog)/.*|boost/asio.*'
os_headers+='|unistd\.h|fcntl\.h|poll\.h|dirent\.h|netdb\.h|signal\.h|pthread\.h|dlfcn\.h'

# The generated header defines macros named PUT and GET.
kv_header_users='service client'

line_width=100
file_length=600

violations=0
report() {   # where, what
  echo "$1: $2"
  ((++violations))
}

contains() {   # list of words, word
  [[ " $1 " == *" $2 "* ]]
}

# ---- the closure of the house ------------------------------------------------------------------

declare -A sees=()
while read -r folder rest; do
  [[ -z $folder ]] || sees[$folder]="$folder $rest"
done <<<"$house"

changed=1
while ((changed)); do
  changed=0
  for folder in "${!sees[@]}"; do
    for seen in ${sees[$folder]}; do
      for further in ${sees[$seen]}; do
        if ! contains "${sees[$folder]}" "$further"; then
          sees[$folder]+=" $further"
          changed=1
        fi
      done
    done
  done
done

# ---- includes ----------------------------------------------------------------------------------

include='^([^:]+):([0-9]+):[[:space:]]*#[[:space:]]*include[[:space:]]*([<"])([^>"]+)[>"]'
while IFS= read -r found; do
  if [[ ! $found =~ $include ]]; then
    report "${found%%:*}" "an #include that cannot be read: ${found#*:}"
    continue
  fi
  file=${BASH_REMATCH[1]} where=${BASH_REMATCH[1]}:${BASH_REMATCH[2]}
  quote=${BASH_REMATCH[3]} header=${BASH_REMATCH[4]}
  folder=${file#src/}
  if [[ $folder != */* ]]; then
    report "$where" 'a source in src/ itself: it belongs to one of the folders'
    continue
  fi
  folder=${folder%%/*}
  if [[ -z ${sees[$folder]:-} ]]; then
    report "$where" "src/$folder is not in the house"
    continue
  fi

  if [[ $header == kv.h ]]; then
    contains "$kv_header_users" "$folder" ||
      report "$where" "kv.h belongs to src/service and src/client only"
  elif [[ $quote == '"' ]]; then
    target=${header%%/*}
    if [[ $header != */* ]]; then
      report "$where" "\"$header\" does not say its folder: \"folder/file.h\""
    elif [[ -z ${sees[$target]:-} ]]; then
      report "$where" "\"$header\": src/$target is not in the house"
    elif ! contains "${sees[$folder]}" "$target"; then
      report "$where" "src/$folder must not see src/$target"
    elif [[ ! -f src/$header ]]; then
      report "$where" "\"$header\": there is no such file"
    fi
  elif contains "$os_free" "$folder" && [[ $header =~ ^($os_headers)$ ]]; then
    report "$where" "src/$folder is free of the operating system: no <$header>"
  fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' src --include='*.h' --include='*.cc')

# ---- what else a line can tell -----------------------------------------------------------------

# Reports every line in the files of these folders that has the pattern.
forbid() {   # folders, pattern, what is wrong
  local folder found
  for folder in $1; do
    [[ -d src/$folder ]] || continue
    while IFS= read -r found; do
      report "$(cut -d: -f1,2 <<<"$found")" "$3"
    done < <(grep -rnE "$2" "src/$folder" --include='*.h' --include='*.cc')
  done
}

forbid "$pure" 'unordered_(map|set|multimap|multiset)' \
  'no unordered container here: its order would make replicas differ'
forbid rpc '\bkv\.h|\bKV_[A-Z]' 'src/rpc knows nothing of kv.x'

# ---- sizes -------------------------------------------------------------------------------------

while IFS= read -r file; do
  while IFS= read -r found; do
    report "$file:${found%%:*}" "longer than $line_width characters"
  done < <(grep -nE "^.{$((line_width + 1))}" "$file")
  length=$(wc -l <"$file")
  # The contract of the wire is one document, whatever its length.
  ((length <= file_length)) || [[ $file == *.x ]] ||
    report "$file:$length" "longer than $file_length lines: it does more than one thing"
done < <(
  find src scripts tests -type f \( -name '*.h' -o -name '*.cc' -o -name '*.c' -o -name '*.sh' \
    -o -name '*.x' \) | sort
  find . -maxdepth 1 -type f \( -name Makefile -o -name '*.x' \) | sort
)

((violations == 0))
