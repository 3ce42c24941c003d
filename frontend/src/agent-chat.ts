// <agent-chat>: a conversation with the newest published version of one agent.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { duration } from "./format.js";
import { pageData } from "./http.js";
import { LightElement, icon } from "./light-element.js";
import type { Purpose, RunSnapshot } from "./protocol.js";
import { callCard, failure, sourceList, stepText, tokens } from "./run-parts.js";
import { RunState } from "./run-state.js";
import { Refused, SocketStore, browserEnvironment } from "./socket-store.js";

export interface ChatConfig {
  agent: string;
  title: string;
  reference: string;
  description: string;
  workspace: string;
  purpose: Purpose;
  version: number;
  model: string;
  is_demo: boolean;
  session: string | null;
  runs: RunSnapshot[];
  run_url: string;
}

interface Turn {
  input: string;
  run: RunState | null;
  refusal: Refused | null;
}

const NEAR_END_PX = 80;

export class AgentChat extends LightElement {
  static override properties = {
    source: { type: String },
    version: { type: Number },
    draftIsNewer: { type: Boolean, attribute: "draft-is-newer" },
  };

  /** Id of the JSON script with the configuration. */
  declare source: string;
  declare version: number;
  declare draftIsNewer: boolean;

  private config!: ChatConfig;
  private sockets!: SocketStore;
  private turns: Turn[] = [];
  private isAtEnd = true;
  private frame = 0;
  private announced = "";
  private stopListening: () => void = () => undefined;
  private readonly cameBack = (): void => this.sockets.retryNow();

  constructor() {
    super();
    this.source = "chat-config";
    this.version = 0;
    this.draftIsNewer = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.config = pageData<ChatConfig>(this.source);
    this.version ||= this.config.version;
    this.begin(this.config.session, this.config.runs);
    window.addEventListener("online", this.cameBack);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("online", this.cameBack);
    this.stopListening();
    this.sockets.disconnect();
  }

  private begin(session: string | null, snapshots: RunSnapshot[]): void {
    this.stopListening();
    this.sockets?.disconnect();
    this.sockets = new SocketStore(
      { kind: "session", id: session, workspace: this.config.workspace },
      browserEnvironment(),
    );
    this.turns = snapshots.map((snapshot) => {
      const run = RunState.from(snapshot);
      this.sockets.adopt(run);
      return { input: snapshot.input, run, refusal: null };
    });
    this.stopListening = this.sockets.subscribe(() => this.schedule());
    this.isAtEnd = true;
    if (session) this.sockets.connect();
  }

  /** Draws at most once per frame, however fast text arrives. */
  private schedule(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.announce();
      this.requestUpdate();
    });
  }

  private announce(): void {
    const run = this.turns.at(-1)?.run;
    if (!run?.isOver) this.announced = run ? `${this.config.title} is answering` : "";
    else if (run.status === "completed") this.announced = run.output;
    else this.announced = run.error?.detail ?? "The run was stopped.";
  }

  private get running(): RunState | null {
    const run = this.turns.at(-1)?.run;
    return run && !run.isOver ? run : null;
  }

  private get isBusy(): boolean {
    const turn = this.turns.at(-1);
    return turn !== undefined && turn.refusal === null && (turn.run === null || !turn.run.isOver);
  }

  private async send(): Promise<void> {
    const field = this.querySelector<HTMLTextAreaElement>("textarea");
    const input = field?.value.trim() ?? "";
    if (!field || input === "" || this.isBusy || this.version === 0) return;
    field.value = "";
    this.fit(field);
    const turn: Turn = { input, run: null, refusal: null };
    this.turns.push(turn);
    this.isAtEnd = true;
    this.requestUpdate();
    const sockets = this.sockets;
    try {
      const accepted = await sockets.start({
        agent: this.config.agent,
        input,
        variables: {},
        purpose: this.config.purpose,
      });
      turn.run = sockets.runs.get(accepted.run) ?? null;
      const address = new URL(location.href);
      address.searchParams.set("session", accepted.session);
      history.replaceState(null, "", address);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      turn.refusal = error;
      if (field.value === "") field.value = input;
    }
    this.requestUpdate();
  }

  private stop(): void {
    if (this.running) this.sockets.cancel(this.running);
  }

  private renew(): void {
    const address = new URL(location.href);
    address.searchParams.delete("session");
    history.replaceState(null, "", address);
    this.begin(null, []);
    this.requestUpdate();
    this.querySelector<HTMLTextAreaElement>("textarea")?.focus();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void this.send();
    } else if (event.key === "Escape" && this.running) {
      event.preventDefault();
      this.stop();
    }
  }

  private fit(field: HTMLTextAreaElement): void {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 200)}px`;
  }

  private scrolled(event: Event): void {
    const log = event.currentTarget as HTMLElement;
    this.isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
  }

  protected override updated(_changes: PropertyValues): void {
    const log = this.querySelector<HTMLElement>(".ab-log");
    if (log && this.isAtEnd) log.scrollTop = log.scrollHeight;
  }

  protected override render(): TemplateResult {
    return html`
      ${this.header()} ${this.notices()}
      <div
        class="ab-log"
        role="log"
        aria-label="Conversation"
        aria-live="off"
        aria-busy=${this.isBusy}
        tabindex="0"
        @scroll=${this.scrolled}
      >
        ${this.turns.length === 0 ? this.emptyState() : this.turns.map((turn) => this.turn(turn))}
      </div>
      <p class="ab-visually-hidden" aria-live="polite">${this.announced}</p>
      ${this.composer()}
    `;
  }

  private header(): TemplateResult {
    return html`<header class="ab-chat-head">
      <span class="ab-avatar" aria-hidden="true">${icon("smart_toy")}</span>
      <div class="ab-chat-title">
        <strong>${this.config.title}</strong>
        <span class="ab-muted">${this.config.reference}</span>
      </div>
      ${this.version
        ? html`<span class="ab-badge ab-accent" title="The chat talks to the newest published version"
            >v${this.version}</span
          >`
        : html`<span class="ab-badge ab-warn">Not published</span>`}
      ${this.connectionState()}
      <button
        type="button"
        class="ab-icon-button"
        title="New conversation"
        aria-label="New conversation"
        ?disabled=${this.turns.length === 0}
        @click=${this.renew}
      >
        ${icon("edit_square")}
      </button>
    </header>`;
  }

  private connectionState(): TemplateResult | typeof nothing {
    const { connection } = this.sockets;
    const cursor = this.running ? ` · resumes at ${this.running.seq}:${this.running.offset}` : "";
    switch (connection) {
      case "open":
        return html`<span class="ab-dot ab-good" role="img" aria-label="Connected" title="Connected${cursor}"></span>`;
      case "waiting":
      case "connecting":
        return this.sockets.lostAt === null
          ? nothing
          : html`<span class="ab-connection" role="status" title="Nothing is lost: the text goes on where it stopped${cursor}"
              ><span class="ab-dot ab-warn"></span>Reconnecting…</span
            >`;
      case "refused":
        return html`<span class="ab-connection"><span class="ab-dot ab-bad"></span>Offline</span>`;
      case "idle":
        return nothing;
    }
  }

  private notices(): TemplateResult {
    return html`
      ${this.config.is_demo
        ? html`<p class="ab-strip ab-warn" data-testid="demo-notice">
            ${icon("science")}<span
              ><strong>Tiny demonstration model.</strong> It shows how the product works; connect a
              real model for useful answers.</span
            >
          </p>`
        : nothing}
      ${this.draftIsNewer && this.version
        ? html`<p class="ab-strip ab-info">
            ${icon("difference")}<span
              >The draft has changes that are not in <strong>v${this.version}</strong>. Publish to
              try them here.</span
            >
          </p>`
        : nothing}
      ${this.sockets.connection === "refused"
        ? html`<p class="ab-strip ab-bad" role="alert">
            ${icon("cloud_off")}<span>${this.sockets.refusal}</span>
            <button type="button" class="ab-link" @click=${() => location.reload()}>Reload</button>
          </p>`
        : nothing}
    `;
  }

  private emptyState(): TemplateResult {
    return html`<div class="ab-empty">
      <span class="ab-avatar ab-large" aria-hidden="true">${icon("smart_toy")}</span>
      <h3>${this.version ? `Talk to ${this.config.title}` : "Nothing published yet"}</h3>
      <p>
        ${this.version
          ? this.config.description || "Ask a question to see steps, tool calls and sources as they happen."
          : "Publish the draft to talk to it. Every published version stays as it was."}
      </p>
    </div>`;
  }

  private turn(turn: Turn): TemplateResult {
    return html`<article class="ab-turn">
      <div class="ab-said" data-testid="user-message"><p>${turn.input}</p></div>
      <div class="ab-answer" data-testid="answer" data-status=${turn.run?.status ?? "sending"}>
        ${turn.refusal ? this.refusalOf(turn.refusal) : turn.run ? this.answer(turn.run) : this.thinking("Sending")}
      </div>
    </article>`;
  }

  private refusalOf(refusal: Refused): TemplateResult {
    return html`<div class="ab-notice ab-bad" role="alert">
      ${icon("error")}
      <div>
        <strong>This was not sent</strong>
        <p>${refusal.message}</p>
        ${refusal.errors.map((error) => html`<p>${error.field ?? error.pointer}: ${error.detail}</p>`)}
        <code>${refusal.code}</code>
      </div>
    </div>`;
  }

  private answer(run: RunState): TemplateResult {
    const last = run.steps.at(-1);
    const isThinking = !run.isOver && (!last || (last.text === "" && last.calls.length === 0) ||
      last.calls.length > 0 && last.calls.every((call) => call.result !== null));
    return html`
      ${run.steps.map(
        (step) => html`${stepText(run, step)}
          ${step.restarts && !step.isComplete
            ? html`<p class="ab-muted">${icon("sync")} Started again after an interruption.</p>`
            : nothing}
          ${step.calls.map((call) => callCard(call))}`,
      )}
      ${isThinking ? this.thinking(run.status === "queued" ? "Waiting for a worker" : "Thinking") : nothing}
      ${run.waiting
        ? html`<div class="ab-notice ab-warn">${icon("front_hand")}<div><strong>Waiting for a person</strong><p>${run.waiting.detail}</p></div></div>`
        : nothing}
      ${failure(run)}
      ${run.isOver ? sourceList(run) : nothing}
      ${run.isOver ? this.runFooter(run) : nothing}
    `;
  }

  private thinking(label: string): TemplateResult {
    return html`<p class="ab-thinking"><span></span><span></span><span></span><em>${label}</em></p>`;
  }

  private runFooter(run: RunState): TemplateResult {
    const address = this.config.run_url.replace("__run__", run.id);
    return html`<footer class="ab-run-foot">
      ${run.status === "cancelled" ? html`<span>Stopped</span>` : nothing}
      <span>${duration(run.durationMs)}</span>
      <span>${tokens(run.usage)}</span>
      <a href=${address} data-testid="run-link">View run</a>
    </footer>`;
  }

  private composer(): TemplateResult {
    const isBusy = this.isBusy;
    const isOff = this.version === 0 || this.sockets.connection === "refused";
    return html`<form
      class="ab-composer"
      @submit=${(event: Event) => {
        event.preventDefault();
        void this.send();
      }}
    >
      <label class="ab-visually-hidden" for="ab-input-${this.source}">Message</label>
      <textarea
        id="ab-input-${this.source}"
        rows="1"
        maxlength="200000"
        placeholder=${isOff ? "Publish a version first" : `Message ${this.config.title}…`}
        ?disabled=${isOff}
        @keydown=${this.pressed}
        @input=${(event: Event) => this.fit(event.currentTarget as HTMLTextAreaElement)}
      ></textarea>
      ${isBusy
        ? html`<button
            type="button"
            class="ab-send ab-stop"
            aria-label="Stop the answer"
            title="Stop (Esc)"
            ?disabled=${!this.running || this.running.isCancelling}
            @click=${this.stop}
          >
            ${icon("stop")}
          </button>`
        : html`<button type="submit" class="ab-send" aria-label="Send" title="Send (Enter)" ?disabled=${isOff}>
            ${icon("arrow_upward")}
          </button>`}
    </form>`;
  }
}
