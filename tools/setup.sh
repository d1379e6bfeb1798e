#!/usr/bin/env bash
# What the Makefile needs from the machine: `setup.sh python` makes .venv, `setup.sh browser`
# sees to the Chromium that the tests open the book with, `setup.sh nbgrader` makes .nbgrader, in
# which they grade with it. All do nothing that is already done.
set -euo pipefail
cd "$(dirname "$0")/.."

stop() {
  echo "capsedu: $*" >&2
  exit 1
}

# Debian splits Python: the module that puts pip into a new environment is a package of its own.
apt_install() {
  command -v apt-get > /dev/null || return 1
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null && sudo -n true 2> /dev/null || return 1
    as_root=(sudo -n)
  fi
  "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@"
}

setup_python() {
  local python=${PYTHON:-python3}
  command -v "$python" > /dev/null ||
    stop "no $python found: install Python 3.11 or newer (on Debian: apt install python3 python3-venv)."
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "Python 3.11 or newer is needed, and $python is $("$python" -V 2>&1 | cut -d' ' -f2):" \
      "name a newer one with 'make PYTHON=python3.12 …'."

  if ! .venv/bin/python -m pip --version > /dev/null 2>&1; then
    "$python" -c 'import ensurepip, venv' 2> /dev/null ||
      apt_install python3-venv ||
      stop "Python's venv module is incomplete here: install it first (on Debian: apt install python3-venv)."
    "$python" -m venv .venv ||
      stop "could not make the environment .venv with $python (on Debian: apt install python3-venv)."
  fi
  .venv/bin/python -m pip install --disable-pip-version-check -r requirements.txt
}

setup_browser() {
  command -v chromium > /dev/null ||
    apt_install chromium ||
    echo "capsedu: no Chromium, so the built book is not tested in a browser" \
      "(on Debian: apt install chromium)." >&2
}

setup_nbgrader() {
  cmp -s tools/nbgrader.txt .nbgrader/installed.txt && return
  rm -rf .nbgrader
  {
    .venv/bin/python -m venv .nbgrader &&
      .nbgrader/bin/pip install --quiet --disable-pip-version-check -r tools/nbgrader.txt &&
      cp tools/nbgrader.txt .nbgrader/installed.txt
  } || echo "capsedu: nbgrader could not be installed, so the assignments are not tested with it." >&2
}

case "${1:-}" in
  python) setup_python ;;
  browser) setup_browser ;;
  nbgrader) setup_nbgrader ;;
  *) stop "use: tools/setup.sh python|browser|nbgrader" ;;
esac
