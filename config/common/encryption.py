"""Encryption of stored secrets: AES-256-GCM with a list of keys.

The first key encrypts, every key decrypts, so that a key can be replaced without a break. The
associated data ties a ciphertext to the row and field it was written for.
"""

import base64
import binascii
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from config.common.errors import Unavailable

NONCE_BYTES = 12
KEY_ID_BYTES = 4


def _keys() -> list[tuple[bytes, AESGCM]]:
    keys: list[tuple[bytes, AESGCM]] = []
    for number, encoded in enumerate(settings.ENCRYPTION_KEYS, start=1):
        try:
            raw = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != 32:
            raise Unavailable(
                f"Key {number} of ENCRYPTION_KEYS is not 32 bytes in base64.",
                code="encryption.key_invalid",
            )
        keys.append((hashlib.sha256(raw).digest()[:KEY_ID_BYTES], AESGCM(raw)))
    return keys


def encrypt(plain: str, *, bound_to: str) -> bytes:
    """Return key id, nonce and ciphertext. `bound_to` names owner, row and field."""
    key_id, cipher = _keys()[0]
    nonce = os.urandom(NONCE_BYTES)
    return key_id + nonce + cipher.encrypt(nonce, plain.encode(), bound_to.encode())


def decrypt(sealed: bytes, *, bound_to: str) -> str:
    """Return the plain text.

    Raises:
        Unavailable: no key of ENCRYPTION_KEYS fits, or the bytes were moved or changed.
    """
    key_id, nonce = sealed[:KEY_ID_BYTES], sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES]
    for candidate, cipher in _keys():
        if candidate == key_id:
            try:
                return cipher.decrypt(
                    nonce, sealed[KEY_ID_BYTES + NONCE_BYTES :], bound_to.encode()
                ).decode()
            except InvalidTag as error:
                raise Unavailable(
                    "A stored secret was changed or moved. Enter it again.",
                    code="encryption.tampered",
                ) from error
    raise Unavailable(
        f"No key in ENCRYPTION_KEYS can read a stored secret (it was written with key"
        f" {key_id.hex()}). Add that key to the end of the list.",
        code="encryption.key_missing",
    )
