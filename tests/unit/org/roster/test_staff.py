"""The staff: roles of a folder, of its units, and how they stand to each other."""

from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.org.roster import read_staff, unit_names


def role(folder: Path, name: str, **keys: str) -> None:
    place = folder / "roles"
    place.mkdir(parents=True, exist_ok=True)
    head = "".join(f"{key}: {value}\n" for key, value in keys.items())
    (place / f"{name}.md").write_text(f"---\n{head}---\n# {name}\n\nWorks.\n", "utf-8")


def test_a_folder_without_roles_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no roles in"):
        read_staff(tmp_path)


def test_a_unit_is_read_as_the_firm_is(tmp_path: Path) -> None:
    role(tmp_path, "engineer", unit="aero")
    role(tmp_path / "units/aero", "explorer")
    role(tmp_path / "units/aero/units/tunnel", "smoker", reports_to="chief")
    assert read_staff(tmp_path).held == {"engineer": "unit"}
    aero = read_staff(tmp_path, "aero")
    assert ([one.name for one in aero.roles], aero.unit, aero.units) == (["explorer"], "aero", ("tunnel",))
    assert [one.name for one in read_staff(tmp_path, "aero/tunnel").roles] == ["smoker"]
    assert unit_names(tmp_path) == ("aero",)
    with pytest.raises(UsageError, match=r"there is no unit 'areo'; did you mean 'aero'\?"):
        read_staff(tmp_path, "areo")
    with pytest.raises(UsageError, match="is no unit"):
        read_staff(tmp_path, "../aero")


def test_the_language_is_that_of_the_roles(tmp_path: Path) -> None:
    role(tmp_path, "writer")
    assert read_staff(tmp_path).language == "en"
    (tmp_path / "roles/writer.md").write_text("# 作者\n\n把事情写清楚。\n", "utf-8")
    assert read_staff(tmp_path).language == "zh"


def test_who_reports_to_nobody_is_told(tmp_path: Path) -> None:
    role(tmp_path, "writer", reports_to="editr")
    role(tmp_path, "editor")
    with pytest.raises(
        UsageError, match=r"writer.md, line 2: reports_to names 'editr'.*did you mean 'editor'\?"
    ):
        read_staff(tmp_path)


def test_a_circle_is_told(tmp_path: Path) -> None:
    role(tmp_path, "a", reports_to="b")
    role(tmp_path, "b", reports_to="c")
    role(tmp_path, "c", reports_to="a")
    with pytest.raises(UsageError, match="a reports to b reports to c reports to a: a circle"):
        read_staff(tmp_path)


def test_a_stand_in_and_a_unit_are_there(tmp_path: Path) -> None:
    role(tmp_path, "writer", stand_in="editor")
    with pytest.raises(UsageError, match="stand_in names 'editor'"):
        read_staff(tmp_path)
    role(tmp_path, "writer", unit="press")
    with pytest.raises(UsageError, match="there is no folder units/press; make units/press/roles/"):
        read_staff(tmp_path)
    (tmp_path / "units/press").mkdir(parents=True)
    with pytest.raises(UsageError, match="the unit 'press' has no roles"):
        read_staff(tmp_path)
