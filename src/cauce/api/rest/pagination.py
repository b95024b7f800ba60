"""Pages by keyset: a page begins where the last one ended, by value, so no row is shown twice or left out.

A view names its order in `keyset`, a tuple of column names (or annotations) ending in a unique one; a leading minus
means descending. None of them is ever null. A cursor is that row's values; where all names go one way it costs an index
seek, however deep the page lies and however many rows share the first value. A view whose rows may be long says in
`how_many_fit` how many of a page's rows, the first at least, fit into one answer.
"""

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, DateTimeField, F, FloatField, Func, IntegerField, Model, Q, QuerySet, Value
from django.template import loader
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from cauce.api.rest import parameters
from cauce.core.errors import InvalidRequest

LIMIT = 100
LIMIT_MAX = 1000
_CURSOR_LENGTH_MAX = 4096
_CURSOR = re.compile("[-_A-Za-z0-9]+")
_INTEGER_BITS = 63


class NewestFirst(BasePagination):
    """Pages of `limit` rows with links to the next and the previous page; a total only where `total=true` asks."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the rows of the page that `cursor` names.

        Raises:
            InvalidRequest: `cursor` or `limit` is not one.
        """
        self._url = request.build_absolute_uri()
        keyset: Sequence[str] = getattr(view, "keyset", ("-id",))
        limit = _limit(request, getattr(view, "limit", LIMIT))
        self.total = queryset.count() if parameters.flag(request.query_params, "total") else None
        cursor = request.query_params.get("cursor")
        is_backward, values = (False, None) if cursor is None else _decode(cursor, queryset, keyset)
        order = tuple(_reverse(name) for name in keyset) if is_backward else tuple(keyset)
        rows = queryset.order_by(*order)
        if values is not None:
            rows = rows.filter(_beyond(queryset, order, values))
        found = list(rows[: limit + 1])
        page = found[:limit]
        if fitting := getattr(view, "how_many_fit", None):
            page = page[: fitting(page)]
        more = len(found) > len(page)
        if is_backward:
            page.reverse()
        has_next = bool(page) if is_backward else more
        has_previous = more if is_backward else cursor is not None
        self.next_url = self._link(page[-1], keyset, is_backward=False) if page and has_next else None
        self.previous_url = self._link(page[0], keyset, is_backward=True) if page and has_previous else None
        self.display_page_controls = bool(self.next_url or self.previous_url)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with its links."""
        return Response(self.envelope(data))

    def envelope(self, data: Any) -> dict[str, Any]:
        """Return the page with its links, for an answer that has more to say."""
        body: dict[str, Any] = {"next": self.next_url, "previous": self.previous_url}
        if self.total is not None:
            body["total"] = self.total
        return {**body, "results": data}

    def get_paginated_response_schema(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Describe a page in the API's schema."""
        link = {"type": "string", "format": "uri", "nullable": True}
        properties = {
            "next": link,
            "previous": link,
            "total": {"type": "integer", "description": "Only where `total=true` asked for it."},
            "results": schema,
        }
        return {"type": "object", "required": ["next", "previous", "results"], "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the query parameters in the API's schema."""
        limits = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": getattr(view, "limit", LIMIT)}
        cursor = {"type": "string", "pattern": "^[-_A-Za-z0-9]+$", "maxLength": _CURSOR_LENGTH_MAX}
        return [
            _parameter("cursor", "Where the page begins, as `next` and `previous` give it.", cursor),
            _parameter("limit", "Rows a page, at most.", limits),
            _parameter("total", "`true` adds the number of all rows.", {"type": "boolean"}),
        ]

    def to_html(self) -> str:
        """Return the page controls of the browsable interface."""
        template = loader.get_template("rest_framework/pagination/previous_and_next.html")
        return template.render({"previous_url": self.previous_url, "next_url": self.next_url})

    def _link(self, row: Model, keyset: Sequence[str], *, is_backward: bool) -> str:
        values = [_plain(getattr(row, name.lstrip("-"))) for name in keyset]
        text = json.dumps([int(is_backward), *values], separators=(",", ":"))
        return replace_query_param(self._url, "cursor", base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def _parameter(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "required": False, "in": "query", "description": description, "schema": schema}


def _limit(request: Request, default: int) -> int:
    limit = parameters.integer(request.query_params, "limit")
    if limit is not None and not 1 <= limit <= LIMIT_MAX:
        raise InvalidRequest(f"limit wants a number from 1 to {LIMIT_MAX}.", field="limit")
    return default if limit is None else limit


def _reverse(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"


def _beyond(queryset: QuerySet[Any], order: Sequence[str], values: Sequence[Any]) -> Q:
    """Return the condition for rows that come after `values`."""
    ways = {name.startswith("-") for name in order}
    if len(order) > 1 and len(ways) == 1:
        names = [name.removeprefix("-") for name in order]
        given = [Value(value, output_field=_field(queryset, name)) for name, value in zip(names, values, strict=True)]
        is_descending = ways.pop()
        beyond = _RowBeyond(*(F(name) for name in names), *given, descending=is_descending)
        if names[0] not in queryset.query.annotations:
            return Q(beyond)
        # SQLite seeks by an expression's index only when it is compared by itself.
        return Q(**{f"{names[0]}__{'lte' if is_descending else 'gte'}": values[0]}) & Q(beyond)
    return _beyond_each(order, values)


class _RowBeyond(Func):
    """`(a, b) > (x, y)`: databases seek an index by it, also among rows that share `a`."""

    output_field: ClassVar[Any] = BooleanField()

    def __init__(self, *expressions: Any, descending: bool, **extra: Any) -> None:
        super().__init__(*expressions, **extra)
        self._sign = "<" if descending else ">"

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> tuple[str, tuple[Any, ...]]:  # noqa: ARG002 - Django's signature
        """Return the comparison of both halves."""
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        texts, half = [text for text, _ in parts], len(parts) // 2
        given = tuple(value for _, values in parts for value in values)
        return f"({', '.join(texts[:half])}) {self._sign} ({', '.join(texts[half:])})", given


def _beyond_each(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Return the same for mixed directions: (a, b) beyond (x, y), written out."""
    condition = Q()
    for position in reversed(range(len(order))):
        name = order[position].removeprefix("-")
        way = "lt" if order[position].startswith("-") else "gt"
        here = Q(**{f"{name}__{way}": values[position]})
        condition = here | (Q(**{name: values[position]}) & condition) if condition else here
    first = order[0].removeprefix("-")
    bound = "lte" if order[0].startswith("-") else "gte"
    return Q(**{f"{first}__{bound}": values[0]}) & condition


def _plain(value: Any) -> Any:
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value


def _decode(cursor: str, queryset: QuerySet[Any], keyset: Sequence[str]) -> tuple[bool, list[Any]]:
    try:
        way, values = _parts(cursor)
        typed = [_typed(_field(queryset, name.lstrip("-")), value) for name, value in zip(keyset, values, strict=True)]
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidRequest("cursor is not one of ours.", field="cursor") from error
    return way == 1, typed


def _parts(cursor: str) -> tuple[int, list[Any]]:
    if not _CURSOR.fullmatch(cursor) or len(cursor) > _CURSOR_LENGTH_MAX:
        raise ValueError("not of the form of a cursor")
    padded = cursor + "=" * (-len(cursor) % 4)
    way, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    if type(way) is not int or way not in {0, 1}:
        raise ValueError("neither forward nor backward")
    return way, values


def _field(queryset: QuerySet[Any], name: str) -> Any:
    """Return the field of a column or an annotation."""
    try:
        return queryset.model._meta.get_field(name)  # noqa: SLF001 - Django's public model API
    except FieldDoesNotExist:
        return queryset.query.annotations[name].output_field


def _typed(field: Any, value: Any) -> Any:
    """Return a cursor's value as its column holds it."""
    if isinstance(field, DateTimeField):
        return dt.datetime.fromisoformat(value).astimezone(dt.UTC)
    if isinstance(field, IntegerField) and type(value) is int and value.bit_length() <= _INTEGER_BITS:
        return value
    if isinstance(field, FloatField) and type(value) in {int, float} and math.isfinite(value):
        return float(value)
    if not isinstance(field, (IntegerField, FloatField)) and isinstance(value, str) and "\0" not in value:
        value.encode()
        return value
    raise ValueError("not of this column's type")
