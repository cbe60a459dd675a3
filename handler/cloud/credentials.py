"""The keys a request is signed with, read anew for every invocation because they rotate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handler.runtime.deadline import Deadline

_METHODS = ("getSecurityAccessKey", "getSecuritySecretKey", "getSecurityToken")
_VARIABLES = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN")


@dataclass(frozen=True)
class Credentials:
    """An access key, its secret, and the token that temporary keys come with.

    The attributes `ak` and `sk` are what the SDK's signer reads; none is ever printed.

    Attributes:
        missing: Why there are none, where there are none; signing then fails with it.
    """

    ak: str = field(repr=False)
    sk: str = field(repr=False)
    token: str = field(default="", repr=False)
    missing: str = ""

    def require(self) -> None:
        """Return if there are keys.

        Raises:
            CredentialsError: There are none.
        """
        if self.missing:
            raise CredentialsError(self.missing)


_NONE = Credentials("", "", missing="no invocation has provided credentials yet")


class CurrentCredentials:
    """The keys and the deadline of the latest invocation, for a connection that outlives it.

    Args:
        keys: The keys until the first call of `use`.
    """

    def __init__(self, keys: Credentials = _NONE) -> None:
        self._keys = keys
        self._deadline: Deadline | None = None

    def use(self, keys: Credentials, deadline: Deadline | None = None) -> None:
        """Sign with these from now on, and ask for nothing beyond the end of the invocation."""
        self._keys, self._deadline = keys, deadline

    def current(self) -> Credentials:
        """Return the keys to sign with."""
        return self._keys

    def deadline(self) -> Deadline | None:
        """Return the end of the latest invocation; None before the first one."""
        return self._deadline


def credentials(context: object, environ: Mapping[str, str]) -> Credentials:
    """Return the context's temporary keys, or those of the environment on a desk.

    Without an agency the platform's methods answer "" or the text "null" instead of failing.

    Raises:
        CredentialsError: Neither has a key and a secret, or they cannot be keys.
    """
    for values in (
        [_said(context, method) for method in _METHODS],
        [environ.get(name, "").strip() for name in _VARIABLES],
    ):
        if values[0] and values[1]:
            _check(values)
            return Credentials(*values)
    raise CredentialsError(
        "no credentials: give the function an execution agency (app_agency) that may create IEF "
        "batch jobs and read the bucket; on a desk set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"
    )


def _said(context: object, method: str) -> str:
    call = getattr(context, method, None)
    value = call() if callable(call) else None
    return value.strip() if isinstance(value, str) and value != "null" else ""


def _check(values: list[str]) -> None:
    # Such a key makes no valid header, and the error about the header would quote it.
    if not all(value.isascii() and value.isprintable() for value in values):
        raise CredentialsError(
            "the credentials hold characters that no key has, such as a line break; copy them again"
        )
