"""Fill the database with the 50 elements of the sample, through the API.

    python medical_images_api/populate_data.py [FILE]

A server that runs on this data is asked; where none does, the same application is called in this process. An element
whose id is there already is left alone, so this can be run twice.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent.parent
SAMPLE = HERE / "multithreading" / "sample-03-01-json.json"
_TIMEOUT_S = 60.0


def main() -> int:
    """Fill the database; return 0 when every element is there, else 1."""
    sys.path.insert(0, str(HERE))
    from cauce.core.errors import CauceError
    from medical_images_api import starting

    try:
        starting.prepare()
        return 0 if populate(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE) else 1
    except CauceError as error:
        print(error.detail, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
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
    counts = {"created": 0, "already there": 0, "refused": 0}
    async with await _client(headers) as client:
        for key, element in elements.items():
            answer = await client.post("/api/elements/", json={key: element})
            outcome = {201: "created", 409: "already there"}.get(answer.status_code, "refused")
            counts[outcome] += 1
            print(f"element {key}: {outcome}{_reason(answer) if outcome == 'refused' else ''}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return counts["refused"] == 0


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
