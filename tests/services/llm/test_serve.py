"""The real model through HTTP on loopback."""

import threading
import time

import httpx
import orjson
import pytest
from openai import APIError, BadRequestError, InternalServerError, NotFoundError, OpenAI

from services.llm.model import BASE
from services.llm.serve import BODY_LIMIT, threads
from services.llm.wire import ChatRequest, Message
from tests.services.llm.conftest import until

STORY = "Tell me a very long story about a fox and a crow."
COLOUR = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "blue"]}, "size": {"type": "integer"}},
    "required": ["colour", "size"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def client(server):
    with OpenAI(base_url=server.base, api_key="none", max_retries=0, timeout=60) as client:
        yield client


def prompt(server, tokens):
    """A text whose whole rendered prompt has so many tokens."""
    model = server.llm.models.current

    def count(words):
        return model.count(ChatRequest(messages=[Message(role="user", content="a" + " a" * words)]))

    words = tokens - count(0)
    assert count(words) == tokens
    return "a" + " a" * words


def in_background(call):
    """The call in a thread, and a list that gets its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    return thread, results


def test_a_reply_names_the_model_and_counts_its_tokens(idle):
    reply = idle.ask("Name a colour.").json()
    assert reply["model"] == BASE
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 12
    request = ChatRequest(messages=[Message(role="user", content="Name a colour.")])
    assert reply["usage"]["prompt_tokens"] == idle.llm.models.current.count(request)
    assert ".gguf" not in orjson.dumps(reply).decode()


def test_a_stream_says_the_same_piece_by_piece(idle):
    whole = idle.text("Name a colour.")
    response = idle.ask("Name a colour.", stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    chunks = [orjson.loads(line) for line in lines[:-1]]
    assert len(chunks) > 5
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == whole
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    assert {(chunk["model"], chunk["id"]) for chunk in chunks} == {(BASE, chunks[0]["id"])}
    assert ".gguf" not in response.text


def test_korean_and_emoji_stay_whole(idle):
    response = idle.ask("한국어로 '안녕하세요 😀'를 열 번 따라 쓰세요.", max_tokens=40, stream=True)
    assert response.status_code == 200
    assert "�" not in response.content.decode("utf-8")


def test_the_beginning_of_a_prompt_is_read_once_also_beside_background_work(idle):
    text = "The quick brown fox jumps over the lazy dog. " * 6
    idle.ask(text + "One?", max_tokens=1)
    idle.ask("Something quite different, said at some length. " * 4, background=True, max_tokens=1)
    usage = idle.ask(text + "Two?", max_tokens=1).json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] > 60


def test_a_prompt_may_have_the_limit_and_no_token_more(idle):
    limit = idle.llm.models.current.limit
    assert limit == 350
    assert idle.ask(prompt(idle, limit), max_tokens=1).json()["usage"]["prompt_tokens"] == limit
    refused = idle.ask(prompt(idle, limit + 1))
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert "350" in error["message"] and "351" in error["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_request"),
        (b'{"messages": []}', 400, "invalid_request"),
        (b'{"messages": [{"role": "wizard", "content": "x"}]}', 400, "invalid_request"),
        (b'{"messages": [{"role": "user", "content": "x"}], "model": "gpt-5"}', 404, "model_not_found"),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_schema",'
            b' "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}}',
            400,
            "invalid_request",
        ),
        (b'"' + b"x" * BODY_LIMIT + b'"', 413, "too_large"),
    ],
)
def test_errors_have_openais_shape(server, body, status, code):
    response = server.http.post("/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["code"], error["type"]) == (code, "invalid_request_error")
    assert error["message"]


def test_an_unknown_path_is_an_error_of_the_same_shape(server):
    response = server.http.get("/nothing")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "http_error")


@pytest.mark.parametrize("name", ["", "default", BASE])
def test_the_model_goes_by_its_name_or_by_none(idle, name):
    assert idle.ask("Hi", model=name, max_tokens=1).status_code == 200


def test_no_web_page_gets_in(server):
    """Neither by a request that needs no permission, nor by a host name of its own that leads here."""
    plain = server.http.post("/chat/completions", content=b"{}", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    assert server.http.get("/models", headers={"Host": "evil.example"}).status_code == 400


def test_llama_cpps_own_port_is_closed(server):
    address = server.llm.models.current._server.listening_address
    assert address.startswith("http://127.0.0.1:")
    body = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    with httpx.Client(base_url=address, trust_env=False) as http:
        for path in ("/v1/chat/completions", "/completion", "/tokenize"):
            assert http.post(path, json=body).status_code == 401
        assert http.get("/v1/models").status_code == 401


def test_openais_own_client_works(idle, client):
    assert [model.id for model in client.models.list()] == [BASE]
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name a colour."}]
    whole = client.chat.completions.create(model=BASE, messages=messages, max_tokens=8, temperature=0)
    assert whole.usage.completion_tokens <= 8
    stream = client.chat.completions.create(
        model=BASE,
        messages=messages,
        max_tokens=8,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_openais_client_gets_what_the_schema_says(idle, client, stream):
    schema = {"type": "json_schema", "json_schema": {"name": "colour", "strict": True, "schema": COLOUR}}
    reply = client.chat.completions.create(
        model="default",
        messages=[{"role": "user", "content": "Describe a colour as JSON."}],
        response_format=schema,
        max_tokens=60,
        stream=stream,
    )
    text = "".join(c.choices[0].delta.content or "" for c in reply) if stream else reply.choices[0].message.content
    found = orjson.loads(text)
    assert found.keys() == {"colour", "size"}
    assert found["colour"] in ("red", "blue") and isinstance(found["size"], int)


def test_openais_client_understands_our_errors(idle, client):
    messages = [{"role": "user", "content": "x"}]
    with pytest.raises(BadRequestError) as too_long:
        client.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "x " * 400}])
    assert too_long.value.code == "context_length_exceeded"
    with pytest.raises(NotFoundError):
        client.chat.completions.create(model="other", messages=messages)


def test_who_leaves_stops_what_is_written_for_him(idle):
    with idle.stream(STORY) as lines:
        next(lines)
        assert idle.health()["running"] == 1
    until(lambda: idle.health()["running"] == 0, 1)


def test_who_leaves_before_the_first_token_leaves_the_line(idle):
    with idle.stream(STORY) as lines:
        next(lines)
        with pytest.raises(httpx.ReadTimeout):
            idle.http.post(
                "/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}]}, timeout=httpx.Timeout(0.3)
            )
        until(lambda: idle.health()["waiting"] == 0, 1)
        assert idle.health()["running"] == 1


def test_a_full_line_sends_clients_away_with_the_time_to_come_back(idle, client):
    with idle.stream(STORY) as lines:
        next(lines)
        waiting = [in_background(lambda: idle.ask("Hi", max_tokens=2)) for _ in range(2)]
        until(lambda: idle.health()["waiting"] == 2, 5)
        refused = idle.ask("Hi")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        with pytest.raises(InternalServerError):
            client.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "x"}])
    for thread, results in waiting:
        thread.join(20)
        assert results[0].status_code == 200


def test_an_answer_stops_background_work_that_has_sent_nothing(idle):
    thread, results = in_background(lambda: idle.ask(STORY, background=True, max_tokens=500))
    until(lambda: idle.health()["running"] == 1, 5)
    started = time.monotonic()
    assert idle.ask("Hi", max_tokens=1).status_code == 200
    assert time.monotonic() - started < 3
    thread.join(5)
    assert (results[0].status_code, results[0].json()["error"]["code"]) == (503, "preempted")
    assert int(results[0].headers["retry-after"]) >= 1


def test_an_answer_stops_background_work_while_its_prompt_is_read(idle):
    long = prompt(idle, 350)
    thread, results = in_background(lambda: idle.ask("b" + long[1:], background=True))
    until(lambda: idle.health()["running"] == 1, 5)
    with idle.stream("Hi", tokens=2) as lines:
        next(lines)
    thread.join(5)
    assert results[0].json()["error"]["code"] == "preempted"


def test_a_stream_in_the_background_ends_with_an_error_that_openais_client_raises(idle, client):
    stream = client.chat.completions.create(
        model=BASE,
        messages=[{"role": "user", "content": STORY}],
        max_tokens=500,
        stream=True,
        extra_headers={"X-Toolscout-Purpose": "describe"},
    )
    next(stream)
    assert idle.ask("Hi", max_tokens=1).status_code == 200
    with pytest.raises(APIError) as ended:
        list(stream)
    assert ended.value.code == "preempted"


def test_background_work_does_not_stop_an_answer(idle):
    with idle.stream(STORY, tokens=40) as lines:
        next(lines)
        thread, results = in_background(lambda: idle.ask("Hi", background=True, max_tokens=1))
        assert list(lines)[-1] == "data: [DONE]"
    thread.join(10)
    assert results[0].status_code == 200


def test_one_core_stays_free_and_servers_share_the_others(monkeypatch):
    for cores, servers, expected in ((1, 1, 1), (2, 1, 1), (2, 2, 1), (8, 1, 7), (8, 2, 3)):
        monkeypatch.setattr("services.llm.serve.cores", lambda n=cores: n)
        assert threads(servers) == expected
