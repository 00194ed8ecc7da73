#!/usr/bin/env bash
# Create .venv from the lock. Called by make with the Python to use; does nothing else to the machine.
set -euo pipefail
python=$1
cd "$(dirname "$0")"

if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    echo "error: $python is not Python 3.11; name one, for example: make PYTHON=python3.11 ..." >&2
    exit 1
fi

echo "Installing into .venv (about two minutes the first time) ..."
[ -x .venv/bin/python ] || "$python" -m venv .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet --quiet)

# torch first and with its own dependencies: a registry with a CPU build gives that one. The rest
# without dependencies: the lock is complete, and nothing in it may pull a second torch.
"${pip[@]}" install "$(grep '^torch==' requirements.lock)"
"${pip[@]}" install --no-deps --requirement requirements.lock
"${pip[@]}" install --no-deps --no-build-isolation --editable .

# The activated environment must find MLflow's backend and ask nobody outside.
if ! grep -q BOOKSHELF_ACTIVATE .venv/bin/activate; then
    cat >> .venv/bin/activate <<ACTIVATE

# BOOKSHELF_ACTIVATE
export MLFLOW_TRACKING_URI="\${MLFLOW_TRACKING_URI:-sqlite:///$PWD/mlruns/mlflow.db}"
export MLFLOW_DISABLE_TELEMETRY=true FEAST_USAGE=False BENTOML_DO_NOT_TRACK=True DO_NOT_TRACK=true HF_HUB_OFFLINE=1
ACTIVATE
fi
touch .venv/installed
