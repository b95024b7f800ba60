"""Groups of commands with plain help: names in capitals, no types of the programming language."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

_Function = TypeVar("_Function", bound=Callable[..., Any])
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Application(typer.Typer):
    """A group of commands; alone it shows its help."""

    def __init__(self, help_text: str, *, name: str | None = None) -> None:
        """`help_text` is one short line."""
        super().__init__(
            name=name,
            help=help_text,
            cls=_Group,
            no_args_is_help=True,
            add_completion=False,
            pretty_exceptions_enable=False,
            rich_markup_mode=None,
            context_settings=_CONTEXT,
        )

    def command(self, name: str | None = None, **options: Any) -> Callable[[_Function], _Function]:
        """Return a decorator that makes a command of a function; its docstring is the help."""
        return super().command(name, cls=_Command, **options)


class _Command(TyperCommand):
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments = [param for param in self.get_params(ctx) if isinstance(param, TyperArgument)]
        return [self.options_metavar or "", *(argument.display_name_raw for argument in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)


class _Group(TyperGroup):
    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the framework's signature
        return [self.options_metavar or "", "COMMAND …"]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def _write_parameters(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any) -> None:
    arguments: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        if isinstance(param, TyperArgument):
            arguments.append((param.display_name_raw, param.help or ""))
        elif isinstance(param, TyperOption) and not param.hidden:
            options.append((_names(param), _described(param)))
    for title, rows in (("Arguments", arguments), ("Options", options)):
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _names(option: TyperOption) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.metavar or option.name.upper()}"


def _described(option: TyperOption) -> str:
    notes = []
    if option.required:
        notes.append("required")
    elif not option.is_flag and option.default not in {None, ""}:
        notes.append(f"default: {option.default}")
    return f"{option.help or ''}{''.join(f'  [{note}]' for note in notes)}"
