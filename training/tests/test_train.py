from pathlib import Path

import torch

from tessera_training.train import train

CONFIG = """
name = "short"
seed = 5
steps = {steps}
base = "tiny"
workers = 1
compile = false
pictures = 3
mixture = ["vqa", "timeline"]
mixture_every = 2
timeline_tokens = [60]
warmup_steps = 2
checkpoint_minutes = {minutes}
validate_pictures = 2
"""


def run(tmp_path: Path, steps: int, minutes: float = 60) -> dict:
    path = tmp_path / "short.toml"
    path.write_text(CONFIG.format(steps=steps, minutes=minutes))
    return torch.load(train(path, tmp_path, tmp_path) / "final.pt", weights_only=False)


def test_resumed_run_equals_uninterrupted_run(tmp_path, monkeypatch):
    """A run stopped after its checkpoint of step 2 and started again ends with the same weights."""
    whole = run(tmp_path / "a", 4) if (tmp_path / "a").mkdir() is None else {}
    from tessera_training import train as module

    (tmp_path / "b").mkdir()
    calls = []

    def stop(t, corpus, count):
        calls.append(t.step)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return 0.0

    monkeypatch.setattr(module, "validate", stop)
    try:
        run(tmp_path / "b", 4, minutes=0)
        raise AssertionError("was to be stopped")
    except KeyboardInterrupt:
        pass
    assert calls == [1, 2]
    monkeypatch.setattr(module, "validate", lambda *_: 0.0)
    resumed = run(tmp_path / "b", 4)
    assert resumed["step"] == whole["step"] == 4
    for key, value in whole["lora"].items():
        assert torch.allclose(value, resumed["lora"][key], atol=1e-6), key
