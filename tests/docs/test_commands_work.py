"""Every command that the documentation tells people to type is typed here."""

import re
import shlex
import shutil
import subprocess
import sys
import warnings

import pytest
from documents import CLI_REFERENCE, HOW_TO, READMES, ROOT, commands_of

from cauce.samples import ct_slice, to_part10
from running_platform import clean_environ, start_platform, stop_platform

pytestmark = pytest.mark.xdist_group("system")

README, SPANISH = READMES
VENV = ".venv/bin/cauce"
_DCMTK = ("echoscu", "storescu")
_RUNS_UNTIL_CTRL_C = f"{VENV} demo"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    running = start_platform(tmp_path_factory.mktemp("documented"))
    yield running
    stop_platform(running)


@pytest.fixture
def typed(platform, tmp_path):
    """Type commands in one shell, in a folder of their own, with real files where the page has words in capitals."""
    (tmp_path / "slices").mkdir()
    for number in range(2):
        (tmp_path / "slices" / f"{number}.dcm").write_bytes(to_part10(ct_slice(number, seed=3)))
    places = {
        re.escape(VENV): f"{shlex.quote(sys.executable)} -m cauce",
        r"localhost:8000": f"localhost:{platform.http_port}",
        r"localhost 11112": f"localhost {platform.dimse_port}",
        r"\bFOLDER\b": "slices",
        r"\bFILE\b": "slices/0.dcm",
    }

    def run(commands):
        script = "\n".join(commands)
        for word, real in places.items():
            script = re.sub(word, lambda _match, real=real: real, script)
        done = subprocess.run(
            ["sh", "-eux", "-c", script],
            cwd=tmp_path,
            env=platform.environ,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done

    run.folder = tmp_path
    return run


def sorted_out(commands):
    """Return the commands to type here; those of DCMTK are left out, loudly, where it is absent."""
    kept = []
    for command in commands:
        program = command.split()[0]
        if program in _DCMTK and not shutil.which(program):
            warnings.warn(f"DCMTK IS ABSENT: `{command}` was not tried", stacklevel=1)
        elif program != "make" and not command.startswith("python3 -m venv") and command != _RUNS_UNTIL_CTRL_C:
            kept.append(command)
    return kept


@pytest.mark.parametrize("page", [README, *HOW_TO, CLI_REFERENCE], ids=lambda page: page.name)
def test_the_commands_of_a_page_work_in_their_order(typed, page):
    commands = sorted_out(commands_of(page))
    assert commands
    typed(commands)


def test_the_spanish_readme_has_the_same_commands_in_the_same_order():
    assert commands_of(SPANISH) == commands_of(README)


@pytest.mark.parametrize("page", [*READMES, *HOW_TO], ids=lambda page: page.name)
def test_every_make_command_is_a_target_of_the_makefile(page):
    for command in commands_of(page):
        if command.startswith("make "):
            done = subprocess.run(
                ["make", "-n", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr


def test_what_to_type_without_make_is_what_make_does():
    done = subprocess.run(["make", "-Bn", "run"], cwd=ROOT, capture_output=True, text=True, check=True)
    steps = [
        step
        for step in done.stdout.replace("\\\n", " ").splitlines()
        if " -m venv " in step or " pip install " in step or "cauce demo" in step
    ]
    said = [command for command in commands_of(README) if command.startswith(("python3 -m venv", _RUNS_UNTIL_CTRL_C))]
    assert [plainly(step) for step in steps] == [step for line in said for step in line.split(" && ")]
    for name in re.findall(r"-r (\S+)", " ".join(said)):
        assert (ROOT / name).is_file()


def plainly(step):
    """Return what a step of the Makefile does, as a person would type it."""
    step = re.sub(r"\s*\|\|.*", "", step).removeprefix("@").strip()
    step = step.replace("/python -m pip ", "/pip ").replace(" --editable ", " -e ")
    return " ".join(step.replace("--quiet", "").replace("--disable-pip-version-check", "").split())


def test_the_demonstration_shows_a_processed_study(tmp_path):
    """`make run` and `cauce demo`, stopped once the sample is through."""
    environ = clean_environ(tmp_path, CAUCE_WORKERS="1")
    del environ["CAUCE_ADMIN_PASSWORD"]
    done = subprocess.run(
        [sys.executable, "-m", "cauce", "demo", "--exit"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "A sample comes in: 49 files, 49 stored\n" in done.stdout
    assert re.search(r"^  sign in   user admin, password \S{20}  \(shown once\)$", done.stdout, re.MULTILINE)
    assert re.search(r"^TC de tórax con contraste  ready$", done.stdout, re.MULTILINE)
    assert re.search(r"  text in its pixels was blanked in \d+ places\n", done.stdout)
    assert done.stdout.rstrip().endswith("stopped")
    assert list((tmp_path / "data" / "logs").glob("*.jsonl"))
