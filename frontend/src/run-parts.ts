// Pieces of a run that the chat and the run page share.
import { html, nothing, type TemplateResult } from "lit";
import { count, duration, oneLine, prettyJson } from "./format.js";
import { icon } from "./light-element.js";
import { drawMarkdown } from "./markdown-view.js";
import type { RunStatus, Usage } from "./protocol.js";
import type { CallView, RunState, Source, StepView } from "./run-state.js";

const STATUS: Record<RunStatus, { label: string; tone: string; icon: string }> = {
  queued: { label: "Queued", tone: "neutral", icon: "schedule" },
  running: { label: "Running", tone: "live", icon: "progress_activity" },
  waiting: { label: "Waiting for a person", tone: "warn", icon: "front_hand" },
  completed: { label: "Completed", tone: "good", icon: "check_circle" },
  failed: { label: "Failed", tone: "bad", icon: "error" },
  cancelled: { label: "Cancelled", tone: "neutral", icon: "block" },
};

export function statusBadge(run: RunState): TemplateResult {
  const status = STATUS[run.status];
  const isStopping = run.isCancelling && !run.isOver;
  return html`<span class="ab-badge ab-${isStopping ? "warn" : status.tone}"
    >${icon(status.icon)}${isStopping ? "Stopping" : status.label}</span
  >`;
}

const EFFECTS: Record<string, string> = {
  read: "reads only",
  idempotent: "safe to repeat",
  write: "writes",
  irreversible: "cannot be undone",
};

export function documentUrl(source: Source): string {
  const { document_id, start, end } = source.passage;
  const id = encodeURIComponent(document_id);
  return `/admin/knowledge_app/document/${id}/change/?start=${start}&end=${end}#passage`;
}

export function sourceName(source: Source): string {
  const { title, heading } = source.passage;
  const nearest = heading.split(" › ").at(-1) ?? "";
  return nearest && nearest !== title ? `${title} › ${nearest}` : title;
}

/** The number that stands in the text. */
export function citation(run: RunState, step: StepView, number: number): TemplateResult | null {
  const source = run.sourceOf(step, number);
  if (!source) return null;
  return html`<a
    class="ab-cite"
    href=${documentUrl(source)}
    target="_blank"
    rel="noopener"
    title=${sourceName(source)}
    aria-label="Source ${source.number}: ${sourceName(source)}"
    >${source.number}</a
  >`;
}

/** The sources under an answer, each with its passage on demand. */
export function sourceList(run: RunState): TemplateResult | typeof nothing {
  if (run.sources.length === 0) return nothing;
  return html`<section class="ab-sources" aria-label="Sources">
    <h4>Sources</h4>
    <ul>
      ${run.sources.map(
        (source) => html`<li>
          <a
            class="ab-source"
            data-testid="citation"
            href=${documentUrl(source)}
            target="_blank"
            rel="noopener"
            title=${oneLine(source.passage.text, 300)}
          >
            <span class="ab-cite" aria-hidden="true">${source.number}</span>
            <span class="ab-source-name">${sourceName(source)}</span>
          </a>
        </li>`,
      )}
    </ul>
  </section>`;
}

export function callCard(call: CallView, isOpen = false): TemplateResult {
  const state = call.result ? (call.result.is_error ? "bad" : "good") : "live";
  const symbol = { bad: "error", good: "check_circle", live: "progress_activity" }[state];
  const passages = call.result?.passages ?? [];
  const summary = call.result
    ? call.result.is_error
      ? oneLine(call.result.content, 90)
      : passages.length > 0
        ? `${passages.length} ${passages.length === 1 ? "passage" : "passages"}`
        : oneLine(call.result.content, 90)
    : "running…";
  return html`<details class="ab-call ab-${state}" data-testid="tool-call" ?open=${isOpen}>
    <summary>
      ${icon(symbol)}
      <span class="ab-call-name">${call.name}</span>
      <span class="ab-call-summary">${summary}</span>
      ${call.durationMs === null
        ? nothing
        : html`<span class="ab-call-time">${duration(call.durationMs)}</span>`}
      ${icon("expand_more")}
    </summary>
    <div class="ab-call-body">
      <div class="ab-call-label">
        <span>Arguments</span>
        ${call.effect ? html`<span class="ab-tag">${EFFECTS[call.effect] ?? call.effect}</span>` : nothing}
      </div>
      <pre tabindex="0">${prettyJson(call.arguments) || "{}"}</pre>
      ${call.result
        ? html`<div class="ab-call-label">
              <span>${call.result.is_error ? "Error" : "Result"}</span>
              <span class="ab-muted">${duration(call.durationMs)}</span>
            </div>
            <pre tabindex="0">${prettyJson(call.result.content) || "(empty)"}</pre>`
        : nothing}
    </div>
  </details>`;
}

export function stepText(run: RunState, step: StepView): TemplateResult | typeof nothing {
  if (step.text === "" && step.reasoning === "") return nothing;
  return html`
    ${step.reasoning
      ? html`<details class="ab-reasoning">
          <summary>${icon("psychology")}Reasoning</summary>
          <div class="ab-prose">${drawMarkdown(step.reasoning)}</div>
        </details>`
      : nothing}
    ${step.text
      ? html`<div class="ab-prose ${step.isComplete ? "" : "ab-streaming"}">
          ${drawMarkdown(step.text, (number) => citation(run, step, number))}
        </div>`
      : nothing}
    ${step.isPartial ? html`<p class="ab-muted">${icon("block")} Stopped here.</p>` : nothing}
  `;
}

export function tokens(usage: Usage | null): string {
  return usage ? `${count(usage.input_tokens)} in · ${count(usage.output_tokens)} out` : "–";
}

/** What went wrong, whose part it was, and the code to look up. */
export function failure(run: RunState): TemplateResult | typeof nothing {
  if (!run.error) return nothing;
  const faults: Record<string, string> = {
    caller: "The request cannot be carried out",
    model: "The model answered in a way that cannot be used",
    provider: "The model's server failed",
    ours: "Something went wrong inside Agent Builder",
  };
  return html`<div class="ab-notice ab-bad" role="alert">
    ${icon("error")}
    <div>
      <strong>${faults[run.error.fault] ?? "The run failed"}</strong>
      <p>${run.error.detail}</p>
      <code>${run.error.code}</code>
    </div>
  </div>`;
}
