"""Objects of an S3 bucket as things to be sent: listed as they come, read in bounded pieces, each of one version."""

import configparser
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import stamina

from cauce.cli.found import Passed
from cauce.cli.imports.items import Reading, SourceBroken
from cauce.core.errors import ConfigurationError, Forbidden, InvalidRequest, NotFound, Unavailable
from cauce.core.limits import MIB

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore, S3Config

SCHEME: Final = "s3://"
PIECE_BYTES: Final = 8 * MIB
"""Up to this length an object is read at once, with others; a longer one goes alone, in pieces of this length."""
GROUP_BYTES_MAX: Final = 16 * MIB

EMPTY: Final = "empty"
_PAGE: Final = 1000
_ATTEMPTS: Final = 3
_ATTEMPTS_WITHIN_S: Final = 20.0
"""A short trouble is got over here; a long one is waited for as that of the server is."""
_REPLACED: Final = "It was replaced while it was read. Import it again."
_DELETED: Final = "It was deleted before it was read."
_DENIED: Final = "The bucket does not let these credentials read it."
# Where any of these is set, the client finds credentials by itself.
_CREDENTIALS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def is_address(path: str) -> bool:
    """Tell whether a path on the command line is meant for a bucket."""
    return path.lower().startswith(SCHEME)


def bucket_at(url: str, environ: Mapping[str, str] | None = None) -> "Bucket":
    """Return the bucket and prefix at `s3://bucket/prefix`, reached as AWS's variables say; nothing is asked yet.

    Raises:
        InvalidRequest: that is no such address.
        ConfigurationError: a variable is wrong.
    """
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    given = os.environ if environ is None else environ
    name, _, prefix = url[len(SCHEME) :].partition("/")
    prefix = prefix.strip("/")
    if not name or "//" in prefix or {".", ".."} & set(prefix.split("/")):
        raise InvalidRequest("an address of a bucket is s3://BUCKET or s3://BUCKET/PREFIX", field="paths")
    endpoint = next((given[name] for name in _ENDPOINTS if given.get(name)), "")
    try:
        store = S3Store(
            name,
            config=_profile(given),
            client_options={
                "allow_http": endpoint.lower().startswith("http://"),
                "connect_timeout": timedelta(seconds=10),
                "timeout": timedelta(minutes=5),
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
        )
    except (BaseError, ValueError) as error:
        raise ConfigurationError("the AWS_… variables do not describe a bucket's server") from error
    return Bucket(store=store, name=name, prefix=prefix)


def _profile(environ: Mapping[str, str]) -> "S3Config":
    """Return keys and region of the profile in AWS's own files, where the environment gives no credentials."""
    if any(environ.get(name) for name in _CREDENTIALS):
        return {}
    home = Path.home() / ".aws"
    profile = environ.get("AWS_PROFILE") or "default"
    found = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        found.read(environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials", encoding="utf-8")
        regions = configparser.ConfigParser(interpolation=None, strict=False)
        regions.read(environ.get("AWS_CONFIG_FILE") or home / "config", encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("the file of AWS credentials cannot be read") from error
    config: S3Config = {}
    if found.has_option(profile, "aws_access_key_id"):
        config["access_key_id"] = found.get(profile, "aws_access_key_id")
        config["secret_access_key"] = found.get(profile, "aws_secret_access_key", fallback="")
        if token := found.get(profile, "aws_session_token", fallback=""):
            config["session_token"] = token
    elif environ.get("AWS_PROFILE"):
        raise ConfigurationError("AWS_PROFILE: the file of AWS credentials has no such profile with keys")
    section = profile if profile == "default" else f"profile {profile}"
    has_region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not has_region and (region := regions.get(section, "region", fallback="")):
        config["region"] = region
    return config


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A bucket and where in it to look. `url` is what people wrote, without secrets."""

    store: "ObjectStore"
    name: str
    prefix: str

    @property
    def url(self) -> str:
        """Where it is, as people write it."""
        return f"{SCHEME}{self.name}/{self.prefix}".rstrip("/")

    def objects(self, *, passed: Passed) -> Iterator["ObjectToSend"]:
        """Yield the object of that name, and all below a folder of that name, as they are listed.

        Objects without content, which stand for folders, are passed over.

        Raises:
            NotFound: there is no such bucket, or nothing there.
            Forbidden: the credentials do not reach it.
            Unavailable: it does not answer.
        """
        above = self.prefix.rpartition("/")[0]
        count = 0
        for meta in self._listed():
            path = meta["path"]
            name = path.removeprefix(f"{above}/") if above else path
            count += 1
            if not meta["size"]:
                passed(f"{SCHEME}{self.name}/{path}", EMPTY, "An object without content: it stands for a folder.")
                continue
            yield ObjectToSend(bucket=self, path=path, name=name if self.prefix else f"{self.name}/{path}", meta=meta)
        if not count and self.prefix:
            raise NotFound(f"there is nothing at {self.url}")

    def _listed(self) -> Iterator["ObjectMeta"]:
        import obstore

        with _told(self.url):
            if self.prefix:
                with suppress(FileNotFoundError):  # then it is a folder
                    yield obstore.head(self.store, self.prefix)
            for page in obstore.list(self.store, self.prefix or None, chunk_size=_PAGE):
                yield from page


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectToSend:
    """One object, and the name that it has for others."""

    bucket: Bucket
    path: str
    name: str
    meta: "ObjectMeta"

    @property
    def shown(self) -> str:
        """Its address."""
        return f"{SCHEME}{self.bucket.name}/{self.path}"

    @property
    def size_bytes(self) -> int:
        """How long it was when it was listed."""
        return self.meta["size"]

    @property
    def mark(self) -> str:
        """Its entity tag, which differs when its content does."""
        return _mark(self.meta)

    @property
    def is_alone(self) -> bool:
        """A long one is read in pieces while it is sent."""
        return self.size_bytes > PIECE_BYTES

    def open(self) -> Reading:
        """Begin to read it: the version that is there now.

        Raises:
            SourceBroken: it cannot be read.
            Unavailable: the bucket does not answer.
        """
        first, meta = _piece(self.bucket.store, self.path, start=0, e_tag=None, is_long=self.is_alone)
        source = _Pieces(self.bucket.store, self.path, meta, first)
        return Reading(self, source, size_bytes=meta["size"], mark=_mark(meta))


class _Pieces:
    """An object read piece by piece, each a request of its own: no connection waits while the server is slow."""

    def __init__(self, store: "ObjectStore", path: str, meta: "ObjectMeta", first: bytes) -> None:
        self._store = store
        self._path = path
        self._meta = meta
        self._piece = first
        self._start = 0
        self._position = 0

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes."""
        if not self._start <= self._position < self._start + len(self._piece):
            if self._position >= self._meta["size"]:
                return b""
            self._piece, _ = _piece(
                self._store, self._path, start=self._position, e_tag=self._meta["e_tag"], is_long=True
            )
            self._start = self._position
        begin = self._position - self._start
        chunk = self._piece[begin : begin + count]
        self._position += len(chunk)
        return chunk

    def seek(self, offset: int, /) -> int:
        """Go to an offset."""
        self._position = offset
        return offset

    def close(self) -> None:
        """Let go of the piece at hand."""
        self._piece = b""


def _piece(
    store: "ObjectStore", path: str, *, start: int, e_tag: str | None, is_long: bool
) -> tuple[bytes, "ObjectMeta"]:
    """Return bytes from `start` on, of the version `e_tag` where it is given: all, or a piece where that `is_long`.

    Raises:
        SourceBroken: it is gone or replaced.
        Unavailable: the bucket does not answer.
    """
    import obstore
    from obstore.exceptions import BaseError, PreconditionError

    options: GetOptions = {"if_match": e_tag} if e_tag else {}
    if is_long:
        options["range"] = (start, start + PIECE_BYTES)
    try:
        for attempt in stamina.retry_context(
            on=_may_pass, attempts=_ATTEMPTS, timeout=_ATTEMPTS_WITHIN_S, wait_max=10.0
        ):
            with attempt:
                result = obstore.get(store, path, options=options)
                if is_long or result.meta["size"] <= PIECE_BYTES:
                    return bytes(result.bytes()), result.meta
                return _first_of(result), result.meta  # it grew since it was listed
    except FileNotFoundError as error:
        raise SourceBroken(_DELETED) from error
    except PreconditionError as error:
        raise SourceBroken(_REPLACED) from error
    except PermissionError as error:
        raise SourceBroken(_DENIED) from error
    except (BaseError, OSError) as error:
        raise Unavailable("the bucket does not answer") from error
    raise AssertionError("a retry ends by returning or raising")


def _first_of(result: Any) -> bytes:
    """Return the first piece of a long object, and let the rest of the answer go."""
    return bytes(next(iter(result.stream(min_chunk_size=PIECE_BYTES))))


def _may_pass(error: Exception) -> bool:
    from obstore.exceptions import BaseError, PreconditionError

    if isinstance(error, FileNotFoundError | PermissionError | PreconditionError):
        return False
    return isinstance(error, BaseError | OSError)


def _mark(meta: "ObjectMeta") -> str:
    return f"{meta['size']}:{meta['e_tag'] or meta['last_modified'].isoformat()}"


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Say in our words what keeps a bucket from being listed."""
    from obstore.exceptions import BaseError, InvalidPathError

    try:
        yield
    except InvalidPathError as error:
        raise InvalidRequest(
            f"{url} has an object whose key has an empty part: such keys cannot be imported"
        ) from error
    except (BaseError, OSError) as error:
        text = str(error)
        if "NoSuchBucket" in text or isinstance(error, FileNotFoundError):
            raise NotFound(f"there is no bucket at {url}") from error
        if isinstance(error, PermissionError) or "403 Forbidden" in text or "401 Unauthorized" in text:
            raise Forbidden(
                f"{url}: these credentials do not reach it; AWS_ACCESS_KEY_ID and its kin say who asks"
            ) from error
        raise Unavailable(
            f"{url}: the bucket does not answer; AWS_ENDPOINT_URL and AWS_REGION say where it is"
        ) from error
