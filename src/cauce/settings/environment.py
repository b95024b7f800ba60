"""Environment variables -> `Settings`, one frozen object. Every name is listed in docs/reference/configuration.md."""

import os
import re
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from cauce.core.errors import ConfigurationError
from cauce.core.limits import MIB, Limits

PREFIX = "CAUCE_"
AE_TITLE_LENGTH_MAX = 16
_PORT_MAX = 65535
_QUIET_S_MAX = 30 * 24 * 3600
POSTGRES_PARAMETERS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs"}
)
"""Parameters of libpq that `CAUCE_DATABASE_URL` may carry."""
_HOST = re.compile(r"\*|\.?[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
# Kubernetes injects these for a Service called "cauce-…"; they are not ours.
_KUBERNETES = re.compile(r"CAUCE_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\w+)?)")


def _default_keys() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "cauce" / "keys.json"


def _default_workers() -> int:
    return max(1, min(os.cpu_count() or 1, 8))


class Settings(BaseSettings):
    """All settings. A field `name` is read from `CAUCE_NAME`; an empty variable counts as not set."""

    # A wrong value is named by its variable, never quoted: it may be a password.
    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data: Path = Field(default=Path("cauce-data"), description="Folder of the embedded stores.")
    keys: Path = Field(default_factory=_default_keys, description="Key file, kept outside of `CAUCE_DATA`.")
    http: str = Field(default="127.0.0.1:8000", description="Address and port of the web process.")
    dimse: str = Field(default="127.0.0.1:11112", description="Address and port of the DICOM listener.")
    ae_title: str = Field(
        default="CAUCE", description="Our AE title; calls to it reach the default project's originals."
    )
    public_url: str = Field(default="", description="URL that people use, when a proxy stands in front.")
    tls_cert: Path | None = Field(default=None, description="PEM certificate chain of the web process.")
    tls_key: Path | None = Field(default=None, description="PEM private key of the web process.")
    allowed_origins: tuple[str, ...] = Field(
        default=(),
        description="Further origins (comma separated) whose pages may post forms here and read answers (CORS).",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Further host names (comma separated) of this server; `.example.org` stands for all below it.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks (comma separated) of proxies whose `X-Forwarded-For` is believed.",
    )
    database_url: str = Field(
        default="", repr=False, description="PostgreSQL (`postgres://…`) in place of the embedded database."
    )
    admin_password: str = Field(default="", repr=False, description="First administrator's password; else generated.")
    token: str = Field(default="", repr=False, description="Token that the command line uses against a server.")
    study_quiet_s: float = Field(
        default=60.0,
        ge=0,
        le=_QUIET_S_MAX,
        allow_inf_nan=False,
        description="Seconds without an arrival after which a study closes.",
    )
    workers: int = Field(default_factory=_default_workers, ge=1, le=256, description="Worker processes of one node.")
    reserve_mb: int = Field(default=1024, ge=0, description="Room (MiB) kept free on the object store's disk.")
    max_request_mb: int = Field(default=1_048_576, ge=1, description="Longest body (MiB) of one request.")
    max_json_mb: int = Field(
        default=32, ge=1, le=1024, description="Longest body (MiB) of results or elements; of other JSON 1."
    )
    max_instance_mb: int = Field(default=16_384, ge=1, description="Longest instance (MiB).")
    max_header_mb: int = Field(default=128, ge=1, description="Longest header (MiB): all but pixels and bulk data.")
    max_elements: int = Field(default=2_000_000, ge=1_000, description="Most elements of one instance.")
    max_sequence_depth: int = Field(default=64, ge=1, le=128, description="Deepest nesting of sequences.")
    max_inflated_mb: int = Field(default=1024, ge=1, description="Most (MiB) that a deflated data set unfolds to.")
    max_frame_mb: int = Field(default=64, ge=1, description="Largest frame (MiB) that is decoded.")
    max_archive_files: int = Field(default=100_000, ge=1, description="Most entries of one zip.")
    max_archive_mb: int = Field(default=262_144, ge=1, description="Most (MiB) that one zip may unpack to.")
    max_archive_ratio: int = Field(default=200, ge=1, description="Highest ratio of unpacked to packed.")
    max_archive_depth: int = Field(default=3, ge=1, le=10, description="Deepest nesting of zips in zips.")
    memory_instance_mb: int = Field(default=16, ge=0, description="Longest instance (MiB) that is held in memory.")
    memory_mb: int = Field(default=128, ge=0, description="Most (MiB) that all bodies of a process hold in memory.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the framework's signature, as all that follow
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not asked
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not asked
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not asked
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` gives, and nothing else: it reads the environment itself, to name what it does not know."""
        return (init_settings,)

    @field_validator("allowed_hosts", "allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        hosts = tuple(part.lower().strip("[]") for part in value)
        if any(not _HOST.fullmatch(host) and not _is_address(host) for host in hosts):
            raise ValueError("wants host names or addresses without scheme and port, such as cauce.example.org")
        return hosts

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for part in value:
                ip_network(part)
        except ValueError:
            raise ValueError("wants addresses or networks, such as 127.0.0.1 or 10.1.0.0/16") from None
        return value

    @field_validator("http", "dimse")
    @classmethod
    def _address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > _PORT_MAX:
            raise ValueError("wants host:port, such as 127.0.0.1:8000")
        return value

    @field_validator("ae_title")
    @classmethod
    def _ae_title(cls, value: str) -> str:
        title = value.strip(" ")
        if not 1 <= len(title) <= AE_TITLE_LENGTH_MAX or "\\" in title or not (title.isascii() and title.isprintable()):
            raise ValueError("wants 1 to 16 printable ASCII characters and no backslash")  # PS3.5 section 6.2, AE
        return title

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        return _postgres_url(value) if value else value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        return _origin(value) if value else value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(each) for each in value)

    @model_validator(mode="after")
    def _tls_pair(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("CAUCE_TLS_CERT and CAUCE_TLS_KEY go together")
        return self

    @property
    def http_address(self) -> tuple[str, int]:
        """Host and port of the web process."""
        return _split_address(self.http)

    @property
    def dimse_address(self) -> tuple[str, int]:
        """Host and port of the DICOM listener."""
        return _split_address(self.dimse)

    @property
    def base_url(self) -> str:
        """URL under which people and scripts reach the web process, without a final slash."""
        if self.public_url:
            return self.public_url
        host, port = self.http_address
        shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::1", "::"} else host  # noqa: S104 - only compared
        return f"{'https' if self.tls_cert else 'http'}://{shown}:{port}"

    @property
    def limits(self) -> Limits:
        """The bounds that intake and processing keep to."""
        return Limits(
            request_bytes_max=self.max_request_mb * MIB,
            instance_bytes_max=self.max_instance_mb * MIB,
            header_bytes_max=self.max_header_mb * MIB,
            elements_max=self.max_elements,
            depth_max=self.max_sequence_depth,
            inflated_bytes_max=self.max_inflated_mb * MIB,
            frame_bytes_max=self.max_frame_mb * MIB,
            archive_entries_max=self.max_archive_files,
            archive_unpacked_bytes_max=self.max_archive_mb * MIB,
            archive_ratio_max=self.max_archive_ratio,
            archive_depth_max=self.max_archive_depth,
            memory_instance_bytes_max=self.memory_instance_mb * MIB,
            memory_bytes_max=self.memory_mb * MIB,
            reserve_bytes=self.reserve_mb * MIB,
        )

    @property
    def data_folder(self) -> Path:
        """`CAUCE_DATA` as an absolute path."""
        return self.data.absolute()

    @property
    def spool_folder(self) -> Path:
        """Folder of spool files, unlinked as soon as they are open, and of archives held, encrypted, while unpacked."""
        return self.data_folder / "spool"


def _origin(url: str) -> str:
    """Return a URL's origin, as browsers send it.

    Raises:
        ValueError: it has none, or more than that.
    """
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or "*" in parts.netloc:
        raise ValueError("wants an origin, such as https://cauce.example.org")
    if parts.path or parts.query or parts.fragment:
        raise ValueError("wants an origin alone, such as https://cauce.example.org, without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _postgres_url(url: str) -> str:
    """Return the URL of a PostgreSQL database.

    Raises:
        ValueError: it is none; the text never quotes it, since it holds a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ValueError("wants postgres://user:password@host:port/database")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if port is not None and port < 1:
        raise ValueError("wants postgres://user:password@host:port/database; the port is none")
    unknown = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - POSTGRES_PARAMETERS)
    if unknown:
        raise ValueError(f"takes of parameters: {', '.join(sorted(POSTGRES_PARAMETERS))}")
    return url


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _split_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment.

    Raises:
        ConfigurationError: a value is wrong, or a `CAUCE_…` name is not known; the text names the variable.
    """
    given = os.environ if environ is None else environ
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known and not _KUBERNETES.fullmatch(name):
            raise ConfigurationError(
                f"{name} is not a setting of Cauce; docs/reference/configuration.md lists them all"
            )
    values = {name.removeprefix(PREFIX).lower(): value for name, value in given.items() if name in known and value}
    try:
        return Settings(**values)  # type: ignore[arg-type] # parsed by pydantic
    except ValidationError as error:
        first = error.errors()[0]
        where = PREFIX + str(first["loc"][0]).upper() + ": " if first["loc"] else ""
        raise ConfigurationError(f"{where}{first['msg'].removeprefix('Value error, ')}") from error


@cache
def current() -> Settings:
    """Return the settings of this process, read from the environment on the first call."""
    return load()
