from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.factories import make_user, make_workspace
from tests.workspaces_app.api.client import assert_problem, client, names
from workspaces_app.models import AuditEvent, Membership, Workspace
from workspaces_app.services.members import add_member

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/"


def members_url(workspace: Workspace) -> str:
    return f"{URL}{workspace.pk}/members/"


def member_url(user: User) -> str:
    membership = Membership.objects.get(user=user)
    return f"{members_url(membership.workspace)}{membership.pk}/"


# --- Workspaces ------------------------------------------------------------------------------------


def test_everybody_lists_their_own_workspaces_with_their_role() -> None:
    make_workspace("elsewhere")
    response = client(make_user(role="runner")).get(URL)
    assert names(response) == ["default"]
    assert response.json()["results"][0]["role"] == "runner"


def test_a_stranger_cannot_read_a_workspace() -> None:
    workspace = make_workspace("elsewhere")
    assert_problem(client(make_user()).get(f"{URL}{workspace.pk}/"), 404, "object.not_found")


@pytest.mark.parametrize("address", ["x", "00000000-0000-0000-0000-000000000000"])
def test_an_address_without_a_workspace_is_not_found(address: str) -> None:
    assert_problem(client(make_user()).get(f"{URL}{address}/"), 404, "object.not_found")
    assert_problem(
        client(make_user("bo")).get(f"{URL}{address}/members/"), 404, "workspace.not_found"
    )


def test_a_superuser_creates_a_workspace_and_administers_it() -> None:
    root = make_user("root", role=None, superuser=True)
    response = client(root).post(URL, {"name": "lab", "title": "The lab"}, format="json")
    assert response.status_code == 201, response.content
    assert (response.json()["name"], response.json()["role"]) == ("lab", "admin")
    assert Membership.objects.get(user=root).role == "admin"
    assert AuditEvent.objects.get().action == "workspace.created"


def test_nobody_else_creates_a_workspace() -> None:
    response = client(make_user(role="admin")).post(URL, {"name": "lab"}, format="json")
    assert_problem(response, 403, "permission.missing")
    assert not Workspace.objects.filter(name="lab").exists()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "request.invalid"),
        ({"name": "lab", "colour": "red"}, 400, "request.invalid"),
        ({"name": "Not a name"}, 422, "request.meaningless"),
        ({"name": "default"}, 409, "workspace.name_taken"),
    ],
    ids=["empty", "unknown field", "malformed", "taken"],
)
def test_bad_workspaces_are_refused(body: dict[str, Any], status: int, code: str) -> None:
    make_workspace()
    root = make_user("root", role=None, superuser=True)
    assert_problem(client(root).post(URL, body, format="json"), status, code)


def test_an_administrator_changes_the_title_and_nothing_else() -> None:
    admin, workspace = make_user(role="admin"), make_workspace()
    address = f"{URL}{workspace.pk}/"
    response = client(admin).patch(address, {"title": "New"}, format="json")
    assert response.json()["title"] == "New"
    assert_problem(
        client(admin).patch(address, {"name": "new"}, format="json"), 400, "request.invalid"
    )


def test_an_editor_cannot_change_the_title() -> None:
    address = f"{URL}{make_workspace().pk}/"
    response = client(make_user(role="editor")).patch(address, {"title": "New"}, format="json")
    assert_problem(response, 403, "permission.missing")


# --- Members ---------------------------------------------------------------------------------------


def test_members_are_listed_to_members_in_a_fixed_number_of_queries(
    django_assert_num_queries: Any,
) -> None:
    ada = make_user("ada")
    make_user("bo", role="viewer")
    make_user("cy", role=None)
    with django_assert_num_queries(3):
        response = client(ada).get(members_url(make_workspace()))
    assert sorted(names(response, "user")) == ["ada", "bo"]


def test_a_stranger_cannot_list_members() -> None:
    response = client(make_user()).get(members_url(make_workspace("elsewhere")))
    assert_problem(response, 404, "workspace.not_found")


def test_an_administrator_adds_a_member() -> None:
    admin = make_user(role="admin")
    make_user("bo", role=None)
    response = client(admin).post(
        members_url(make_workspace()), {"user": "bo", "role": "runner"}, format="json"
    )
    assert response.status_code == 201, response.content
    assert (response.json()["user"], response.json()["role"]) == ("bo", "runner")
    assert AuditEvent.objects.get().after == {"user": "bo", "role": "runner"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"user": "bo"}, 400, "request.invalid"),
        ({"user": "bo", "role": "owner"}, 400, "request.invalid"),
        ({"user": "nobody", "role": "viewer"}, 422, "member.user_unknown"),
        ({"user": "ada", "role": "viewer"}, 409, "member.exists"),
    ],
    ids=["no role", "unknown role", "unknown user", "already in"],
)
def test_bad_members_are_refused(body: dict[str, Any], status: int, code: str) -> None:
    admin = make_user("ada", role="admin")
    make_user("bo", role=None)
    response = client(admin).post(members_url(make_workspace()), body, format="json")
    assert_problem(response, status, code)
    assert Membership.objects.count() == 1


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_an_editor_changes_no_members(method: str) -> None:
    editor, bo = make_user(role="editor"), make_user("bo", role="viewer")
    address = members_url(make_workspace()) if method == "post" else member_url(bo)
    response = getattr(client(editor), method)(
        address, {"role": "admin"} | ({"user": "bo"} if method == "post" else {}), format="json"
    )
    assert_problem(response, 403, "permission.missing")
    assert Membership.objects.get(user=bo).role == "viewer"


def test_an_administrator_changes_a_role() -> None:
    admin, bo = make_user(role="admin"), make_user("bo", role="viewer")
    response = client(admin).patch(member_url(bo), {"role": "editor"}, format="json")
    assert response.json()["role"] == "editor"
    event = AuditEvent.objects.get()
    before, after = event.before or {}, event.after or {}
    assert (before["role"], after["role"]) == ("viewer", "editor")


def test_an_administrator_removes_a_member() -> None:
    admin, bo = make_user(role="admin"), make_user("bo", role="viewer")
    assert client(admin).delete(member_url(bo)).status_code == 204
    assert not Membership.objects.filter(user=bo).exists()


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_the_last_administrator_stays(method: str) -> None:
    admin = make_user(role="admin")
    response = getattr(client(admin), method)(member_url(admin), {"role": "editor"}, format="json")
    assert_problem(response, 409, "member.last_admin")
    assert Membership.objects.get(user=admin).role == "admin"


def test_an_administrator_steps_back_when_there_is_another() -> None:
    admin = make_user(role="admin")
    make_user("bo", role="admin")
    response = client(admin).patch(member_url(admin), {"role": "viewer"}, format="json")
    assert response.json()["role"] == "viewer"


def test_a_membership_is_not_found_below_another_workspace() -> None:
    admin = make_user(role="admin")
    other = make_workspace("other")
    Membership.objects.create(workspace=other, user=admin, role="admin")
    bo = make_user("bo", role=None)
    membership = add_member(admin, workspace=other, username="bo", role="viewer")
    address = f"{members_url(make_workspace())}{membership.pk}/"
    assert_problem(client(admin).delete(address), 404, "object.not_found")
    assert Membership.objects.filter(user=bo).exists()
