# The Python with the pinned packages of the end-to-end tests: sourced after settings.sh.
# shellcheck shell=bash
test_python_folder=$MARTLET_CLONE/.cache/test-python
test_python=$test_python_folder/bin/python

prepare_test_python() {
  local requirements=$MARTLET_CLONE/Tests/EndToEnd/requirements.txt
  cmp -s "$requirements" "$test_python_folder/requirements.txt" && return
  step "Python packages for the tests"
  /usr/bin/python3 -m venv "$test_python_folder"
  "$test_python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$test_python_folder/requirements.txt"
}
