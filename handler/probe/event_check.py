"""How EventGrid writes object keys, by an object whose key is another one in each reading.

The object is empty and its name is hidden, so the function records its event and runs nothing. It
is below the watched prefix, since triggers tell of nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote_plus

from handler.audit.record import part
from handler.errors import NightdropError
from handler.probe.fact import Fact, compared, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handler.audit.log import Log
    from handler.cloud.obs.client import Obs
    from handler.settings import Settings

KEY_ENCODING = "EventGrid keys"
"""The name of the fact."""

NAME = ".nightdrop-probe a+b%20c.yaml"
"""The name of the object: decoded, as it is, and encoded it is three names."""

LONGEST_WAIT = 120
"""Seconds that the probe waits for the event in the log."""

_PAUSES = (0.1, 0.4, 1.0)  # seconds between two looks, before the pause that is repeated
_PAUSE = 2.0


def unseen_keys(settings: Settings) -> Fact:
    """Return that nothing was seen of the keys in events."""
    return unseen(KEY_ENCODING, _assumed(settings), "only --events tells")


def key_fact(obs: Obs, log: Log, settings: Settings, sleep: Callable[[float], None]) -> Fact:
    """Write an object, wait for its event in the function's log, and delete it.

    Args:
        obs: OBS, with the right to write into the first bucket of NIGHTDROP_BUCKETS.
        log: The function's log.
        settings: Those of the function.
        sleep: Waits for seconds.
    """
    assumed = _assumed(settings)
    bucket, folder = settings.buckets[0], settings.prefix
    key = f"{folder}{'' if not folder or folder.endswith('/') else '/'}{NAME}"
    try:
        since = log.read(lambda view: view.head.seq)
        obs.write(bucket, key, b"", content_type="text/plain")
        try:
            shape, seen = _awaited(log, bucket, _readings(key, settings), since, sleep)
        finally:
            obs.delete(bucket, key)
    except NightdropError as error:
        return unseen(KEY_ENCODING, assumed, str(error))
    if shape != "eventgrid":
        return unseen(KEY_ENCODING, assumed, _unseen(shape, bucket))
    same = seen == settings.eventgrid_keys
    return compared(
        KEY_ENCODING, assumed, seen, same=same, change=f"NIGHTDROP_EVENTGRID_KEYS={seen}"
    )


def _assumed(settings: Settings) -> str:
    return f"{settings.eventgrid_keys}, as NIGHTDROP_EVENTGRID_KEYS says"


def _unseen(shape: str, bucket: str) -> str:
    if shape:
        return f"the events of bucket {bucket} are classic ones, whose keys are always encoded"
    return f"no event of a new object in bucket {bucket} came into the log within {LONGEST_WAIT} s"


def _readings(key: str, settings: Settings) -> Mapping[str, str]:
    """Return, by the key that the function may have read, how it was written in the event."""
    if settings.eventgrid_keys == "encoded":
        return {key: "encoded", unquote_plus(key): "raw"}
    encoded = {quote(key), quote(key, safe=""), quote_plus(key), quote_plus(key, safe="/")}
    return {key: "raw", **dict.fromkeys(encoded, "encoded")}


def _awaited(
    log: Log,
    bucket: str,
    readings: Mapping[str, str],
    since: int,
    sleep: Callable[[float], None],
) -> tuple[str, str]:
    """Return the shape of the event and how it wrote the key; "" for both if none came."""
    subjects = {f"obs://{bucket}/{key}": reading for key, reading in readings.items()}
    for pause in (*_PAUSES, *[_PAUSE] * int(LONGEST_WAIT / _PAUSE)):
        for one in log.read(lambda view: [it for name in subjects for it in view.find(name)]):
            if one.subject in subjects and one.first_seq > since:
                record = next(log.records_of([one.key]))
                return str(part(record.fields, "source").get("shape")), subjects[one.subject]
        sleep(pause)
    return "", ""
