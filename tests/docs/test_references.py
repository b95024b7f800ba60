"""The reference pages say what the program does, no more and no less."""

import re

from documents import CLI_REFERENCE, ROOT, blocks_of
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

from cauce.settings.environment import Settings

CONFIGURATION = ROOT / "docs" / "reference" / "configuration.md"
_ROW = re.compile(r"^\| (`CAUCE_[^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_COMPUTED = {"data", "keys", "workers", "public_url", "admin_password", "token", "database_url"}
"""Their defaults depend on the machine, or on other settings; the page says so in words."""


def documented_settings():
    found = {}
    for names, default, _ in _ROW.findall(CONFIGURATION.read_text(encoding="utf-8")):
        for name in re.findall(r"`CAUCE_(\w+)`", names):
            found[name.lower()] = default
    return found


def test_every_setting_is_documented_and_every_documented_one_exists():
    assert sorted(documented_settings()) == sorted(Settings.model_fields)


def test_documented_defaults_are_the_defaults():
    for name, default in documented_settings().items():
        field = Settings.model_fields[name]
        if name in _COMPUTED:
            continue
        if field.default in {None, ()}:
            assert default == "none", name
        else:
            shown = re.match(r"`([^`]+)`", default)
            assert shown, name
            value = field.default
            assert shown[1] == (f"{value:g}" if isinstance(value, float) else str(value)), name


def test_defaults_that_depend_on_something_are_told_in_words():
    found = documented_settings()
    assert found["data"] == f"`{Settings.model_fields['data'].default}` in the working folder"
    assert found["keys"].startswith("`cauce/keys.json` ")
    assert found["workers"] == "number of cores, at most 8"
    assert found["database_url"] == "encrypted database file in `CAUCE_DATA`"
    assert found["public_url"] == "from `CAUCE_HTTP`"
    assert found["admin_password"] == "generated, printed once"
    assert found["token"] == "the local administrator's"


def usages():
    """Return each command as its page should show it."""
    found = []
    waiting = [(("cauce",), get_command(_application()))]
    while waiting:
        path, command = waiting.pop()
        if isinstance(command, TyperGroup):
            waiting += [((*path, name), each) for name, each in command.commands.items()]
        else:
            found.append(" ".join([*path, *_arguments(command), *_options(command)]))
    return sorted(found)


def _application():
    from cauce.cli.main import application

    return application


def _arguments(command):
    return [param.display_name_raw for param in command.params if isinstance(param, TyperArgument)]


def _options(command):
    for param in command.params:
        if isinstance(param, TyperOption):
            name = max(param.opts, key=len)
            text = name if param.is_flag else f"{name} {param.metavar}"
            yield text if param.required else f"[{text}]"


def test_every_command_is_documented_with_every_option():
    documented = [line for block in blocks_of(CLI_REFERENCE, "text") for line in block.splitlines()]
    assert sorted(documented) == usages()


def test_options_that_the_page_explains_exist():
    known = {option for usage in usages() for option in re.findall(r"--[\w-]+", usage)} | {
        "--help",
        "--debug",
        "--version",
    }
    assert set(re.findall(r"--[a-z][\w-]+", CLI_REFERENCE.read_text(encoding="utf-8"))) <= known
