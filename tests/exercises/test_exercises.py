"""The exercises as they are typed: output, messages, exit statuses."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = ROOT / "exercises"
SAMPLES = [
    "file_operations/sample-01-csv.csv",
    "file_operations/sample-01-dicom.dcm",
    "oop/sample-02-dicom.dcm",
    "multithreading/sample-03-00-json.json",
    "multithreading/sample-03-01-json.json",
]


@pytest.fixture
def folder(tmp_path):
    """The exercises in a folder of this test's own."""
    ignored = shutil.ignore_patterns("__pycache__", "venv", "cauce-data", "*.log")
    shutil.copytree(EXERCISES, tmp_path / "exercises", ignore=ignored)
    return tmp_path / "exercises"


@pytest.fixture
def run(folder):
    def run_main(*words, cwd=None):
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, str(folder / "main.py"), *map(str, words)]
        return subprocess.run(
            command, cwd=cwd or folder, env=environ, check=False, capture_output=True, text=True, timeout=120
        )

    return run_main


def failed(done, *words, status=1):
    """Assert one plain line that holds the words, and no traceback."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert [word for word in words if str(word) not in done.stderr] == [], done.stderr
    assert "Traceback" not in done.stderr
    assert status == 2 or done.stderr.startswith("ERROR: ")
    assert status == 2 or done.stderr.count("\n") == 1
    return True


# --- 1 -------------------------------------------------------------------------------------------------------------


def test_a_folder_is_listed_in_order(run, tmp_path):
    for name in ("b.txt", "a.txt", "ñ"):
        (tmp_path / "some" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "some" / name).touch()
    done = run(1, "some", cwd=tmp_path)
    assert done.stdout == "Number of elements in 'some': 3\nContents:\n- a.txt\n- b.txt\n- ñ\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_is_none_is_an_error(run):
    assert failed(run(1, "nowhere"), "nowhere cannot be read: No such file")
    assert failed(run(1, "main.py"), "main.py cannot be read: Not a directory")


# --- 2 -------------------------------------------------------------------------------------------------------------


def test_the_sample_table(run):
    done = run(2, "file_operations", "sample-01-csv.csv")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "Number of columns: 6",
        "Column names: PatientID, Age, Weight, Height, Cholesterol, HeartRate",
        "Number of rows: 52",
        "PatientID: not numeric",
    ]
    text = (EXERCISES / "file_operations/sample-01-csv.csv").read_text()
    columns = list(zip(*[line.split(",") for line in text.splitlines()], strict=True))
    for line, (name, *cells) in zip(lines[4:], columns[1:], strict=True):
        numbers = [int(cell) for cell in cells]
        mean, deviation = statistics.mean(numbers), statistics.stdev(numbers)
        assert line == f"{name}: mean {mean:.6f}, standard deviation {deviation:.6f}"
    assert any(cell.endswith(" ") for column in columns[1:] for cell in column)
    assert run("2", "file_operations/sample-01-csv.csv").stdout == done.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"a,b\nx,y\n", "has no column of numbers"),
        (b"a,b\n1,2\n3\n", "row 2 has 1 cells, the header has 2"),
        (b"a,b\n1,\xff\n", "is not UTF-8"),
        (b"\0\1\2", "holds bytes that are no text"),
        (b'a,b\n1,"2\n', "is not a CSV file: line 2"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8"),
        (b"a,b\n", "has a header and no rows"),
    ],
)
def test_a_file_that_is_no_table_is_an_error_that_names_it(run, tmp_path, content, words):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    assert failed(run(2, tmp_path, "t.csv"), "t.csv", words)


def test_what_names_hold_stays_on_its_line(run, tmp_path):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "a\x1b[2Jb.txt").touch()
    assert run(1, tmp_path / "some").stdout.endswith("Contents:\n- a?[2Jb.txt\n")
    (tmp_path / "t.csv").write_text('"x\ny",b\x07\n1,2\n')
    assert run(2, tmp_path / "t.csv").stdout.splitlines()[1:] == [
        "Column names: x?y, b?",
        "Number of rows: 1",
        "x?y: mean 1.000000, standard deviation none, it is one number",
        "b?: mean 2.000000, standard deviation none, it is one number",
    ]


def test_what_is_very_large_has_an_exponent(run, tmp_path):
    (tmp_path / "t.csv").write_text("a\n3e300\n1e300\n")
    assert run(2, tmp_path / "t.csv").stdout.endswith("a: mean 2.000000e+300, standard deviation 1.414214e+300\n")


# --- 3 -------------------------------------------------------------------------------------------------------------


def test_elements_of_the_first_sample(run):
    words = ["0x0008", "0x0016", "0010,1030", "0x00280010", "ContrastBolusAgent", "BodyPartExamined"]
    done = run(3, "file_operations", "sample-01-dicom.dcm", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Patient's name: MUESTRA^UNO",
        "Study date: 20240317",
        "Modality: MR",
        "SOP Class UID (0008,0016): 1.2.840.10008.5.1.4.1.1.7",
        "Patient's Weight (0010,1030): 71",
        "Rows (0028,0010): 512",
        "Contrast/Bolus Agent (0018,0010): absent",
        "Body Part Examined (0018,0015): absent",
    ]
    assert run(3, "file_operations", "sample-01-dicom.dcm").stdout.count("\n") == 3


@pytest.mark.parametrize("cut", [0, 100, 2000, -1000])
def test_a_file_that_is_not_dicom_or_cut_off_is_an_error_that_names_it(run, tmp_path, cut):
    whole = (EXERCISES / "file_operations/sample-01-dicom.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:cut])
    for command in (3, 4):
        assert failed(run(command, tmp_path / "cut.dcm"), "cut.dcm")
    assert failed(run(3, tmp_path, "none.dcm"), "none.dcm cannot be read: No such file")
    assert failed(run(3, tmp_path / "none.dcm", "0x0008", "0x0016"), "none.dcm cannot be read: No such file")


# --- 4 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["oop/sample-02-dicom.dcm", ".\\oop\\sample-02-dicom.dcm", ".oopsample-02-dicom.dcm"])
def test_a_study_is_shown_and_its_diagnosis_changes(run, word, tmp_path):
    done = run(4, word, cwd=tmp_path)  # also from another folder
    assert done.returncode == 0, done.stderr
    shown = dict(line.split(": ", 1) for line in done.stdout.splitlines()[:14])
    assert shown["Modality"] == "XA"
    assert shown["Number of frames"] == "96"
    assert (shown["Patient's name"], shown["Sex"], shown["Type of patient ID"]) == ("MUESTRA^DOS", "M", "TEXT")
    assert (shown["Age"], shown["Birth date"], shown["Weight (kg)"]) == ("057Y", "19680118", "71.0")
    assert (shown["Study date"], shown["Study time"], shown["Series number"]) == ("20250523", "082115", "1")
    assert {"Study instance UID", "Patient ID", "Diagnosis"} <= set(shown)
    assert "INFO: diagnosis changed from none to to be confirmed\n" in done.stderr
    assert (done.stdout.splitlines()[14:], "oronary" in done.stdout + done.stderr) == (
        ["Diagnosis: to be confirmed"],
        False,
    )


def test_the_diagnosis_of_a_study_can_be_given(run):
    done = run(4, "file_operations/sample-01-dicom.dcm", "No finding")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Diagnosis: No finding")
    assert done.stderr == "INFO: diagnosis changed from none to No finding\n"


@pytest.mark.parametrize("count", ["-5", "0"])
def test_a_count_of_frames_that_is_none_is_taken_as_absent(run, tmp_path, count):
    from cauce.samples import small_instance

    (tmp_path / "s.dcm").write_bytes(small_instance("MR", NumberOfFrames=count))
    assert "Number of frames: 1\n" in run(4, tmp_path / "s.dcm").stdout


# --- 5 -------------------------------------------------------------------------------------------------------------


def test_even_and_odd_numbers_come_from_two_threads(run):
    done = run(5, "multithreading/sample-03-00-json.json", "--interval", "0")
    assert done.returncode == 0, done.stderr
    lines = [line.split(": ") for line in done.stdout.splitlines()]
    assert [int(number) for name, number in lines if name == "even"] == list(range(2, 201, 2))
    assert [int(number) for name, number in lines if name == "odd"] == list(range(1, 201, 2))


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupt_stops_both_threads_cleanly(folder):
    # Whoever runs the tests may ignore the signal, and a process inherits that.
    text = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    text += "runpy.run_path('main.py', run_name='__main__')"
    process = subprocess.Popen(
        [sys.executable, "-c", text, "5", "--interval", "60"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = {process.stdout.readline(), process.stdout.readline()}
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (first, out, err, process.returncode) == ({"even: 2\n", "odd: 1\n"}, "", "stopped\n", 130)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
@pytest.mark.parametrize(
    "words",
    [
        ["1", "."],
        ["2", "file_operations", "sample-01-csv.csv"],
        ["5", "--interval", "0"],
        ["6", "multithreading/sample-03-00-json.json"],
    ],
)
def test_output_that_cannot_be_written_ends_the_exercise(folder, words):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "main.py", *words]
        done = subprocess.run(
            command, cwd=folder, check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert (done.returncode, done.stderr) == (
        1,
        "ERROR: the output cannot be written: No space left on device\n",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_leaves_ends_both_threads(folder):
    process = subprocess.Popen(
        [sys.executable, "main.py", "5", "--interval", "0.01"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == ("", 1)
    process.stderr.close()


# --- 6 -------------------------------------------------------------------------------------------------------------


def test_every_element_is_printed_and_logged(run, folder):
    for name, count in (("sample-03-00-json.json", 2), ("sample-03-01-json.json", 50)):
        done = run(6, f".\\multithreading\\{name}")
        assert done.returncode == 0, done.stderr
        expected = set()
        for element in json.loads((folder / "multithreading" / name).read_text()).values():
            numbers = [int(word) for row in element["data"] for word in row.split()]
            mean = sum(numbers) / len(numbers)
            expected.add(
                f"id {element['id']}: average before normalization {mean:.6f}, "
                f"after {mean / max(numbers):.6f}, data size {len(numbers)}"
            )
        assert len(expected) == count
        assert set(done.stdout.splitlines()) == expected
        logged = (folder / "multithreading/json_processor.log").read_text().splitlines()[-count:]
        assert {line.split(" INFO ")[1] for line in logged} == expected
    assert run(6, "multithreading", "sample-03-00-json.json").returncode == 0


def test_each_element_has_its_thread_and_four_at_most_are_alive(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXERCISES))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    from multithreading import json_processor

    seen, alive = [], []
    element_of = json_processor.element_of

    def counted(given):
        seen.append(threading.current_thread().name)
        time.sleep(0.005)
        alive.append(sum(thread.name.startswith("element-") for thread in threading.enumerate()))
        return element_of(given)

    monkeypatch.setattr(json_processor, "element_of", counted)
    assert json_processor.process_file(EXERCISES / SAMPLES[4], log_file=tmp_path / "log")
    for name in [name for name in sys.modules if name.split(".")[0] == "multithreading"]:
        del sys.modules[name]
    assert sorted(seen) == sorted(f"element-{number}" for number in range(1, 51))
    assert max(alive) == 4


def test_a_bad_element_is_reported_and_the_rest_go_on(run, tmp_path):
    good = {"id": "good", "deviceName": "CT", "data": ["2 4 8"]}
    bad = {"a": {**good, "data": ["2 x"]}, "b": {**good, "data": []}, "c": {**good, "data": ["0 -1"]}, "d": {"id": "d"}}
    (tmp_path / "e.json").write_text(json.dumps({**bad, "e": good}))
    done = run(6, tmp_path / "e.json")
    assert done.returncode == 1
    assert set(done.stdout.splitlines()) == {
        "element 'a', data: row 1, value 2 is not a number",
        "element 'b', data: holds no numbers",
        "element 'c', data: has a maximum of 0 or below, by which nothing can be normalised",
        "element 'd', deviceName: is missing",
        "id good: average before normalization 4.666667, after 0.583333, data size 3",
    }


def test_what_an_id_holds_stays_on_its_line(run, tmp_path):
    forged = {"id": "a\n2026-01-01 INFO id b", "deviceName": "CT", "data": ["2 4 8"]}
    (tmp_path / "e.json").write_text(json.dumps({"1": forged, "2\r3": 7}))
    assert set(run(6, tmp_path / "e.json").stdout.splitlines()) == {
        "id a?2026-01-01 INFO id b: average before normalization 4.666667, after 0.583333, data size 3",
        "element '2\\r3': is not an object with id, deviceName and data",
    }


def test_half_a_character_is_no_id(run, tmp_path):
    (tmp_path / "e.json").write_text('{"1": {"id": "\\ud800", "deviceName": "CT", "data": ["2 4 8"]}}')
    done = run(6, tmp_path / "e.json")
    assert (done.returncode, done.stdout) == (
        1,
        "element '1', id: holds half a character (a lone surrogate), which is no text\n",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in the place of a file")
def test_a_log_file_that_cannot_be_written_is_said_to_be_so(run, folder):
    (folder / "multithreading/json_processor.log").mkdir()
    assert failed(run(6, "multithreading/sample-03-00-json.json"), "json_processor.log cannot be written: Is a dir")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"1": ', b"\xff", b'{"1": ' + b"9" * 5000 + b"}"])
def test_a_file_of_no_elements_is_an_error_that_names_it(run, tmp_path, content):
    (tmp_path / "e.json").write_bytes(content)
    assert failed(run(6, tmp_path / "e.json"), "e.json")
    assert failed(run(6, tmp_path / "none.json"), "none.json cannot be read: No such file")


# --- use -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["0"],
        ["--help"],
        ["1"],
        ["1", "a", "b"],
        ["2"],
        ["2", "file_operations"],
        ["2", "file_operations", "sample-01-csv.csv", "more"],
        ["3", "file_operations", "sample-01-dicom.dcm", "0x0008"],
        ["3", "file_operations", "sample-01-dicom.dcm", "NoSuchKeyword"],
        ["4"],
        ["5", "a", "b"],
        ["5", "--interval"],
        ["5", "--interval", "-1"],
        ["5", "--interval", "nan"],
        ["6"],
    ],
)
def test_wrong_arguments_print_the_usage(run, words):
    assert failed(run(*words), "Usage: python main.py NUMBER", status=2)
