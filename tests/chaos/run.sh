#!/bin/bash
# Runs system tests one after the other with what they say on stdout, each in an empty directory
# of its own, which stays when the test fails; stops at the first that does.
#
#   tests/chaos/run.sh NAME...     crash, pause, partition, ...
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
repository=$PWD
export BUILD=${BUILD:-$repository/build} PATH="$PATH:/usr/sbin:/sbin"
[[ $BUILD == /* ]] || BUILD=$repository/$BUILD

for name; do
  directory=$(mktemp -d "${TMPDIR:-/tmp}/rkv-chaos.XXXXXX") || exit 1
  echo "== $name"
  if ! (cd "$directory" && exec bash "$repository/tests/system/${name}_test.sh" </dev/null); then
    echo "$name failed; its files: $directory"
    exit 1
  fi
  rm -rf "${directory:?}"
done
