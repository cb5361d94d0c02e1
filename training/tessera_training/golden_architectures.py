"""Tiny decoders of random weights, one of each family that the graph builder knows, with golden logits of transformers.

    pip install "transformers==4.57.*"        (not needed for anything else here)
    python -m tessera_training.golden_architectures ../libs/decoder/golden/families

Writes FAMILY.gguf as llama.cpp's converter would (matrices in half precision; q and k of Llama in interleaved pairs, Gemma's
norms with their one added) and
golden.json: token ids, and the logits of every token after the last id of ``prefix``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFWriter
from tokenizers import pre_tokenizers
from transformers import (
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SEED = 8
LAYERS, HIDDEN, FEED_FORWARD, HEADS, KV_HEADS = 2, 64, 64, 4, 2
HEAD = {"llama": 16, "qwen2": 16, "qwen3": 32, "gemma": 32}
"""of Qwen3 and Gemma it is not hidden / heads"""
FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    "gemma": (GemmaConfig, GemmaForCausalLM),
}
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
PREFIX = 6
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def build(family: str) -> torch.nn.Module:
    config, kind = FAMILIES[family]
    torch.manual_seed(SEED)
    made = kind(
        config(
            vocab_size=len(ALPHABET), hidden_size=HIDDEN, intermediate_size=FEED_FORWARD, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
            num_key_value_heads=KV_HEADS, head_dim=HEAD[family], max_position_embeddings=512, tie_word_embeddings=family != "llama",
            rope_theta=20_000.0, initializer_range=0.15, bos_token_id=0, eos_token_id=1, pad_token_id=1, attn_implementation="eager",
        )  # fmt: skip
    ).eval()
    with torch.no_grad():
        # norms and biases begin as ones and zeros, which would hide that they are forgotten
        for name, p in made.named_parameters():
            if name.endswith("norm.weight") or name.endswith("bias"):
                p.add_(torch.randn_like(p) * 0.2)
            if p.dim() > 1:
                p.copy_(p.half())
    return made


def interleaved(weight: np.ndarray, head: int) -> np.ndarray:
    """Rows of q or k: rotary pairs (i, i + D/2) → (2i, 2i + 1)."""
    heads = weight.shape[0] // head
    return weight.reshape(heads, 2, head // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def write(family: str, made: torch.nn.Module, path: Path) -> None:
    config = made.config
    out = GGUFWriter(path, family)
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(HIDDEN)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(FEED_FORWARD)
    out.add_head_count(HEADS)
    out.add_head_count_kv(KV_HEADS)
    out.add_key_length(HEAD[family])
    out.add_value_length(HEAD[family])
    out.add_rope_freq_base(config.rope_theta)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(ALPHABET)
    out.add_token_types([1] * len(ALPHABET))
    out.add_token_merges([f"{ALPHABET[0]} {ALPHABET[0]}"])
    out.add_eos_token_id(1)
    for name, p in made.named_parameters():
        data = p.detach().float().numpy()
        if family == "gemma" and name.endswith("norm.weight"):
            data = data + 1
        if name == "lm_head.weight":
            target = "output.weight"
        elif name == "model.embed_tokens.weight":
            target = "token_embd.weight"
        elif name == "model.norm.weight":
            target = "output_norm.weight"
        else:
            _, _, layer, *part = name.split(".")
            target = f"blk.{layer}.{NAMES['.'.join(part[:-1])]}.{part[-1]}"
            if family == "llama" and target.split(".")[2] in ("attn_q", "attn_k"):
                data = interleaved(data, HEAD[family])
        out.add_tensor(target, np.ascontiguousarray(data, np.float16 if data.ndim > 1 else np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    ascii_ids = [i for i, character in enumerate(ALPHABET) if character.isascii()]
    ids = np.random.default_rng(SEED).choice(ascii_ids, 24).tolist()
    golden = {}
    for family in FAMILIES:
        made = build(family)
        write(family, made, out / f"{family}.gguf")
        with torch.no_grad():
            logits = made(torch.tensor([ids])).logits[0]
        golden[family] = [[round(float(x), 4) for x in row] for row in logits[PREFIX:, ::8]]
    lines = ",\n".join(f'  "{k}": {json.dumps(v, separators=(",", ":"))}' for k, v in golden.items())
    header = f'  "ids": {json.dumps(ids)},\n  "prefix": {PREFIX},\n  "every": 8'
    (out / "golden.json").write_text(f"{{\n{header},\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
