import pytest
import torch

from tessera_training.base import byte_tokenizer, random_base
from tessera_training.model import Decoder
from tessera_training.train import TINY


@pytest.fixture(scope="session")
def encode():
    tokenizer = byte_tokenizer()
    return lambda text: tokenizer.encode(text).ids


@pytest.fixture()
def base():
    return random_base(TINY, 1)


@pytest.fixture()
def decoder(base):
    """A tiny model in float32 whose adapter is not zero."""
    torch.manual_seed(0)
    model = Decoder(TINY, base, torch.float32, rank=4)
    with torch.no_grad():
        for b in model.lora.b.values():
            b.normal_(0, 0.05)
    model.merge()
    return model
