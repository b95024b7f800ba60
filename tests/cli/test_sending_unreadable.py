"""Sending files some of which cannot be read, break while they are read, or change meanwhile."""

import pytest
from fake_server import problem

from cauce.cli.client import Client
from cauce.cli.sending import Sending


def test_a_file_that_cannot_be_read_is_refused_and_the_others_go_on(server, send, files):
    everything = files(3)
    everything[1].path.unlink()
    entries, _ = send(everything)
    assert [(entry["status"], entry.get("code")) for entry in entries] == [
        ("stored", ""),
        ("refused", "unreadable"),
        ("stored", ""),
    ]
    assert entries[1]["path"] == str(everything[1].path)
    assert entries[1]["detail"] == "No such file or directory"


def break_reading_of(monkeypatch, name, error, *, when=lambda: True):
    """Let the file of that name break while it is read."""
    from cauce.cli.imports.items import Reading

    original = Reading.read

    def read(self, count=-1):
        if self._item.name == name and when():
            self._source = Broken(error)
        return original(self, count)

    monkeypatch.setattr(Reading, "read", read)


class Broken:
    def __init__(self, error):
        self.error = error

    def read(self, _count):
        if self.error is None:
            return b""
        raise self.error

    def seek(self, _offset):
        pass

    def close(self):
        pass


@pytest.mark.parametrize(
    ("error", "detail"),
    [(OSError(5, "Input/output error"), "Input/output error"), (None, "It became shorter while it was read.")],
)
def test_a_file_that_breaks_while_it_is_read_is_left_out_and_its_neighbours_are_sent(
    server, send, files, monkeypatch, error, detail
):
    everything = files(3)
    break_reading_of(monkeypatch, "many/0001.dcm", error)
    entries, _ = send(everything)
    assert [(entry["status"], entry.get("code"), entry.get("detail")) for entry in entries] == [
        ("stored", "", ""),
        ("refused", "unreadable", detail),
        ("stored", "", ""),
    ]
    assert [names for _, names, _ in server.uploads] == [["many/0000.dcm", "many/0002.dcm"]]


def test_a_file_that_grows_while_it_is_sent_is_sent_as_it_was_and_said_to_have_changed(server, files):
    everything = files(2)
    outcomes = []

    def grow(request):
        with everything[0].path.open("ab") as file:
            file.write(b"more")
        return inner(request)

    inner, server.handle_request = server.handle_request, grow
    with Client() as client:
        run = Sending(client=client, project="default", on_verdicts=lambda _: None, on_outcomes=outcomes.extend)
        run.run(everything)
    assert [outcome.item.name for outcome in outcomes if not outcome.mark] == ["many/0000.dcm"]
    assert [warned["code"] for warned in outcomes[0].entries[0]["warnings"]] == ["changed"]
    assert outcomes[1].entries[0]["warnings"] == []


def test_bytes_that_are_sent_again_are_counted_once(server, files, no_waiting):
    moved = []
    server.faults = [problem(503, "busy")]
    with Client() as client:
        run = Sending(client=client, project="default", on_verdicts=lambda _: None, on_bytes=moved.append)
        run.run(files(3, size_bytes=1000))
    assert sum(moved) == 3000
    assert min(moved) == -1000


def test_a_delivery_whose_last_files_cannot_be_read_is_complete_all_the_same(server, send, files):
    everything = files(66)
    for file in everything[64:]:
        file.path.unlink()
    entries, _ = send(everything)
    assert [entry["status"] for entry in entries] == ["stored"] * 64 + ["refused"] * 2
    assert [(query.get("final"), len(names)) for query, names, _ in server.uploads] == [(None, 64), ("true", 0)]


def test_a_delivery_of_nothing_that_can_be_read_sends_nothing(server, send, files):
    everything = files(130)
    for file in everything:
        file.path.unlink()
    entries, _ = send(everything)
    assert [entry["code"] for entry in entries] == ["unreadable"] * 130
    assert server.uploads == []
