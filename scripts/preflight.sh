# What must hold before anything starts, said plainly where it does not: sourced after settings.sh.
# shellcheck shell=bash

minimum_free_first_mb=6000 # packages, a release build and its intermediate files
minimum_free_mb=1000
minimum_free_for_packages_mb=2500 # what apt downloads and unpacks on a machine that has nothing yet

check_system() {
  [[ -n ${MARTLET_ANY_SYSTEM:-} ]] && return
  local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && . /etc/os-release
  [[ $ID == debian && $VERSION_ID == 12 ]] || fail "This is $PRETTY_NAME; 'make up' is made for Debian 12." \
    "Use 'docker compose up' here, or set MARTLET_ANY_SYSTEM=1 to try anyway."
}

# swift_version: what the toolchain says, or what stands in its compiler where that does not run yet.
swift_version() {
  local compiler
  compiler=$(dirname "$(readlink -f "$(command -v swift)")")/swift-frontend
  { swift --version 2>/dev/null || grep -a -m 1 -oE 'Swift version [0-9]+\.[0-9]+' "$compiler" 2>/dev/null; } |
    grep -a -oE 'Swift version [0-9]+\.[0-9]+' | head -n 1 | grep -oE '[0-9.]+'
}

check_toolchain() {
  command -v swift >/dev/null || fail "There is no Swift toolchain in PATH." \
    "Install Swift 6.2 or later from https://www.swift.org/install/linux/ (Debian 12), for example to /opt/swift."
  local version major minor
  version=$(swift_version || true)
  [[ -n $version ]] || return 0 # some packages of Debian's may be missing: check_toolchain_runs comes after them
  major=${version%%.*} minor=${version#*.}
  ((major > 6 || (major == 6 && minor >= 2))) || fail "Swift $version is too old: 6.2 or later is needed." \
    "Install it from https://www.swift.org/install/linux/ (Debian 12), for example to /opt/swift."
}

check_toolchain_runs() { # after the packages: the driver itself needs some of them
  swift --version >/dev/null 2>&1 || fail "'swift --version' does not run; is the toolchain made for Debian 12?"
  check_toolchain
}

# check_space FOLDER MEGABYTES [HINT]
check_space() {
  local folder=$1 needed=$2 free
  while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
  free=$(df -Pm "$folder" | awk 'NR == 2 { print $4 }')
  ((free >= needed)) || fail "The disk of $folder has $free MB free; $needed MB are needed." \
    "${3:-Free some space, or point MARTLET_DATA at another disk.}"
}

# Packages are unpacked below /usr and wait below /var; both may be disks of their own.
check_space_for_packages() {
  local folder
  [[ -n $(missing "${packages_build[@]}" "${packages_run[@]}") ]] || return 0
  for folder in /usr /var/cache/apt; do
    check_space "$folder" "$minimum_free_for_packages_mb" "The packages of Debian go there."
  done
}

# listener_of PORT/PROTOCOL: prints who has a port of tcp or udp, or fails when nobody does.
listener_of() {
  local row inode file process protocol=${1#*/} state=0A
  [[ $protocol == udp ]] && state=07
  printf -v row ':%04X' "${1%/*}"
  inode=$(awk -v port="$row" -v state="$state" \
    '$4 == state && substr($2, length($2) - 4) == port { print $10; exit }' \
    "/proc/net/$protocol" "/proc/net/${protocol}6" 2>/dev/null || true)
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

# wanted_ports: every port that the stack takes, as PORT/PROTOCOL; media of WebRTC have one for each replica.
wanted_ports() {
  local name number count protocol
  printf '%s/tcp\n' "$PORT_SITE" "$PORT_SITE_TLS" "$PORT_RTMP" "$PORT_RTMPS" "$PORT_AUTH" "$PORT_CATALOG" "$PORT_ORIGIN"
  for name in INGEST SFU TRANSCODER; do
    count=MARTLET_${name}_REPLICAS
    for ((number = 1; number <= ${!count}; number++)); do printf '%s/tcp\n' "$(replica_port "$name" "$number")"; done
  done
  for protocol in tcp udp; do
    seq -f "%.0f/$protocol" "$PORT_INGEST_WEBRTC" $((PORT_INGEST_WEBRTC + MARTLET_INGEST_REPLICAS - 1))
    seq -f "%.0f/$protocol" "$PORT_SFU_WEBRTC" $((PORT_SFU_WEBRTC + MARTLET_SFU_REPLICAS - 1))
  done
}

# check_ports: nobody but the stack that runs here has a port that it wants.
check_ports() {
  local port owner taken=() ours=''
  if supervisor_runs; then ours=$(tr ' ' '\n' <"$MARTLET_DATA/run/ports" 2>/dev/null || true); fi
  for port in $(wanted_ports); do
    if grep -qxF -e "$port" -e "${port%/*}" <<<"$ours"; then continue; fi
    if owner=$(listener_of "$port"); then
      port=${port%/tcp}
      taken+=("  ${port/\/udp/ (UDP)}: $owner")
    fi
  done
  ((${#taken[@]} == 0)) || fail "Some ports are in use:" "${taken[@]}" \
    "Stop what listens there, or move the whole stack: MARTLET_PORT_BASE=20000 make up"
}

supervisor_runs() {
  local process
  process=$(cat "$MARTLET_DATA/run/supervisor.pid" 2>/dev/null) || return 1
  [[ -n $process && -r /proc/$process/cmdline ]] && tr '\0' ' ' <"/proc/$process/cmdline" | grep -q supervisor.py
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
  check_space_for_packages
  check_ports
}
