from typing import Any

import pytest

from tests.agents_app.factories import make_agent
from tests.factories import make_user, make_workspace
from tests.workspaces_app.api.client import assert_problem, client, names
from workspaces_app.models import AuditEvent, ModelProvider, Secret
from workspaces_app.services.providers import create_provider
from workspaces_app.services.secrets import create_secret, reveal_secret

pytestmark = pytest.mark.django_db
PROVIDERS = "/api/v1/model-providers/"
SECRETS = "/api/v1/secrets/"
KEY = "sk-a-very-secret-key-1234"
BODY = {
    "name": "in-house",
    "base_url": "https://models.example.com/v1",
    "default_model": "qwen",
    "api_key": KEY,
}


def provider(**fields: Any) -> ModelProvider:
    """Return a provider that an administrator `root` entered."""
    root = make_user("root", role="admin")
    given = {"api_key": KEY, **BODY, **fields}
    return create_provider(root, workspace=make_workspace(), **given)


# --- Providers -------------------------------------------------------------------------------------


def test_an_administrator_enters_a_provider_whose_key_is_stored_and_never_shown() -> None:
    admin = make_user(role="admin")
    response = client(admin).post(PROVIDERS, BODY, format="json")
    assert response.status_code == 201, response.content
    assert response.json()["key_last4"] == "1234"
    assert KEY.encode() not in response.content + client(admin).get(PROVIDERS).content
    secret = ModelProvider.objects.get().secret
    assert secret is not None
    assert reveal_secret(secret, url=BODY["base_url"]) == KEY
    assert KEY not in str(list(AuditEvent.objects.values()))


def test_members_list_providers_and_strangers_see_none() -> None:
    provider()
    assert names(client(make_user("vi", role="viewer")).get(PROVIDERS)) == ["in-house"]
    assert names(client(make_user("st", role=None)).get(PROVIDERS)) == []


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_a_provider_of_strangers_is_not_found(method: str) -> None:
    address = f"{PROVIDERS}{provider().pk}/"
    response = getattr(client(make_user("st", role=None)), method)(address, {}, format="json")
    assert_problem(response, 404, "object.not_found")


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_an_editor_changes_no_provider(method: str) -> None:
    address = f"{PROVIDERS}{provider().pk}/"
    response = getattr(client(make_user("ed")), method)(address, {"title": "x"}, format="json")
    assert_problem(response, 403, "permission.missing")


def test_an_editor_enters_no_provider() -> None:
    response = client(make_user(role="editor")).post(PROVIDERS, BODY, format="json")
    assert_problem(response, 403, "permission.missing")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"colour": "red"}, 400, "request.invalid"),
        ({"api": "telepathy"}, 400, "request.invalid"),
        ({"source": "environment"}, 400, "request.invalid"),
        ({"name": "Not a name"}, 422, "request.meaningless"),
        ({"base_url": "ftp://models.example.com"}, 422, "egress.url_invalid"),
        ({"base_url": "http://169.254.169.254/latest"}, 422, "egress.address_refused"),
        ({"base_url": "http://10.0.0.5/v1"}, 422, "egress.address_refused"),
        ({"base_url": "https://user:pw@models.example.com/v1"}, 422, "egress.url_invalid"),
        ({"api_key": "two\nlines"}, 422, "secret.value_invalid"),
        ({"workspace": "elsewhere"}, 400, "request.invalid"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_providers_are_refused_and_leave_nothing(
    change: dict[str, Any], status: int, code: str
) -> None:
    make_workspace("elsewhere")
    admin = make_user(role="admin")
    assert_problem(client(admin).post(PROVIDERS, BODY | change, format="json"), status, code)
    assert not ModelProvider.objects.exists()
    assert not Secret.objects.exists()


def test_a_taken_name_is_a_conflict() -> None:
    provider()
    response = client(make_user(role="admin")).post(PROVIDERS, BODY, format="json")
    assert_problem(response, 409, "provider.name_taken")


def test_a_key_does_not_follow_its_provider_to_another_server() -> None:
    row = provider()
    address, admin = f"{PROVIDERS}{row.pk}/", client(make_user(role="admin"))
    moved = {"base_url": "https://elsewhere.example.com/v1"}
    assert_problem(admin.patch(address, moved, format="json"), 422, "provider.key_needed")
    response = admin.patch(address, {**moved, "api_key": "another-long-key-9999"}, format="json")
    assert response.json()["key_last4"] == "9999"
    assert Secret.objects.get().origin == "https://elsewhere.example.com:443"


def test_a_key_is_taken_away_with_null() -> None:
    address = f"{PROVIDERS}{provider().pk}/"
    response = client(make_user(role="admin")).patch(address, {"api_key": None}, format="json")
    assert response.json()["key_last4"] is None


@pytest.mark.parametrize("source", ["environment", "local"])
@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_provider_of_the_environment_is_not_changed_here(source: str, method: str) -> None:
    row = provider()
    ModelProvider.objects.update(source=source)
    response = getattr(client(make_user(role="admin")), method)(
        f"{PROVIDERS}{row.pk}/", {"title": "x"}, format="json"
    )
    assert_problem(response, 409, "provider.not_custom")


def test_a_provider_is_deleted_unless_agents_use_it() -> None:
    row = provider()
    admin = make_user(role="admin")
    agent = make_agent(admin, provider=row, publish=False)
    address = f"{PROVIDERS}{row.pk}/"
    assert_problem(client(admin).delete(address), 409, "provider.in_use")
    agent.delete()
    assert client(admin).delete(address).status_code == 204


# --- Secrets ---------------------------------------------------------------------------------------


def secret(name: str = "weather-key") -> Secret:
    return create_secret(
        make_user("root", role="admin"),
        workspace=make_workspace(),
        name=name,
        value=KEY,
        origin="https://api.example.com",
    )


def test_a_secret_is_stored_bound_to_its_origin_and_never_shown() -> None:
    admin = make_user(role="admin")
    body = {"name": "weather-key", "value": KEY, "origin": "https://api.example.com/v2"}
    response = client(admin).post(SECRETS, body, format="json")
    assert response.status_code == 201, response.content
    assert response.json()["origin"] == "https://api.example.com:443"
    assert response.json()["last4"] == "1234"
    assert KEY.encode() not in response.content + client(admin).get(SECRETS).content


@pytest.mark.parametrize("role", [None, "viewer", "runner", "editor"])
def test_who_is_no_administrator_knows_of_no_secret(role: str | None) -> None:
    address = f"{SECRETS}{secret().pk}/"
    api = client(make_user("no", role=role))
    assert names(api.get(SECRETS)) == []
    assert_problem(api.get(address), 404, "object.not_found")
    body = {"value": "stolen", "origin": "https://evil.example.com"}
    assert_problem(api.put(address, body, format="json"), 404, "object.not_found")
    assert_problem(api.delete(address), 404, "object.not_found")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"value": ""}, 400, "request.invalid"),
        ({"value": "two\nlines"}, 422, "secret.value_invalid"),
        ({"origin": "example"}, 422, "secret.origin_invalid"),
        ({"name": "Not a name"}, 422, "request.meaningless"),
        ({"name": "weather-key"}, 409, "secret.name_taken"),
        ({"last4": "0000"}, 400, "request.invalid"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_secrets_are_refused(change: dict[str, Any], status: int, code: str) -> None:
    secret()
    body = {"name": "other", "value": KEY, "origin": "https://api.example.com"} | change
    response = client(make_user(role="admin")).post(SECRETS, body, format="json")
    assert_problem(response, status, code)
    assert Secret.objects.count() == 1


def test_a_value_is_replaced() -> None:
    row = secret()
    body = {"value": "another-long-value", "origin": "https://api.example.com"}
    response = client(make_user(role="admin")).put(f"{SECRETS}{row.pk}/", body, format="json")
    assert response.status_code == 200, response.content
    row.refresh_from_db()
    assert reveal_secret(row, url="https://api.example.com/x") == "another-long-value"


def test_a_secret_in_use_is_not_deleted() -> None:
    row = provider().secret
    assert row is not None
    admin = client(make_user(role="admin"))
    problem = assert_problem(admin.delete(f"{SECRETS}{row.pk}/"), 409, "secret.in_use")
    assert "in-house" in problem["detail"]
    ModelProvider.objects.all().delete()
    assert admin.delete(f"{SECRETS}{row.pk}/").status_code == 204
