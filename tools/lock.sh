#!/usr/bin/env bash
# Writes requirements.txt anew from pyproject.toml. For maintainers; needs uv (pip install uv).
# Commit the result only after `make test` has passed with it.
set -euo pipefail
cd "$(dirname "$0")/.."

# Pinned by hand because they only work together: torchvision's operators are built against one
# torch, and Jupyter Book 2 ignores _config.yml and cannot show a widget without a kernel.
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
cat > "$pins" <<EOF
torch==2.15.0
torchvision==0.29.2
lightning==2.6.6
jupyter-book==1.0.4.post1
EOF

{
  echo "# The exact environment that the book and the tests run in, Python 3.11 to 3.13."
  echo "# Made by tools/lock.sh from pyproject.toml; change that and run the script, not this file."
  uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 \
    --constraint "$pins" --no-header --no-annotate --no-emit-index-url
  echo "-e ."
} > requirements.new
mv requirements.new requirements.txt
