"""Making, finding and revoking API tokens."""

from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from knox.crypto import hash_token

from config.common.errors import MeaningInvalid
from workspaces_app.models import ApiToken, TokenScope
from workspaces_app.services import audit

TOUCH_EVERY = timedelta(minutes=1)
ALL_SCOPES = tuple(TokenScope.values)


@transaction.atomic
def create_token(
    actor: User,
    *,
    name: str,
    scopes: Sequence[str] = ALL_SCOPES,
    lifetime: timedelta | None = timedelta(days=90),
) -> tuple[ApiToken, str]:
    """Create a token for `actor` and return it with its plain value, which is never shown again."""
    unknown = sorted(set(scopes) - set(TokenScope.values))
    if unknown or not scopes:
        raise MeaningInvalid(
            f"Scopes are some of {', '.join(TokenScope.values)};"
            f" got {', '.join(unknown) or 'none'}.",
            code="token.scope_unknown",
        )
    token, plain = ApiToken.objects.create(
        actor, expiry=lifetime, name=name[:80], scopes=sorted(set(scopes))
    )
    audit.record(actor, "token.created", token, after={"scopes": token.scopes})
    return token, plain


def find_token(plain: str) -> ApiToken | None:
    """Return the living token with this plain value, of an active user, or None."""
    if not plain or len(plain) > 200 or not plain.isascii():
        return None
    found: ApiToken | None = (
        ApiToken.objects.select_related("user")
        .filter(digest=hash_token(plain), user__is_active=True)
        .filter(Q(expiry__isnull=True) | Q(expiry__gt=timezone.now()))
        .first()
    )
    return found


def touch_token(token: ApiToken) -> None:
    """Note that the token was used, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > TOUCH_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


@transaction.atomic
def revoke_token(actor: User, *, token: ApiToken) -> None:
    """Delete the token; requests with it fail from now on."""
    audit.record(actor, "token.revoked", token)
    token.delete()
