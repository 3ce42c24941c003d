// <run-timeline>: one run from its events, live while it goes on.
import { html, nothing, type TemplateResult } from "lit";
import { clock, duration, oneLine, plural } from "./format.js";
import { pageData } from "./http.js";
import { LightElement, icon } from "./light-element.js";
import { drawMarkdown } from "./markdown-view.js";
import type { EventFrame, RunSnapshot } from "./protocol.js";
import { callCard, failure, sourceList, statusBadge, stepText, tokens } from "./run-parts.js";
import { RunState } from "./run-state.js";
import { SocketStore, browserEnvironment } from "./socket-store.js";
import { summary, ticks, waterfall, type Bar } from "./waterfall.js";

interface RunPage extends RunSnapshot {
  agent_title: string;
  is_demo: boolean;
  urls: { agent: string; chat: string; session: string };
}

const LIVE_EVERY_MS = 200;

export class RunTimeline extends LightElement {
  private page!: RunPage;
  private run!: RunState;
  private sockets!: SocketStore;
  private clock: ReturnType<typeof setInterval> | undefined;
  private frame = 0;
  private stopListening: () => void = () => undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.page = pageData<RunPage>("run-data");
    this.run = RunState.from(this.page);
    this.sockets = new SocketStore({ kind: "run", id: this.run.id }, browserEnvironment());
    this.sockets.adopt(this.run);
    this.stopListening = this.sockets.subscribe(() => {
      this.frame ||= requestAnimationFrame(() => {
        this.frame = 0;
        this.requestUpdate();
      });
    });
    if (this.run.isOver) return;
    this.sockets.connect();
    this.clock = setInterval(() => {
      if (this.run.isOver) clearInterval(this.clock);
      this.requestUpdate();
    }, LIVE_EVERY_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.clock);
    this.stopListening();
    this.sockets.disconnect();
  }

  protected override render(): TemplateResult {
    const { run } = this;
    return html`
      ${this.header()} ${failure(run)}
      ${this.sockets.connection === "refused"
        ? html`<div class="ab-notice ab-bad" role="alert">${icon("cloud_off")}<p>${this.sockets.refusal}</p></div>`
        : nothing}
      <div class="ab-run-grid">
        <section class="ab-panel" aria-labelledby="ab-talk">
          <h2 id="ab-talk">Conversation</h2>
          <div class="ab-said"><p>${this.page.input || run.input}</p></div>
          <div class="ab-answer">${this.answer()}</div>
        </section>
        <div class="ab-run-side">
          <section class="ab-panel" aria-labelledby="ab-time">
            <h2 id="ab-time">Where the time went</h2>
            ${this.chart()}
          </section>
          <section class="ab-panel ab-flush" aria-labelledby="ab-events">
            <h2 id="ab-events">Events <span class="ab-muted">${run.events.length}</span></h2>
            ${this.events()}
          </section>
        </div>
      </div>
    `;
  }

  private header(): TemplateResult {
    const { page, run } = this;
    const fact = (label: string, value: unknown): TemplateResult =>
      html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
    const isLive = !run.isOver;
    const elapsed = isLive && run.startedAt !== null ? Date.now() - run.startedAt : run.durationMs;
    return html`<section class="ab-panel ab-run-head">
      <div class="ab-run-line">
        ${statusBadge(run)}
        ${isLive && this.sockets.connection === "waiting"
          ? html`<span class="ab-connection" role="status"
              ><span class="ab-dot ab-warn"></span>Reconnecting from ${run.seq}:${run.offset}…</span
            >`
          : nothing}
        <span class="ab-grow"></span>
        ${isLive
          ? html`<button
              type="button"
              class="ab-button ab-danger"
              ?disabled=${run.isCancelling}
              @click=${() => this.sockets.cancel(run)}
            >
              ${icon("stop_circle")}${run.isCancelling ? "Stopping…" : "Cancel run"}
            </button>`
          : html`<a class="ab-button" href=${page.urls.chat}>${icon("forum")}Go on talking</a>`}
      </div>
      <dl class="ab-facts">
        ${fact("Agent", html`<a href=${page.urls.agent}>${page.agent_title}</a> <span class="ab-badge ab-accent">v${page.version}</span>`)}
        ${fact("Model", html`${run.model || page.model}${page.is_demo ? html` <span class="ab-badge ab-warn">demo</span>` : nothing}`)}
        ${fact("Duration", duration(elapsed))}
        ${fact("Tokens", tokens(run.usage))}
        ${fact("Steps", `${run.steps.length}`)}
        ${fact("User", page.user)}
        ${fact("Session", html`<a href=${page.urls.session}>${page.session.slice(-12)}</a>`)}
        ${fact("Purpose", page.purpose)}
        ${fact("Accepted", clock(page.created_at))}
        ${run.attempt > 1 ? fact("Attempts", `${run.attempt}`) : nothing}
      </dl>
    </section>`;
  }

  private answer(): TemplateResult {
    const { run } = this;
    if (run.steps.length === 0 && !run.isOver) {
      return html`<p class="ab-thinking"><span></span><span></span><span></span><em>${run.status === "queued" ? "Waiting for a worker" : "Starting"}</em></p>`;
    }
    const isSilent = run.isOver && run.steps.every((step) => step.text === "" && step.calls.length === 0);
    return html`
      ${run.steps.map(
        (step) => html`${stepText(run, step)} ${step.calls.map((call) => callCard(call))}`,
      )}
      ${isSilent && run.output
        ? html`<div class="ab-prose">${drawMarkdown(run.output)}</div>`
        : nothing}
      ${isSilent && !run.output ? html`<p class="ab-muted">No answer was written.</p>` : nothing}
      ${sourceList(run)}
    `;
  }

  private chart(): TemplateResult {
    const { bars, totalMs } = waterfall(this.run, Date.now());
    if (bars.length === 0) return html`<p class="ab-muted">Nothing has happened yet.</p>`;
    const share = (ms: number): string => `${Math.min(100, (ms / totalMs) * 100).toFixed(2)}%`;
    return html`<div class="ab-waterfall" role="table" aria-label="Duration of each part">
      <div class="ab-axis" aria-hidden="true">
        ${ticks(totalMs).map(
          (mark) => html`<span style="left:${share(mark)}">${mark === 0 ? "0" : duration(mark)}</span>`,
        )}
      </div>
      ${bars.map((bar) => this.bar(bar, share))}
    </div>`;
  }

  private bar(bar: Bar, share: (ms: number) => string): TemplateResult {
    const took = duration(bar.to - bar.from);
    return html`<div class="ab-bar-row" role="row">
      <div class="ab-bar-label" role="rowheader" title="${bar.label}${bar.detail ? ` · ${bar.detail}` : ""}">
        ${bar.step ? html`<span class="ab-bar-step" aria-label="Step ${bar.step}">${bar.step}</span>` : nothing}
        <span>${bar.label}</span>
      </div>
      <div class="ab-bar-track" role="cell">
        <span
          class="ab-bar ab-bar-${bar.kind} ${bar.isOpen ? "ab-open" : ""} ${bar.isError ? "ab-error" : ""}"
          style="left:${share(bar.from)};width:max(3px, calc(${share(bar.to)} - ${share(bar.from)}))"
          title="${bar.label}: ${took}, from ${duration(bar.from)} to ${duration(bar.to)}"
        ></span>
      </div>
      <div class="ab-bar-time" role="cell">${took}</div>
    </div>`;
  }

  private events(): TemplateResult {
    const { run } = this;
    if (run.events.length === 0) return html`<p class="ab-muted">No events yet.</p>`;
    const origin = run.queuedAt ?? 0;
    return html`<ol class="ab-events" data-testid="events">
      ${run.events.map((event) => this.event(event, origin))}
    </ol>`;
  }

  private event(event: EventFrame, origin: number): TemplateResult {
    const family = event.type.split(".")[0] ?? "";
    const isBad = event.type === "run.failed" || (event.type === "tool.completed" && event.data.result.is_error);
    return html`<li>
      <details>
        <summary>
          <span class="ab-event-seq">${event.seq}</span>
          <span class="ab-event-time">+${duration(Date.parse(event.at) - origin)}</span>
          <span class="ab-event-type ab-family-${family} ${isBad ? "ab-bad" : ""}">${event.type}</span>
          <span class="ab-event-text">${oneLine(summary(event), 160)}</span>
        </summary>
        ${event.data.is_truncated
          ? html`<p class="ab-muted">Shortened. The whole message is number ${event.data.message_sequence} of the session.</p>`
          : nothing}
        <pre tabindex="0">${JSON.stringify(event.data, null, 2)}</pre>
        <p class="ab-muted">${clock(event.at)} · attempt ${event.attempt} · ${plural(JSON.stringify(event.data).length, "character")}</p>
      </details>
    </li>`;
  }
}
