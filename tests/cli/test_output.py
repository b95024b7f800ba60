"""What commands print: values as people read them, tables that stay lines."""

import datetime as dt
import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from cauce.cli import output


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        (None, "", "-"),
        ("", "", "-"),
        ([], "", "-"),
        (0, "", "0"),
        (True, "", "yes"),
        (False, "", "no"),
        (1234.5678, "", "1235"),
        (0.00012345, "", "0.0001234"),
        (["CT", "PT"], "", "CT, PT"),
        ("20251020", "study_date", "2025-10-20"),
        ("20251020", "study_id", "20251020"),
        ("2025", "study_date", "2025"),
        ("two\n  lines", "", "two lines"),
        ("\x1b[31mred", "", "\ufffd[31mred"),
        ("2026-99-99T99:99:99Z", "", "2026-99-99T99:99:99Z"),
    ],
)
def test_a_value_reads_well(value, name, text):
    assert str(output.text_of(value, name=name)) == text


def test_moments_are_told_in_local_time_to_the_second():
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC)
    local = moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert str(output.text_of(moment)) == local
    assert str(output.text_of(moment.isoformat().replace("+00:00", "Z"))) == local


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (16384, "16.4 kB"),
        (80_600_000_000, "80.6 GB"),
        (5e12, "5000.0 GB"),
    ],
)
def test_a_size_reads_well(size_bytes, text):
    assert output.size_text(size_bytes) == text


def test_one_is_not_many():
    assert output.counted(1, "file") == "1 file"
    assert output.counted(0, "file") == "0 files"
    assert output.counted(2, "study", "studies") == "2 studies"


def test_columns_are_as_wide_as_what_is_shown_in_them(capsys):
    output.print_table(["a", "b"], [["日本", "x"], ["longer", None]])
    assert capsys.readouterr().out == "a       b\n日本    x\nlonger  -\n"


def test_a_wide_value_does_not_stretch_its_column(monkeypatch, capsys):
    rows = [["1", "山田^太郎" * 3, "x"], ["2", "Nadie", "y"]]
    output.print_table(["id", "patient", "last"], rows, cells_max=12)
    assert capsys.readouterr().out == f"id  patient       last\n1   {'山田^太郎' * 3}  x\n2   Nadie         y\n"
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80, color_system=None, highlight=False, soft_wrap=True)
    monkeypatch.setattr(output, "console", lambda: terminal)
    output.print_table(["id", "patient", "last"], rows, cells_max=12)
    lines = screen.getvalue().splitlines()
    assert lines == ["id  patient       last", "1   山田^太郎山…  x", "2   Nadie         y"]
    assert [cell_len(line[: line.index(end)]) for line, end in zip(lines, ("last", "x", "y"), strict=True)] == [18] * 3


def test_a_row_is_one_line_however_long_where_no_terminal_reads(capsys):
    output.print_table(["a", "b"], [["x" * 300, "y" * 300]])
    assert capsys.readouterr().out.splitlines()[1] == f"{'x' * 300}  {'y' * 300}"


def test_a_row_ends_with_the_terminal(monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=20, color_system=None, highlight=False, soft_wrap=True)
    monkeypatch.setattr(output, "console", lambda: terminal)
    output.print_table(["a", "b"], [["short", "y" * 300]])
    assert screen.getvalue() == f"a      b\nshort  {'y' * 12}…\n"


def test_json_is_written_whole_with_whatever_letters(capsys):
    output.print_json({"name": "Tórax", "at": dt.date(2026, 1, 2)})
    assert capsys.readouterr().out == '{"name": "Tórax", "at": "2026-01-02"}\n'
