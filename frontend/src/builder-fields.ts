// Fields of the builder that stand for themselves, and the data that its page brings along.
import { html, nothing, type TemplateResult } from "lit";
import { missingVariables, readValue, showValue, type Declaration, type Draft } from "./draft.js";

export interface TemplateOption {
  id: string;
  template: string;
  title: string;
  number: number;
  is_latest: boolean;
  variables: Declaration[];
}

export interface Choice {
  id: string;
  name: string;
  title: string;
  note: string;
  badge: string;
}

interface ProviderOption {
  id: string;
  title: string;
  default_model: string;
  is_demo: boolean;
}

export interface BuilderPage {
  reference: string;
  version: number;
  draft_is_newer: boolean;
  can_edit: boolean;
  draft: Draft;
  templates: TemplateOption[];
  providers: ProviderOption[];
  tools: Choice[];
  knowledge_bases: Choice[];
  search_tool: string;
  urls: { api: string; publish: string; preview: string; template: string; new_template: string; settings: string };
}

/** Cards to tick; `change` gets the ids that are ticked then, in the order of the options. */
export function choiceList(
  options: Choice[],
  ids: string[],
  change: (ids: string[]) => void,
): TemplateResult {
  const chosen = new Set(ids);
  return html`<div class="ab-choices">
    ${options.map(
      (option) => html`<label class="ab-choice">
        <input
          type="checkbox"
          .checked=${chosen.has(option.id)}
          @change=${(event: Event) => {
            if ((event.target as HTMLInputElement).checked) chosen.add(option.id);
            else chosen.delete(option.id);
            change(options.map((item) => item.id).filter((id) => chosen.has(id)));
          }}
        />
        <span class="ab-choice-text">
          <strong>${option.title}</strong>
          ${option.note ? html`<span class="ab-muted">${option.note}</span>` : nothing}
        </span>
        ${option.badge ? html`<span class="ab-tag">${option.badge}</span>` : nothing}
      </label>`,
    )}
  </div>`;
}

/** The input of one variable; `change` gets undefined where the value is left out. */
export function variableField(
  declaration: Declaration,
  values: Record<string, unknown>,
  change: (value: unknown) => void,
): TemplateResult {
  const { name, type, constraints } = declaration;
  const id = `ab-variable-${name}`;
  const value = showValue(values[name]);
  const isNeeded = declaration.required && declaration.default === null;
  const hint =
    declaration.default !== null
      ? `Default: ${showValue(declaration.default)}`
      : declaration.example !== null
        ? `For example ${showValue(declaration.example)}`
        : "";
  const set = (event: Event): void =>
    change(readValue(declaration, (event.target as HTMLInputElement).value));
  const choices = type === "boolean" ? ["true", "false"] : (constraints.choices ?? []);
  const field =
    type === "boolean" || type === "enum"
      ? html`<select id=${id} @change=${set}>
          <option value="" ?selected=${value === ""}>${hint || "Not set"}</option>
          ${choices.map((choice) => html`<option value=${choice} ?selected=${choice === value}>${choice}</option>`)}
        </select>`
      : type === "text" || type === "list"
        ? html`<textarea id=${id} rows="3" placeholder=${type === "list" ? "One item per line" : hint} .value=${value} @input=${set}></textarea>`
        : html`<input
            id=${id}
            type=${type === "date" ? "date" : type === "string" ? "text" : "number"}
            step=${type === "integer" ? "1" : "any"}
            placeholder=${hint}
            .value=${value}
            @input=${set}
          />`;
  return html`<div class="ab-field">
    <label for=${id}
      ><code>${name}</code>
      ${isNeeded ? html`<span class="ab-required" title="Needed">*</span>` : nothing}
      <span class="ab-tag">${type}</span></label
    >
    ${field}
    ${declaration.description ? html`<p class="ab-hint">${declaration.description}</p>` : nothing}
    ${missingVariables([declaration], values).length > 0
      ? html`<p class="ab-hint ab-warn-text">Left open: every run must give this value.</p>`
      : nothing}
  </div>`;
}

/** Asks for the note of the next version. */
export function publishDialog(version: number, publish: (event: Event) => void): TemplateResult {
  return html`<dialog class="ab-dialog" aria-labelledby="ab-publish-title">
    <form method="dialog" @submit=${publish}>
      <h2 id="ab-publish-title">Publish version ${version + 1}</h2>
      <p class="ab-muted">
        The version keeps template, tools, knowledge and model as they are now. It never changes;
        ${version ? `v${version} stays for the runs that used it.` : "people can run it at once."}
      </p>
      <div class="ab-field">
        <label for="ab-change-note">What has changed?</label>
        <input id="ab-change-note" type="text" maxlength="300" placeholder="Optional note for the history" autofocus />
      </div>
      <div class="ab-dialog-actions">
        <button type="button" class="ab-button" @click=${(event: Event) => (event.target as HTMLElement).closest("dialog")?.close()}>
          Not yet
        </button>
        <button type="submit" class="ab-button ab-primary" data-testid="publish-confirm">Publish v${version + 1}</button>
      </div>
    </form>
  </dialog>`;
}
