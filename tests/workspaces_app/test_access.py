"""Rights on root objects, compared with a plain oracle over every combination."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from agents_app.models import Agent, AgentShare
from knowledge_app.models import KnowledgeBase, KnowledgeBaseShare
from templates_app.models import PromptTemplate, PromptTemplateShare
from tests.factories import make_user, make_workspace
from tools_app.models import Tool, ToolShare

pytestmark = pytest.mark.django_db

ROLES = ["viewer", "runner", "editor", "admin"]
MEMBERSHIPS = [None, *ROLES]
SHARES = [None, "viewer", "runner", "editor"]
ACTIONS = {"visible_to": 0, "runnable_by": 1, "editable_by": 2, "administered_by": 3}
MODELS: dict[str, tuple[type[Any], type[Any], dict[str, Any]]] = {
    "template": (PromptTemplate, PromptTemplateShare, {}),
    "tool": (Tool, ToolShare, {"kind": "function"}),
    "knowledge base": (KnowledgeBase, KnowledgeBaseShare, {}),
    "agent": (Agent, AgentShare, {}),
}


def is_allowed(
    action: str, membership: str | None, visibility: str, user: str | None, group: str | None
) -> bool:
    """Say in plain words what the querysets say in SQL."""
    held = [ROLES.index(role) for role in (membership, user, group) if role is not None]
    if visibility == "public":
        held.append(ROLES.index("runner"))
    return max(held, default=-1) >= ACTIONS[action]


@pytest.mark.parametrize("membership", MEMBERSHIPS, ids=str)
@pytest.mark.parametrize("kind", MODELS)
def test_querysets_agree_with_the_oracle_without_doubling_a_row(
    kind: str, membership: str | None, django_assert_num_queries: Callable[[int], Any]
) -> None:
    model, share, fields = MODELS[kind]
    actor = make_user(role=membership)
    group = Group.objects.create(name="readers")
    actor.groups.add(group, Group.objects.create(name="others"))
    cases = list(product(["private", "public"], SHARES, SHARES))
    expected: dict[str, list[str]] = {action: [] for action in ACTIONS}
    for number, (visibility, to_user, to_group) in enumerate(cases):
        row = model.objects.create(
            workspace=make_workspace(), name=f"n{number:02}", visibility=visibility, **fields
        )
        if to_user:
            share.objects.create(object=row, user=actor, role=to_user)
        if to_group:
            share.objects.create(object=row, group=group, role=to_group)
        for action in ACTIONS:
            if is_allowed(action, membership, visibility, to_user, to_group):
                expected[action].append(row.name)
    with django_assert_num_queries(len(ACTIONS)):
        found = {
            action: list(
                getattr(model.objects.all(), action)(actor)
                .order_by("name")
                .values_list("name", flat=True)
            )
            for action in ACTIONS
        }
    assert found == expected


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", MODELS)
def test_superusers_may_do_everything_and_nobody_else_without_an_account(
    kind: str, action: str
) -> None:
    model, _, fields = MODELS[kind]
    model.objects.create(workspace=make_workspace(), name="n", visibility="public", **fields)
    root = make_user("root", role=None, superuser=True)
    inactive = make_user("gone", role="admin")
    inactive.is_active = False
    allowed = [
        getattr(model.objects.all(), action)(actor).count()
        for actor in (root, inactive, AnonymousUser())
    ]
    assert allowed == [1, 0, 0]


@pytest.mark.parametrize("kind", MODELS)
def test_a_role_in_another_workspace_gives_no_right(kind: str) -> None:
    model, _, fields = MODELS[kind]
    model.objects.create(workspace=make_workspace("elsewhere"), name="n", **fields)
    assert not model.objects.visible_to(make_user(role="admin")).exists()
