"""The four roles of a membership or share, in order of what they allow."""

from enum import StrEnum


class Role(StrEnum):
    """What a person may do with an object; each role includes the ones before it."""

    VIEWER = "viewer"
    RUNNER = "runner"
    EDITOR = "editor"
    ADMIN = "admin"


_ORDER = list(Role)


def roles_from(least: Role) -> list[str]:
    """Return `least` and every role above it, lowest first."""
    return [role.value for role in _ORDER[_ORDER.index(least) :]]


ROLE_CHOICES = [(role.value, role.value.capitalize()) for role in Role]
