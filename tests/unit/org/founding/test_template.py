"""Which template a sentence asks for, and what each of them is."""

import re
from pathlib import Path

import pytest

from firm.errors import UsageError
from firm.org.founding import FOLDER, TEMPLATES, Template, read_template, template_for
from firm.org.founding.template import names
from firm.org.words import language_of

KIOSKS = Path(__file__).parents[3] / "data/template"


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("a newsletter on wing design, one issue a week", "newsroom"),
        ("a wing design newsletter", "newsroom"),
        ("a shop for airfoils", "wing-works"),
        ("a tutor for contract law", "tutor"),
        ("a desk that reviews contracts", "law-desk"),
        ("每周一期的机翼设计通讯", "newsroom"),
        ("教线性代数的家教", "tutor"),
        ("审查合同", "law-desk"),
        ("设计翼型", "wing-works"),
        ("a bakery", "research-lab"),
        ("面包店", "research-lab"),
    ],
)
def test_the_words_of_a_sentence_choose_the_template(sentence: str, name: str) -> None:
    found, why = template_for(sentence)
    assert found == name
    assert language_of(why) == language_of(sentence)


def test_the_reason_names_the_words(tmp_path: Path) -> None:
    assert template_for("Notes for a kiosk.", KIOSKS) == ("kiosk", "the sentence says 'notes', 'kiosk'")
    assert template_for("写便条", KIOSKS) == ("kiosk", "这句话提到便条")
    assert "most general" in template_for("something else", KIOSKS)[1]
    with pytest.raises(UsageError, match="there are no templates"):
        template_for("a note", tmp_path)


def test_a_template_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"there is no template 'newsrom'; did you mean 'newsroom'\?"):
        read_template("newsrom")
    with pytest.raises(UsageError, match="there is no template"):
        read_template("../template/tutor")


def test_every_template_has_its_place_in_the_list() -> None:
    assert sorted(TEMPLATES) == sorted(path.parent.name for path in FOLDER.glob("*/template.toml"))


@pytest.mark.parametrize("name", names())
def test_a_template_is_found_in_both_languages(name: str) -> None:
    template: Template = read_template(name)
    assert [language_of(template.small(language)) for language in ("en", "zh")] == ["en", "zh"]
    assert {language_of(word) for word in template.words} == {"en", "zh"}
    assert language_of(template.says_zh) == "zh"
    assert all(word == word.lower() and re.sub(r"\s", "", word) for word in template.words)
