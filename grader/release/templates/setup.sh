#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the image.
set -euo pipefail
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3 python3-pip bubblewrap gcc
# Student code runs as another user, who must be able to read Python: not under /root.
export UV_PYTHON_INSTALL_DIR=/opt/uv-python
# uv brings a Python of the version that this was verified with, whatever the image has.
python3 -m pip install --break-system-packages uv || python3 -m pip install uv
python3 -m uv venv --python "$(cat python-version)" /autograder/venv
python3 -m uv pip install --python /autograder/venv/bin/python \
    --extra-index-url https://download.pytorch.org/whl/cpu --index-strategy unsafe-best-match \
    -r requirements.txt ./*.whl
