import gettext
import re
from pathlib import Path

import pytest
import rest_rows as rows

import cauce.api
from cauce.api.pages import words
from cauce.api.rest import following
from cauce.core.statuses import AttentionCause, HeldStatus, ItemStatus, JobStatus, Role, StudyStatus

LOCALE = Path(cauce.api.__file__).parent / "locale" / "es" / "LC_MESSAGES"


def entries(text):
    """The texts of a catalogue in its written form: (original, plural, translations)."""
    for block in text.split("\n\n")[1:]:
        found = re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:"(?:[^"\\]|\\.)*"\s*)+)', block, re.MULTILINE)
        parts = [(name, eval(value.replace("\n", " "))) for name, value in found]
        named = dict(parts)
        yield named["msgid"], named.get("msgid_plural"), [v for name, v in parts if name.startswith("msgstr")]


def test_every_text_is_translated_and_the_compiled_catalogue_is_up_to_date():
    with (LOCALE / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    count = 0
    for original, plural, translations in entries((LOCALE / "django.po").read_text(encoding="utf-8")):
        assert all(translations), original
        if plural is None:
            assert compiled.gettext(original) == translations[0]
        else:
            assert [compiled.ngettext(original, plural, n) for n in (1, 2)] == translations
        for translated in translations:
            assert sorted(re.findall(r"%\(\w+\)[sd]|\{\w+\}|<\w+>", original)) == sorted(
                re.findall(r"%\(\w+\)[sd]|\{\w+\}|<\w+>", translated)
            )
        count += 1
    assert count > 120


def test_every_text_of_the_templates_is_in_the_catalogue():
    known = {original for original, _, _ in entries((LOCALE / "django.po").read_text(encoding="utf-8"))}
    for template in (LOCALE.parents[2] / "templates" / "cauce").glob("*.html"):
        for single, double in re.findall(r"""{% translate (?:'([^']+)'|"([^"]+)")""", template.read_text()):
            assert (single or double) in known, template.name


@pytest.mark.parametrize(
    ("table", "members"),
    [
        (words.STUDY, StudyStatus),
        (words.JOB, JobStatus),
        (words.ITEM, ItemStatus),
        (words.CAUSE, AttentionCause),
        (words.STATE, following.STATES),
        (words.ROLE, Role),
        (words.HELD, HeldStatus),
    ],
)
def test_every_code_has_words(table, members):
    assert {str(member) for member in members} <= set(table)


def test_every_step_of_the_flow_has_words():
    from cauce import flow

    assert set(words.STEP) == set(flow.STEPS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "language", "title"),
    [
        ("en-GB,en;q=0.9", "en", "Studies"),
        ("es-AR,es;q=0.9,en;q=0.5", "es", "Estudios"),
        ("tr-TR,tr;q=0.9", "en", "Studies"),
        ("de,es;q=0.5", "es", "Estudios"),
        ("", "en", "Studies"),
        ("*", "en", "Studies"),
        ("\x00;q=x" * 50, "en", "Studies"),
    ],
)
def test_pages_speak_the_browsers_language(browser_of, admin, accepted, language, title):
    answer = browser_of(admin).get("/", headers={"accept-language": accepted})
    text = answer.content.decode()
    assert f'<html lang="{language}">' in text
    assert f"<h1>{title}</h1>" in text
    assert answer["Content-Language"] == language
    assert "Accept-Language" in answer["Vary"]


@pytest.mark.django_db
def test_spanish_is_spanish_on_every_page(browser_of, admin, anonymous):
    study = rows.planted_study(status="attention", causes=[{"cause": "pixels_unproven", "detail": "x", "count": 1}])
    rows.job(study, status="dead", code="unexpected")
    browser = browser_of(admin, headers={"accept-language": "es"})
    text = browser.get(f"/studies/{study.public_id}/").content.decode()
    for said in ("Atención", "Los píxeles pueden mostrar quién es el paciente", "Qué ha pasado", "Abandonado"):
        assert said in text
    assert "Repetir" in browser.get("/jobs/").content.decode()
    assert "Contraseña" in anonymous.get("/login/", headers={"accept-language": "es"}).content.decode()
    assert "Aquí no hay nada" in anonymous.get("/nope", headers={"accept-language": "es"}).content.decode()


@pytest.mark.django_db
def test_numbers_follow_the_language_but_machine_values_do_not(browser_of, admin):
    study = rows.study()
    series = rows.series(study)
    rows.instance(series)
    figures = {"mean": -604.26, "minimum": -1024.0, "maximum": 12345.5, "unit": "HU", "snr": 3.14159}
    rows.result(series, measurements=figures)
    path = f"/studies/{study.public_id}/"
    english = browser_of(admin).get(path).content.decode()
    spanish = browser_of(admin).get(path, headers={"accept-language": "es"}).content.decode()
    assert "\u2212604.3 <small>HU" in english
    assert "\u2212604,3 <small>HU" in spanish
    assert "\u22121024 … 12,346 <small>HU" in english
    assert ">3.14<" in english
    assert ">3,14<" in spanish
    for text in (english, spanish):
        assert re.search(r'<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d', text)
