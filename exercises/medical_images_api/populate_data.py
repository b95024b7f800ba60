"""Fill the database with the 50 elements of the sample, through the API.

    python medical_images_api/populate_data.py [FILE]

A server that runs on this data is asked; where none does, the same application is called in this process. An element
that is there already is left alone, so this can be run twice; one whose id is there with other data is refused.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from cauce.readings.elements import Element

HERE = Path(__file__).resolve().parent.parent
SAMPLE = HERE / "multithreading" / "sample-03-01-json.json"
_TIMEOUT_S = 60.0


def main() -> int:
    """Fill the database; return 0 when every element is there, else 1."""
    sys.path.insert(0, str(HERE))
    from output import drop_output

    from cauce.core.errors import CauceError
    from medical_images_api import starting

    try:
        starting.prepare()
        is_whole = populate(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
        sys.stdout.flush()
    except CauceError as error:
        print(error.detail, file=sys.stderr)
    except BrokenPipeError:  # who reads the output has seen enough
        drop_output()
    except OSError as error:
        if error.filename is None:
            drop_output()
        print(f"{error.filename or 'the output'}: {error.strerror}", file=sys.stderr)
    else:
        return 0 if is_whole else 1
    return 1


def populate(path: Path) -> bool:
    """Post each element of a file and print what became of it; return whether all of them are there now.

    Raises:
        InvalidRequest: the file is no JSON of elements.
        NotFound: there are no tables, or no administrator, yet.
        OSError: the file cannot be read.
    """
    from cauce.core.errors import InvalidRequest
    from cauce.readings.elements import read_elements

    try:
        elements = read_elements(path)
    except InvalidRequest as error:
        raise InvalidRequest(f"{path} {error.detail}") from error
    headers = {"Authorization": f"Bearer {_token()}"}
    return asyncio.run(_post_all(elements, headers))


def _token() -> str:
    from django.db import DatabaseError

    from cauce import bootstrap
    from cauce.core.errors import NotFound

    try:
        token = bootstrap.local_admin_token()
    except DatabaseError:
        token = None
    if token is None:
        raise NotFound("there are no tables yet, or no administrator: python manage.py migrate")
    return token


async def _post_all(elements: Mapping[str, object], headers: Mapping[str, str]) -> bool:
    from output import one_line

    counts = {"created": 0, "already there": 0, "refused": 0}
    async with await _client(headers) as client:
        for key, element in elements.items():
            outcome, reason = await _post(client, key, element)
            counts[outcome] += 1
            print(one_line(f"element {key}: {outcome}{reason}"), flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return counts["refused"] == 0


async def _post(client: httpx.AsyncClient, key: str, given: object) -> tuple[str, str]:
    """Return what became of an element, and why if it was refused."""
    from cauce.core.errors import InvalidRequest
    from cauce.readings.elements import element_of

    try:
        element = element_of(given)
        body = json.dumps({key: given}, ensure_ascii=False, allow_nan=False).encode()
    except InvalidRequest as error:
        return "refused", f": {error.field + ': ' if error.field else ''}{error.detail}"
    except ValueError:  # half a character, or no finite number
        return "refused", ": holds what cannot be written as JSON"
    answer = await client.post("/api/elements/", content=body, headers={"Content-Type": "application/json"})
    if answer.status_code == httpx.codes.CREATED:
        return "created", ""
    return (
        await _compare(client, element) if answer.status_code == httpx.codes.CONFLICT else ("refused", _reason(answer))
    )


async def _compare(client: httpx.AsyncClient, element: "Element") -> tuple[str, str]:
    """Return whether the result that has an element's id is that element."""
    held = await client.get(f"/api/elements/{quote(element.id, safe='')}/")
    if not held.is_success:
        return "refused", _reason(held)
    result = held.json()
    if (result["device_name"], result["raw_data"]) == (element.device_name, element.rows):
        return "already there", ""
    return "refused", ": id: exists with other data"


async def _client(headers: Mapping[str, str]) -> httpx.AsyncClient:
    """Return a client of the server that runs on this data, else of the application in this process."""
    from cauce.settings import environment

    settings = environment.current()
    options: dict[str, Any] = {"headers": headers, "timeout": _TIMEOUT_S, "trust_env": False}
    if await _is_served(settings.base_url, options):
        print(f"through the server at {settings.base_url}")
        return httpx.AsyncClient(base_url=settings.base_url, **options)
    from cauce.api.asgi import application

    print("no server runs on this data: through the API in this process")
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type] # narrower than the library's own type
    return httpx.AsyncClient(base_url="http://localhost", transport=transport, **options)


async def _is_served(url: str, options: Mapping[str, Any]) -> bool:
    """Tell whether a server answers that knows the token; one that runs on other data does not."""
    try:
        async with httpx.AsyncClient(base_url=url, **options) as client:
            return (await client.get("/api/users/me/")).is_success
    except httpx.HTTPError:
        return False


def _reason(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f" ({answer.status_code})"
    return f" ({answer.status_code}): {problem.get('errors') or problem.get('detail')}"


if __name__ == "__main__":
    sys.exit(main())
