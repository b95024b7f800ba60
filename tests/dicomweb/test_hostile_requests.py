"""Whatever is asked of DICOMweb, of whatever was stored, is answered by a status of the reference, and soon."""

import asyncio
import json
import logging
import time
from collections import Counter

import pytest

from asgi_driver import exchange, related
from cauce import samples
from cauce.core.statuses import Role
from hostile_bodies import stored, stored_json, work_items
from hostile_queries import queries
from hostile_reads import ANSWERED, JSON, Ask, listed, reads_of

pytestmark = pytest.mark.django_db(transaction=True)

ANSWERED_WITHIN_S = 10
SHARE = 97
"""One in so many extremes is asked of each object, another of the next."""


@pytest.fixture
def ask(web, token, caplog):
    """Send requests one after the other; returns the answers, once all are found to be what they may be."""
    bearer = f"Bearer {token(Role.TECHNOLOGIST)}"

    async def send(asks):
        answers, wrong = [], []
        for one in asks:
            began = time.monotonic()
            headers = {"authorization": bearer, "accept": one.accept, "content-length": str(len(one.body)), **one.more}
            answer = await exchange(web, one.method, one.target, headers=_latin(headers), chunks=one.body)
            answers.append(answer)
            if answer.status not in ANSWERED or time.monotonic() - began > ANSWERED_WITHIN_S:
                wrong.append((answer.status, str(one)))
        assert wrong == []
        return answers

    def all_of(asks):
        with caplog.at_level(logging.ERROR):
            answers = asyncio.run(send(asks))
        assert [record.getMessage() for record in caplog.records] == []
        return answers

    return all_of


def _latin(headers):
    return {
        name: text if text is None else text.encode("latin-1", "replace").decode("latin-1")
        for name, text in headers.items()
    }


@pytest.fixture
def one(ask):
    """Something that is stored."""
    kind, body = related([samples.small_instance()])
    ask([Ask(method="POST", target="/projects/default/dicom-web/studies", more={"content-type": kind}, body=body)])
    (found,) = listed(ask([Ask(target="/projects/default/dicom-web/instances")])[0].body)
    return found


def test_every_transaction_answers_hostile_requests(ask, one):
    asked = list(queries("/projects/default/dicom-web", one, seed=6))
    statuses = Counter(answer.status for answer in ask(asked))
    assert statuses[200] > 100
    assert statuses[400] > 100


@pytest.mark.parametrize("make", [stored, stored_json], ids=["files", "json"])
def test_hostile_bodies_are_refused_and_what_is_sent_next_is_stored(ask, make):
    ask(make("/projects/default/dicom-web"))
    kind, body = related([samples.small_instance()])
    (answer,) = ask([Ask(method="POST", target="/dicom-web/studies", more={"content-type": kind}, body=body)])
    assert answer.status == 200


def test_hostile_work_items_are_refused(ask):
    answers = ask(work_items("/projects/default/dicom-web"))
    assert {201, 202, 400, 404, 413} <= {answer.status for answer in answers}


def test_what_is_stored_can_be_asked_for_in_every_way(ask, one):
    assert 200 in {answer.status for answer in ask(_reads(ask, [one], share=1))}


@pytest.mark.corpus
def test_what_was_taken_of_hostile_files_is_read_in_every_way(ask, malformed):
    files = sorted(path for path in malformed.rglob("*") if path.suffix == ".dcm")[::9]
    assert len(files) > 40
    _store(ask, files)
    found = listed(ask([Ask(target="/dicom-web/instances", accept=JSON)])[0].body)
    assert len(found) > 15
    ask(_reads(ask, found, share=SHARE))


def _store(ask, files):
    for path in files:
        kind, body = related([path.read_bytes()])
        ask([Ask(method="POST", target="/dicom-web/studies", more={"content-type": kind}, body=body)])


def _reads(ask, found, *, share):
    asked = []
    for turn, stored_one in enumerate(found):
        (answer,) = ask([Ask(target=f"{stored_one.levels[2]}/metadata", accept=JSON)])
        asked += reads_of(stored_one, json.loads(answer.body)[0], turn=turn, share=share)
    return asked
