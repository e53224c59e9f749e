"""`firm.toml`: what it may hold, and what is said of everything else."""

from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.root.config import Config, read_config


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('nmae = "x"', "line 1: unknown key 'nmae'; did you mean 'name'"),
        ('name = "x"\n\n[engine]\nidle = 3', r"line 4: unknown key '\[engine\] idle'; did you mean 'idle_s'"),
        ("[engin]\nidle_s = 3", "line 1: unknown key 'engin'; did you mean 'engine'"),
        ("idle_s = 3", r"line 1: unknown key 'idle_s'; did you mean '\[engine\] idle_s'"),
        ("zzz = 3", "known here: name, mission, engine"),
        ("name = 3", "line 1: name is 3; give text"),
        ('[engine]\nidle_s = "soon"', "line 2: .* give a number"),
        ("[engine]\nidle_s = true", "give a number"),
        ("engine.idle_s = 0", "line 1: .* at least 0.001"),
        ("[engine]\ncancel_grace_s = -1", "at least 0"),
        ("[engine]\nidle_s = nan", "at least"),
        ("engine = 3", "a section"),
        ('# hello\n[models.big]\nurl = "x"', r"line 2: \[models\] belongs to a part"),
        ("[budget]\nusd_per_day = 2", "does not have yet"),
        ("name = ", "not valid TOML: Invalid value"),
        ('name = "a"\nname = "b"', "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        read(tmp_path, text)
    assert "firm.toml" in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "firm.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        read_config(tmp_path / "firm.toml")
