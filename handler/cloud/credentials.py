"""Keys to sign requests with; read again for every invocation, because they rotate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from handler.errors import CredentialsError
from handler.values.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.runtime.deadline import Deadline

_METHODS = ("getSecurityAccessKey", "getSecuritySecretKey", "getSecurityToken")
_VARIABLES = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")


class Credentials(NamedTuple):
    """An access key, its secret, and the token of temporary keys; none is ever printed.

    The SDK's signer reads `ak` and `sk`.

    Attributes:
        missing: Why there are no keys, the message of the error when signing; "" if there are.
    """

    ak: str
    sk: str
    token: str = ""
    missing: str = ""

    def __repr__(self) -> str:
        """Return nothing of the keys."""
        return f"Credentials(missing={self.missing!r})"

    def require(self) -> None:
        """Do nothing if there are keys.

        Raises:
            CredentialsError: There are no keys.
        """
        if self.missing:
            raise CredentialsError(self.missing)


_NONE = Credentials("", "", missing="no invocation has provided credentials yet")


class CurrentCredentials:
    """The keys and the deadline of the latest invocation, for a connection that outlives it."""

    def __init__(self, keys: Credentials = _NONE) -> None:
        self._keys = keys
        self._deadline: Deadline | None = None

    def use(self, keys: Credentials, deadline: Deadline | None = None) -> None:
        """Set the keys to sign with, and the time when every call must end."""
        self._keys, self._deadline = keys, deadline

    def current(self) -> Credentials:
        """Return the keys to sign with."""
        return self._keys

    def deadline(self) -> Deadline | None:
        """Return the deadline of the latest invocation; None before the first one."""
        return self._deadline

    def time_left(self) -> float:
        """Return the seconds that are left of the latest invocation; no limit before the first."""
        return self._deadline.left() if self._deadline else math.inf


def credentials(context: object, environ: Mapping[str, str]) -> Credentials:
    """Return the temporary keys of the context, else the keys in the environment (local runs).

    Without an agency the methods of the context return "" or the text "null".

    Raises:
        CredentialsError: There is no key with a secret, or they contain invalid characters.
    """
    for values in (
        [_value_of(context, method) for method in _METHODS],
        [environ.get(name, "").strip() for name in _VARIABLES],
    ):
        if values[0] and values[1]:
            _check(values)
            return Credentials(*values)
    raise CredentialsError(
        "no credentials: give the function an execution agency (app_agency) that may create IEF "
        "batch jobs and read the bucket; on your machine set HUAWEICLOUD_SDK_AK and "
        "HUAWEICLOUD_SDK_SK"
    )


def known_credentials(context: object, environ: Mapping[str, str]) -> Credentials:
    """Return the keys as `credentials` does; without any, empty ones that say why."""
    try:
        return credentials(context, environ)
    except CredentialsError as error:
        return Credentials("", "", missing=str(error))


def _value_of(context: object, method: str) -> str:
    call = getattr(context, method, None)
    value = call() if callable(call) else None
    return value.strip() if isinstance(value, str) and value != "null" else ""


def _check(values: list[str]) -> None:
    # Such a key makes an invalid header, and the error about the header would quote it.
    if not all(value.isascii() and value.isprintable() for value in values):
        raise CredentialsError(
            "the credentials contain invalid characters, such as a line break; copy them again"
        )
