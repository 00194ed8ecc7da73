#!/usr/bin/env bash
# Resolve pyproject.toml in an empty environment and write what was taken to requirements.lock.
set -euo pipefail
python=$1
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" -m venv "$scratch/venv"
pip=("$scratch/venv/bin/python" -m pip --disable-pip-version-check --quiet)
"${pip[@]}" install "$(sed -nE 's/^ *"(torch==[0-9.]+)".*/\1/p' pyproject.toml)"
"${pip[@]}" install ".[dev]"

# Not the project itself, no CUDA parts, and torch without the suffix of one registry's build.
"${pip[@]}" freeze --all --exclude bookshelf --exclude pip |
    grep -vE '^(nvidia-(cu|nc|nv)|cuda-|triton)' |
    sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > "$scratch/lock"
{
    echo "# Written by 'make lock' from pyproject.toml; installed by install.sh."
    cat "$scratch/lock"
} > requirements.lock
