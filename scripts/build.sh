# The release build of the services, skipped while their sources have not changed: sourced after settings.sh.
# shellcheck shell=bash

services=(Auth Catalog Ingest Origin SFU Transcoder)
build_flags=(-c release --static-swift-stdlib --explicit-target-dependency-import-check error
  -Xswiftc -cross-module-optimization)
release_folder=$MARTLET_CLONE/.build/release

sources_digest() {
  (cd "$MARTLET_CLONE" && {
    swift --version 2>/dev/null
    find Package.swift Shared Services -type f \
      \( -name '*.swift' -o -name '*.c' -o -name '*.h' -o -name '*.modulemap' \) -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum)
}

build_services() {
  local stamp=$MARTLET_CLONE/.build/release.digest digest service started=$SECONDS
  digest=$(sources_digest)
  for service in "${services[@]}"; do [[ -x $release_folder/$service ]] || digest+=" $service is missing"; done
  [[ $(cat "$stamp" 2>/dev/null) == "$digest" ]] && return
  step "Building the services (the first time takes some minutes)"
  for service in "${services[@]}"; do build_service "$service"; done
  sources_digest >"$stamp"
  step "Built in $((SECONDS - started)) s"
}

build_service() {
  local log=$MARTLET_CLONE/.build/release.$1.log
  mkdir -p "$MARTLET_CLONE/.build"
  if [[ -t 1 ]]; then
    (cd "$MARTLET_CLONE" && swift build "${build_flags[@]}" --product "$1") || fail "$1 does not build (see above)."
    return
  fi
  if ! (cd "$MARTLET_CLONE" && swift build "${build_flags[@]}" --product "$1") >"$log" 2>&1; then
    grep -E 'error:' "$log" | head -n 20 >&2
    tail -n 20 "$log" >&2
    fail "$1 does not build; the whole log is $log."
  fi
  step "  $1"
}
