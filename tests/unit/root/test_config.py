"""`firm.toml`: what it may hold, and what is said of everything else."""

from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.root.budgets import Limits
from firm.root.config import Config, EffortSettings, Egress, ModelSettings, Serve, read_config
from firm.root.setting import line_of
from firm.units import Limit


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "firm.toml"
    path.write_text(text, "utf-8")
    return read_config(path)


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_config(tmp_path / "firm.toml") == Config()


def test_known_keys_are_read(tmp_path: Path) -> None:
    config = read(tmp_path, 'name = "翼"\nmission = "fly"\n[engine]\nidle_s = 2\ncancel_grace_s = 0.5\n')
    assert (config.name, config.mission) == ("翼", "fly")
    assert (config.engine.idle_s, config.engine.cancel_grace_s) == (2.0, 0.5)
    config = read(tmp_path, '[effort]\ndefault = "high"\n[serve]\nenabled = false\nhost = "::1"\nport = 0\n')
    assert config.effort == EffortSettings("high")
    assert config.serve == Serve(False, "::1", 0)


MODELS = """
[models.default]
fallback = ["big", "大"]

[models.big]
url = ["http://gpu-1:8000/v1", "http://gpu-2:8000/v1"]
name = "Qwen3-32B"
key = "env:BIG_KEY"
wire = "responses"
usd_per_gpu_hour = 2
gpus = 4
context_tokens = 32_768
eyes = false
tier = "flex"
fallback = ["default"]
hedge = true

[models."大"]
url = "https://api.example.com/v1"
name = "m"
key = "secret:other"

[models.tiny]
embedded = "smollm2-135m-instruct-q4_1"
"""


def test_models_are_read(tmp_path: Path) -> None:
    models = read(tmp_path, MODELS).models
    assert models["default"] == ModelSettings(fallback=("big", "大"))
    assert models["default"].urls == ()
    assert models["big"] == ModelSettings(
        ("http://gpu-1:8000/v1", "http://gpu-2:8000/v1"),
        "Qwen3-32B",
        "env:BIG_KEY",
        "responses",
        2.0,
        4,
        context_tokens=32_768,
        eyes=False,
        tier="flex",
        fallback=("default",),
        hedge=True,
    )
    assert models["大"].urls == ("https://api.example.com/v1",)
    assert models["tiny"] == ModelSettings(embedded="smollm2-135m-instruct-q4_1")
    assert read(tmp_path, "[models.default]\n").models == {"default": ModelSettings()}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('nmae = "x"', "line 1: unknown key 'nmae'; did you mean 'name'"),
        ('name = "x"\n\n[engine]\nidle = 3', r"line 4: unknown key '\[engine\] idle'; did you mean 'idle_s'"),
        ("[engin]\nidle_s = 3", "line 1: unknown key 'engin'; did you mean 'engine'"),
        ("idle_s = 3", r"line 1: unknown key 'idle_s'; did you mean '\[engine\] idle_s'"),
        ('port = 3\nname = "x"', r"line 1: unknown key 'port'; did you mean '\[serve\] port'"),
        ('url = "x"', r"line 1: unknown key 'url'; did you mean '\[models.NAME\] url'"),
        ("zzz = 3", "known here: name, mission, engine"),
        ("name = 3", "line 1: name is 3; give text"),
        ('[engine]\nidle_s = "soon"', "line 2: .* give a number"),
        ("[engine]\nidle_s = true", "give a number"),
        ("engine.idle_s = 0", "line 1: .* at least 0.001"),
        ("[engine]\ncancel_grace_s = -1", "at least 0"),
        ("[engine]\nidle_s = nan", "at least"),
        ("[engine]\nidle_s = inf", "at least"),
        ("engine = 3", "a section"),
        (
            '\n[effort]\ndefault = "huge"',
            r"line 3: \[effort\] default is 'huge'; give one of \"instant\", \"low\"",
        ),
        ("[effort]\nlevel = 1", "unknown key '.effort. level'"),
        ('[serve]\nport = "80"', "line 2: .* a whole number, 0 to 65,535"),
        ("[serve]\nport = 65536", "a whole number, 0 to 65,535"),
        ('[serve]\nenabled = "yes"', "true or false, without quotes"),
        ('[serve]\nhost = ""', "text in quotes"),
        ('# hello\n[budget]\nx = "x"', r"line 3: unknown key '\[budget\] x'; known here: usd, tokens"),
        ("[budget]\nusd_per_dya = 2", "line 2: .*did you mean 'usd_per_day'"),
        ("[budget]\neur_per_day = 2", "line 2: .*US dollars only"),
        ("[budget]\nusd_per_day = -1", "line 2: .*give US dollars, 0 to 1,000,000,000"),
        ("[budget]\nusd_per_day = 1e10", "line 2: .*give US dollars, 0 to 1,000,000,000"),
        ("[budget]\nusd_per_day = nan", "give US dollars"),
        ("[budget]\ntokens_per_day = 1.5", "line 2: .*give a whole number, at least 0"),
        ("[budget]\nlost_after_s = -1", "line 2: .*give seconds, at least 0"),
        ('[budget]\nlost = "maybe"', 'line 2: .*give "spent" or "free"'),
        ("[budget]\nagents = 3", r"line 2: .*\[budget.agents.NAME\]"),
        ("[budget.agents.scout]\ncalls_per_huor = 3", "line 2: .*did you mean 'calls_per_hour'"),
        ("[[rules]]\nthen = 2", "line 2: .*give text in quotes"),
        ('[[rules]]\ntool = "a"\nthen = "ask"\n\n[[rules]]\nthne = "ask"', "line 6: "),
        ("[rules]\nthen = 2", r"double brackets, such as \[\[rules\]\]"),
        ("[limits]\nsame_call = -1", "line 2: .*a whole number, 0 to 1,000,000"),
        (
            '[[egress]]\nhosts = ["ok.example"]\n\n[[egress]]\nhosts = ["http://x/y"]',
            "line 4: .*egress.* 2: ",
        ),
        ('[[egress]]\nhots = ["x"]', "line 2: .*did you mean 'host"),
        ("name = ", "not valid TOML: Invalid value"),
        ('name = "a"\nname = "b"', "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        read(tmp_path, text)
    assert "firm.toml" in str(caught.value)


COMMAND = """
[budget]
usd_per_day = 4
usd_per_hour = 0.5
tokens_per_day = 1_000_000

[budget.agents.scout]
calls_per_hour = 10
gpu_s = 1.5

[limits]
same_call = 5
questions_per_hour = 3

[[rules]]
tool = "send_*"
then = "ask"

[[capabilities]]
agent = "scout"
tool = "call"
calls = 2

[[mandates]]
payee = "hosting.example.com"
usd = 30

[[egress]]
agent = "scout"
hosts = ["*.example.com"]
"""


def test_what_may_be_spent_and_done_is_read(tmp_path: Path) -> None:
    config = read(tmp_path, COMMAND)
    assert config.budget.firm.limits == (
        Limit("usd_micro", 4_000_000, "day"),
        Limit("usd_micro", 500_000, "hour"),
        Limit("tokens", 1_000_000, "day"),
    )
    assert config.budget.usd_per_minute == 2.0
    assert config.budget.purses["agent/scout"].limits == (
        Limit("calls", 10, "hour"),
        Limit("gpu_ms", 1500),
    )
    assert config.limits == Limits(5, 3)
    assert [(rule.tool, rule.then, rule.number) for rule in config.rules] == [("send_*", "ask", 1)]
    assert [one.calls for one in config.capabilities["scout"]] == [2]
    assert [(one.payee, one.usd) for one in config.mandates] == [("hosting.example.com", 30)]
    assert config.egress == (Egress("scout", ("*.example.com",)),)


def test_an_unset_budget_is_twenty_dollars_a_day_and_not_everything(tmp_path: Path) -> None:
    assert Config().budget.firm.limits == (Limit("usd_micro", 20_000_000, "day"),)
    config = read(tmp_path, "[budget]\nusd_per_month = 100\n")
    assert config.budget.firm.limits[-1] == Limit("usd_micro", 20_000_000, "day")


HEAD = '# models\n[models.big]\nurl = "http://gpu-1:8000/v1"\nname = "m"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "ulr = 1", r"line 5: unknown key '\[models.big\] ulr'; did you mean 'url'"),
        (HEAD + "idle_s = 1", r"line 5: unknown key .*; did you mean '\[engine\] idle_s'"),
        (HEAD + 'gpus = "4"', r"line 5: \[models.big\] gpus is '4'; give a whole number, 1 to"),
        (HEAD + "gpus = 0", "line 5: .*give a whole number"),
        (HEAD + "gpus = true", "line 5: .*give a whole number"),
        (HEAD + "usd_per_gpu_hour = -1", "line 5: .* at least 0"),
        (HEAD + "usd_per_gpu_hour = nan", "line 5: .* at least 0"),
        (HEAD + "context_tokens = 0", "line 5: .*a whole number, 1 to"),
        (HEAD + "eyes = 1", "line 5: .*true or false"),
        (HEAD + 'wire = "grpc"', 'line 5: .*one of "chat", "responses", "anthropic"'),
        (HEAD + 'fallback = "small"', "line 5: .*a list of text"),
        (HEAD + 'fallback = ["bigger"]\n[models.bigest]', "line 5: .*names 'bigger'.*did you mean 'bigest'"),
        (HEAD + 'fallback = ["zzz"]', "line 5: .*no such model; known here: default"),
        (HEAD + 'fallback = ["big"]', "line 5: .*names itself"),
        (HEAD + 'embedded = "x"', "line 5: .*keep one of them"),
        ('[models.big]\nurl = "gpu-1:8000"\nname = "m"', "line 2: .*give an address such as"),
        ('[models.big]\nurl = "http://x:port/v1"\nname = "m"', "line 2: .*give an address such as"),
        ('[models.big]\nurl = []\nname = "m"', "line 2: .*or a list of them"),
        ('[models.big]\nurl = ["http://a/v1", 3]\nname = "m"', "line 2: .*or a list of them"),
        (
            '[models.a]\nembedded = "smollm2"',
            "line 2: .*no 'smollm2'; did you mean 'smollm2-135m-instruct-q4_1'",
        ),
        ('[models.a]\nembedded = "all-minilm-l6-v2"', "line 2: .*answers no messages"),
        ('\n[models.big]\nurl = "http://a/v1"', r"line 2: \[models.big\] has a url but no name; add name = "),
        ("[models.big]\nfallback = []\ngpus = 2", r"line 3: \[models.big\] gpus needs a server; add url = "),
        ('[models]\nurl = "http://a/v1"', r"line 2: \[models\] url is .*write \[models.default\]"),
        ("[models]\nbig = 3", r"line 2: \[models\] big is 3; write \[models.big\]"),
        ("\nmodels = 3", "line 2: models is 3; give a section"),
        ('[models." "]', "line 1: ' ' is no name for a model"),
        ('[models."a\\u0007"]', "is no name for a model"),
        (f"[models.{'x' * 201}]", "1 to 200 printable characters"),
    ],
)
def test_what_is_wrong_with_a_model_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "key", ['"sk-proj-123"', '"env:sk-proj-123"', '"env:"', '"secret:"', "17", '["sk-1"]']
)
def test_a_key_itself_is_refused_and_not_repeated(tmp_path: Path, key: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, HEAD + f"key = {key}")
    told = str(caught.value)
    assert "line 5: [models.big] key" in told
    assert 'write key = "env:BIG_KEY" and set BIG_KEY' in told
    assert "sk-" not in told


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    for url in ('"http://me:pass-123@gpu-1:8000/v1"', '["http://a/v1", "http://me:pass-123@gpu-1:8000/v1"]'):
        with pytest.raises(UsageError, match="line 2: .*//…@gpu-1.*without user and password") as caught:
            read(tmp_path, f'[models.big]\nurl = {url}\nname = "m"')
        assert "pass-123" not in str(caught.value)


def test_the_variable_that_is_proposed_can_be_one(tmp_path: Path) -> None:
    for name, variable in (("gpt 5-mini", "GPT_5_MINI_KEY"), ("大", "MODEL_KEY"), ("4o", "MODEL_4O_KEY")):
        with pytest.raises(UsageError, match=f'"env:{variable}"'):
            read(tmp_path, f'[models."{name}"]\nurl = "http://a/v1"\nname = "m"\nkey = "x"')


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        read_config(tmp_path / "firm.toml")


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        ("a = 1\n[x.y]\nb = 2", ("x", "y", "b"), 3),
        ("[ x . 'y' ] # here\nb = 2", ("x", "y"), 1),
        ("x.y.b = 2", ("x", "y", "b"), 1),
        ("[x]\ny.b = 2", ("x", "y", "b"), 2),
        ("\nx = {y = {b = 2}}", ("x", "y", "b"), 2),
        ("[x.z]\nb = 1\n[x.y]\nb = 2", ("x", "y", "b"), 4),
        ("[x]\n[[x.y]]\nb = 2", ("x", "y"), 2),
        ("a = 1", ("x",), 1),
        ("[x.y]\n", ("x",), 1),
    ],
)
def test_the_line_of_a_key_is_found(text: str, place: tuple[str, ...], line: int) -> None:
    assert line_of(text, place) == line
