"""The official client, unmodified, against a running service: OPENAI_BASE_URL and OPENAI_API_KEY name it. Prints one line a check."""

import base64
import io
import json
import sys
import time
from pathlib import Path

import openai
from pydantic import BaseModel

samples = Path(sys.argv[1])
client = openai.OpenAI(max_retries=0, timeout=120)
MODEL = client.models.list().data[0].id
PICTURE = "data:image/jpeg;base64," + base64.b64encode((samples / "cat.jpg").read_bytes()).decode()


def said(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def seen() -> list[dict]:
    parts = [{"type": "text", "text": "Describe this picture."}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    return [{"role": "user", "content": parts}]


def chat() -> None:
    done = client.chat.completions.create(model=MODEL, messages=seen(), max_completion_tokens=40)
    assert "cat" in done.choices[0].message.content.lower(), done
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens


def streaming() -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=seen(), max_completion_tokens=40, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "cat" in text.lower(), text
    assert chunks[-1].usage.completion_tokens > 0
    # Without a limit: the helper takes an answer that was cut for an error.
    with client.chat.completions.stream(model=MODEL, messages=seen()) as stream:
        assert "cat" in stream.get_final_completion().choices[0].message.content.lower()


def sampling() -> None:
    ask = dict(model=MODEL, messages=said("Name a colour."), max_tokens=6, seed=7, temperature=0.8)
    first, again = (client.chat.completions.create(**ask).choices[0].message.content for _ in range(2))
    assert first == again, (first, again)
    done = client.chat.completions.create(**ask, n=2, logprobs=True, top_logprobs=2)
    assert len(done.choices) == 2 and len(done.choices[0].logprobs.content[0].top_logprobs) == 2


def schema() -> None:
    class Animal(BaseModel):
        animal: str
        indoors: bool

    done = client.chat.completions.parse(model=MODEL, messages=seen(), response_format=Animal, max_tokens=60)
    assert isinstance(done.choices[0].message.parsed, Animal), done


def sound() -> None:
    data = base64.b64encode((samples / "speech.flac").read_bytes()).decode()
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "flac"}}
    text = {"type": "text", "text": "What is said?"}
    done = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [part, text]}], max_tokens=40)
    assert done.choices[0].message.content


def transcription() -> None:
    with (samples / "speech.flac").open("rb") as file:
        plain = client.audio.transcriptions.create(model=MODEL, file=file)
    assert "library" in plain.text.lower(), plain
    with (samples / "speech.flac").open("rb") as file:
        full = client.audio.transcriptions.create(
            model=MODEL, file=file, response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
    assert full.words and full.segments and full.duration > 1
    with (samples / "speech.flac").open("rb") as file:
        assert "-->" in client.audio.transcriptions.create(model=MODEL, file=file, response_format="srt")
    with (samples / "speech.flac").open("rb") as file:
        events = list(client.audio.transcriptions.create(model=MODEL, file=file, stream=True))
    assert events[-1].type == "transcript.text.done", events[-1]


def files_and_batches() -> None:
    lines = [
        {"custom_id": "good", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": said("Hello"), "max_tokens": 4}},
        {"custom_id": "bad", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": []}},
    ]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    file = client.files.create(file=("lines.jsonl", io.BytesIO(data)), purpose="batch")
    assert client.files.content(file.id).read() == data
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    for _ in range(300):
        batch = client.batches.retrieve(batch.id)
        if batch.status == "completed":
            break
        time.sleep(0.2)
    assert batch.status == "completed" and (batch.request_counts.completed, batch.request_counts.failed) == (1, 1), batch
    answer = json.loads(client.files.content(batch.output_file_id).text)
    assert answer["custom_id"] == "good" and answer["response"]["status_code"] == 200
    assert client.files.delete(file.id).deleted


def errors() -> None:
    for wrong, kind in [
        (dict(model="no-such-model", messages=said("x")), openai.NotFoundError),
        (dict(model=MODEL, messages=[]), openai.BadRequestError),
        (dict(model=MODEL, messages=said("x"), temperature=9), openai.BadRequestError),
    ]:
        try:
            client.chat.completions.create(**wrong)
        except kind as error:
            assert error.code and error.body["message"]
        else:
            raise AssertionError(wrong)


for check in (chat, streaming, sampling, schema, sound, transcription, files_and_batches, errors):
    check()
    print("ok", check.__name__, flush=True)
