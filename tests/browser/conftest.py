"""A real Chromium in front of real server processes.

Without Chromium the tests are skipped, except where CI is set: there they must run.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.live import PASSWORD, LiveProduct, running_product

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        message = (
            "Chromium is not installed: `apt-get install chromium` lets the browser tests run."
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """Run a browser for the tests of one file.

    Playwright keeps an event loop running in the test's thread, in which no asynchronous test of
    another file could run.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def live_product(
    chromium_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveProduct]:
    with running_product(tmp_path_factory.mktemp("live")) as product:
        yield product


@pytest.fixture(scope="session")
def provider_id(live_product: LiveProduct) -> str:
    command = (
        "import json\n"
        "from workspaces_app.models import ModelProvider\n"
        "print(json.dumps(str(ModelProvider.objects.get(name='openai').pk)))"
    )
    printed = live_product.manage("shell", "-v", "0", "-c", command)
    found: str = json.loads(printed.strip().splitlines()[-1])
    return found


class Visit:
    """A signed-in page that keeps what went wrong in it and what it asked for."""

    def __init__(self, page: Page, product: LiveProduct, folder: Path) -> None:
        self.page = page
        self.url = product.url
        self.faults: list[str] = []
        self._folder = folder
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on(
            "console",
            lambda message: (
                self.faults.append(f"console: {message.text}") if message.type == "error" else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((product.url, "data:", "blob:"))
                else self.faults.append(f"left for {request.url}")
            ),
        )

    def sign_in(self) -> None:
        self.page.goto(f"{self.url}/admin/login/")
        self.page.get_by_label("Username").fill("admin")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_text("Recent runs").wait_for()

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self._folder / f"{name}.png")


@pytest.fixture
def visit(
    chromium: Browser, live_product: LiveProduct, request: pytest.FixtureRequest
) -> Iterator[Visit]:
    name = re.sub(r"\W+", "-", request.node.name)
    folder = Path(request.config.rootpath) / "test-results" / "browser" / name
    folder.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    visit = Visit(context.new_page(), live_product, folder)
    visit.sign_in()
    yield visit
    visit.picture("end")
    context.close()
    assert visit.faults == [], live_product.last_words()
