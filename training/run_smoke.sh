#!/usr/bin/env bash
# Tests of the trainer and a run of two minutes on generated data: needs neither the data nor the base model.
# Uses training/.venv, made on first use from requirements.txt (TESSERA_PYTHON names another interpreter with the packages).
set -euo pipefail
cd "$(dirname "$0")"
python="${TESSERA_PYTHON:-}"
if [ -z "$python" ]; then
  if [ ! -x .venv/bin/python ]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
  fi
  python=.venv/bin/python
fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$python" -m pytest -q --junitxml=../reports/training.xml
"$python" -m tessera_training --work "$work" train configs/smoke.toml
"$python" -m tessera_training --work "$work" train configs/smoke-scst.toml
"$python" -m tessera_training --work "$work" export "$work/runs/smoke-scst/final.pt" "$work/pack"
"$python" -m tessera_training --work "$work" evaluate "$work/pack/adapter.safetensors" --base tiny --what captions,vqa,chat,long --lengths 300:1 --json "$work/figures.json"
"$python" -m tessera_training curves "$work/runs/smoke/log.jsonl" "$work/curves.png"
"$python" - "$work" <<'PY'
import json, sys
from pathlib import Path

work = Path(sys.argv[1])
rows = [json.loads(line) for line in (work / "runs/smoke/log.jsonl").read_text().splitlines()]
losses = [r["captions"] for r in rows if "captions" in r]
print(f"caption loss {losses[0]:.2f} to {losses[-1]:.2f}")
assert losses[-1] < 0.8 * losses[0], "the smoke run did not learn"
assert (work / "pack/adapter.json").exists() and (work / "curves.png").stat().st_size > 1000
print("smoke run: ok")
PY
