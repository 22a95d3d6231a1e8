#!/bin/bash
# Breaks each rule of include_rules.sh in a small tree and sees that it is reported, and that what
# is allowed is not.
set -uo pipefail
rules=$(cd "$(dirname "$0")" && pwd)/include_rules.sh
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
failures=0

fresh_tree() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{scripts,tests} \
    "$tree"/src/{base,env,kv,protocol,paxos,twopc,replica,rpc,service,client,storage,rkvd,rkv}
  for folder in base kv protocol paxos twopc replica rpc service storage; do
    printf '#pragma once\n' >"$tree/src/$folder/thing.h"
  done
}

# The line has to be reported, with this in the message, and it alone.
expect_report() {   # file, line of text, message
  local output
  fresh_tree
  printf '// First.\n%s\n' "$2" >"$tree/$1"
  if output=$(bash "$rules" "$tree"); then
    echo "not reported: $1: $2"
    ((++failures))
  elif [[ $output != "$1:2: "*"$3"* || $output == *$'\n'* ]]; then
    printf 'reported wrongly: %s: %s\n%s\n' "$1" "$2" "$output"
    ((++failures))
  fi
}

expect_silence() {   # file, line of text
  local output
  fresh_tree
  printf '%s\n' "$2" >"$tree/$1"
  if ! output=$(bash "$rules" "$tree"); then
    printf 'reported, but allowed: %s: %s\n%s\n' "$1" "$2" "$output"
    ((++failures))
  fi
}

# Arrows.
expect_report src/paxos/a.cc '#include "twopc/thing.h"' 'src/paxos must not see src/twopc'
expect_report src/twopc/a.h '#include "paxos/thing.h"' 'src/twopc must not see src/paxos'
expect_report src/base/a.cc '#include "kv/thing.h"' 'src/base must not see src/kv'
expect_report src/rpc/a.cc '#  include "service/thing.h"' 'src/rpc must not see src/service'
expect_report src/client/a.cc '#include "replica/thing.h"' 'src/client must not see src/replica'
expect_report src/storage/a.cc '#include "protocol/thing.h"' 'must not see src/protocol'
expect_report src/rkv/a.cc '#include "storage/thing.h"' 'src/rkv must not see src/storage'
expect_report src/rkvd/a.cc '#include "nowhere/thing.h"' 'src/nowhere is not in the house'
expect_report src/kv/a.cc '#include "base/missing.h"' 'there is no such file'
expect_report src/kv/a.cc '#include "thing.h"' 'does not say its folder'
expect_report src/a.cc '#include <map>' 'src/ itself'
expect_silence src/paxos/a.cc '#include "base/thing.h"'
expect_silence src/rkvd/a.cc '#include "paxos/thing.h"'   # through service and replica
expect_silence src/kv/a.cc '#include "kv/thing.h"'

# The generated header.
expect_report src/replica/a.cc '#include "kv.h"' 'kv.h belongs to'
expect_report src/rkvd/a.cc '#include <kv.h>' 'kv.h belongs to'
expect_report src/rpc/a.cc '// as in kv.h' 'src/rpc knows nothing of kv.x'
expect_report src/rpc/a.cc 'int program = KV_PROG;' 'src/rpc knows nothing of kv.x'
expect_silence src/service/a.cc '#include <kv.h>'
expect_silence src/client/a.cc '#include "kv.h"'

# The operating system.
for header in thread mutex chrono random fstream sys/socket.h netinet/in.h rocksdb/db.h rpc/rpc.h \
  unistd.h; do
  expect_report src/protocol/a.cc "#include <$header>" "free of the operating system: no <$header>"
done
expect_report src/env/a.h '#include <sys/uio.h>' 'free of the operating system'
expect_silence src/base/a.cc '#include <cstring>'
expect_silence src/storage/a.cc '#include <rocksdb/db.h>'
expect_report src/kv/a.cc 'std::unordered_map<int, int> map;' 'no unordered container'
expect_silence src/rpc/a.cc 'std::unordered_map<int, int> map;'

# Sizes.
wide=$(printf '%101s' '' | tr ' ' x)
expect_report src/kv/a.cc "// ${wide:3}" 'longer than 100 characters'
expect_report tests/a.sh "# ${wide:2}" 'longer than 100 characters'
expect_silence src/kv/a.cc "// ${wide:4}"
fresh_tree
yes '// A line.' | head -n 601 >"$tree/src/kv/a.cc"
output=$(bash "$rules" "$tree")
[[ $output == 'src/kv/a.cc:601: longer than 600 lines'* ]] || {
  printf 'a file of 601 lines: %s\n' "$output"
  ((++failures))
}
expect_silence src/kv/a.cc "$(yes '// A line.' | head -n 600)"

((failures == 0))
