from itertools import chain

import pytest
import torch
import torch.nn.functional as F

from tessera_training.adapter import load_adapter, save_adapter, tensors, trained
from tessera_training.beams import side_by_side
from tessera_training.classes import Classes
from tessera_training.evaluate import layers, prefill
from tessera_training.generate import embed_prompts, generate, read
from tessera_training.golden_decoder import Reference, greedy, merged
from tessera_training.model import SCALE, Connector, Decoder, HeadLoss, Merged
from tessera_training.plan import Branch, Sequence, lay
from tessera_training.train import TINY
from tessera_training.vision import Depthwise


def hidden(decoder, sequences):
    laid = lay(sequences)
    return laid, decoder(decoder.embed(laid, None), laid.plan)


def test_training_and_serving_masks_agree(decoder):
    """The same sequence: flat with a plan (training) and as pages composed for a question (serving), to 1e-3."""
    g = torch.Generator().manual_seed(1)
    ids = lambda n: torch.randint(3, 259, (n,), generator=g).tolist()  # noqa: E731
    prefix, segments = ids(7), [ids(20), ids(33), ids(5)]
    branches = [Branch(ids(6), ids(4)), Branch(ids(3), ids(9))]
    keep = [(0, 0, 16), (1, 16, 32), (1, 32, 33), (2, 0, 5)]
    for kept in (None, keep):
        laid, h = hidden(decoder, [Sequence(prefix, segments, branches, [], kept)])
        memory = prefill(decoder, prefix, segments)
        starts = [0, 20, 53]
        token = list(range(7))
        for s, a, b in kept or [(i, 0, len(x)) for i, x in enumerate(segments)]:
            token += range(7 + starts[s] + a, 7 + starts[s] + b)
        context = lambda i, _, token=token: (memory.keys[i][None, :, token], memory.values[i][None, :, token])  # noqa: E731
        for n, branch in enumerate(branches):
            x = decoder.embedding[torch.tensor(branch.prompt + branch.answer[:-1])][None]
            served, _ = layers(decoder, x, context)
            assert torch.allclose(h[torch.from_numpy(laid.branch_of == n)], served[0], atol=1e-3)
            assert served.abs().max() > 0.1


def test_one_segment_everything_kept_is_dense_causal_attention(decoder):
    tokens = list(range(10, 40))
    _, masked = hidden(decoder, [Sequence(tokens[:5], [tokens[5:20]], [Branch(tokens[20:25], [*tokens[25:30], 2])])])
    _, dense = hidden(decoder, [Sequence(tokens, [], [])])
    assert torch.allclose(masked, dense, atol=1e-4)


def test_branches_do_not_see_each_other(decoder):
    one = hidden(decoder, [Sequence([5, 6, 7], [], [Branch([8], [9, 10, 2])])])[1]
    two = hidden(decoder, [Sequence([5, 6, 7], [], [Branch([8], [9, 10, 2]), Branch([30, 31], [40, 2])])])[1]
    assert torch.allclose(one, two[: len(one)], atol=1e-5)


def test_padding_of_a_batch_changes_nothing(decoder):
    short, long = Sequence([5, 6, 7], [], [Branch([8], [9, 2])]), Sequence(list(range(20, 60)), [], [Branch([8], [9, 2])])
    alone = hidden(decoder, [short])[1]
    both = hidden(decoder, [short, long])[1]
    assert torch.allclose(alone, both[: len(alone)], atol=1e-5)


def test_equals_the_plain_reference(decoder, base):
    """Half-split rotary pairs and merged adapter against interleaved pairs in GGUF's row order."""
    adapter = tensors(decoder, Connector(TINY.width, channels=4, hidden=8))
    with torch.no_grad():
        for key, a in decoder.lora.a.items():  # what float16 keeps
            a.copy_(a.half().float())
            decoder.lora.b[key].copy_(decoder.lora.b[key].half().float())
    decoder.merge()
    ref = Reference(merged(base, adapter), TINY)
    tokens = list(range(3, 40))
    x, _ = ref.run(ref.embed(tokens, torch.empty(0)), None)
    want = ref.norm(x, "output_norm.weight")
    assert torch.allclose(hidden(decoder, [Sequence(tokens, [], [])])[1], want, atol=1e-3)
    ids, _ = greedy(ref, tokens[:-1], [], tokens[-1:], 6)
    got = generate(decoder, *[embed_prompts(decoder, [tokens])[0]], limit=6)[0]
    assert got == [i for i in ids if i != 2]


def test_sampled_answers_about_a_timeline_are_what_training_sees(decoder):
    """Greedy answers over what was read and kept are the most likely tokens of the sequence that is trained on, whatever the padding."""
    g = torch.Generator().manual_seed(3)
    ids = lambda n: torch.randint(3, 259, (n,), generator=g).tolist()  # noqa: E731
    asked = Sequence(ids(7), [ids(20), ids(33)], [Branch(ids(9), []), Branch(ids(4), [])], [], [(0, 0, 16), (1, 16, 33)])
    x, pad = embed_prompts(decoder, [b.prompt for b in asked.branches])
    answers = generate(decoder, x, 6, pad=pad, context=read(decoder, asked, None))
    branches = [Branch(b.prompt, a) for b, a in zip(asked.branches, answers, strict=True)]
    laid, h = hidden(decoder, [Sequence(asked.prefix, asked.segments, branches, [], asked.keep)])
    at = torch.from_numpy(laid.labels >= 0)
    assert (h[at] @ decoder.head.T).argmax(-1).tolist() == [i for a in answers for i in a]


def test_left_padding_does_not_change_generation(decoder):
    a, b = list(range(3, 10)), list(range(40, 70))
    x, pad = embed_prompts(decoder, [a, b])
    both = generate(decoder, x, 8, pad=pad)
    assert both == [generate(decoder, embed_prompts(decoder, [p])[0], 8)[0] for p in (a, b)]


def test_answers_written_side_by_side(decoder):
    a, b = list(range(3, 10)), list(range(40, 70))
    x, pad = embed_prompts(decoder, [a, b])
    assert side_by_side(decoder, x, 8, 1, pad=pad) == generate(decoder, x, 8, pad=pad)
    several = side_by_side(decoder, x, 8, 3, pad=pad)
    assert several == [side_by_side(decoder, embed_prompts(decoder, [p])[0], 8, 3)[0] for p in (a, b)]
    for ids in side_by_side(decoder, x, 8, 2, presence=1e3, pad=pad):
        assert len(set(ids)) == len(ids)


def likelihood(decoder, prompt, ids):
    """Mean log-probability of an answer's tokens."""
    _, h = hidden(decoder, [Sequence([*prompt, *ids], [], [])])
    p = (h[len(prompt) - 1 : -1] @ decoder.head.T).log_softmax(-1)
    return p[torch.arange(len(ids)), torch.tensor(ids)].mean().item()


def test_the_answer_that_is_given_is_the_likeliest_of_those_that_were_written(decoder):
    prompt = list(range(40, 70))
    x, _ = embed_prompts(decoder, [prompt])
    # As many as there are answers of one token, and the stop token among them.
    (one,) = side_by_side(decoder, x, 1, 258)
    assert one in ([], generate(decoder, x, 1)[0])
    (best,) = side_by_side(decoder, x, 3, 64)
    assert len(best) < 3 or likelihood(decoder, prompt, best) >= likelihood(decoder, prompt, generate(decoder, x, 3)[0]) - 1e-5


def test_low_rank_gradients():
    g = torch.Generator().manual_seed(0)
    rand = lambda *s: torch.randn(*s, generator=g, dtype=torch.float64)  # noqa: E731
    w, x = rand(5, 6), rand(7, 6).requires_grad_()
    a1, a2, b1, b2 = (t.requires_grad_() for t in (rand(6, 2), rand(6, 2), rand(2, 3), rand(2, 2)))
    delta = lambda: SCALE * torch.cat([a1 @ b1, a2 @ b2], 1).T  # noqa: E731
    want = x @ (w + delta()).T
    grads = torch.autograd.grad(want.square().sum(), [x, a1, a2, b1, b2])
    got = Merged.apply(x, (w + delta()).detach(), [3, 2], a1, a2, b1, b2)
    for expected, found in zip(grads, torch.autograd.grad(got.square().sum(), [x, a1, a2, b1, b2]), strict=True):
        assert torch.allclose(expected.float(), found.float(), rtol=1e-4)


def test_head_loss_is_cross_entropy():
    g = torch.Generator().manual_seed(0)
    h, head = torch.randn(300, 8, generator=g).requires_grad_(), torch.randn(50, 8, generator=g)
    target = torch.randint(0, 50, (300,), generator=g)
    want = F.cross_entropy(h @ head.T, target, label_smoothing=0.1)
    got = HeadLoss.apply(h, head, target, torch.full((300,), 1 / 300), 0.1)
    assert torch.allclose(want, got, atol=1e-5)
    assert torch.allclose(*(torch.autograd.grad(loss, h)[0] for loss in (want, got)), atol=1e-6)


def test_pixel_shuffle_order():
    f = torch.zeros(1, 64, 2)
    f[0, 8 * 3 + 5, 1] = 1  # row 3, column 5: tile (1, 2), inside it (1, 1)
    shuffled = Connector(4, channels=2, hidden=3).shuffle(f)
    assert shuffled[0].nonzero().tolist() == [[1 * 4 + 2, (1 * 2 + 1) * 2 + 1]]


def test_adapter_file_round_trip(decoder, base, tmp_path):
    connector = Connector(TINY.width, channels=4, hidden=8)
    save_adapter(tmp_path / "a.safetensors", decoder, connector, {"run": "test"})
    other, second = Decoder(TINY, base, torch.float32, rank=4), Connector(TINY.width, channels=4, hidden=8)
    load_adapter(tmp_path / "a.safetensors", other, second)
    x = [Sequence(list(range(3, 30)), [], [])]
    assert torch.allclose(hidden(decoder, x)[1], hidden(other, x)[1], atol=1e-2)
    assert torch.allclose(connector.fc1.weight, second.fc1.weight, atol=1e-3)


def test_soup_is_the_mean_of_two_checkpoints(tmp_path):
    from tessera_training.export import soup

    for name, value in (("first", 1.0), ("second", 2.0)):
        torch.save({"average": [torch.full((2,), value)], "config": {"name": name}}, tmp_path / f"{name}.pt")
    soup(*(tmp_path / f"{n}.pt" for n in ("first", "second", "out")))
    out = torch.load(tmp_path / "out.pt", weights_only=False)
    assert out["average"][0].tolist() == [1.5, 1.5]
    assert out["config"]["name"] == "second"


def test_soup_keeps_the_gain_that_the_first_does_not_know(decoder, tmp_path):
    from tessera_training.export import soup

    connectors = [Connector(TINY.width, channels=4, hidden=8, classes=c) for c in (None, Classes(TINY.width, 4, 3))]
    for name, connector in zip(("first", "second"), connectors, strict=True):
        average = [p.detach().clone() for p in chain(*trained(decoder, connector).values())]
        torch.save({"average": average, "config": {"name": name, "classes": connector.classes is not None}}, tmp_path / f"{name}.pt")
    soup(*(tmp_path / f"{n}.pt" for n in ("first", "second", "out")))
    mean = torch.load(tmp_path / "out.pt", weights_only=False)["average"]
    made = [p.clone() for p in chain(*trained(decoder, connectors[1]).values())]
    assert [m.shape for m in mean] == [p.shape for p in made]
    assert any(p is connectors[1].classes.gain and m == p for m, p in zip(mean, chain(*trained(decoder, connectors[1]).values()), strict=True))


def test_rotate_passes_gradients_through_its_transpose():
    from tessera_training.model import Rotate, rotate, rotate_back

    torch.manual_seed(0)
    x = torch.randn(2, 5, 12, dtype=torch.float64, requires_grad=True)
    angle = torch.randn(2, 1, 5, 2, dtype=torch.float64)
    plain = {"rotate": rotate, "rotate_back": rotate_back}
    upstream = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    wanted = torch.autograd.grad(rotate(x, angle.cos(), angle.sin(), 3), x, upstream)[0]
    y = Rotate.apply(x, angle.cos(), angle.sin(), 3, plain)
    assert torch.allclose(y, rotate(x, angle.cos(), angle.sin(), 3))
    assert torch.allclose(torch.autograd.grad(y, x, upstream)[0], wanted)


def encoder():
    """Six convolutions like the encoder's: a stem, a block with a residual connection and a head."""
    from tessera_training.vision import CHANNELS, Conv

    g = torch.Generator().manual_seed(2)

    def conv(name, inputs, outputs, side, stride=1, groups=1, relu6=True, residual=None):
        pad = (0, 1, 0, 1) if stride == 2 else (side // 2,) * 4
        weight = torch.randn(outputs, inputs // groups, side, side, generator=g) / (inputs // groups * side * side) ** 0.5
        return Conv(name, weight, torch.randn(outputs, generator=g) * 0.1, stride, pad, groups, relu6, residual)

    return [
        conv("stem", 3, 8, 3, stride=2), conv("block0.expand", 8, 24, 1), conv("block0.depthwise", 24, 24, 3, groups=24),
        conv("block0.project", 24, 8, 1, relu6=False, residual=1), conv("block1.expand", 8, 16, 1), conv("head", 16, CHANNELS, 1),
    ]  # fmt: skip


def test_tail_is_the_rest_of_the_encoder_and_takes_gradients():
    from tessera_training.tail import Tail
    from tessera_training.vision import forward

    convs, pixels = encoder(), torch.randn(2, 3, 16, 16)
    entering = forward(convs[:1], pixels).permute(0, 2, 3, 1).reshape(2, 64, 8)
    tail = Tail(convs, "block0.expand").eval()
    got = tail(entering)
    assert torch.allclose(got, forward(convs, pixels).permute(0, 2, 3, 1).reshape(2, 64, -1), atol=1e-5)
    got.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tail.parameters())
    for wrong, reason in (("block0.project", "inside a block"), ("block9", "no layer")):
        try:
            Tail(convs, wrong)
            raise AssertionError(wrong)
        except ValueError as error:
            assert reason in str(error)


def test_features_until_a_layer_are_what_enters_it(tmp_path):
    import onnxruntime as ort

    from tessera_training.export_vision import write_encoder
    from tessera_training.features import until
    from tessera_training.vision import SIDE, forward

    convs = encoder()
    convs[0].stride, pixels = 32, torch.randn(1, 3, SIDE, SIDE)
    path = write_encoder(convs, tmp_path, half=False)
    got = ort.InferenceSession(until(path, "block1.expand")).run(None, {"pixel_values": pixels.numpy()})[0]
    assert torch.allclose(torch.from_numpy(got), forward(convs[:4], pixels), atol=1e-4)


@pytest.mark.parametrize("size", [3, 5])
def test_convolution_of_channels_has_the_gradients_of_the_library(size):
    x, w, b = (torch.randn(s, requires_grad=True) for s in ((3, 4, 8, 8), (4, 1, size, size), (4,)))
    weight = torch.randn(3, 4, 8, 8)
    want = torch.autograd.grad((F.conv2d(x, w, b, 1, size // 2, 1, 4) * weight).sum(), (x, w, b))
    got = torch.autograd.grad((Depthwise.apply(x, w, b) * weight).sum(), (x, w, b))
    for a, c in zip(want, got, strict=True):
        assert torch.allclose(a, c, atol=1e-4)
