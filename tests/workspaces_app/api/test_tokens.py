from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.factories import make_user
from tests.workspaces_app.api.client import assert_problem, client, names
from workspaces_app.models import ApiToken
from workspaces_app.services.tokens import create_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/tokens/"


def bearer(plain: str) -> APIClient:
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    return api


def test_the_answer_to_a_new_token_holds_a_value_that_works_and_is_never_shown_again() -> None:
    user = make_user()
    response = client(user).post(URL, {"name": "ci", "scopes": ["read"]}, format="json")
    assert response.status_code == 201, response.content
    assert response["Cache-Control"] == "no-store"
    plain = response.json()["token"]
    listed = bearer(plain).get(URL)
    assert names(listed) == ["ci"]
    assert plain.encode() not in listed.content
    assert ApiToken.objects.get().digest.encode() not in listed.content


def test_a_token_without_end_is_possible() -> None:
    body = {"name": "ci", "scopes": ["read"], "lifetime_days": None}
    response = client(make_user()).post(URL, body, format="json")
    assert response.json()["expires_at"] is None


def test_tokens_of_others_are_neither_listed_nor_read_nor_revoked_even_by_superusers() -> None:
    token, _ = create_token(make_user(), name="mine")
    root = client(make_user("root", superuser=True))
    assert names(root.get(URL)) == []
    assert_problem(root.get(f"{URL}{token.token_key}/"), 404, "token.not_found")
    assert_problem(root.delete(f"{URL}{token.token_key}/"), 404, "token.not_found")
    assert ApiToken.objects.exists()


def test_a_revoked_token_stops_working() -> None:
    user = make_user()
    token, plain = create_token(user, name="mine")
    assert client(user).delete(f"{URL}{token.token_key}/").status_code == 204
    assert_problem(bearer(plain).get(URL), 401, "auth.required")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["read"], "lifetime_days": 0},
        {"name": "x", "scopes": ["read"], "user": "root"},
    ],
    ids=str,
)
def test_bad_tokens_are_refused(body: dict[str, Any]) -> None:
    assert_problem(client(make_user()).post(URL, body, format="json"), 400, "request.invalid")
    assert not ApiToken.objects.exists()


def test_a_token_cannot_make_itself_a_stronger_one() -> None:
    _, plain = create_token(make_user(), name="weak", scopes=["read", "write", "run"])
    response = bearer(plain).post(URL, {"name": "strong", "scopes": ["admin"]}, format="json")
    assert_problem(response, 403, "token.scope_missing")
    assert ApiToken.objects.count() == 1


def test_a_token_with_the_scope_admin_makes_others() -> None:
    _, plain = create_token(make_user(), name="root", scopes=["admin"])
    response = bearer(plain).post(URL, {"name": "child", "scopes": ["read"]}, format="json")
    assert response.status_code == 201


def test_without_signing_in_there_is_nothing() -> None:
    assert_problem(APIClient().get(URL), 401, "auth.required")


def test_pages_of_tokens_follow_one_another() -> None:
    user = make_user()
    for number in range(3):
        create_token(user, name=f"t{number}")
    first = client(user).get(URL, {"page_size": 2}).json()
    second = client(user).get(first["next"]).json()
    assert [row["name"] for row in first["results"] + second["results"]] == ["t2", "t1", "t0"]
