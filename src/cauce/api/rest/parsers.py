"""Bodies of requests: JSON (RFC 8259) in UTF-8, and nothing that breaks the parser or is read in two ways."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from cauce.core.errors import InvalidRequest

_NAME_LENGTH_MAX = 200


class BoundedJsonParser(JSONParser):
    """JSON; what is nested deeper than Python can follow is wrong, not a defect."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - JSON has no charset (RFC 8259, 8.1)
    ) -> Any:
        """Return the document.

        Raises:
            ParseError: it is no JSON.
            InvalidRequest: a name stands twice in one object, so that one of its values would be lost in silence.
        """
        try:
            return json.loads(stream.read().decode(), parse_constant=_refuse, object_pairs_hook=_without_repeats)
        except ValueError as error:
            raise ParseError("The body is not valid JSON.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deep.") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise InvalidRequest("stands twice in one object.", field=twice[:_NAME_LENGTH_MAX])
    return made
