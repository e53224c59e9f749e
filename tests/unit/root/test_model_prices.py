"""Prices of models in firm.toml: read as they are meant, refused with file and line."""

from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.ledger.price import Rates
from firm.model.target import Model
from firm.root.config import read_config
from firm.root.models import entry_of

HEAD = '[models.big]\nurl = "https://models.example/v1"\nname = "m"\n'


def read(folder: Path, text: str) -> object:
    path = folder / "firm.toml"
    path.write_text(text, "utf-8")
    [model] = entry_of(read_config(path).models["big"]).models
    return model


def test_prices_and_the_deadline_reach_the_model(tmp_path: Path) -> None:
    model = read(
        tmp_path, HEAD + "usd_per_mtok = { input = 2, output = 10.0, cache_read = 0.5 }\ndeadline_s = 30\n"
    )
    assert isinstance(model, Model)
    assert (model.rates, model.deadline_s) == (Rates(2, 10.0, 0.5), 30)
    assert not model.own
    section = read(tmp_path, HEAD + "[models.big.usd_per_mtok]\ninput = 2\noutput = 10.0\n")
    assert isinstance(section, Model)
    assert section.rates == Rates(2, 10.0)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("usd_per_mtok = 3", "line 4: .*usd_per_mtok is 3; give a section"),
        ("usd_per_mtok = { input = 1 }", r"line 4: \[models.big\] usd_per_mtok has no 'output'"),
        ("usd_per_mtok = { input = 1, output = -1 }", "line 4: .*output=-1"),
        ("usd_per_mtok = { input = 1, output = nan }", "line 4: .*output=nan"),
        (
            "usd_per_mtok = { input = 1, output = 1, eur = 1 }",
            "line 4: .*has 'eur'; there are only input, output",
        ),
        ("usd_per_mtok = { input = 1, output = 1 }\nusd_per_gpu_hour = 1", "line 4: .*keep one of them"),
        ("deadline_s = 0", "line 4: .*a number of seconds, at least 0.001"),
    ],
)
def test_prices_that_cannot_be_are_refused_with_their_line(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read(tmp_path, HEAD + line + "\n")


def test_prices_need_a_server(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a server"):
        read(tmp_path, "[models.big]\nusd_per_mtok = { input = 1, output = 1 }\n")
