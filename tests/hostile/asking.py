"""Our calls to hostile servers, run in a child process without their answers in memory."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from handler.cloud.credentials import Credentials, CurrentCredentials
from handler.cloud.http_transport import Transport
from handler.cloud.ief.client import Ief
from handler.cloud.obs.client import Obs
from handler.cloud.obs.prefix_store import ObsFolders
from handler.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 0.5
KEYS = Credentials("ACCESS", "SECRET")
BODY = '{"job_name": "nightly-1", "job_type": "node_upgrade"}'


def _now() -> datetime:
    return datetime.now(timezone.utc)


def ief(url: str) -> Ief:
    """Return IEF at an address."""
    return Ief(url, "p", KEYS, Transport(timeout=SECONDS), _now)


def obs(url: str) -> Obs:
    """Return OBS at an address."""
    return Obs(url, KEYS, Transport(timeout=SECONDS), _now)


def _create(url: str) -> str:
    service = ief(url)
    return service.create(service.sign_create(BODY))


def _append(url: str) -> datetime:
    folder = ObsFolders(obs(url), CurrentCredentials(KEYS))("b", "")
    done = folder.append("k", 0, b"x")
    assert done
    assert abs((folder.now() - _now()).days) < 40
    return folder.now()


OPERATIONS: dict[str, Callable[[str], object]] = {
    "create": _create,
    "list": lambda url: ief(url).list_jobs("node_upgrade", limit=100, offset=0),
    "show": lambda url: ief(url).show_job("a"),
    "read": lambda url: obs(url).read("b", "k", max_bytes=4096),
    "append": _append,
    "bucket": lambda url: list(obs(url).list_objects("b", "")),
}


def asked(operation: str, urls: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Ask servers side by side, in a child process, and return what each brought, or the error."""

    def ask(url: str) -> tuple[str, str]:
        start = time.monotonic()
        try:
            found = "value", repr(OPERATIONS[operation](url))[:9999]
        except CloudError as error:
            found = "error", str(error)[:9999]
        assert time.monotonic() - start < SECONDS + 3
        return found

    with ThreadPoolExecutor(8) as threads:
        return dict(zip(urls, threads.map(ask, urls.values()), strict=True))
