"""Bodies of the three protocols as requests: what is taken, and what is refused with the field that is wrong."""

import base64
import json
from typing import Any

import pytest

from firm.model.message import Audio, File, Image, Message, Reasoning, Text, ToolCall, ToolResult
from firm.model.request import MAX_TOKENS, Request
from firm.serve.body import seal, unseal
from firm.serve.chat_request import read_chat
from firm.serve.dialect import Asked
from firm.serve.messages_request import read_messages
from firm.serve.refusal import Refusal
from firm.serve.responses_request import read_responses

PNG = base64.b64encode(b"\x89PNG").decode()
PARAMETERS = {"type": "object", "properties": {"town": {"type": "string"}}}
HI = [{"role": "user", "content": "hi"}]


def chat(**body: Any) -> Asked:
    return read_chat(json.dumps({"model": "m", "messages": HI} | body).encode(), "me")


def responses(**body: Any) -> Asked:
    return read_responses(json.dumps({"model": "m", "input": "hi"} | body).encode(), "me")


def messages(**body: Any) -> Asked:
    return read_messages(json.dumps({"model": "m", "max_tokens": 9, "messages": HI} | body).encode(), "me")


def test_a_plain_body_is_a_plain_request_of_somebody_who_waits() -> None:
    plain = Request((Message("user", "hi"),), "m", MAX_TOKENS, urgent=True)
    assert chat().request == plain
    assert responses().request == plain
    assert messages(max_tokens=MAX_TOKENS).request == plain


def test_every_option_of_chat_completions_arrives() -> None:
    asked = chat(
        max_completion_tokens=7,
        temperature=0.5,
        top_p=0.9,
        seed=-3,
        stop=["a", "b"],
        logprobs=True,
        top_logprobs=4,
        reasoning_effort="minimal",
        service_tier="flex",
        stream=True,
        stream_options={"include_usage": True},
        parallel_tool_calls=False,
        tools=[
            {"type": "function", "function": {"name": "get", "description": "d", "parameters": PARAMETERS}}
        ],
        tool_choice={"type": "function", "function": {"name": "get"}},
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": PARAMETERS}},
        user="somebody",
        metadata={"a": "b"},
        n=1,
        store=False,
        frequency_penalty=0,
    )
    request = asked.request
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed, sampling.logprobs) == (0.5, 0.9, -3, 4)
    assert sampling.stop == ("a", "b")
    assert (request.max_tokens, request.effort, request.tier) == (7, "instant", "flex")
    assert (request.tools[0].name, request.tools[0].description) == ("get", "d")
    assert (request.tools[0].parameters, request.schema) == (PARAMETERS, PARAMETERS)
    assert (request.tool_choice, asked.stream, asked.usage, asked.single) == ("get", True, True, True)


def test_a_cache_key_is_a_session_of_its_caller_alone() -> None:
    body = json.dumps({"model": "m", "messages": HI, "prompt_cache_key": "a\r\nb"}).encode()
    mine, theirs = (read_chat(body, who).request.session for who in ("me", "them"))
    assert mine.isalnum()
    assert mine != theirs
    assert chat().request.session == ""


def test_parts_of_chat_completions_become_ours() -> None:
    content = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{PNG}", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}},
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "mp3"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.pdf"}},
    ]
    (message,) = chat(messages=[{"role": "user", "content": content}]).request.messages
    assert message.parts == (
        Text("look"),
        Image(b"\x89PNG", "image/jpeg"),
        Image(url="https://example.org/x.png"),
        Audio(b"\x89PNG", "mp3"),
        File(b"\x89PNG", "a.pdf"),
    )


def test_a_conversation_with_tools_reads_alike_in_all_protocols() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get", "arguments": '{"town":"Ulm"}'}}
    wanted = (
        Message("system", "be brief"),
        Message("user", "hi"),
        Message("assistant", (Text("well"), ToolCall("c1", "get", '{"town":"Ulm"}'))),
        Message("tool", (ToolResult("c1", "sunny", "get"), ToolResult("c2", "late"))),
        Message("user", "so?"),
    )
    by_chat = chat(
        messages=[
            {"role": "developer", "content": "be brief"},
            *HI,
            {"role": "assistant", "content": "well", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "late"}]},
            {"role": "user", "content": "so?"},
        ]
    )
    assert by_chat.request.messages == wanted
    by_responses = responses(
        instructions="be brief",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "well"}]},
            {"type": "function_call", "call_id": "c1", "name": "get", "arguments": '{"town":"Ulm"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
            {
                "type": "function_call_output",
                "call_id": "c2",
                "output": [{"type": "input_text", "text": "late"}],
            },
            {"role": "user", "content": "so?"},
        ],
    )
    assert by_responses.request.messages == wanted
    results = [
        {"type": "tool_result", "tool_use_id": "c1", "content": "sunny"},
        {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "late"}]},
        {"type": "text", "text": "so?"},
    ]
    by_messages = messages(
        system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        messages=[
            *HI,
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "well"},
                    {"type": "tool_use", "id": "c1", "name": "get", "input": {"town": "Ulm"}},
                ],
            },
            {"role": "user", "content": results},
        ],
    )
    said = by_messages.request.messages
    assert said[:2] == wanted[:2]
    assert said[2].parts[0] == Text("well")
    assert said[2].parts[1].decode() == {"town": "Ulm"}  # type: ignore[union-attr]
    assert said[3:] == wanted[3:]


def test_pictures_and_documents_of_the_other_protocols_become_ours() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": PNG}}
    document = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
    }
    link = {"type": "image", "source": {"type": "url", "url": "https://example.org/x.png"}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [image], "is_error": True}
    said = messages(messages=[{"role": "user", "content": [result, image, link, document]}]).request.messages
    assert said[0].parts == (ToolResult("c", "", error=True, images=(Image(b"\x89PNG", "image/webp"),)),)
    assert said[1].parts == (
        Image(b"\x89PNG", "image/webp"),
        Image(url="https://example.org/x.png"),
        File(b"\x89PNG", "document.pdf"),
    )
    content = [
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
        {"type": "input_file", "file_data": PNG, "filename": "b.pdf"},
    ]
    (message,) = responses(input=[{"role": "user", "content": content}]).request.messages
    assert message.parts == (Image(b"\x89PNG", "image/png"), File(b"\x89PNG", "b.pdf"))


@pytest.mark.parametrize(
    ("wire", "data"),
    [
        ("responses", '{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}'),
        ("responses", '{"type":"item_reference","id":"rs_1"}'),
        ("responses", '{"type":"thinking"}'),
        ("anthropic", '{"type":"document","source":{"type":"file","file_id":"file-1"}}'),
        ("anthropic", '{"signature":"s"}'),
        ("elsewhere", '{"type":"thinking"}'),
    ],
)
def test_what_is_sealed_can_be_reasoning_alone(wire: str, data: str) -> None:
    assert unseal(seal((Reasoning("hm", wire, data),))) == ()


def test_reasoning_travels_sealed_and_comes_back_as_it_was() -> None:
    thought = Reasoning("hm", "anthropic", '{"type":"thinking","signature":"s"}')
    word = seal((thought, Reasoning("shown, with nothing to keep", "chat"), Text("x")))
    assert unseal(word) == (thought,)
    said = [{"type": "thinking", "thinking": "hm", "signature": word}, {"type": "text", "text": "x"}]
    by_messages = messages(messages=[*HI, {"role": "assistant", "content": said}, *HI])
    assert by_messages.request.messages[1].parts == (thought, Text("x"))
    items = [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": word}]
    assert responses(input=[*HI, *items, *HI]).request.messages[1].parts == (thought,)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "EvAnthropic==",
        "é",
        seal((Reasoning("", "chat", '{"a":1},{"model":"big"}'),)),
        seal((Reasoning("", "", "["),)),
    ],
)
def test_reasoning_that_is_not_ours_is_left_out(word: str) -> None:
    said = [{"type": "redacted_thinking", "data": word}, {"type": "text", "text": "x"}]
    assert messages(messages=[*HI, {"role": "assistant", "content": said}]).request.messages[1].text == "x"
    assert unseal(word) == ()


def test_effort_comes_from_what_each_protocol_calls_it() -> None:
    assert responses(reasoning={"effort": "xhigh", "summary": "auto"}).request.effort == "xhigh"
    assert messages(output_config={"effort": "max"}).request.effort == "max"
    budgets = {1024: "low", 8000: "medium", 32000: "high"}
    for tokens, level in budgets.items():
        assert messages(thinking={"type": "enabled", "budget_tokens": tokens}).request.effort == level
    assert messages(thinking={"type": "disabled"}).request.effort == "instant"
    assert messages(thinking={"type": "adaptive"}).request.effort == ""


def test_schemas_of_all_protocols_arrive() -> None:
    form = {"type": "json_schema", "name": "x", "schema": PARAMETERS}
    assert responses(text={"format": form}).request.schema == PARAMETERS
    assert messages(output_config={"format": form}).request.schema == PARAMETERS
    assert chat(response_format={"type": "json_object"}).request.schema == {"type": "object"}
    assert chat(response_format={"type": "text"}).request.schema is None


def test_a_choice_of_tools_is_read_in_every_way() -> None:
    tool = {"name": "get", "input_schema": PARAMETERS}
    for given, wanted in (("auto", "auto"), ("any", "required"), ("none", "none")):
        assert messages(tools=[tool], tool_choice={"type": given}).request.tool_choice == wanted
    named = messages(
        tools=[tool], tool_choice={"type": "tool", "name": "get", "disable_parallel_tool_use": True}
    )
    assert (named.request.tool_choice, named.single) == ("get", True)
    flat = {"type": "function", "name": "get", "parameters": PARAMETERS, "strict": True}
    assert responses(tools=[flat], tool_choice="required").request.tool_choice == "required"
    assert (
        responses(tools=[flat], tool_choice={"type": "function", "name": "get"}).request.tool_choice == "get"
    )


def test_lone_surrogates_and_nul_are_made_whole() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"a\\ud800b\\u0000"}]}'
    assert read_chat(body, "me").request.messages[0].text == "a\ufffdb\0"


DEEP: Any = {}
for _ in range(150):
    DEEP = {"properties": {"a": DEEP}}
TOOL = {"type": "function", "function": {"name": "get", "parameters": PARAMETERS}}


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"store": True}, "store", "unsupported_parameter"),
        ({"functions": [{}]}, "functions", "unsupported_parameter"),
        ({"logit_bias": {"1": 2}}, "logit_bias", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_value"),
        ({"top_p": 0}, "top_p", "invalid_value"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"seed": 2**64}, "seed", "invalid_value"),
        ({"stop": list("abcde")}, "stop", "invalid_value"),
        ({"stop": [""]}, "stop", "invalid_value"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages.0.content", "invalid_value"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id", "invalid_value"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "unsupported_parameter"),
        ({"response_format": {"type": "json_schema"}}, "response_format.schema", "invalid_value"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools.0", "unsupported_parameter"),
        ({"tools": [TOOL, TOOL]}, "tools", "invalid_value"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
            "invalid_value",
        ),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"tool_choice": "sometimes"}, "tool_choice", "invalid_value"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools.0.function.name",
            "invalid_value",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": DEEP}}]},
            "tools.0.function.parameters",
            "invalid_value",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"maximum": 2**70}}}]},
            "tools.0.function.parameters",
            "invalid_value",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"x": "y" * 2**20}}}]},
            "tools.0.function.parameters",
            "invalid_value",
        ),
    ],
)
def test_what_chat_completions_cannot_have_here_is_refused(
    body: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        chat(**body)
    assert (refused.value.status, refused.value.param, refused.value.code) == (400, param, code)


NO_PICTURES = [
    *("", "file:///etc/passwd", "ftp://x/y", "http://", "http://[", "https://a\nb", "x" * 9000),
    *("data:text/html;base64,AA==", "data:image/png;base64,?"),
]


@pytest.mark.parametrize("url", NO_PICTURES)
def test_addresses_that_are_no_pictures_are_refused(url: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    with pytest.raises(Refusal, match=r"messages\.0\.content\.0\.image_url"):
        chat(messages=[{"role": "user", "content": content}])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"previous_response_id": "r"}, "previous_response_id"),
        ({"store": True}, "store"),
        ({"conversation": "c"}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"truncation": "auto"}, "truncation"),
        ({"input": []}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input.0"),
        ({"input": [{"type": "computer_call"}]}, "input.0"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
            "input.0.content.0",
        ),
        ({"tools": [{"type": "web_search"}]}, "tools.0"),
    ],
)
def test_what_responses_cannot_have_here_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        responses(**body)
    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"top_k": 5}, "top_k"),
        ({"temperature": 1.5}, "temperature"),
        ({"stop_sequences": ["a", "b", "c", "d", "e"]}, "stop_sequences"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "tool", "name": "x"}}, "tool_choice"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
            "messages.0.content.0.tool_use_id",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "mystery"}]}]}, "messages.0.content.0.type"),
    ],
)
def test_what_messages_cannot_have_here_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Refusal) as refused:
        messages(**body)
    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    "body", [b"", b"junk", b"[1]", b"{", b"[" * 100_000, b"\xff", b'{"model": NaN}', b"null"]
)
def test_what_is_no_body_is_refused(body: bytes) -> None:
    for read in (read_chat, read_responses, read_messages):
        with pytest.raises(Refusal) as refused:
            read(body, "me")
        assert refused.value.status == 400
