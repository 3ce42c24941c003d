import pytest
from django.core.exceptions import ValidationError

from config.common.errors import DomainError, NotFound, PermissionMissing
from sessions_app import services
from sessions_app.errors import SessionArchived
from tests.factories import make_user, make_workspace
from tests.sessions_app.factories import make_session
from workspaces_app.models import AuditEvent

pytestmark = pytest.mark.django_db


def test_create_session_belongs_to_its_actor() -> None:
    actor = make_user(role="runner")

    session = services.create_session(actor, workspace=make_workspace(), title="  On\ncats ")

    assert (session.user, session.title, session.last_sequence) == (actor, "On cats", 0)
    assert AuditEvent.objects.get(action="session.created").object_id == str(session.pk)


@pytest.mark.parametrize(
    ("role", "error"), [("viewer", PermissionMissing), (None, NotFound)], ids=["viewer", "stranger"]
)
def test_only_runners_of_the_workspace_start_sessions(
    role: str | None, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        make_session(make_user(role=role))


def test_rename_and_archive() -> None:
    actor = make_user()
    session = make_session(actor)

    assert services.rename_session(actor, session=session, title="New").title == "New"
    assert services.archive_session(actor, session=session).archived_at is not None
    with pytest.raises(SessionArchived):
        services.rename_session(actor, session=session, title="Newer")
    with pytest.raises(SessionArchived):
        services.archive_session(actor, session=session)


def test_a_title_that_is_too_long_is_refused() -> None:
    actor = make_user()

    with pytest.raises(ValidationError):
        services.rename_session(actor, session=make_session(actor), title="x" * 161)


def test_other_members_do_not_see_it_but_administrators_do() -> None:
    session = make_session(make_user())

    with pytest.raises(NotFound):
        services.rename_session(make_user("eve"), session=session, title="x")
    renamed = services.rename_session(make_user("root", role="admin"), session=session, title="x")
    assert renamed.title == "x"
