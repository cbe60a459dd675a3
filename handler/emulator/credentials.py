"""The account whose requests the emulator accepts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Account:
    """One set of keys and the project they belong to.

    Attributes:
        access_key: The AK that requests carry.
        secret_key: The SK that signs them.
        project_id: The only project.
        security_token: The token that temporary keys require; "" for permanent keys.
    """

    access_key: str
    secret_key: str = field(repr=False)
    project_id: str
    security_token: str = field(default="", repr=False)


DEMO_ACCOUNT = Account(
    access_key="NIGHTDROPEMULATOR001",
    secret_key="only-good-for-the-emulator",  # noqa: S106 - opens nothing but the emulator
    project_id="0b1c2d3e4f5061728394a5b6c7d8e9f0",
)
"""The default account."""
