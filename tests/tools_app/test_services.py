"""Creating and changing tools: versions, rights, checks and the audit trail."""

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from config.common.egress.errors import EgressRefused
from config.common.errors import Conflict, DomainError, MeaningInvalid, NotFound, PermissionMissing
from tests.factories import make_user, make_workspace
from tests.tools_app.factories import (
    CITY_PARAMETERS,
    http_draft,
    make_function_tool,
    make_http_tool,
)
from tools_app.domain.definition import Draft
from tools_app.domain.registry import REGISTRY
from tools_app.models import Tool, ToolVersion
from tools_app.services import (
    archive_tool,
    create_tool,
    latest_version,
    restore_tool,
    try_tool,
    update_tool,
)
from workspaces_app.models import AuditEvent, Secret
from workspaces_app.services.secrets import store_secret

pytestmark = pytest.mark.django_db


def change(actor: User, tool: Tool, draft: Draft, **options: Any) -> Tool:
    current: dict[str, Any] = {
        "title": tool.title,
        "visibility": tool.visibility,
        "secret": tool.secret,
    }
    return update_tool(actor, tool=tool, draft=draft, **{**current, **options})


def make_secret(origin: str = "https://api.example.com", name: str = "city-key") -> Secret:
    admin = make_user(f"admin-of-{name}", role="admin")
    return store_secret(
        admin, workspace=make_workspace(), name=name, value="sk-0123456789", origin=origin
    )


def test_a_function_tool_takes_what_the_function_declares() -> None:
    ada = make_user()

    tool = make_function_tool(ada)

    version = latest_version(tool)
    entry = REGISTRY.get("calculator")
    assert entry is not None
    assert (tool.last_number, version.number) == (1, 1)
    assert version.description == entry.description
    assert version.parameters == entry.parameters
    assert version.effect == "read"
    assert version.timeout_s == 5.0
    assert version.created_by == ada


def test_an_http_tool_is_irreversible_unless_somebody_says_otherwise() -> None:
    tool = make_http_tool(make_user(), draft=replace(http_draft(), effect=""))

    assert latest_version(tool).effect == "irreversible"
    assert latest_version(tool).timeout_s == 30.0


def test_a_changed_definition_is_a_new_version_and_an_unchanged_one_is_not() -> None:
    ada = make_user()
    tool = make_http_tool(ada)

    tool = change(ada, tool, http_draft(), title="Cities")
    assert tool.last_number == 1
    tool = change(ada, tool, http_draft(description="Find a city."))

    tool.refresh_from_db()
    assert tool.last_number == 2
    assert [version.description for version in tool.versions.all()] == [
        "Find a city.",
        "Look a city up.",
    ]
    assert tool.title == "Cities"
    assert tool.description == "Find a city."


def test_a_version_cannot_be_changed() -> None:
    version = latest_version(make_http_tool(make_user()))

    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        ToolVersion.objects.filter(pk=version.pk).update(description="other")


def test_changes_are_in_the_audit_trail() -> None:
    ada = make_user()
    tool = make_http_tool(ada)
    change(ada, tool, http_draft(effect="write"))
    change(ada, tool, http_draft(effect="write"))
    archive_tool(ada, tool=tool)
    archive_tool(ada, tool=tool)
    restore_tool(ada, tool=tool)

    events = AuditEvent.objects.filter(object_type="tools_app.Tool").order_by("id")

    assert [event.action for event in events] == [
        "tool.created",
        "tool.updated",
        "tool.archived",
        "tool.restored",
    ]
    assert events[1].before["effect"] == "read"
    assert events[1].after["effect"] == "write"
    assert {event.actor for event in events} == {ada}


@pytest.mark.parametrize(
    ("kind", "draft", "code"),
    [
        ("function", Draft(config={"function": "os.system"}), "tool.function_unknown"),
        ("function", Draft(config={}), "tool.function_unknown"),
        ("function", Draft(config={"function": ["calculator"]}), "tool.function_unknown"),
        ("function", Draft(config={"function": "calculator", "x": 1}), "tool.function_unknown"),
        ("http", http_draft(description=" "), "tool.description_invalid"),
        ("http", http_draft(description="x" * 4001), "tool.description_invalid"),
        ("http", http_draft(description="Adds.\U000e0069"), "tool.description_hidden_characters"),
        ("http", http_draft(parameters={"type": "string"}), "tool.schema_invalid"),
        ("http", http_draft(parameters={"type": "object"}), "tool.config_invalid"),
        ("http", http_draft(url="https://{city}/"), "tool.config_invalid"),
        ("http", http_draft(headers={"Host": "x"}), "tool.config_invalid"),
        ("http", http_draft(effect="harmless"), "tool.effect_unknown"),
        ("http", http_draft(timeout_s=0), "tool.timeout_out_of_range"),
        ("http", http_draft(timeout_s=1e9), "tool.timeout_out_of_range"),
        ("http", http_draft(timeout_s=float("nan")), "tool.timeout_out_of_range"),
        ("http", http_draft(max_output_bytes=0), "tool.output_limit_out_of_range"),
        ("http", http_draft(max_output_bytes=10**9), "tool.output_limit_out_of_range"),
        ("shell", Draft(config={"command": "id"}), "tool.kind_unknown"),
        ("http", http_draft(url="http://127.0.0.1/{city}"), "egress.address_refused"),
        ("http", http_draft(url="http://169.254.169.254/{city}"), "egress.address_refused"),
        ("http", http_draft(url="http://localhost/{city}"), "egress.host_refused"),
        ("http", http_draft(url="http://a:b@api.example.com/{city}"), "egress.url_invalid"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(kind: str, draft: Draft, code: str) -> None:
    with pytest.raises(DomainError) as caught:
        create_tool(make_user(), workspace=make_workspace(), name="t", kind=kind, draft=draft)

    assert caught.value.code == code
    assert caught.value.status == 422
    assert not Tool.objects.exists()


def test_a_tool_cannot_weaken_the_effect_of_its_function() -> None:
    REGISTRY.tool(name="send_letter", effect="irreversible")(send_letter)
    try:
        with pytest.raises(MeaningInvalid) as caught:
            make_function_tool(
                make_user(), draft=Draft(config={"function": "send_letter"}, effect="read")
            )
    finally:
        del REGISTRY._tools["send_letter"]

    assert caught.value.code == "tool.effect_weakened"


def send_letter(to: str) -> str:
    """Send a letter."""
    return to


@pytest.mark.parametrize("name", ["Weather", "a_b", "http_r\u0435quest", "x" * 65, "", "-a"])
def test_a_name_that_models_or_references_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(Exception, match=r"lower-case letters|at most 64|cannot be blank"):
        make_function_tool(make_user(), name=name)


def test_a_name_is_taken_until_its_tool_is_archived() -> None:
    ada = make_user()
    first = make_function_tool(ada)

    with pytest.raises(Conflict, match="'calculator'"):
        make_function_tool(ada)
    archive_tool(ada, tool=first)
    make_function_tool(ada)
    with pytest.raises(Conflict) as caught:
        restore_tool(ada, tool=first)

    assert caught.value.code == "tool.name_taken"


def test_an_archived_tool_cannot_be_changed() -> None:
    ada = make_user()
    tool = archive_tool(ada, tool=make_http_tool(ada))

    with pytest.raises(Conflict) as caught:
        change(ada, tool, http_draft())

    assert caught.value.code == "tool.archived"


def test_rights_are_checked_by_the_services() -> None:
    ada = make_user()
    tool = make_http_tool(ada)
    stranger = make_user("eve", role=None)
    viewer = make_user("vic", role="viewer")

    with pytest.raises(NotFound):
        make_function_tool(stranger)
    with pytest.raises(PermissionMissing):
        make_function_tool(viewer)
    for action in (archive_tool, restore_tool):
        with pytest.raises(NotFound):
            action(stranger, tool=tool)
        with pytest.raises(PermissionMissing):
            action(viewer, tool=tool)
    with pytest.raises(PermissionMissing):
        change(viewer, tool, http_draft(description="Mine now."))
    with pytest.raises(PermissionMissing):
        try_tool(viewer, tool=tool, arguments={})


def test_a_secret_goes_with_its_own_origin_only() -> None:
    ada = make_user()
    secret = make_secret()
    tool = make_http_tool(ada, secret=secret)

    with pytest.raises(MeaningInvalid) as caught:
        change(ada, tool, http_draft(url="https://evil.example/{city}"))
    assert caught.value.code == "tool.secret_origin_mismatch"
    with pytest.raises(MeaningInvalid) as caught:
        change(ada, tool, http_draft(url="http://api.example.com/{city}"))
    assert caught.value.code == "tool.secret_origin_mismatch"

    changed = change(ada, tool, http_draft(url="https://evil.example/{city}"), secret=None)
    assert changed.secret is None


def test_a_secret_of_another_workspace_or_of_a_function_is_refused() -> None:
    ada = make_user()
    secret = make_secret()
    elsewhere = make_workspace("elsewhere")
    bob = make_user("bob", workspace=elsewhere)

    with pytest.raises(MeaningInvalid) as caught:
        make_http_tool(bob, workspace=elsewhere, secret=secret)
    assert caught.value.code == "tool.secret_unknown"
    with pytest.raises(MeaningInvalid) as caught:
        make_function_tool(ada, secret=secret)
    assert caught.value.code == "tool.secret_not_used"


@pytest.mark.parametrize(
    ("arguments", "outcome", "output", "error"),
    [
        ({"expression": "6 * 7"}, "succeeded", "42", None),
        ({"expression": "6 *"}, "retry", None, "The expression ends too early."),
        (
            {},
            "retry",
            None,
            'The arguments do not fit the tool\'s schema: "expression" is a required property.',
        ),
    ],
)
def test_a_trial_says_how_the_call_ended(
    arguments: dict[str, Any], outcome: str, output: str | None, error: str | None
) -> None:
    runner = make_user("run", role="runner")
    tool = make_function_tool(make_user())

    trial = try_tool(runner, tool=tool, arguments=arguments)

    assert (trial.outcome, trial.output, trial.error) == (outcome, output, error)
    assert trial.duration_ms >= 0
    event = AuditEvent.objects.get(action="tool.tried")
    assert event.after == {"version": 1, "outcome": outcome}


def test_lists_load_the_newest_versions_in_two_queries(django_assert_num_queries: Any) -> None:
    ada = make_user()
    for number in range(3):
        tool = make_http_tool(ada, f"city-{number}")
        change(ada, tool, http_draft(description=f"Number {number}"))

    with django_assert_num_queries(2):
        tools = list(Tool.objects.visible_to(ada).with_latest_version().order_by("name"))
        texts = [(tool.reference, latest_version(tool).description) for tool in tools]

    assert texts == [(f"default/city-{number}", f"Number {number}") for number in range(3)]
    assert latest_version(tools[0]).parameters == CITY_PARAMETERS


def test_a_refused_address_is_its_own_error() -> None:
    with pytest.raises(EgressRefused, match="this machine"):
        make_http_tool(make_user(), draft=http_draft(url="http://127.0.0.1/{city}"))
