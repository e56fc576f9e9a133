# The Debian packages that Martlet needs, by purpose, and how they are installed: sourced after settings.sh.
# shellcheck shell=bash

# What the Swift toolchain itself needs on a bare machine, and the C libraries of Package.swift.
packages_build=(
  binutils libc6-dev libgcc-12-dev libstdc++-12-dev libcurl4 libxml2 libncurses6 libsqlite3-0 zlib1g-dev
  ca-certificates git pkg-config tzdata
  libargon2-dev libhiredis-dev libhttp-parser-dev libjemalloc-dev libpq-dev libssl-dev libwslay-dev
  libavcodec-dev libavutil-dev libswresample-dev
)
# What runs beside the services.
packages_run=(nginx openssl postgresql-15 python3 redis-server)
# What checks the web app: its unit tests run in node, its JSDoc types under tsc.
# shellcheck disable=SC2034 # used by the scripts that source this file
packages_check=(nodejs node-typescript)
packages_demo=(ffmpeg)
# shellcheck disable=SC2034 # used by the scripts that source this file
packages_test=(
  ffmpeg python3-venv chromium firefox-esr fonts-dejavu-core procps iproute2
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
  gstreamer1.0-plugins-ugly gstreamer1.0-libav
)

# missing PACKAGE...: the ones that are not installed.
missing() {
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == 'install ok installed' ]] || printf '%s\n' "$package"
  done
}

# can_install_unasked: whether installing asks nobody for a password.
can_install_unasked() { as_root || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; }

# install_packages PACKAGE...: installs what is missing, in one call, and starts none of the daemons within.
install_packages() {
  local wanted
  mapfile -t wanted < <(missing "$@")
  ((${#wanted[@]} == 0)) && return
  if as_root; then
    "$MARTLET_CLONE/scripts/install-packages" "${wanted[@]}"
  elif can_install_unasked || { command -v sudo >/dev/null && [[ -t 0 ]]; }; then
    say "Installing needs root; sudo may ask for your password."
    sudo "$MARTLET_CLONE/scripts/install-packages" "${wanted[@]}"
  else
    fail "These packages are missing, and only root may install them:" \
      "  apt-get install --no-install-recommends ${wanted[*]}" "Install them, then run this again."
  fi
}
