import asyncio

from cauce.core.errors import IntegrityError, NotFound
from cauce.core.traces import ERRORS_MAX, FRAMES_MAX, trace_of

SECRET = "DOE^JANE"


def caught(function):
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - any is the subject
        return error
    raise AssertionError("nothing was raised")


def foreign():
    raise ValueError(f"invalid name {SECRET}")


def ours():
    try:
        foreign()
    except ValueError as error:
        raise IntegrityError("The object is damaged.") from error


def test_an_error_is_told_by_type_file_line_and_function_without_its_message():
    lines = trace_of(caught(foreign)).splitlines()
    assert lines[0] == "builtins.ValueError"
    assert lines[-1].endswith(" foreign")
    assert f"{__file__}:" in lines[-1]
    assert SECRET not in "\n".join(lines)


def test_the_words_of_our_own_errors_are_told_and_the_causes_follow():
    trace = trace_of(caught(ours))
    lines = [line for line in trace.splitlines() if not line.startswith("  ")]
    assert lines == ["cauce.core.errors.IntegrityError: The object is damaged.", "builtins.ValueError"]
    assert SECRET not in trace


def test_an_error_of_ours_without_words_is_told_by_its_type():
    assert trace_of(NotFound()) == "cauce.core.errors.NotFound"


def test_an_error_met_while_another_was_handled_is_told_unless_that_was_suppressed():
    def loud():
        try:
            foreign()
        except ValueError:
            raise KeyError(SECRET)  # noqa: B904 - the context is the subject

    def quiet():
        try:
            foreign()
        except ValueError:
            raise KeyError(SECRET) from None

    assert "builtins.ValueError" in trace_of(caught(loud))
    assert "builtins.ValueError" not in trace_of(caught(quiet))
    assert SECRET not in trace_of(caught(loud))


def test_every_error_of_a_group_is_told():
    async def fail(error):
        raise error

    async def together():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(KeyError(SECRET)))
            tasks.create_task(fail(NotFound("no such study")))

    trace = trace_of(caught(lambda: asyncio.run(together())))
    assert trace.startswith("builtins.ExceptionGroup\n")
    assert "builtins.KeyError" in trace
    assert "cauce.core.errors.NotFound: no such study" in trace
    assert SECRET not in trace


def test_causes_that_run_in_a_circle_end():
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert trace_of(first) == "builtins.ValueError\nbuiltins.KeyError"


def test_a_trace_stays_short():
    def deep(level):
        if level:
            deep(level - 1)
        raise ValueError(SECRET)

    lines = trace_of(caught(lambda: deep(100))).splitlines()
    assert len(lines) == 1 + FRAMES_MAX
    assert lines[-1].endswith(" deep")
    group = ExceptionGroup(SECRET, [ValueError(number) for number in range(100)])
    lines = trace_of(group).splitlines()
    assert len(lines) == ERRORS_MAX + 1
    assert lines[-1] == "…"
