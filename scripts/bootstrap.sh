#!/bin/sh
# Makes a machine ready for everything else in this repository, and says nothing when it already is.
#
# Needed: Node 20 or newer with npm (the workspace brings its own newer one), a few Debian packages that the lab
# starts its parts with (and Chromium, when called with the word `test`), and, until the lab's parts are built, Go
# and pip. What is missing is installed where this runs as root on Debian or Ubuntu, without starting any daemon;
# elsewhere the exact command is printed and the exit code is 69. Go is not the system's business: where there is no
# usable one, the official toolchain goes into the user's cache folder. Then the workspace's npm packages are installed.
set -eu
cd "$(dirname "$0")/.."

purpose=${1:-}

oldest_node=20
oldest_go=1.21
go_version=1.26.8
go_hash_amd64=h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=
go_hash_arm64=h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=

unavailable=69
cache=${XDG_CACHE_HOME:-$HOME/.cache}/meshlift
# Debian keeps ip, nft and iptables where an ordinary user's PATH does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '%s\n' "$@" >&2; }

fail() {
  say "$@"
  exit "$unavailable"
}

ticker=
policy_is_ours=
cleanup() {
  [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
  [ -z "$policy_is_ours" ] || restore_policy
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# slowly WHAT COMMAND…: runs a command that may take long, says that it still does, and shows its output if it fails.
slowly() {
  what=$1
  shift
  say "$what …"
  log=$(mktemp)
  (
    seconds=0
    while sleep 3 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
      seconds=$((seconds + 3))
      say "$what … ${seconds}s"
    done
  ) &
  ticker=$!
  code=0
  "$@" >"$log" 2>&1 </dev/null || code=$?
  kill "$ticker" 2>/dev/null || true
  ticker=
  if [ "$code" -ne 0 ]; then
    say "$what: failed with exit code $code. It said (all of it in $log):"
    # The cause is at the beginning for some programs, and at the end for others.
    if [ "$(wc -l <"$log")" -gt 40 ]; then
      head -n 15 "$log" >&2
      say '…'
      tail -n 20 "$log" >&2
    else
      cat "$log" >&2
    fi
    return "$code"
  fi
  rm -f "$log"
}

# at_least HAVE WANTED: whether a version such as 1.26.8 is no older than one such as 1.21.
at_least() {
  have_major=${1%%.*} have_rest=${1#*.} want_major=${2%%.*} want_rest=${2#*.}
  have_minor=${have_rest%%[!0-9]*} want_minor=${want_rest%%[!0-9]*}
  [ "$2" = "$want_major" ] && want_minor=0
  [ "$have_major" -gt "$want_major" ] || { [ "$have_major" -eq "$want_major" ] && [ "${have_minor:-0}" -ge "$want_minor" ]; }
}

# ---- what is missing -------------------------------------------------------------------------------------------

debian_packages=
# want PROGRAM PACKAGE: notes the Debian package of a program that is not there.
want() {
  command -v "$1" >/dev/null 2>&1 || debian_packages="$debian_packages $2"
}

find_go() {
  for go in go /usr/local/go/bin/go /usr/lib/go/bin/go "$cache/go/bin/go"; do
    version=$(GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || continue
    if at_least "${version#go}" "$oldest_go"; then return 0; fi
  done
  return 1
}

# Parts that are there (built, imported or the user's own) need neither Go nor pip. If they are of another version
# of the lab, the lab itself says what it lacks.
parts_are_there() {
  [ -n "${MESHLIFT_PARTS:-}" ] && return 0
  for manifest in "$cache"/parts/*/manifest.json; do
    [ -e "$manifest" ] && return 0
  done
  return 1
}

check_node() {
  # Not from apt: Debian's own is too old in the releases that most machines run, and which source to take
  # instead is the user's choice.
  advice="Install it from https://nodejs.org/en/download or your distribution, so that \`node\` and \`npm\` are on the PATH."
  version=$(node --version 2>/dev/null) || fail "Node.js $oldest_node or newer is needed and is not on the PATH." "$advice"
  at_least "${version#v}" "$oldest_node" || fail "Node.js $oldest_node or newer is needed; $(command -v node) is $version." "$advice"
  command -v npm >/dev/null 2>&1 || fail "npm is needed and is not on the PATH." "$advice"
}

check_packages() {
  want mmdebstrap mmdebstrap
  want bwrap bubblewrap
  want iptables iptables
  want nft nftables
  want ip iproute2
  want ps procps
  want ssh openssh-client
  want unshare util-linux
  want dpkg-deb dpkg
  # The tests buy something in a real browser (CHROMIUM names another one).
  [ "$purpose" != test ] || [ -n "${CHROMIUM:-}" ] || want chromium chromium
  # The keys that the lab's own Debian is verified with; Debian has them, Ubuntu does not.
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || debian_packages="$debian_packages debian-archive-keyring"
  # Root needs no user namespace; the tests have a lab of an ordinary user too.
  [ "$(id -u)" -eq 0 ] && [ "$purpose" != test ] || want newuidmap uidmap
  parts_are_there && return
  want python3 python3
  python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("pip") is None)' 2>/dev/null ||
    debian_packages="$debian_packages python3-pip"
}

# ---- Debian packages -------------------------------------------------------------------------------------------

policy=/usr/sbin/policy-rc.d
policy_marker='# Written by scripts/bootstrap.sh for the length of one apt-get call; its process is'

# Debian asks policy-rc.d before it starts a freshly installed daemon; 101 means "no".
forbid_daemons() {
  [ ! -e "$policy" ] || mv "$policy" "$policy.meshlift-saved"
  policy_is_ours=yes
  printf '#!/bin/sh\n%s %s\nexit 101\n' "$policy_marker" $$ >"$policy"
  chmod 0755 "$policy"
}

# Killed during that call, this script could not put back what was there before.
repair_policy() {
  [ -w "$policy" ] || return 0
  owner=$(sed -n "s|^$policy_marker ||p" "$policy")
  [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null || restore_policy
}

restore_policy() {
  rm -f "$policy"
  [ ! -e "$policy.meshlift-saved" ] || mv "$policy.meshlift-saved" "$policy"
  policy_is_ours=
}

apt_install() {
  # shellcheck disable=SC2086 # a list of package names
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get install -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 $debian_packages
}

install_packages() {
  [ -n "$debian_packages" ] || return 0
  packages=${debian_packages# }
  command="apt-get install -y --no-install-recommends $packages"
  command -v apt-get >/dev/null 2>&1 ||
    fail "Missing on this machine: what Debian packages as $packages." \
      "Install these with your distribution's package manager, then run this again."
  [ "$(id -u)" -eq 0 ] || fail "Missing on this machine: $packages. Install with:" "  sudo $command"
  # Without lists, apt knows no package.
  # shellcheck disable=SC2086
  apt-cache show $packages >/dev/null 2>&1 || slowly 'Reading the lists of Debian packages' apt-get update
  forbid_daemons
  slowly "Installing $packages" apt_install || fail "Install them yourself with:" "  $command"
  restore_policy
}

# ---- Go --------------------------------------------------------------------------------------------------------

# The file that Go itself downloads when a module asks for a newer toolchain (GOTOOLCHAIN), from the same place.
install_go() {
  case $(uname -m) in
    x86_64) arch=amd64 hash=$go_hash_amd64 ;;
    aarch64) arch=arm64 hash=$go_hash_arm64 ;;
    *) fail "The lab's parts exist for x86-64 and ARM64 machines; this one is $(uname -m)." ;;
  esac
  proxy=${GOPROXY:-https://proxy.golang.org}
  proxy=${proxy%%[,|]*}
  case $proxy in
    https://* | http://* | file://*) ;;
    *) fail "Go $oldest_go or newer is needed, and GOPROXY=${GOPROXY:-} is no place to fetch it from." "Install Go from https://go.dev/doc/install" ;;
  esac
  mkdir -p "$cache"
  slowly "Fetching Go $go_version into $cache/go" \
    python3 scripts/fetch-go.py "$proxy" "$go_version" "$arch" "$hash" "$cache/go" ||
    fail "Install Go $oldest_go or newer yourself: https://go.dev/doc/install"
}

# ---- npm packages ----------------------------------------------------------------------------------------------

# Whatever came last, npm itself or this script: if the lock file is newer than that, packages may be missing.
npm_packages_are_there() {
  for stamp in node_modules/.package-lock.json node_modules/.bootstrapped; do
    [ -e "$stamp" ] && [ ! package-lock.json -nt "$stamp" ] && return 0
  done
  return 1
}

# Not `npm ci`: it refuses a lock file that lacks an optional package of some other platform, and some registries
# don't carry all of those. What is in the lock file is installed exactly so, and the lock file is left as it is.
install_npm_packages() {
  slowly "Installing the workspace's npm packages" npm install --no-save --no-audit --no-fund --loglevel=error
  touch node_modules/.bootstrapped
}

# ---- all of it -------------------------------------------------------------------------------------------------

repair_policy
check_node
check_packages
install_packages
parts_are_there || find_go || install_go
npm_packages_are_there || install_npm_packages
