"""The pages of deliveries: what was sent, and the receipt of one."""

import pytest
import rest_rows as rows

from cauce.core.statuses import ItemStatus, Role

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert('x')</script>"


def text_of(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def test_deliveries_are_listed_with_their_verdicts_and_lead_to_their_receipts(browser_of, clinician, admin):
    mine, theirs = rows.upload(clinician), rows.upload(admin)
    sent = rows.upload(None, source="dimse", sender="CT1")
    for status in ("stored", "stored", "refused"):
        rows.item(mine, status=status)
    text = text_of(browser_of(clinician).get("/deliveries/"))
    assert f'href="/deliveries/{mine.public_id}/"' in text
    assert "2 stored" in text
    assert "1 refused" in text
    assert theirs.public_id not in text
    assert "of=everyone" not in text
    text = text_of(browser_of(clinician).get("/deliveries/?of=modalities"))
    assert (sent.public_id in text, mine.public_id in text, "DICOM association" in text) == (True, False, True)
    assert browser_of(clinician).get("/deliveries/?of=everyone").status_code == 404
    text = text_of(browser_of(admin).get("/deliveries/?of=everyone"))
    assert all(one.public_id in text for one in (mine, theirs, sent))


def test_a_receipt_shows_how_far_each_file_is_and_can_be_taken_away_signed(browser_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    rows.revision(series.study, finished_at=rows.timezone.now())
    good, held = rows.instance(series), rows.instance(series)
    rows.batch(series, [good, held])
    rows.measured(rows.deidentified(good))
    rows.deidentified(held, cause="pixels_unproven", detail="no rule covers it")
    for version in (good, held):
        rows.item(upload, name=f"{version.pk}.dcm", version=version, study=series.study)
    rows.item(upload, name="x.pdf", status="refused", code="not_dicom", detail="It is no DICOM file.")
    text = text_of(browser_of(clinician).get(f"/deliveries/{upload.public_id}/"))
    assert f'href="/api/uploads/{upload.public_id}/receipt" download' in text
    assert '<span class="pill is-delivered">Delivered</span>' in text
    assert '<span class="pill is-held_back">Held back</span>' in text
    assert "Pixels may show who the patient is: no rule covers it" in text
    assert '<span class="mono">not_dicom</span>: It is no DICOM file.' in text
    assert f'href="/studies/{series.study.public_id}/"' in text
    assert rows.AuditEvent.objects.get().action == "upload.read"


def test_the_files_of_a_receipt_come_in_pages_and_are_filtered_by_verdict(browser_of, clinician):
    upload = rows.upload(clinician)
    rows.UploadItem.objects.bulk_create(
        rows.UploadItem(upload=upload, name=f"file-{n:03}", status="refused" if n == 150 else "stored")
        for n in range(160)
    )
    browser, path = browser_of(clinician), f"/deliveries/{upload.public_id}/"
    first = text_of(browser.get(path))
    assert ("file-000" in first, "file-099" in first, "file-100" in first) == (True, True, False)
    following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = text_of(browser.get(path + following))
    assert ("file-099" in second, "file-100" in second, "file-159" in second) == (False, True, True)
    refused = text_of(browser.get(f"{path}?status=refused"))
    assert ("file-150" in refused, "file-151" in refused, 'rel="next"' in refused) == (True, False, False)
    assert '<span class="chip-count">159</span>' in refused
    assert browser.get(f"{path}?status=nonsense").status_code == 404
    assert browser.get(f"{path}?cursor=nonsense").status_code == 404


def test_text_of_the_sender_is_never_markup(browser_of, admin):
    upload = rows.upload(admin, sender=SCRIPT)
    rows.item(upload, name=SCRIPT, detail=SCRIPT, code=SCRIPT, status="refused")
    for path in ("/deliveries/", f"/deliveries/{upload.public_id}/"):
        assert "<script>alert" not in text_of(browser_of(admin).get(path))


@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.AUDITOR])
def test_who_may_not_see_originals_finds_no_delivery(browser_of, role):
    upload = rows.upload(None, source="dimse")
    browser = browser_of(rows.user(role))
    assert browser.get("/deliveries/").status_code == 404
    assert browser.get(f"/deliveries/{upload.public_id}/").status_code == 404
    assert "/deliveries/" not in text_of(browser.get("/jobs/"))


@pytest.mark.parametrize("status", list(ItemStatus))
def test_every_verdict_has_words_and_an_icon(browser_of, clinician, status):
    upload = rows.upload(clinician)
    rows.item(upload, status=status.value)
    text = text_of(browser_of(clinician).get(f"/deliveries/{upload.public_id}/"))
    assert f'<span class="tally-item is-{status.value}"><svg class="icon"' in text
    assert "#info" not in text
