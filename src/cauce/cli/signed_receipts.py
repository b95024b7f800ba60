"""`cauce receipts`: deliveries and what became of them; receipts that are signed, to keep and to check."""

import datetime as dt
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from cauce import bootstrap
from cauce.cli.application import Application
from cauce.cli.client import Client
from cauce.cli.local import require_platform
from cauce.cli.looking import AsJson, Most, counts_text, print_list
from cauce.cli.output import console, counted, print_facts, print_json, print_table, status_text
from cauce.cli.saving import save
from cauce.core.errors import InvalidRequest, NotFound, Unavailable
from cauce.core.statuses import ItemStatus
from cauce.readings import signed_receipts

KEYS_PATH = "/.well-known/jwks.json"
KEYS_BYTES_MAX = 1024 * 1024
_TIMEOUT_S = 30.0
_PAGE_MAX = 1000
_Upload = Annotated[str, typer.Argument(metavar="ID", help="From `list`, or from the receipt of an upload.")]
_COLUMNS = {
    "id": "id",
    "began": "created_at",
    "ended": "finished_at",
    "by": "source",
    "sender": "sender",
    "project": "project",
    "files": "counts",
}
_TIMES = ("stored_at", "settled_at", "closed_at", "held_back_at", "deidentified_at", "processed_at", "delivered_at")


def register(application: Application) -> None:
    """Add the command group."""
    group = Application("What was sent, what became of it, and receipts that prove it.")
    for command in (show, download, verify, keys):
        group.command()(command)
    group.command("list")(list_)
    group.command("rotate-key")(rotate_key)
    application.add_typer(group, name="receipts")


def list_(
    modalities: Annotated[bool, typer.Option("--modalities", help="Those that modalities sent.")] = False,
    everyone: Annotated[bool, typer.Option("--everyone", help="Those of everyone (administrators).")] = False,
    most: Most = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first.

    Those of one's own account, unless told otherwise.
    """
    query = {"modalities": "true" if modalities else None, "everyone": "true" if everyone else None}
    print_list("/api/uploads/", _COLUMNS, most=most, as_json=as_json, empty="nothing was sent yet", **query)


def show(
    upload: _Upload,
    status: Annotated[
        str | None, typer.Option(help=f"Only files of this verdict: {', '.join(ItemStatus)}.", metavar="STATUS")
    ] = None,
    most: Most = 50,
    as_json: AsJson = False,
) -> None:
    """Show a delivery: each file, its verdict, and how far it is.

    With --json first the delivery, then one object a file.
    """
    path = _path(upload)
    with Client() as client:
        try:
            first = client.get(path, status=status, limit=min(most + 1, _PAGE_MAX))
        except NotFound as error:
            raise _unknown(upload) from error
        rest = client.pages(first["next"]) if first["next"] else iter(())
        files = list(islice(chain(first["results"], rest), most + 1))
    facts = {name: value for name, value in first.items() if name not in {"results", "next", "previous", "url"}}
    if as_json:
        for one in (facts, *files[:most]):
            print_json(one)
        return
    print_facts({**facts, "counts": counts_text(first["counts"])})
    console().print()
    rows = ([status_text(one["status"]), *_way(one), one["name"]] for one in files[:most])
    print_table(["verdict", "state", "since", "why", "name"], rows, empty="no files")
    if len(files) > most:
        console().print(f"only the first {most}; more with --limit", style="dim")


def download(
    upload: _Upload,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to, or cauce-receipt-ID.json here.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download a whole receipt, signed.

    Keep it byte for byte: `verify` finds every change.
    """
    target = output or Path(f"cauce-receipt-{upload}.json")
    with Client() as client:
        try:
            size_bytes = save(client, f"{_path(upload)}receipt", target)
        except NotFound as error:
            raise _unknown(upload) from error
    if as_json:
        print_json({"receipt": upload, "file": str(target), "bytes": size_bytes})
    else:
        console().print(f"{target}  check it with: cauce receipts verify {target}", markup=False)


def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE", help="A signed receipt.")],
    keys: Annotated[
        str | None,
        typer.Option("--keys", help="Public keys, or those of the server are fetched.", metavar="FILE|URL"),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Say whether a receipt is as it was signed, and if not, why.

    With a saved file of keys this needs no server. Ends with 1 when the receipt is not valid.
    """
    checked = signed_receipts.check(file, signed_receipts.keys_of(_keys(keys)))
    signed_at = _moment(checked.claims.get("iat"))
    facts = {
        "valid": checked.is_valid,
        "reason": checked.reason,
        "receipt": checked.claims.get("receipt"),
        "items": checked.claims.get("items"),
        "issuer": checked.claims.get("iss"),
        "signed_at": signed_at,
        "key": checked.key_id,
    }
    if as_json:
        print_json(facts)
    elif checked.is_valid:
        files = counted(int(checked.claims.get("items", 0)), "file")
        console().print(f"valid: receipt {facts['receipt']} of {files}, as it was signed", markup=False)
        print_facts({name: facts[name] for name in ("issuer", "signed_at", "key")})
    else:
        console().print(f"NOT VALID: {checked.reason}", markup=False)
        print_facts({"key": checked.key_id})
    return 0 if checked.is_valid else 1


def keys(
    source: Annotated[str | None, typer.Argument(metavar="FILE|URL", help="Where from, or from the server.")] = None,
) -> None:
    """Print the public keys that check receipts, to be kept.

    Fetch them over a connection that you trust, while the server is known to be the right one.
    """
    document = _keys(source)
    signed_receipts.keys_of(document)
    typer.echo(document.decode("utf-8").rstrip("\n"))


def rotate_key(as_json: AsJson = False) -> None:
    """Sign receipts with a new key from now on.

    Older ones can still be checked. On the data folder itself. Whoever saved the public keys saves them again.
    """
    require_platform()
    from cauce import audit
    from cauce.core.actors import Actor

    key_id = bootstrap.signer().rotate()
    audit.record(Actor.platform(), "signing.rotate", key=key_id)
    if as_json:
        print_json({"key": key_id})
    else:
        console().print(f"receipts are signed with key {key_id} from now on", markup=False)


def _way(line: dict[str, Any]) -> list[Any]:
    """Return how far a file is, since when, and what keeps it from more."""
    became = line["became"]
    reasons = [line["code"], line["detail"]]
    if became is None:
        return ["", "", ": ".join(part for part in reasons if part)]
    since = max(filter(None, (became.get(name) for name in _TIMES)), default="")
    if became["state"] == "superseded":
        since = became.get("settled_at") or since  # its revision may have been delivered later all the same
    if became["cause"]:
        reasons = [became["cause"], became["detail"]]
    return [became["state"].replace("_", " "), since, ": ".join(part for part in reasons if part)]


def _keys(source: str | None) -> bytes:
    """Return a JWK Set: a file's, or what a server says."""
    if source is None or source.startswith(("http://", "https://")):
        return _fetched(source)
    path = Path(source)
    if not path.is_file():
        raise InvalidRequest(f"there is no file of keys {source}", field="keys")
    return path.read_bytes()[:KEYS_BYTES_MAX]


def _fetched(url: str | None) -> bytes:
    if url is None:
        with Client() as client:
            return client.public(KEYS_PATH)
    try:
        answer = httpx.get(url, timeout=_TIMEOUT_S, trust_env=False, follow_redirects=True)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Unavailable(f"no keys came from {url} ({type(error).__name__})") from error
    return answer.content


def _path(upload: str) -> str:
    return f"/api/uploads/{quote(upload, safe='')}/"


def _unknown(upload: str) -> NotFound:
    return NotFound(f"there is no receipt {upload}, or it is another's")


def _moment(seconds: Any) -> str | None:
    if not isinstance(seconds, int):
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
