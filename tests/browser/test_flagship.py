"""The main job, as a person does it: a template, an agent, an answer with its source, its run."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.live import LiveProduct

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HANDBOOK = """# Handbook

## Opening hours

The observatory opens at nine in the evening and closes at two in the morning.

## Tickets

Three tickets cost thirty-six euros.
"""


def made(product: LiveProduct, path: str, **fields: Any) -> Any:
    return product.api("POST", path, fields)


def make_agent(product: LiveProduct, provider_id: str, model: str, **draft: Any) -> Any:
    """Create and publish an agent that answers as the fake model of this name does."""
    ending = uuid4().hex[:8]
    template = made(product, "templates/", name=f"voice-{ending}", body="Be kind.")
    version = made(product, f"templates/{template['id']}/publish/")
    agent = made(
        product,
        "agents/",
        name=f"guide-{ending}",
        title=f"Guide {ending}",
        instructions=version["id"],
        provider=provider_id,
        model=model,
        **draft,
    )
    made(product, f"agents/{agent['id']}/publish/")
    return agent | {"template": template}


def make_knowledge(product: LiveProduct) -> Any:
    base = made(product, "knowledge-bases/", name=f"handbook-{uuid4().hex[:8]}", title="Handbook")
    document = made(
        product, f"knowledge-bases/{base['id']}/documents/", title="Handbook", text=HANDBOOK
    )
    return base, document


def ask(visit: Visit, question: str) -> None:
    visit.page.locator("agent-chat textarea").fill(question)
    visit.page.keyboard.press("Enter")


def test_from_a_template_to_a_cited_answer_and_its_run(
    visit: Visit, live_product: LiveProduct, provider_id: str
) -> None:
    page = visit.page
    base, document = make_knowledge(live_product)
    agent = make_agent(
        live_product,
        provider_id,
        "fake-tool",
        knowledge_bases=[base["id"]],
        first_tool="search_knowledge",
    )

    visit.open(f"/admin/templates_app/prompttemplate/{agent['template']['id']}/change/")
    page.locator("[name=body]").fill("You guide people through the observatory.")
    page.get_by_role("button", name="Save and publish").click()
    page.get_by_text("@2.").wait_for()
    visit.picture("1-template")

    visit.open(f"/admin/agents_app/agent/{agent['id']}/build/")
    page.get_by_role("button", name="Use v2").click()
    expect(page.get_by_test_id("preview")).to_have_text("You guide people through the observatory.")
    expect(page.get_by_test_id("draft-state")).to_have_text("Unsaved changes")
    page.get_by_test_id("publish").click()
    page.get_by_label("What has changed?").fill("A better voice")
    page.get_by_test_id("publish-confirm").click()
    expect(page.get_by_test_id("published-version")).to_have_text("v2 published")

    ask(visit, "When does the observatory open?")
    answer = page.get_by_test_id("answer")
    expect(answer).to_have_attribute("data-status", "completed")
    expect(answer).to_contain_text("opens at nine in the evening")
    call = answer.get_by_test_id("tool-call")
    expect(call).to_contain_text("search_knowledge")
    call.locator("summary").click()
    expect(call).to_contain_text('"query"')
    source = answer.get_by_test_id("citation").first
    expect(source).to_contain_text("Handbook")
    assert f"/document/{document['id']}/change/?start=" in (source.get_attribute("href") or "")
    visit.picture("2-builder")

    answer.get_by_test_id("run-link").click()
    events = page.get_by_test_id("events")
    for type in (
        "run.queued",
        "tool.called",
        "tool.completed",
        "message.completed",
        "run.completed",
    ):
        expect(events.get_by_text(type, exact=True).first).to_be_visible()
    expect(page.locator("run-timeline")).to_contain_text("Completed")
    expect(page.locator(".ab-bar-model")).to_have_count(2)
    visit.picture("3-run")


def test_a_stopped_answer_keeps_its_text(
    visit: Visit, live_product: LiveProduct, provider_id: str
) -> None:
    agent = make_agent(live_product, provider_id, "fake-2000-tokens:20")
    visit.open(f"/admin/agents_app/agent/{agent['id']}/chat/")
    ask(visit, "Count.")
    answer = visit.page.get_by_test_id("answer")
    expect(answer).to_contain_text("tok3")
    visit.page.keyboard.press("Escape")
    expect(answer).to_have_attribute("data-status", "cancelled")
    expect(answer).to_contain_text("tok3")
    expect(answer).to_contain_text("Stopped")


def test_the_conversation_is_there_after_a_reload(
    visit: Visit, live_product: LiveProduct, provider_id: str
) -> None:
    agent = make_agent(live_product, provider_id, "fake-echo")
    visit.open(f"/admin/agents_app/agent/{agent['id']}/chat/")
    answers = visit.page.get_by_test_id("answer")
    ask(visit, "Remember the number seven.")
    expect(answers).to_have_attribute("data-status", "completed")
    visit.page.reload()
    expect(answers).to_contain_text("Remember the number seven.")
    ask(visit, "And eight.")
    expect(answers.nth(1)).to_have_attribute("data-status", "completed")
    visit.page.get_by_role("button", name="New conversation").click()
    expect(answers).to_have_count(0)


def test_text_of_a_model_is_never_markup(
    visit: Visit, live_product: LiveProduct, provider_id: str
) -> None:
    hostile = (
        "<img src=x onerror=alert(1)> [go](javascript:alert(1)) ![i](https://evil.example/x) **b**"
    )
    agent = make_agent(live_product, provider_id, "fake-echo")
    visit.open(f"/admin/agents_app/agent/{agent['id']}/chat/")
    ask(visit, hostile)
    answer = visit.page.get_by_test_id("answer")
    expect(answer).to_have_attribute("data-status", "completed")
    expect(answer).to_contain_text("<img src=x onerror=alert(1)>")
    expect(answer.locator("strong", has_text="b")).to_have_count(1)
    expect(answer.locator("img")).to_have_count(0)
    expect(answer.locator("a[href^=javascript]")).to_have_count(0)


def test_a_failed_run_says_what_went_wrong(
    visit: Visit, live_product: LiveProduct, provider_id: str
) -> None:
    agent = make_agent(live_product, provider_id, "fake-error-401")
    visit.open(f"/admin/agents_app/agent/{agent['id']}/chat/")
    ask(visit, "Hello?")
    answer = visit.page.get_by_test_id("answer")
    expect(answer).to_have_attribute("data-status", "failed")
    expect(answer.get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_no_page_is_wider_than_the_screen(
    visit: Visit, live_product: LiveProduct, provider_id: str, width: int
) -> None:
    agent = make_agent(live_product, provider_id, f"fake-say:{quote('wide ' * 60)}"[:120])
    run = made(live_product, f"agents/{agent['id']}/runs/", input="x" * 200)
    visit.page.set_viewport_size({"width": width, "height": 800})
    for path in (
        "",
        f"agents_app/agent/{agent['id']}/build/",
        f"agents_app/agent/{agent['id']}/chat/",
        f"agents_app/run/{run['id']}/change/",
    ):
        visit.open(f"/admin/{path}")
        visit.page.wait_for_timeout(300)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, path


KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...words) { super(...words); window.sockets.push(this); }
};
"""


def test_a_lost_connection_loses_and_doubles_no_text(
    visit: Visit, live_product: LiveProduct, provider_id: str
) -> None:
    page = visit.page
    agent = make_agent(live_product, provider_id, "fake-300-tokens:20")
    page.add_init_script(KEEP_SOCKETS)
    visit.open(f"/admin/agents_app/agent/{agent['id']}/chat/")
    ask(visit, "Count.")
    answer = page.get_by_test_id("answer")
    for seen in ("tok20", "tok60"):
        expect(answer).to_contain_text(seen)
        page.evaluate("window.sockets.at(-1).close(4000)")
        expect(page.get_by_role("status", name="Reconnecting")).to_have_count(0)
    expect(answer).to_contain_text("tok120")
    words = page.locator(".ab-streaming").inner_text().split()
    assert len(words) > 100
    assert words == [f"tok{number}" for number in range(len(words))]
    assert page.evaluate("window.sockets.length") == 3
    expect(answer).to_have_attribute("data-status", "completed")
