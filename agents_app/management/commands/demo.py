"""`manage.py demo`: a staff user, a token and rows that show the main job."""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from typing_extensions import override

from agents_app.management.demo import load_demo
from config.common.errors import DomainError
from workspaces_app.models import Membership, Workspace
from workspaces_app.services.providers import sync_providers
from workspaces_app.services.tokens import create_token, find_token

USERNAME = "admin"


class Command(BaseCommand):
    help = (
        "Create or keep the staff user, an API token and the demonstration rows. Prints one line"
        " of JSON: username, password, token, model, created."
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--password-file", type=Path, required=True, help="Holds the staff user's password."
        )
        parser.add_argument(
            "--token-file", type=Path, required=True, help="Keeps the API token between starts."
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing; run it as often as you like."""
        password = self._password(options["password_file"])
        user = self._staff_user(password)
        workspace, _ = Workspace.objects.get_or_create(
            name="default", defaults={"title": "Default workspace"}
        )
        Membership.objects.get_or_create(workspace=workspace, user=user, defaults={"role": "admin"})
        provider = sync_providers(workspace)
        try:
            demo = load_demo(user, workspace=workspace, provider=provider, root=settings.BASE_DIR)
        except DomainError as error:
            raise CommandError(f"{error.detail} [{error.code}]") from error
        answer = {
            "username": USERNAME,
            "password": password,
            "token": self._token(user, options["token_file"]),
            "model": str(provider) if provider else None,
            "created": demo.created,
        }
        self.stdout.write(json.dumps(answer))

    def _password(self, path: Path) -> str:
        password = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        if len(password) < 12:
            raise CommandError(f"{path} must hold a password of at least 12 characters.")
        return password

    def _staff_user(self, password: str) -> User:
        user = User.objects.filter(username=USERNAME).first()
        if user is None:
            return User.objects.create_superuser(USERNAME, "admin@localhost.invalid", password)
        if not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        return user

    def _token(self, user: User, path: Path) -> str:
        kept = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
        found = find_token(kept)
        if found is not None and found.user_id == user.pk:
            return kept
        _, plain = create_token(user, name="Written by the set-up", lifetime=None)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(plain + "\n")
        return plain
