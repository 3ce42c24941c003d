from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from config.common.uuid7 import created_at, uuid7


def test_identifiers_are_version_7_of_the_standard_variant() -> None:
    made = uuid7()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


def test_each_is_greater_than_the_one_before() -> None:
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_threads_never_make_the_same() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = [
            item
            for part in threads.map(lambda _: [uuid7() for _ in range(2_000)], range(4))
            for item in part
        ]
    assert len(set(made)) == 8_000


def test_the_moment_is_read_back() -> None:
    before = datetime.now(UTC)
    assert abs(created_at(uuid7()) - before) < timedelta(seconds=5)
