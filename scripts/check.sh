#!/bin/sh
# Installs what is missing, builds, and runs all checks and tests. Needs nothing but Debian 12.
# Arguments go to make: sh scripts/check.sh SAN=address
set -eu
cd "$(dirname "$0")/.."
sh scripts/deps.sh build check
exec make "-j$(nproc)" check "$@"
