#!/bin/sh
# Installs the Debian packages that are missing for what is asked:
#   build   to compile rkvd and rkv          check   to run the tests
#   lint    to run make lint                 fuzz    to run make fuzz
#   bench   what make bench compares with    all     all but bench (the default)
# As root, or through sudo where there is one; otherwise it says what to install and fails. When
# nothing is missing it does nothing. No service is started by it.
set -eu

build_packages='g++ gcc cpp make libc6-dev libtirpc-dev rpcsvc-proto libboost-program-options-dev
  librocksdb-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libxxhash-dev libedit-dev
  libjemalloc-dev'
# Tests run an rpcbind and an sshd of their own, where nothing else sees them.
check_packages='libcppunit-dev rpcbind strace python3 tshark openssh-client openssh-server iproute2
  patch e2fsprogs mount'
lint_packages='clang-format clang-tidy git'
fuzz_packages='clang libclang-rt-14-dev'   # of Debian 12, whose clang is version 14
bench_packages=etcd-server
policy=/usr/sbin/policy-rc.d

fail() {
  echo "deps.sh: $1" >&2
  exit "${2:-1}"
}

wanted=
[ $# -gt 0 ] || set -- all
for set_name; do
  case $set_name in
    build) wanted="$wanted $build_packages" ;;
    check) wanted="$wanted $check_packages" ;;
    lint) wanted="$wanted $lint_packages" ;;
    fuzz) wanted="$wanted $fuzz_packages" ;;
    bench) wanted="$wanted $bench_packages" ;;
    all) wanted="$build_packages $check_packages $lint_packages $fuzz_packages" ;;
    -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "no such set of packages: $set_name (build, check, lint, fuzz, bench or all)" 2 ;;
  esac
done

command -v dpkg-query >/dev/null ||
  fail "this is not a Debian system; install what these packages have: ${wanted# }"

# shellcheck disable=SC2086 # one word for each package
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
  sed -n 's/^installed //p')
missing=
for package in $wanted; do
  case "
$installed
" in
    *"
$package
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
  elif command -v sudo >/dev/null && [ -t 0 ]; then
    as_root=sudo
  else
    fail "as root, run: apt-get install --no-install-recommends$missing"
  fi
fi

echo "deps.sh: installing$missing" >&2

# Where a package brings a service (rpcbind), installing it would start it. Debian asks this
# program whether it may; it is there only while this script runs, and one that exists is kept.
remove_policy() {
  $as_root rm -f "$policy"
}
if [ ! -e "$policy" ]; then
  trap remove_policy EXIT
  trap 'exit 1' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
fi

apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
$apt update >&2 </dev/null || fail 'apt-get update failed; is there a network?'
# shellcheck disable=SC2086
$apt install -y --no-install-recommends $missing >&2 </dev/null ||
  fail "apt-get could not install$missing"
