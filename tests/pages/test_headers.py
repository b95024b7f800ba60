import re

import pytest
import rest_rows as rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(browser_of, admin):
    study = rows.planted_study()
    browser = browser_of(admin, headers={"accept": "text/html"})
    paths = ["/", f"/studies/{study.public_id}/", "/jobs/", "/api/", "/api/studies/", "/api/tokens/", "/nothing"]
    return {path: browser.get(path) for path in paths}


def test_pages_load_nothing_but_what_comes_from_here(pages):
    for path, answer in pages.items():
        policy = answer["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'; "), path
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "object-src 'none'" in policy


def test_pages_keep_to_that_policy_themselves(pages):
    for path, answer in pages.items():
        text = answer.content.decode()
        scripts = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", text)
        assert (path, scripts) == (path, [])
        assert (path, re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)) == (path, [])
        loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']([^\"']+)", text)
        assert (path, [one for one in loaded if not one.startswith("/")]) == (path, [])


def test_only_the_description_may_style_inline(browser_of, admin):
    policy = browser_of(admin).get("/api/docs/")["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy


def test_the_other_headers_are_there(pages, client_of, admin):
    for answer in [*pages.values(), client_of(admin).get("/api/studies/")]:
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cache-Control"] == "no-store"


def test_static_files_are_served_and_may_be_kept(anonymous):
    for name in ("cauce.css", "live.js", "upload.js", "docs.js", "logo.svg", "icons.svg", "favicon.svg"):
        answer = anonymous.get(f"/static/cauce/{name}")
        assert answer.status_code == 200, name
        assert "no-store" not in answer.get("Cache-Control", "")
        assert answer["X-Content-Type-Options"] == "nosniff"
    assert anonymous.get("/static/../settings/django.py").status_code == 404


def test_the_pages_ask_for_no_icon_that_is_not_there(browser_of, admin, clinician):
    from pathlib import Path

    import cauce.api

    drawn = (Path(cauce.api.__file__).parent / "static" / "cauce" / "icons.svg").read_text()
    known = set(re.findall('symbol id="([a-z]+)"', drawn))
    rows.planted_study()
    rows.job(rows.study(status="attention"), status="dead")
    text = "".join(browser_of(admin).get(path).content.decode() for path in ("/", "/?patient=zzz", "/jobs/"))
    assert set(re.findall(r"icons\.svg#([a-z]+)", text)) <= known
    scripted = (Path(cauce.api.__file__).parent / "static" / "cauce" / "upload.js").read_text()
    assert set(re.findall(r'icon\("([a-z]+)"\)', scripted)) <= known
    assert {"check", "same", "fork", "skip", "clock", "cross", "info"} <= known
