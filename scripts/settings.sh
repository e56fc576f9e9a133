# Where one stack lives and listens: sourced by the other scripts, exported to the programs they start.
# shellcheck shell=bash
set -euo pipefail
umask 022

say() { printf '%s\n' "$*"; }

# step TEXT: the headline of something that takes a while, with the time since the script began.
step() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

# total: the time since the script began, in words.
total() { printf '%d min %d s' $((SECONDS / 60)) $((SECONDS % 60)); }

# fail SUMMARY [HINT...]: says plainly what is wrong and what to do, then ends.
fail() {
  printf 'martlet: %s\n' "$1" >&2
  shift
  local hint
  for hint in "$@"; do printf '         %s\n' "$hint" >&2; done
  exit 1
}

as_root() { [[ $(id -u) == 0 ]]; }

MARTLET_CLONE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MARTLET_HOST=${MARTLET_HOST:-127.0.0.1}

# The user that every program of the stack runs as: never root.
if as_root; then MARTLET_USER=${MARTLET_USER:-martlet}; else MARTLET_USER=$(id -un); fi

# as_user COMMAND...: runs a command as that user, without the caller's secrets in its environment.
as_user() {
  if as_root; then
    setpriv --reuid "$MARTLET_USER" --regid "$MARTLET_USER" --clear-groups --no-new-privs -- "$@"
  else
    "$@"
  fi
}

port_table() {
  local base=${MARTLET_PORT_BASE:-}
  if [[ -z $base ]]; then
    PORT_SITE=8080 PORT_SITE_TLS=8443 PORT_RTMP=1935 PORT_RTMPS=1936
    PORT_AUTH=8101 PORT_CATALOG=8102 PORT_INGEST=8103 PORT_ORIGIN=8104 PORT_SFU=8105
    PORT_SFU_WEBRTC=8190 PORT_INGEST_WEBRTC=8180 PORT_TRANSCODER=8106 PORT_REPLICAS=8200
    return
  fi
  if ! [[ $base =~ ^[0-9]{4,5}$ ]] || ((base < 1024 || base > 64000)); then
    fail "MARTLET_PORT_BASE is '$base', not a number from 1024 to 64000."
  fi
  PORT_SITE=$((base + 80)) PORT_SITE_TLS=$((base + 443)) PORT_RTMP=$((base + 935)) PORT_RTMPS=$((base + 936))
  PORT_AUTH=$((base + 101)) PORT_CATALOG=$((base + 102)) PORT_INGEST=$((base + 103)) PORT_ORIGIN=$((base + 104))
  PORT_SFU=$((base + 105)) PORT_SFU_WEBRTC=$((base + 190)) PORT_INGEST_WEBRTC=$((base + 180))
  PORT_TRANSCODER=$((base + 106)) PORT_REPLICAS=$((base + 200))
}

# How many processes there are of the services that can have several.
replica_table() {
  local name count
  MARTLET_INGEST_REPLICAS=${MARTLET_INGEST_REPLICAS:-1} MARTLET_SFU_REPLICAS=${MARTLET_SFU_REPLICAS:-1}
  MARTLET_TRANSCODER_REPLICAS=${MARTLET_TRANSCODER_REPLICAS:-1}
  for name in INGEST SFU TRANSCODER; do
    count=MARTLET_${name}_REPLICAS
    [[ ${!count} =~ ^[1-9]$ ]] || fail "$count is '${!count}', not a number from 1 to 9."
  done
}

# replica_port NAME NUMBER: the HTTP port of a replica of INGEST, SFU or TRANSCODER; the first has the service's own.
replica_port() {
  local -A place=([INGEST]=10 [SFU]=20 [TRANSCODER]=30)
  local first=PORT_$1
  if (($2 == 1)); then echo "${!first}"; else echo $((PORT_REPLICAS + place[$1] + $2)); fi
}

# reachable FOLDER: can the services' user enter it?
reachable() {
  ! as_root && return
  id -u "$MARTLET_USER" >/dev/null 2>&1 && { as_user test -x "$1"; return; }
  local folder=$1
  while :; do # before the user exists: everybody must be able to enter
    local mode
    mode=$(stat -c %a "$folder")
    (((8#$mode & 1) == 1)) || return 1
    [[ $folder == / ]] && return
    folder=$(dirname "$folder")
  done
}

data_folder() {
  if [[ -n ${MARTLET_DATA:-} ]]; then
    [[ $MARTLET_DATA == /* ]] || MARTLET_DATA=$PWD/$MARTLET_DATA
  elif reachable "$MARTLET_CLONE"; then
    MARTLET_DATA=$MARTLET_CLONE/.martlet
  else
    MARTLET_DATA=/var/lib/martlet
  fi
}

port_table
replica_table
data_folder
export MARTLET_CLONE MARTLET_DATA MARTLET_USER MARTLET_HOST
export PORT_SITE PORT_SITE_TLS PORT_RTMP PORT_RTMPS PORT_AUTH PORT_CATALOG PORT_INGEST PORT_ORIGIN
export PORT_SFU PORT_SFU_WEBRTC PORT_INGEST_WEBRTC PORT_TRANSCODER PORT_REPLICAS
export MARTLET_INGEST_REPLICAS MARTLET_SFU_REPLICAS MARTLET_TRANSCODER_REPLICAS

for toolchain in /opt/swift/usr/bin /usr/local/swift/usr/bin; do
  if ! command -v swift >/dev/null && [[ -x $toolchain/swift ]]; then export PATH=$toolchain:$PATH; fi
done
unset toolchain
