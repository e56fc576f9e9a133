# What must hold before anything starts, said plainly where it does not: sourced after settings.sh.
# shellcheck shell=bash

minimum_free_first_mb=6000 # packages, a release build and its intermediate files
minimum_free_mb=1000

check_system() {
  [[ -n ${MARTLET_ANY_SYSTEM:-} ]] && return
  local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && . /etc/os-release
  [[ $ID == debian && $VERSION_ID == 12 ]] || fail "This is $PRETTY_NAME; 'make up' is made for Debian 12." \
    "Use 'docker compose up' here, or set MARTLET_ANY_SYSTEM=1 to try anyway."
}

check_toolchain() {
  command -v swift >/dev/null || fail "There is no Swift toolchain in PATH." \
    "Install Swift 6.2 or later from https://www.swift.org/install/linux/ (Debian 12), for example to /opt/swift."
}

check_toolchain_version() { # after the packages: the driver itself needs some of them
  local version
  version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | head -n 1 | grep -oE '[0-9.]+') ||
    fail "'swift --version' does not run; is the toolchain made for Debian 12?"
  local major=${version%%.*} minor=${version#*.}
  ((major > 6 || (major == 6 && minor >= 2))) || fail "Swift $version is too old: 6.2 or later is needed."
}

check_space() {
  local folder=$1 needed=$2 free
  while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
  free=$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')
  ((free >= needed)) || fail "The disk of $folder has $free MB free; $needed MB are needed." \
    "Free some space, or point MARTLET_DATA at another disk."
}

# listener_of PORT: prints who listens on a TCP port, or fails when nobody does.
listener_of() {
  local row inode file process
  printf -v row ':%04X' "$1"
  inode=$(awk -v port="$row" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10; exit }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  [[ -n $inode ]] || return 1
  file=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" -print -quit 2>/dev/null || true)
  if [[ -n $file ]]; then
    process=${file#/proc/}
    process=${process%%/*}
    printf '%s (process %s)' "$(cat "/proc/$process/comm")" "$process"
    return
  fi
  printf 'another process'
}

# wanted_ports: every TCP port that the stack takes; media of WebRTC have one for each replica.
wanted_ports() {
  local name number count
  printf '%s\n' "$PORT_SITE" "$PORT_SITE_TLS" "$PORT_RTMP" "$PORT_RTMPS" "$PORT_AUTH" "$PORT_CATALOG" "$PORT_ORIGIN"
  for name in INGEST SFU TRANSCODER; do
    count=MARTLET_${name}_REPLICAS
    for ((number = 1; number <= ${!count}; number++)); do replica_port "$name" "$number"; done
  done
  seq "$PORT_INGEST_WEBRTC" $((PORT_INGEST_WEBRTC + MARTLET_INGEST_REPLICAS - 1))
  seq "$PORT_SFU_WEBRTC" $((PORT_SFU_WEBRTC + MARTLET_SFU_REPLICAS - 1))
}

check_ports() {
  local port owner taken=()
  for port in $(wanted_ports); do
    if owner=$(listener_of "$port"); then taken+=("  $port: $owner"); fi
  done
  ((${#taken[@]} == 0)) || fail "Some ports are in use:" "${taken[@]}" \
    "Stop what listens there, or move the whole stack: MARTLET_PORT_BASE=20000 make up"
}

supervisor_runs() {
  local process
  process=$(cat "$MARTLET_DATA/run/supervisor.pid" 2>/dev/null) || return 1
  [[ -n $process && -r /proc/$process/cmdline ]] && tr '\0' ' ' <"/proc/$process/cmdline" | grep -q supervisor.py
}

# ports_are_ours: the ports in the plan of a running stack are the ones asked for now.
ports_are_ours() {
  supervisor_runs && [[ $(cat "$MARTLET_DATA/run/ports" 2>/dev/null) == "$(our_ports)" ]]
}

our_ports() {
  echo "$PORT_SITE $PORT_SITE_TLS $PORT_RTMP $PORT_RTMPS $PORT_AUTH $PORT_CATALOG $PORT_INGEST $PORT_ORIGIN" \
    "$PORT_SFU $PORT_SFU_WEBRTC $PORT_INGEST_WEBRTC $PORT_TRANSCODER"
}

# The data folder itself may be made or given away; the folders above it must let the services' user pass.
check_data_folder() {
  local folder
  folder=$(dirname "$MARTLET_DATA")
  while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
  reachable "$folder" || fail "The user $MARTLET_USER cannot enter $folder, where the data shall lie." \
    "Point MARTLET_DATA at a folder that it can reach, such as /var/lib/martlet."
}

preflight() {
  check_system
  check_toolchain
  check_data_folder
  if [[ -x $MARTLET_DATA/bin/Origin ]]; then
    check_space "$MARTLET_DATA" "$minimum_free_mb"
  else
    check_space "$MARTLET_CLONE" "$minimum_free_first_mb"
    check_space "$MARTLET_DATA" "$minimum_free_mb"
  fi
  ports_are_ours || check_ports
}
