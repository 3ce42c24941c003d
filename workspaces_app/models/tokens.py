"""API tokens: hashed, scoped, expiring."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from knox.models import AbstractAuthToken, AuthTokenManager
from typing_extensions import override

from workspaces_app.querysets import TokenQuerySet


class TokenScope(models.TextChoices):
    """What a token may be used for; `admin` includes the others."""

    READ = "read", "Read"
    RUN = "run", "Run agents"
    WRITE = "write", "Create and change"
    ADMIN = "admin", "Administer"


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """A bearer token of a user; only its SHA-512 digest is stored."""

    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=8, choices=TokenScope.choices))
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AuthTokenManager.from_queryset(TokenQuerySet)()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created"]
        verbose_name = "API token"

    @override
    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"
