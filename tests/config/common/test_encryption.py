import base64
from typing import Any

import pytest

from config.common.encryption import decrypt, encrypt
from config.common.errors import Unavailable

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]


def test_a_text_comes_back_and_is_sealed_differently_every_time() -> None:
    first, second = encrypt("naïve", bound_to="row:1"), encrypt("naïve", bound_to="row:1")
    assert first != second
    assert decrypt(first, bound_to="row:1") == decrypt(second, bound_to="row:1") == "naïve"


def test_a_sealed_text_cannot_be_moved_to_another_row() -> None:
    with pytest.raises(Unavailable) as caught:
        decrypt(encrypt("x", bound_to="row:1"), bound_to="row:2")
    assert caught.value.code == "encryption.tampered"


def test_a_changed_text_is_noticed() -> None:
    sealed = bytearray(encrypt("x", bound_to="row:1"))
    sealed[-1] ^= 1
    with pytest.raises(Unavailable) as caught:
        decrypt(bytes(sealed), bound_to="row:1")
    assert caught.value.code == "encryption.tampered"


def test_a_new_first_key_still_reads_what_the_old_one_wrote(settings: Any) -> None:
    sealed = encrypt("x", bound_to="row:1")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert decrypt(sealed, bound_to="row:1") == "x"
    assert encrypt("x", bound_to="row:1")[:4] != sealed[:4]


def test_a_missing_key_is_named(settings: Any) -> None:
    sealed = encrypt("x", bound_to="row:1")
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(Unavailable, match=sealed[:4].hex()) as caught:
        decrypt(sealed, bound_to="row:1")
    assert caught.value.code == "encryption.key_missing"


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_malformed_key_is_refused(settings: Any, key: str) -> None:
    settings.ENCRYPTION_KEYS = [key]
    with pytest.raises(Unavailable) as caught:
        encrypt("x", bound_to="row:1")
    assert caught.value.code == "encryption.key_invalid"
