"""Signed notes: a short text and Ed25519 signatures under it, readable by people and tools.

Source: C2SP "signed-note" (c2sp.org/signed-note) and the key encoding of Go's
`golang.org/x/mod/sumdb/note`. A key's id is the first four bytes of SHA-256 over its name, a line
break, the algorithm byte 1 and the public key. `cryptography` (extra `sign`) is imported only when
something is signed or verified.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handler.errors import SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ED25519 = b"\x01"
_NAME = r"[^\s+]{1,128}"
_SIGNATURE = re.compile(rf"— ({_NAME}) ([A-Za-z0-9+/=]+)")
_PRIVATE = re.compile(rf"PRIVATE\+KEY\+({_NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/=]+)")
_PUBLIC = re.compile(rf"({_NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/=]+)")
_KEY_BYTES = 32
_ID_BYTES = 4


@dataclass(frozen=True)
class Signature:
    """One line under a note: who signed, by which key, and the signature."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True)
class SignedNote:
    """A text, ending in a line break, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...] = ()

    def __str__(self) -> str:
        lines = (
            f"— {one.name} {base64.b64encode(one.key_id + one.value).decode()}\n"
            for one in self.signatures
        )
        return f"{self.text}\n{''.join(lines)}"


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name; never printed."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def public(self) -> VerifyKey:
        """The key that verifies what this one signs."""
        from cryptography.hazmat.primitives import serialization

        public = _private(self.seed).public_key()
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        return VerifyKey(self.name, public.public_bytes(*raw))

    def __str__(self) -> str:
        return f"{self.name} (private)"

    def encoded(self) -> str:
        """Return the text form, a secret: what `NIGHTDROP_CHECKPOINT_KEY` takes."""
        key_id = self.public.key_id.hex()
        return f"PRIVATE+KEY+{self.name}+{key_id}+{_base64(_ED25519 + self.seed)}"


@dataclass(frozen=True)
class VerifyKey:
    """A public key with its name."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names the key."""
        return hashlib.sha256(f"{self.name}\n".encode() + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public)}"


def new_key(name: str, seed: bytes) -> SigningKey:
    """Return a key with a name and 32 random bytes.

    Raises:
        SettingsError: The name has white space or a plus in it.
    """
    if not re.fullmatch(_NAME, name) or len(seed) != _KEY_BYTES:
        raise SettingsError("a key's name has no white space and no plus, such as example.org/log")
    return SigningKey(name, seed)


def signing_key(text: str) -> SigningKey:
    """Return the private key that a text holds.

    Raises:
        SettingsError: It holds none; the message does not quote it.
    """
    found = _PRIVATE.fullmatch(text.strip())
    key = SigningKey(found[1], _key_bytes(found[3])) if found else None
    if key is None or found is None or key.public.key_id.hex() != found[2]:
        raise SettingsError("not a signing key: `nightdrop audit key NAME` makes one")
    return key


def verify_key(text: str) -> VerifyKey:
    """Return the public key that a text holds.

    Raises:
        SettingsError: It holds none.
    """
    if text.strip().startswith("PRIVATE+KEY+"):
        raise SettingsError("that is the private key; give the public one")
    found = _PUBLIC.fullmatch(text.strip())
    key = VerifyKey(found[1], _key_bytes(found[3])) if found else None
    if key is None or found is None or key.key_id.hex() != found[2]:
        raise SettingsError(
            "not a public key: give the name+8 hex digits+base64 that `nightdrop audit key` printed"
        )
    return key


def signed(text: str, key: SigningKey) -> SignedNote:
    """Return a text as a note signed by a key."""
    value = _private(key.seed).sign(text.encode())
    return SignedNote(text, (Signature(key.name, key.public.key_id, value),))


def is_signed_by(note: SignedNote, key: VerifyKey) -> bool:
    """Return whether a note bears a valid signature of a key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ed25519

    public = ed25519.Ed25519PublicKey.from_public_bytes(key.public)
    for one in note.signatures:
        if (one.name, one.key_id) == (key.name, key.key_id):
            try:
                public.verify(one.value, note.text.encode())
            except InvalidSignature:
                return False
            return True
    return False


def parse_note(data: bytes) -> SignedNote:
    """Return the note that bytes hold.

    Raises:
        ValueError: They hold none.
    """
    text, blank, under = data.decode().rpartition("\n\n")
    if not blank or any(ord(c) < ord(" ") and c != "\n" for c in text):
        raise ValueError("no note: text, an empty line and signatures")
    lines = [_SIGNATURE.fullmatch(line) for line in under.splitlines()]
    if not all(lines):
        raise ValueError("no note: what is under the text are no signatures")
    return SignedNote(f"{text}\n", tuple(_signature(line[1], line[2]) for line in lines if line))


def _signature(name: str, encoded: str) -> Signature:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("no note: a signature is not base64") from error
    return Signature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])


def _key_bytes(encoded: str) -> bytes:
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != _KEY_BYTES + 1 or raw[:1] != _ED25519:
        raise SettingsError("not an Ed25519 key")
    return raw[1:]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _private(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
