import pytest

from tests.agents_app.admin.scenes import browser_of, make_provider
from tests.factories import make_user, make_workspace
from workspaces_app.models import ApiToken, AuditEvent, Membership, ModelProvider, Secret
from workspaces_app.services.secrets import reveal_secret, store_secret
from workspaces_app.services.tokens import create_token, find_token

pytestmark = pytest.mark.django_db

ROOT = "/admin/workspaces_app/"
VALUE = "sk-very-secret-value-1234"
ORIGIN = "https://api.example.org"


def provider_form(**changes: object) -> dict[str, object]:
    return {
        "workspace": make_workspace().pk,
        "name": "mine",
        "title": "Mine",
        "api": "responses",
        "tool_mode": "native",
        "base_url": f"{ORIGIN}/v1",
        "api_key": VALUE,
        "default_model": "orion",
        "is_enabled": "on",
        **changes,
    }


def test_a_key_is_stored_encrypted_and_in_no_page() -> None:
    client = browser_of(make_user(role="admin", staff=True))
    assert client.post(f"{ROOT}modelprovider/add/", provider_form()).status_code == 302
    provider = ModelProvider.objects.get(name="mine")
    assert provider.secret is not None
    assert VALUE.encode() not in bytes(provider.secret.ciphertext)
    assert reveal_secret(provider.secret, url=f"{ORIGIN}/v1") == VALUE
    pages = [
        f"{ROOT}modelprovider/",
        f"{ROOT}modelprovider/{provider.pk}/change/",
        f"{ROOT}secret/",
        f"{ROOT}secret/{provider.secret.pk}/change/",
        f"{ROOT}auditevent/",
    ]
    assert [page for page in pages if VALUE in client.get(page).text] == []


def test_an_empty_key_keeps_the_stored_one() -> None:
    client = browser_of(make_user(role="admin", staff=True))
    client.post(f"{ROOT}modelprovider/add/", provider_form())
    provider = ModelProvider.objects.get(name="mine")
    form = provider_form(api_key="", title="Renamed")
    assert client.post(f"{ROOT}modelprovider/{provider.pk}/change/", form).status_code == 302
    provider.refresh_from_db()
    assert provider.title == "Renamed"
    assert provider.secret is not None


def test_another_address_asks_for_the_key_again() -> None:
    client = browser_of(make_user(role="admin", staff=True))
    client.post(f"{ROOT}modelprovider/add/", provider_form())
    provider = ModelProvider.objects.get(name="mine")
    form = provider_form(api_key="", base_url="https://evil.example.com/v1")
    response = client.post(f"{ROOT}modelprovider/{provider.pk}/change/", form)
    assert "enter it again" in str(response.context["adminform"].form.errors["api_key"])
    provider.refresh_from_db()
    assert provider.base_url == f"{ORIGIN}/v1"


def test_a_provider_of_the_settings_shows_no_address_and_cannot_be_deleted() -> None:
    provider = make_provider("local", source="local", base_url="", is_demo=True)
    client = browser_of(make_user(role="admin", staff=True))
    page = client.get(f"{ROOT}modelprovider/{provider.pk}/change/").text
    assert 'name="base_url"' not in page
    assert 'name="api_key"' not in page
    assert client.get(f"{ROOT}modelprovider/{provider.pk}/delete/").status_code == 403
    form = {"title": "Small", "is_enabled": "on"}
    assert client.post(f"{ROOT}modelprovider/{provider.pk}/change/", form).status_code == 302
    provider.refresh_from_db()
    assert provider.title == "Small"


def test_an_editor_sees_providers_and_secrets_but_changes_none() -> None:
    root = make_user("root", role="admin", staff=True)
    secret = store_secret(root, workspace=make_workspace(), name="mail", value=VALUE, origin=ORIGIN)
    client = browser_of(make_user("eve", role="editor", staff=True))
    assert client.get(f"{ROOT}secret/").status_code == 200
    assert client.get(f"{ROOT}secret/add/").status_code == 403
    assert client.post(f"{ROOT}secret/{secret.pk}/change/", {"value": "x"}).status_code == 403
    assert client.get(f"{ROOT}modelprovider/add/").status_code == 403


def test_a_secret_is_written_and_replaced_by_the_service() -> None:
    client = browser_of(make_user(role="admin", staff=True))
    form = {
        "workspace": make_workspace().pk,
        "name": "mail",
        "origin": f"{ORIGIN}/v2",
        "value": VALUE,
    }
    client.post(f"{ROOT}secret/add/", form)
    secret = Secret.objects.get(name="mail")
    assert secret.origin == f"{ORIGIN}:443"
    client.post(
        f"{ROOT}secret/{secret.pk}/change/", {"origin": ORIGIN, "value": "another-value-99"}
    )
    secret.refresh_from_db()
    assert reveal_secret(secret, url=ORIGIN) == "another-value-99"
    actions = AuditEvent.objects.filter(object_id=str(secret.pk)).values_list("action", flat=True)
    assert sorted(actions) == ["secret.created", "secret.replaced"]


def test_the_plain_token_is_shown_once() -> None:
    user = make_user(staff=True)
    client = browser_of(user)
    form = {"name": "CI", "scopes": ["read", "run"], "days": "30"}
    response = client.post(f"{ROOT}apitoken/add/", form)
    plain = response.context["plain_token"]
    assert plain in response.text
    assert "no-store" in response["Cache-Control"]
    token = find_token(plain)
    assert token is not None
    assert (token.user, token.scopes) == (user, ["read", "run"])
    assert plain not in client.get(f"{ROOT}apitoken/").text


def test_people_see_and_revoke_only_their_own_tokens() -> None:
    mine, plain = create_token(make_user(staff=True), name="of ada")
    eve = make_user("eve", role="admin", staff=True)
    client = browser_of(eve)
    assert "of ada" not in client.get(f"{ROOT}apitoken/").text
    client.post(f"{ROOT}apitoken/{mine.pk}/delete/", {"post": "yes"})
    assert find_token(plain) is not None
    browser_of(mine.user).post(f"{ROOT}apitoken/{mine.pk}/delete/", {"post": "yes"})
    assert find_token(plain) is None
    assert not ApiToken.objects.exists()


def test_the_audit_is_for_administrators() -> None:
    root = make_user("root", role="admin", staff=True)
    store_secret(root, workspace=make_workspace(), name="mail", value=VALUE, origin=ORIGIN)
    assert "secret.created" in browser_of(root).get(f"{ROOT}auditevent/").text
    eve = browser_of(make_user("eve", role="editor", staff=True))
    assert eve.get(f"{ROOT}auditevent/").status_code == 403


def test_members_are_changed_by_administrators_and_recorded() -> None:
    root, bob = make_user("root", role="admin", staff=True), make_user("bob", role=None)
    workspace = make_workspace()
    form = {"workspace": workspace.pk, "user": bob.pk, "role": "runner"}
    assert browser_of(root).post(f"{ROOT}membership/add/", form).status_code == 302
    assert Membership.objects.get(user=bob).role == "runner"
    assert AuditEvent.objects.filter(action="membership.created", actor=root).count() == 1
    eve = make_user("eve", role="editor", staff=True)
    assert browser_of(eve).post(f"{ROOT}membership/add/", form).status_code == 403


def test_only_administrators_search_people() -> None:
    query = "?term=a&app_label=workspaces_app&model_name=membership&field_name=user"
    root = make_user("root", role="admin", staff=True)
    assert browser_of(root).get(f"/admin/autocomplete/{query}").status_code == 200
    assert browser_of(root).get("/admin/auth/user/").status_code == 403
    eve = make_user("eve", role="editor", staff=True)
    assert browser_of(eve).get(f"/admin/autocomplete/{query}").status_code == 403
