"""A tiny Whisper of random weights in the files of the usual ONNX exports, with golden vectors of transformers.

    pip install "optimum-onnx==0.1.*"        (brings transformers 4.57; not needed for anything else here)
    python -m tessera_training.golden_whisper ../encoders/speech/whisper/tiny

Writes encoder_model.onnx, decoder_model.onnx, decoder_with_past_model.onnx and decoder_model_merged.onnx (with cross-attention as the
"timestamped" exports have it), tokenizer.json, generation_config.json, and golden.json: features of WhisperFeatureExtractor,
languages and greedy token ids of generate().
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from optimum.exporters.onnx import main_export
from optimum.exporters.onnx.base import ConfigBehavior
from optimum.exporters.onnx.model_configs import WhisperOnnxConfig
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

SEED = 20
RATE = 16_000
VOCABULARY = 320
LANGUAGES = ["en", "de", "fr", "ja", "yue"]
MERGES = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("Ġ", "a")]
NEW_TOKENS = 24
FORMAT = (
    "Sound i of `seconds` s: sample n is 0.3 sin(2 pi n (200 + 130 i) / 16000 + 3 sin(2 pi n / 8000)) + 0.2 u(n), rounded to float32, where u is a "
    "linear congruential generator, s(0) = i + 1, s(n + 1) = (1664525 s(n) + 1013904223) mod 2^32, u(n) = s(n + 1) / 2^32 - 0.5. "
    "features: [mel, frame, value] of WhisperFeatureExtractor for 80 and 128 mels. cases: tokens of greedy generate() without what they began "
    "with and without the end; language: what detect_language() heard."
)


def sound(number: int, seconds: float) -> np.ndarray:
    state = number + 1
    samples = np.empty(int(seconds * RATE))
    for n in range(len(samples)):
        state = (1664525 * state + 1013904223) % 2**32
        noise = state / 2**32 - 0.5
        samples[n] = 0.3 * np.sin(2 * np.pi * n * (200 + 130 * number) / RATE + 3 * np.sin(2 * np.pi * n / 8000)) + 0.2 * noise
    return samples.astype(np.float32)


def tokenizer() -> Tokenizer:
    """Bytes, a few merges, Whisper's control tokens, and timestamps up to the end of the vocabulary."""
    entries = sorted(pre_tokenizers.ByteLevel.alphabet()) + [left + right for left, right in MERGES]
    made = Tokenizer(models.BPE(vocab={entry: id for id, entry in enumerate(entries)}, merges=MERGES))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    languages = [f"<|{language}|>" for language in LANGUAGES]
    control = ["<|endoftext|>", "<|startoftranscript|>", *languages, "<|translate|>", "<|transcribe|>", "<|startofprev|>"]
    made.add_special_tokens([*control, "<|nospeech|>", "<|notimestamps|>"])
    times = range(VOCABULARY - made.get_vocab_size())
    made.add_tokens([AddedToken(f"<|{0.02 * i:.2f}|>", special=False) for i in times])
    return made


def model(tokens: Tokenizer) -> WhisperForConditionalGeneration:
    torch.manual_seed(SEED)
    token = tokens.token_to_id
    end = token("<|endoftext|>")
    config = WhisperConfig(
        vocab_size=VOCABULARY, d_model=16, num_mel_bins=80, max_target_positions=64, tie_word_embeddings=False, init_std=0.5,
        encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=32, decoder_layers=2, decoder_attention_heads=2, decoder_ffn_dim=32,
        bos_token_id=end, eos_token_id=end, pad_token_id=end, decoder_start_token_id=token("<|startoftranscript|>"),
    )  # fmt: skip
    made = WhisperForConditionalGeneration(config).eval()
    settings = dict(
        is_multilingual=True,
        lang_to_id={f"<|{language}|>": token(f"<|{language}|>") for language in LANGUAGES},
        task_to_id={task: token(f"<|{task}|>") for task in ("transcribe", "translate")},
        no_timestamps_token_id=token("<|notimestamps|>"),
        prev_sot_token_id=token("<|startofprev|>"),
        max_length=64,
        suppress_tokens=list(range(end + 1, VOCABULARY)),
        begin_suppress_tokens=[token("Ġ"), end],
        alignment_heads=[[1, 0], [1, 1]],
    )
    for name, value in settings.items():
        setattr(made.generation_config, name, value)
    return made


class WithAttention(WhisperOnnxConfig):
    """Names the cross-attention among the decoder's outputs."""

    @property
    def outputs(self) -> dict[str, dict[int, str]]:
        named = super().outputs
        if self._behavior is ConfigBehavior.DECODER:
            axes = {0: "batch_size", 2: "decoder_sequence_length", 3: "encoder_sequence_length"}
            named.update({f"cross_attentions.{layer}": dict(axes) for layer in range(self._config.decoder_layers)})
        return named


def export(made: WhisperForConditionalGeneration, out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made.save_pretrained(folder)
        task = "automatic-speech-recognition"
        configs = {
            "encoder_model": WithAttention(made.config, task=task).with_behavior("encoder"),
            "decoder_model": WithAttention(made.config, task=task, use_past=True).with_behavior("decoder", use_past=True, use_past_in_inputs=False),
            "decoder_with_past_model": WithAttention(made.config, task=task, use_past=True).with_behavior(
                "decoder", use_past=True, use_past_in_inputs=True
            ),
        }
        options = {"custom_onnx_configs": configs, "model_kwargs": {"output_attentions": True}, "do_validation": False}
        main_export(folder, f"{folder}/onnx", task=f"{task}-with-past", **options)
        for name in ("encoder_model", "decoder_model", "decoder_with_past_model", "decoder_model_merged"):
            (out / f"{name}.onnx").write_bytes(Path(folder, "onnx", f"{name}.onnx").read_bytes())
        Path(out / "generation_config.json").write_bytes(Path(folder, "generation_config.json").read_bytes())


def points(features: np.ndarray) -> list[list[float]]:
    mels, frames = features.shape
    return [[mel, frame, round(float(features[mel, frame]), 6)] for mel in range(0, mels, 7) for frame in [*range(0, 320, 13), 1500, frames - 1]]


def case(made: WhisperForConditionalGeneration, tokens: Tokenizer, number: int, seconds: float, **asked: str) -> dict[str, object]:
    features = WhisperFeatureExtractor()(sound(number, seconds), sampling_rate=RATE, return_tensors="pt").input_features
    prompt = asked.get("prompt")
    before = [tokens.token_to_id("<|startofprev|>"), *tokens.encode(f" {prompt}").ids] if prompt else []
    options = {"language": asked.get("language"), "task": asked.get("task", "transcribe"), "max_new_tokens": NEW_TOKENS}
    with torch.no_grad():
        heard = made.detect_language(features)[0]
        ids = made.generate(features, **options, **({"prompt_ids": torch.tensor(before)} if prompt else {}), do_sample=False, num_beams=1)[0].tolist()
    last = tokens.token_to_id("<|notimestamps|>")
    ids = ids[ids.index(last) + 1 :] if last in ids else ids
    end = tokens.token_to_id("<|endoftext|>")
    ids = ids[: ids.index(end)] if end in ids else ids
    language = tokens.id_to_token(int(heard)).strip("<|>")
    return {"sound": number, "seconds": seconds, **asked, "heard": language, "tokens": ids, "text": tokens.decode(ids)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    tokens = tokenizer()
    tokens.save(str(out / "tokenizer.json"))
    made = model(tokens)
    features = {}
    for mels in (80, 128):
        values = WhisperFeatureExtractor(feature_size=mels)(sound(0, 3.1), sampling_rate=RATE).input_features[0]
        features[str(mels)] = points(values)
    cases = [
        case(made, tokens, 0, 3.1),
        case(made, tokens, 1, 5),
        case(made, tokens, 2, 0.4),
        case(made, tokens, 3, 29.5),
        case(made, tokens, 1, 5, language="de"),
        case(made, tokens, 1, 5, language="fr", task="translate"),
        case(made, tokens, 0, 3.1, language="en", prompt="in the air"),
    ]
    export(made, out)
    golden = {"format": FORMAT, "newTokens": NEW_TOKENS, "seconds": 3.1, "features": features, "cases": cases}
    (out / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
