"""Every command of the exercises' README, in order, as it is typed, in a copy of the project with nothing else."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    "python -m venv venv",
    "source venv/bin/activate  # Para Linux/MacOS",
    "pip install -r requirements.txt",
    "python main.py 1 file_operations",
    "python main.py 2 file_operations sample-01-csv.csv",
    "python main.py 3 file_operations sample-01-dicom.dcm 0x0008 0x0016",
    "python main.py 4 .\\oop\\sample-02-dicom.dcm",
    "python main.py 5 .\\multithreading\\sample-03-00-json.json",
    "python main.py 6 .\\multithreading\\sample-03-00-json.json",
    "python manage.py migrate",
    "python medical_images_api/populate_data.py",
    "python manage.py runserver",
]
EXPECTED = {
    "python main.py 1 ": ["Number of elements in 'file_operations': ", "- sample-01-csv.csv"],
    "python main.py 2 ": ["Number of rows: 52", "HeartRate: mean 79.269231, standard deviation 12.461888"],
    "python main.py 3 ": ["Modality: MR", "SOP Class UID (0008,0016): 1.2.840.10008.5.1.4.1.1.7"],
    "python main.py 4 ": ["Modality: XA", "Number of frames: 96", "Diagnosis: to be confirmed"],
    "python main.py 5 ": ["even: 200", "odd: 199"],
    "python main.py 6 ": ["id aabbcc1: average before normalization 43.900000, after 0.493258, data size 30"],
    "python manage.py migrate": ["administrator: admin", "password: "],
    "python medical_images_api/populate_data.py": ["50 created, 0 already there, 0 refused"],
}


@pytest.fixture
def exercises(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "venv", "cauce-data", "*.log", "*-02-json.json")
    for name in ("src", "exercises"):
        shutil.copytree(ROOT / name, tmp_path / "cauce" / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / "cauce" / name)
    return tmp_path / "cauce" / "exercises"


@pytest.mark.parametrize("name", ["README.md", "README.en.md"])
def test_the_commands_are_those_of_the_readme(name):
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "exercises" / name).read_text(), re.DOTALL)
    lines = [line.strip().split("  #")[0] for block in blocks for line in block.splitlines()]
    typed = [line for line in lines if not line.startswith(("curl", "venv\\"))]
    assert typed == [command.split("  #")[0] for command in COMMANDS]


def test_every_command_works_in_its_order(exercises, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAUCE_", "DJANGO", "VIRTUAL"))}
    environ = {**kept, "CAUCE_KEYS": str(tmp_path / "keys.json"), "CAUCE_HTTP": f"127.0.0.1:{port}"}
    told = {}
    *before, serve = COMMANDS
    for command in before:
        # One shell a command: what the second one activates is activated anew.
        line = command if command.startswith("python -m venv") else f"{COMMANDS[1]}\n{command}"
        done = subprocess.run(
            ["bash", "-c", line], cwd=exercises, env=environ, check=False, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        assert "Traceback" not in done.stderr, done.stderr
        told[command] = done.stdout
    for start, words in EXPECTED.items():
        (text,) = [text for command, text in told.items() if command.startswith(start)]
        assert [word for word in words if word not in text] == [], (start, text)
    password = re.search(r"password:\s+(\S+)", told["python manage.py migrate"])[1]
    _served(exercises, environ, f"{COMMANDS[1]}\nexec {serve}", port, password)


def _served(exercises, environ, line, port, password):
    base = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        ["bash", "-c", line], cwd=exercises, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                assert httpx.get(f"{base}/healthz").status_code == 200
                break
            except httpx.TransportError:
                assert server.poll() is None, server.stdout.read()
                assert time.monotonic() < deadline
                time.sleep(0.3)
        assert httpx.get(f"{base}/api/").status_code == 401
        person = httpx.get(f"{base}/api/", headers={"Accept": "text/html"})
        assert (person.status_code, person.headers["location"]) == (302, "/login/?next=%2Fapi%2F")
        answer = httpx.post(f"{base}/api/auth/token", json={"username": "admin", "password": password}, timeout=30)
        headers = {"Authorization": f"Bearer {answer.json()['access']}"}
        page = httpx.get(f"{base}/api/results/?total=true&ordering=id", headers=headers).json()
        assert (page["total"], page["results"][0]["id"], page["next"]) == (50, "aabbcc1", None)
        again = subprocess.run(
            ["bash", "-c", f"{COMMANDS[1]}\npython manage.py populate_data"],
            cwd=exercises,
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        )
        assert "through the server at" in again.stdout
        assert "0 created, 50 already there, 0 refused" in again.stdout
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
