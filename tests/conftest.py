"""Test set-up: a database of its own for every pytest process, and async tests that share it."""

import inspect
import os
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.cache import cache
from django.db import connection


def pytest_configure(config: pytest.Config) -> None:
    """Name the test database after this process, so that runs beside each other never collide."""
    controller = os.environ.setdefault("AGENT_BUILDER_TEST_RUN", str(os.getpid()))
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = (
        f"test_{settings.DATABASES['default']['NAME']}_{controller}"
    )
    # The real hash takes a third of a second for every user that a test makes.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    prefix = f"test-{controller}-{worker}"
    if settings.REDIS_URL:
        settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = prefix
    # Clearing a cache on Redis would empty it for the tests of the other process too.
    settings.CACHES["default"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests through `async_to_sync`.

    The ORM then works on the test's own thread and connection and shares its transaction.
    """
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        return None
    names = inspect.signature(function).parameters
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names}
    async_to_sync(function)(**arguments)
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Drop the token table of knox, which our own token model replaces.

    Its migration makes it all the same, and with it there PostgreSQL refuses to truncate
    `auth_user` after a transactional test: Django does not know the table any more.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS knox_authtoken")


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    yield
    cache.clear()
