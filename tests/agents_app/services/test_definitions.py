import pytest
from django.db import DatabaseError, transaction

from agents_app.models import AgentVersion
from agents_app.services import definitions
from config.common.errors import Conflict, MeaningInvalid, NotFound, PermissionMissing
from tests.agents_app.factories import (
    make_agent,
    make_calculator,
    make_provider,
    make_template_version,
)
from tests.factories import make_user, make_workspace
from tools_app.domain.definition import Draft
from tools_app.services import update_tool

pytestmark = pytest.mark.django_db


def test_publish_pins_template_model_and_tools_by_id_and_hash() -> None:
    ada = make_user()
    calculator = make_calculator(ada)
    agent = make_agent(ada, tools=[calculator], publish=False)

    version = definitions.publish_agent(ada, agent=agent, change_note="First")

    assert (version.number, version.change_note) == (1, "First")
    manifest = version.manifest
    assert manifest["instructions"]["reference"] == "default/helper-instructions@1"
    assert manifest["model"]["name"] == "fake-echo"
    pinned = calculator.versions.get()
    assert manifest["tools"] == [
        {
            "version_id": str(pinned.pk),
            "name": "calculator",
            "number": 1,
            "content_sha256": pinned.content_sha256,
        }
    ]


def test_a_later_change_of_a_tool_leaves_the_version_as_it_was() -> None:
    ada = make_user()
    calculator = make_calculator(ada)
    agent = make_agent(ada, tools=[calculator])

    update_tool(
        ada,
        tool=calculator,
        title="",
        visibility="private",
        secret=None,
        draft=Draft(config={"function": "calculator"}, description="Another description."),
    )

    version = definitions.published_version(agent)
    assert version.manifest["tools"][0]["number"] == 1
    assert definitions.has_unpublished_changes(ada, agent)


def test_versions_are_numbered_without_gaps() -> None:
    ada = make_user()
    agent = make_agent(ada)
    for _ in range(3):
        definitions.publish_agent(ada, agent=agent)
    assert [row.number for row in agent.versions.all()] == [4, 3, 2, 1]


def test_a_version_cannot_be_changed_even_in_sql() -> None:
    agent = make_agent(make_user())
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        AgentVersion.objects.filter(agent=agent).update(change_note="rewritten")


def test_publish_names_everything_that_is_missing() -> None:
    ada = make_user()
    agent = definitions.create_agent(ada, workspace=make_workspace(), name="empty")
    with pytest.raises(MeaningInvalid) as caught:
        definitions.publish_agent(ada, agent=agent)
    assert caught.value.code == "agent.incomplete"
    assert {entry["field"] for entry in caught.value.errors} == {"instructions", "provider"}


def test_publish_refuses_a_first_tool_that_the_agent_does_not_offer() -> None:
    ada = make_user()
    agent = make_agent(ada, first_tool="search_knowledge", publish=False)
    with pytest.raises(MeaningInvalid) as caught:
        definitions.publish_agent(ada, agent=agent)
    assert caught.value.errors[0]["field"] == "first_tool"


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 3},
        {"temperature": True},
        {"unknown": 1},
        {"max_output_tokens": 0},
        {"reasoning_effort": "extreme"},
        {"stop": "text"},
        ["list"],
    ],
    ids=str,
)
def test_model_settings_are_checked(settings: object) -> None:
    ada = make_user()
    with pytest.raises(MeaningInvalid) as caught:
        definitions.create_agent(
            ada, workspace=make_workspace(), name="picky", model_settings=settings
        )
    assert caught.value.code == "agent.settings_invalid"


def test_a_taken_name_is_refused_and_is_free_again_after_archiving() -> None:
    ada = make_user()
    agent = make_agent(ada)
    with pytest.raises(Conflict) as caught:
        definitions.create_agent(ada, workspace=agent.workspace, name=agent.name)
    assert caught.value.code == "agent.name_taken"

    definitions.archive_agent(ada, agent=agent)
    definitions.create_agent(ada, workspace=agent.workspace, name=agent.name)
    with pytest.raises(Conflict):
        definitions.restore_agent(ada, agent=agent)


def test_an_agent_cannot_use_what_its_editor_cannot_read() -> None:
    ada = make_user()
    elsewhere = make_workspace("elsewhere")
    eve = make_user("eve", workspace=elsewhere)
    foreign = make_provider(elsewhere, name="foreign")
    own = make_template_version(ada)
    agent = definitions.create_agent(
        ada, workspace=make_workspace(), name="honest", instructions=own
    )
    with pytest.raises(NotFound) as caught:
        definitions.update_agent(ada, agent=agent, provider=foreign)
    assert caught.value.code == "agent.provider_not_found"
    with pytest.raises(NotFound):
        definitions.update_agent(eve, agent=agent, title="Mine")


def test_a_runner_may_run_an_agent_and_not_change_it() -> None:
    agent = make_agent(make_user())
    runner = make_user("rob", role="runner")
    assert definitions.find_agent(runner, "default/helper") == agent
    with pytest.raises(PermissionMissing):
        definitions.publish_agent(runner, agent=agent)


@pytest.mark.parametrize("role", ["viewer", None], ids=["viewer", "stranger"])
def test_who_lacks_the_role_of_a_runner_cannot_start_it(role: str | None) -> None:
    make_agent(make_user())
    other = make_user("vera", role=role)
    expected = PermissionMissing if role else NotFound
    with pytest.raises(expected):
        definitions.find_agent(other, "default/helper")
