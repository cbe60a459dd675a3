"""What an operator can set: read from function user data first, then from the environment."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from handler.errors import SettingsError
from handler.values.duration import instant_of, retention_of, seconds_of
from handler.values.field_words import accepted
from handler.values.hosting import own_file_problem
from handler.values.object_names import bucket_names, checked_prefix
from handler.values.postgres_address import checked_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REGIONS = ("cn-north-1", "cn-north-4", "cn-east-2", "cn-east-3", "cn-south-1")
"""Regions with an IEF endpoint, as the official SDK 3.1.219 has them."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FALLBACKS = {
    "NIGHTDROP_PROJECT_ID": ("HUAWEICLOUD_SDK_PROJECT_ID", "RUNTIME_PROJECT_ID"),
}


def _endpoint(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        # The error quotes what was set.
        raise ValueError("is not an address that can be read") from None
    loopback = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("must start with https:// (http:// only for this machine itself)")
    host = parts.hostname or ""
    if not loopback and not host.rpartition(".")[2].isalpha():
        raise ValueError("must name a host, not an address")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(
            "must be scheme and host alone, such as https://ief.cn-north-4.example.com"
        )
    return f"{parts.scheme}://{parts.netloc}"


def obs_place(value: str) -> tuple[str, str]:
    """Return the bucket and the prefix, with a slash at its end, that an address in OBS names.

    Raises:
        ValueError: It names none; it is not quoted, since somebody may put keys into it.
    """
    scheme, _, place = value.partition("://")
    bucket, _, prefix = place.partition("/")
    if scheme != "obs" or not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", bucket):
        raise ValueError("must be obs://bucket/prefix/")
    return bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _audit(value: str) -> str:
    if value.startswith("obs://") and "/" in value.removeprefix("obs://").strip("/"):
        bucket, prefix = obs_place(value)
        return f"obs://{bucket}/{prefix}"
    if value.startswith("postgresql://"):
        return checked_address(value)
    if value.removeprefix("sqlite:///") not in {value, ""}:
        return value
    raise ValueError(
        "must be sqlite:///file (four slashes for an absolute path), postgresql://host/database "
        "or obs://bucket/prefix/"
    )


def _checkpoints(value: str) -> str:
    scheme, separator, _ = value.partition("://")
    if not separator:
        return value
    try:
        bucket, prefix = obs_place(value)
    except ValueError:
        raise ValueError("must be obs://bucket/prefix/ or the path of a folder") from None
    return f"{scheme}://{bucket}/{prefix}"


Endpoint: TypeAlias = Annotated[str, BeforeValidator(_endpoint)]


class Settings(BaseModel):
    """Every setting, checked. Field names are those of the settings in lower case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    region: str = Field("", description="Huawei Cloud region; gives both endpoints")
    project_id: str = Field(
        min_length=1,
        description="project of the fleet; or HUAWEICLOUD_SDK_PROJECT_ID, or the function's",
    )
    ief_endpoint: Endpoint = Field("", description="IEF's address, instead of the region's")
    ief_instance: str = Field("", description="id of an enterprise instance (ief-instance-id)")
    obs_endpoint: Endpoint = Field("", description="OBS's address, instead of the region's")
    buckets: Annotated[tuple[str, ...], BeforeValidator(bucket_names)] = Field(
        (), description="buckets that specs may be read from, separated by commas"
    )
    prefix: Annotated[str, BeforeValidator(checked_prefix)] = Field(
        "", description="only objects under this key prefix are specs"
    )
    results: Annotated[tuple[str, str] | None, BeforeValidator(obs_place)] = Field(
        None, description="obs://bucket/prefix/ for a result file per spec; empty writes none"
    )
    audit: Annotated[str, BeforeValidator(_audit)] = Field(
        repr=False,  # it may hold a password
        description="where the audit log is: sqlite:///file, postgresql://host/database or "
        "obs://bucket/prefix/",
    )
    audit_mount: Literal["", "single-instance"] = Field(
        "",
        description="single-instance: on FunctionGraph the SQLite file is on a mount that outlives "
        "instances, and the function has one instance at most",
    )
    checkpoints: Annotated[str, BeforeValidator(_checkpoints)] = Field(
        "",
        description="where the log's head is kept outside: obs://bucket/prefix/, or a folder; "
        "empty keeps none",
    )
    checkpoint_key: SecretStr = Field(
        SecretStr(""),
        description="key that signs checkpoints (`nightdrop audit key NAME` makes one); "
        "empty leaves them unsigned",
    )
    checkpoint_every: Annotated[int, BeforeValidator(seconds_of)] = Field(
        3600,
        description="how often a tick writes a checkpoint although nothing was recorded: 15m, 1h",
    )
    max_spec_bytes: int = Field(
        262_144, ge=1, le=2_097_152, description="largest spec file, in bytes"
    )
    request_timeout: float = Field(
        10.0, gt=0, le=300, description="seconds to wait for one answer of the cloud"
    )
    settle_after: int = Field(
        1200,
        ge=0,
        le=86_400,
        description="seconds after which a job that is not listed was not created",
    )
    valid_for: Annotated[int, BeforeValidator(seconds_of)] = Field(
        21_600, description="how long after its plan a job may still be sent: 90m, 6h, 2d"
    )
    remember_for: Annotated[int, BeforeValidator(retention_of)] = Field(
        7_776_000,
        description="how long a delivery is known after its last job has ended: 90d, 365d",
    )
    senders: int = Field(
        16, ge=1, le=64, description="how many jobs are sent side by side, at most"
    )
    timer_window: int = Field(
        30, ge=0, le=3600, description="ticks of one timer this close, in seconds, are one"
    )
    eventgrid_keys: Literal["encoded", "raw"] = Field(
        "encoded", description="how EventGrid writes object keys: encoded or raw (Key_encode)"
    )
    sweep_from: Annotated[datetime | None, BeforeValidator(instant_of)] = Field(
        None,
        description="files written before this time and never announced are not run, such as "
        "2026-11-25T12:00:00Z; empty is the time of the log's first record",
    )


LONGEST_FLIGHT = 900
"""Seconds after its date at which the gateway refuses a signature: no request lands later."""


def _covered(settings: Settings) -> Iterator[str]:
    bucket, prefix = settings.results or ("", "")
    if bucket in settings.buckets and settings.prefix.startswith(prefix):
        yield "NIGHTDROP_RESULTS: covers NIGHTDROP_PREFIX, so that no dropped file is run"
    for name, address in (("CHECKPOINTS", settings.checkpoints), ("AUDIT", settings.audit)):
        bucket, prefix = obs_place(address) if address.startswith("obs://") else ("", "")
        if bucket in settings.buckets and prefix.startswith(settings.prefix):
            yield (
                f"NIGHTDROP_{name}: lies under NIGHTDROP_PREFIX, so that whatever is written there "
                "is taken for a spec; name another bucket, or a prefix beside it"
            )
    if settings.audit.startswith("obs://") and settings.results:
        bucket, prefix = obs_place(settings.audit)
        if (bucket, prefix) == settings.results:
            yield "NIGHTDROP_AUDIT: is the place of NIGHTDROP_RESULTS; name one beside it"


def doubts(settings: Settings) -> tuple[str, ...]:
    """Return what is allowed but unwise about the settings, one sentence each."""
    least = LONGEST_FLIGHT + settings.request_timeout
    found = []
    if settings.settle_after < least:
        found.append(
            f"NIGHTDROP_SETTLE_AFTER: {settings.settle_after} s is less than {least:g} s, the "
            "longest a request can be under way; a job may be created twice"
        )
    if settings.valid_for <= settings.settle_after:
        found.append(
            "NIGHTDROP_VALID_FOR is not longer than NIGHTDROP_SETTLE_AFTER; a job whose answer "
            "was lost expires before it can be sent again"
        )
    found += [
        f"NIGHTDROP_PREFIX begins with the name of the bucket {bucket}; a key does not, unless a "
        "folder of that name is in the bucket"
        for bucket in settings.buckets
        if settings.prefix.startswith(f"{bucket}/")
    ]
    return tuple(found)


def load(user_data: Callable[[str], str | None], environ: Mapping[str, str]) -> Settings:
    """Return the settings, checked together.

    Args:
        user_data: Looks a name up in the function's user data; encrypted data is only there.
        environ: The environment.

    Raises:
        SettingsError: One or more settings are missing, wrong or unknown; all are listed.
    """
    values = {name: _look_up(_name(name), user_data, environ) for name in Settings.model_fields}
    given = {name: value for name, value in values.items() if value}
    problems = [*_unknown(environ), *_region_problems(given)]
    try:
        settings = _with_endpoints(Settings.model_validate(given))
        problems += [*_covered(settings), *own_file_problem(settings, environ)]
    except ValidationError as error:
        problems += [_sentence(item["loc"], item["type"], item["msg"]) for item in error.errors()]
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _name(field: str) -> str:
    return f"NIGHTDROP_{field.upper()}"


def _look_up(
    name: str, user_data: Callable[[str], str | None], environ: Mapping[str, str]
) -> str | None:
    for candidate in (name, *_FALLBACKS.get(name, ())):
        value = user_data(candidate) or environ.get(candidate)
        if value:
            return value.strip()
    return None


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = [_name(field) for field in Settings.model_fields]
    strange = sorted(n for n in environ if n.startswith("NIGHTDROP_") and n not in known)
    return [
        f"{name}: no such setting{_suggestion(name, known)}; correct or remove it"
        for name in strange
    ]


def _suggestion(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f", perhaps {close[0]}" if close else ""


def _sentence(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    name = _name(str(loc[0]))
    if kind == "missing":
        described = Settings.model_fields[str(loc[0])].description
        return f"{name} is missing: {described}"
    if kind != "value_error":
        return f"{name}: {accepted(Settings.model_fields[str(loc[0])])}"
    return f"{name}: {message.removeprefix('Value error, ')}"


def _region_problems(given: Mapping[str, str]) -> Iterator[str]:
    region, ief = given.get("region"), "ief_endpoint" in given
    if region and region not in REGIONS and not ief:
        yield (
            f"NIGHTDROP_REGION: IEF is known in {', '.join(REGIONS)}; "
            "for another region set NIGHTDROP_IEF_ENDPOINT"
        )
    if not region and not (ief and "obs_endpoint" in given):
        yield (
            "NIGHTDROP_REGION is missing (or set NIGHTDROP_IEF_ENDPOINT and NIGHTDROP_OBS_ENDPOINT)"
        )


def _with_endpoints(settings: Settings) -> Settings:
    domain = f"{settings.region}.myhuaweicloud.com"
    return settings.model_copy(
        update={
            "ief_endpoint": settings.ief_endpoint or f"https://ief.{domain}",
            "obs_endpoint": settings.obs_endpoint or f"https://obs.{domain}",
        }
    )
