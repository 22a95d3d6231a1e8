#!/bin/bash
# The scenarios of the protocols: what happens, step by step, is what their transcripts say.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"

"$BUILD/scenario" "$repository"/tests/scenario/*.script ||
  fail 'a transcript differs; make scenarios writes them anew, for review with git diff'
