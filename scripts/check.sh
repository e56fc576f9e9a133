# What `make check` looks at, one function for each thing: sourced after settings.sh, in the clone.
# shellcheck shell=bash

check_format() {
  step "Format"
  # Package.swift keeps one line per module, however long.
  swift format lint --strict --parallel -r Services Shared Tests
}

build_tests() {
  step "Build, warnings as errors"
  swift build --build-tests --explicit-target-dependency-import-check error
}

check_units() {
  step "Unit tests"
  scripts/unit-tests
}

check_web() {
  step "Web app: types and unit tests"
  tsc -p Tests/Web/tsconfig.json
  node --test Tests/Web/*.test.js
}
