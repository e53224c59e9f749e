"""From settings to models."""

import asyncio
from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.model import Entry, Message, Model, NoModel, ScriptedModel, discover
from firm.model.local import Embedded
from firm.model.models import Models
from firm.model.request import Request
from firm.root.config import Config, ModelSettings, read_config
from firm.root.home import Home
from firm.root.models import Finder, entry_of, models_of

BIG = ModelSettings(
    ("http://gpu-1:8000/v1", "http://gpu-2:8000/v1"),
    "Qwen3-32B",
    "env:BIG_KEY",
    "responses",
    2.0,
    4,
    32_768,
    False,
    "flex",
    ("default",),
    True,
)


def test_a_section_becomes_one_endpoint_an_address() -> None:
    first, second = (
        Model(url, "Qwen3-32B", "env:BIG_KEY", "responses", 2.0, 4, 32_768, False, "flex") for url in BIG.urls
    )
    assert entry_of(BIG) == Entry((first, second), ("default",), True)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (ModelSettings(), "qwen2.5-coder-0.5b-instruct-q4_k_m"),
        (ModelSettings(embedded="smollm2-135m-instruct-q4_1"), "smollm2-135m-instruct-q4_1"),
    ],
)
def test_a_section_without_an_address_is_an_embedded_model(settings: ModelSettings, name: str) -> None:
    [given] = entry_of(settings).models
    assert isinstance(given, Embedded)
    assert (given.entry.name, given.model.eyes) == (name, False)


def test_what_is_given_in_code_goes_before_the_settings(tmp_path: Path) -> None:
    mine = ScriptedModel(["hi"])
    config = Config(models={"big": BIG, "default": ModelSettings()})
    models = models_of(config, Home(tmp_path), {"big": mine})
    assert models.names() == ["big", "default"]
    assert models.entry("big") == Entry((mine,))
    assert isinstance(models.entry("default"), Entry)
    assert list(tmp_path.iterdir()) == []


def test_the_default_is_looked_for_where_nobody_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model("http://127.0.0.1:8000/v1", "m")

    async def found(transport: object, environ: object) -> discover.Found:
        return discover.Found(model, ("a server",))

    monkeypatch.setattr(discover, "discover", found)
    models = models_of(Config(), Home(tmp_path))
    assert (models.names(), models.entry("default")) == (["default"], None)
    assert asyncio.run(find(Finder())) == Entry((model,))


def test_without_model_and_weights_the_error_says_what_was_looked_for_and_what_to_pull(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(transport: object, environ: object) -> discover.Found:
        return discover.Found(None, ("no key", "no server"))

    monkeypatch.setattr(discover, "discover", nothing)
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path))
    with pytest.raises(NoModel) as caught:
        asyncio.run(find(Finder()))
    for word in (
        "no key; no server",
        "firm models pull qwen2.5-coder-0.5b-instruct-q4_k_m",
        "491 MB",
        "firm.toml",
    ):
        assert word in str(caught.value)
    assert isinstance(caught.value, UsageError)


def test_a_server_that_comes_up_later_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model("http://127.0.0.1:8000/v1", "m")
    looks = iter([discover.Found(None, ("no server",)), discover.Found(model, ("a server",))])

    async def look(transport: object, environ: object) -> discover.Found:
        return next(looks)

    monkeypatch.setattr(discover, "discover", look)
    monkeypatch.setenv("FIRM_MODELS", str(tmp_path))
    finder = Finder()
    with pytest.raises(NoModel):
        asyncio.run(find(finder))
    assert asyncio.run(find(finder)) == Entry((model,))


async def find(finder: Finder) -> Entry:
    async with Models() as models:
        return await finder(models)


def test_a_script_plays_the_model_and_is_read_when_it_is_first_asked(tmp_path: Path) -> None:
    path = tmp_path / "firm.toml"
    path.write_text('[models.default]\nscript = "play.py:answer"\n')
    [model] = entry_of(read_config(path).models["default"], tmp_path).models
    assert isinstance(model, ScriptedModel)
    request = Request((Message("user", "hello"),))

    def ask() -> str:
        return asyncio.run(model.say(request, model.abilities, None)).text

    with pytest.raises(UsageError, match="no file"):
        ask()
    (tmp_path / "play.py").write_text(
        "def answer(request):\n    return request.messages[-1].text + ' to you'\n"
    )
    assert ask() == "hello to you"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('script = "play:answer"', 'write "file.py:function"'),
        ('script = "play.py:answer"\nurl = "http://a.example/v1"', "keep one of them"),
        ('script = "play.py:answer"\ngpus = 2', "needs a server"),
    ],
)
def test_a_script_that_cannot_be_is_refused(tmp_path: Path, lines: str, told: str) -> None:
    path = tmp_path / "firm.toml"
    path.write_text(f"[models.default]\n{lines}\n")
    with pytest.raises(UsageError, match=told):
        read_config(path)


def test_a_script_that_raises_says_where(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_text('[models.default]\nscript = "play.py:answer"\n')
    (tmp_path / "play.py").write_text("def answer(request):\n    return [][0]\n")
    [model] = entry_of(read_config(tmp_path / "firm.toml").models["default"], tmp_path).models
    assert isinstance(model, ScriptedModel)
    with pytest.raises(UsageError, match=r"play.py:answer' raised IndexError: .*play.py, line 2"):
        asyncio.run(model.say(Request((Message("user", "hello"),)), model.abilities, None))
