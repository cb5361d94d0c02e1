import random

import numpy as np
import pytest
import torch

from tessera_training.base import byte_tokenizer
from tessera_training.ear import Ear, Spelling, batches, ctc, listen, pack
from tessera_training.hearing import Run, answers, decoder_loss, error_rate, hear, sequence
from tessera_training.metrics import word_errors
from tessera_training.model import Decoder
from tessera_training.plan import lay
from tessera_training.sounds import Heard, disturb, load_states, save_states, spoken, wordnet_sentences
from tessera_training.train import open_base

CHANNELS = 16
WORDS = ["red", "dog", "blue", "boat", "cat", "bus"]


def said(rng: random.Random, states: np.ndarray) -> Heard:
    """Three words, eight states each with the word's own direction, and noise."""
    words = rng.sample(range(len(WORDS)), 3)
    quiet = np.zeros((4, CHANNELS), np.float32)
    rows = np.concatenate([x for w in words for x in (np.repeat(states[w][None], 8, 0), quiet)])
    return Heard(" ".join(WORDS[w] for w in words), (rows + 0.1 * np.random.default_rng(rng.randrange(1000)).standard_normal(rows.shape)).astype(np.float16))


@pytest.fixture(scope="module")
def world():
    rng = random.Random(0)
    states = np.random.default_rng(0).standard_normal((len(WORDS), CHANNELS)).astype(np.float32)
    heard = [said(rng, states) for _ in range(160)]
    shape, weights, tokenizer = open_base("tiny", None)
    model = Decoder(shape, weights, torch.float32)
    return heard, model, weights["token_embd.weight"], tokenizer


class Whole:
    """Every word one token: enough for a world of six words."""

    ids = {f" {w}": 100 + i for i, w in enumerate(WORDS)}

    def __call__(self, text: str) -> list[int]:
        return [self.ids[text]] if text in self.ids else byte_tokenizer().encode(text).ids

    def decode(self, ids: list[int]) -> str:
        return " ".join(WORDS[i - 100] for i in ids)


def test_an_ear_learns_which_words_are_said_and_the_decoder_is_given_their_embeddings(world):
    heard, _, embedding, _ = world
    torch.manual_seed(0)
    encode = Whole()
    spelling = Spelling([h.text for h in heard], encode, least=1)
    ear = Ear(spelling.tokens, embedding, inner=64, depth=1, dropout=0.0, channels=CHANNELS)
    optimizer = torch.optim.AdamW(ear.parameters(), 3e-3)
    stream = batches(heard[20:], heard[20:40], 0.25, 16, np.random.default_rng(0))
    for _ in range(120):
        loss, _ = ctc(ear, next(stream), spelling, None)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    found = listen(ear, heard[:20], spelling, encode.decode)
    assert error_rate([h.text for h in heard[:20]], [t for t, _ in found]) < 5
    text, mixed = found[0]
    assert mixed.shape == (3, embedding.shape[1])
    wanted = embedding[[encode.ids[f" {w}"] for w in text.split()]]
    assert torch.cosine_similarity(mixed, wanted).min() > 0.8


def test_the_decoder_reads_heard_tokens_where_a_line_of_speech_would_stand(world):
    heard, model, embedding, tokenizer = world
    encode = lambda t: tokenizer.encode(t).ids  # noqa: E731
    spelling = Spelling([h.text for h in heard], encode, least=1)
    ear = Ear(spelling.tokens, embedding, inner=64, depth=1, channels=CHANNELS)
    states, lengths = pack(heard[:3])
    log_p = ear(states, lengths)
    loss = decoder_loss(model, ear, log_p, lengths, [h.text for h in heard[:3]], encode)
    loss.backward()
    assert torch.isfinite(loss) and ear.leave.weight.grad.abs().sum() > 0
    # with the embeddings of what was said, it is the very sequence that words in letters would be
    ids = encode(f" {heard[0].text}")
    laid = lay([sequence(encode, 0, len(ids), heard[0].text)])
    as_text = laid.ids.copy()
    as_text[as_text < 0] = ids
    assert torch.equal(model.embed(laid, model.embedding[ids]), model.embedding[torch.from_numpy(as_text)])
    assert len(answers(model, [model.embedding[ids]], encode, tokenizer.decode, limit=3)) == 1


def test_a_batch_does_not_depend_on_what_stands_beside_an_utterance(world):
    heard, _, embedding, tokenizer = world
    spelling = Spelling([h.text for h in heard], lambda t: tokenizer.encode(t).ids, least=1)
    ear = Ear(spelling.tokens, embedding, inner=64, depth=2, channels=CHANNELS).eval()
    short = Heard("red", heard[0].states[:11])
    with torch.inference_mode():
        states, lengths = pack([short])
        alone = ear(states, lengths)[0]
        states, lengths = pack([heard[1], short])
        beside = ear(states, lengths)[1, : len(alone)]
    assert lengths.tolist() == [9, 3]
    assert torch.allclose(alone, beside, atol=1e-5)


def test_rare_words_are_spelt():
    tokenizer = byte_tokenizer()
    encode = lambda t: [900] if t == " dog" else [901] if t == " catafalque" else tokenizer.encode(t).ids  # noqa: E731
    spelling = Spelling(["A dog.", "The dog!", "A catafalque"], encode, least=2)
    tokens = [spelling.tokens[p - 1] for p in spelling("dog catafalque")]
    assert tokens[0] == 900 and 901 not in tokens
    assert tokenizer.decode(tokens[1:]) == " catafalque"


def test_words_that_are_wrong_missing_or_too_many():
    assert word_errors("a b c".split(), "a b c".split()) == 0
    assert word_errors("a b c d".split(), "a x c".split()) == 2
    assert word_errors([], "a b".split()) == 2
    assert error_rate(["In 1840, he said"], ["in 1840 he sat."]) == 25
    assert spoken("The “Old” Man’s boat, at 5.") == "the old man's boat at 5"


def test_utterances_come_back_from_their_file(tmp_path, world):
    heard = world[0][:5]
    save_states(tmp_path / "a.npz", heard)
    back = load_states(tmp_path / "a.npz")
    assert [h.text for h in back] == [h.text for h in heard]
    assert all(np.array_equal(a.states, b.states) for a, b in zip(heard, back, strict=True))


def test_a_disturbed_sound_stays_a_sound_and_is_another_each_time():
    sound = np.sin(np.arange(16_000) / 20).astype(np.float32)
    one, other = (disturb(sound, np.random.default_rng(seed)) for seed in (1, 2))
    assert one.dtype == np.float32 and np.abs(one).max() <= 1 and len(one) != len(other)
    assert 0.8 < len(one) / len(sound) < 1.25


def test_definitions_and_examples_are_read_from_wordnets_files(tmp_path):
    for name in ("noun", "verb", "adj", "adv"):
        (tmp_path / f"data.{name}").write_text('  1 licence\n00001740 03 n 01 entity 0 000 | that which is; "it was there"\n' if name == "noun" else "")
    assert wordnet_sentences(tmp_path) == ["that which is", "it was there"]


def test_a_run_is_stopped_and_goes_on(tmp_path, world):
    heard, model, embedding, tokenizer = world
    (tmp_path / "speech").mkdir()
    read = [h for h in heard for _ in range(2)]
    for name, part in (("read-000", read), ("lj-train", heard[:8]), ("lj-held", heard[8:12])):
        save_states(tmp_path / "speech" / f"{name}.npz", part)
    run = Run("tiny", minutes=0.03, decoder_minutes=0.03, threads=1, batch=8, decoder_batch=2, inner=64, depth=1, least=1, checkpoint_minutes=0.02)
    figures = hear(run, tmp_path, lambda: (model, embedding, tokenizer))
    assert set(figures) == {"recordings", "read aloud"} and set(figures["recordings"]) == {"ear", "decoder_hears", "decoder_reads"}
    steps = torch.load(tmp_path / "runs" / "tiny" / "checkpoint.pt", weights_only=True)["step"]
    longer = Run("tiny", minutes=0.03, decoder_minutes=0.06, threads=1, batch=8, decoder_batch=2, inner=64, depth=1, least=1)
    hear(longer, tmp_path, lambda: (model, embedding, tokenizer))
    assert torch.load(tmp_path / "runs" / "tiny" / "checkpoint.pt", weights_only=True)["step"] > steps
