// <agent-builder>: the draft of an agent beside a chat with its newest published version.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { choiceList, publishDialog, variableField, type BuilderPage, type Choice, type TemplateOption } from "./builder-fields.js";
import { isSame, knownValues, showValue, withSetting, type Declaration, type Draft } from "./draft.js";
import { Problem, fieldOf, pageData, request } from "./http.js";
import { LightElement, icon } from "./light-element.js";

interface Preview {
  text: string;
  error: string;
}

const PREVIEW_AFTER_MS = 350;

export class AgentBuilder extends LightElement {
  static override properties = { pane: { type: String } };

  declare pane: "draft" | "chat";

  private page!: BuilderPage;
  private draft!: Draft;
  private saved!: Draft;
  private version = 0;
  private draftIsNewer = false;
  private isSaving = false;
  private problem: Problem | null = null;
  private notice = "";
  private preview: Preview | null = null;
  private previewTimer: ReturnType<typeof setTimeout> | undefined;
  private previewCount = 0;
  private readonly leaving = (event: BeforeUnloadEvent): void => {
    if (this.isDirty) event.preventDefault();
  };
  private readonly pressed = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      void this.save();
    }
  };

  constructor() {
    super();
    this.pane = "draft";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.page = pageData<BuilderPage>("builder-data");
    this.saved = structuredClone(this.page.draft);
    this.draft = structuredClone(this.page.draft);
    this.version = this.page.version;
    this.draftIsNewer = this.page.draft_is_newer;
    window.addEventListener("beforeunload", this.leaving);
    window.addEventListener("keydown", this.pressed);
    this.askPreview(0);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("beforeunload", this.leaving);
    window.removeEventListener("keydown", this.pressed);
    clearTimeout(this.previewTimer);
  }

  private get isDirty(): boolean {
    return !isSame(this.draft, this.saved);
  }

  private get template(): TemplateOption | undefined {
    return this.page.templates.find((option) => option.id === this.draft.instructions);
  }

  private change(part: Partial<Draft>): void {
    this.draft = { ...this.draft, ...part };
    this.notice = "";
    this.requestUpdate();
  }

  private askPreview(delayMs = PREVIEW_AFTER_MS): void {
    clearTimeout(this.previewTimer);
    const { instructions, variables } = this.draft;
    this.previewCount += 1;
    const turn = this.previewCount;
    if (instructions === null) {
      this.preview = null;
      return;
    }
    this.previewTimer = setTimeout(() => {
      request<Preview>("POST", this.page.urls.preview, { instructions, variables })
        .catch((error: Problem): Preview => ({ text: "", error: error.message }))
        .then((preview) => {
          if (turn !== this.previewCount) return;
          this.preview = preview;
          this.requestUpdate();
        })
        .catch(() => undefined);
    }, delayMs);
  }

  private async save(): Promise<boolean> {
    if (!this.page.can_edit || this.isSaving) return false;
    this.isSaving = true;
    this.problem = null;
    this.requestUpdate();
    const sent = structuredClone(this.draft);
    try {
      await request("PATCH", this.page.urls.api, sent);
      this.draftIsNewer ||= !isSame(sent, this.saved);
      this.saved = sent;
      this.notice = "Draft saved";
      return true;
    } catch (error) {
      this.problem = error as Problem;
      return false;
    } finally {
      this.isSaving = false;
      this.requestUpdate();
    }
  }

  private openPublish(): void {
    this.querySelector<HTMLDialogElement>("dialog")?.showModal();
  }

  private async publish(event: Event): Promise<void> {
    event.preventDefault();
    const dialog = this.querySelector<HTMLDialogElement>("dialog");
    const note = this.querySelector<HTMLInputElement>("#ab-change-note")?.value ?? "";
    dialog?.close();
    if (this.isDirty && !(await this.save())) return;
    this.isSaving = true;
    this.requestUpdate();
    try {
      const version = await request<{ number: number }>("POST", this.page.urls.publish, {
        change_note: note,
      });
      this.version = version.number;
      this.draftIsNewer = false;
      this.notice = `Version ${version.number} is published`;
    } catch (error) {
      this.problem = error as Problem;
    } finally {
      this.isSaving = false;
      this.requestUpdate();
    }
  }

  protected override updated(_changes: PropertyValues): void {
    const chat = this.querySelector("agent-chat");
    if (chat) {
      chat.version = this.version;
      chat.draftIsNewer = this.draftIsNewer || this.isDirty;
    }
  }

  private errorsOf(field: string): TemplateResult | typeof nothing {
    const errors = (this.problem?.errors ?? []).filter((error) => fieldOf(error) === field);
    return errors.length === 0
      ? nothing
      : html`<p class="ab-field-error" role="alert">${errors.map((error) => error.detail).join(" ")}</p>`;
  }

  protected override render(): TemplateResult {
    return html`
      <div class="ab-panes" role="tablist" aria-label="Builder">
        ${this.paneTab("draft", "tune", "Draft")} ${this.paneTab("chat", "forum", "Chat")}
      </div>
      <div class="ab-builder" data-pane=${this.pane}>
        <form
          class="ab-draft"
          @submit=${(event: Event) => {
            event.preventDefault();
            void this.save();
          }}
        >
          <div class="ab-savebar">${this.bar()} ${this.problemNotice()}</div>
          <fieldset class="ab-plain" ?disabled=${!this.page.can_edit}>
            ${this.instructions()} ${this.model()} ${this.tools()} ${this.knowledge()} ${this.behaviour()}
          </fieldset>
        </form>
        <div class="ab-chat-pane"><agent-chat></agent-chat></div>
      </div>
      ${publishDialog(this.version, (event) => void this.publish(event))}
    `;
  }

  private paneTab(pane: "draft" | "chat", symbol: string, label: string): TemplateResult {
    return html`<button
      type="button"
      role="tab"
      aria-selected=${this.pane === pane}
      @click=${() => {
        this.pane = pane;
      }}
    >
      ${icon(symbol)}${label}
    </button>`;
  }

  private bar(): TemplateResult {
    const state = this.isSaving
      ? "Saving…"
      : this.isDirty
        ? "Unsaved changes"
        : this.notice || (this.draftIsNewer && this.version ? "Draft is newer than the published version" : "All changes saved");
    return html`<div class="ab-savebar-line">
      <div class="ab-savebar-state">
        ${this.version
          ? html`<span class="ab-badge ab-accent" data-testid="published-version">v${this.version} published</span>`
          : html`<span class="ab-badge ab-warn">Not published</span>`}
        <span class="ab-muted" role="status" data-testid="draft-state">${state}</span>
      </div>
      ${this.page.can_edit
        ? html`<button type="submit" class="ab-button" ?disabled=${!this.isDirty || this.isSaving} title="Ctrl+S">
              Save draft
            </button>
            <button
              type="button"
              class="ab-button ab-primary"
              data-testid="publish"
              ?disabled=${this.isSaving || (!this.isDirty && !this.draftIsNewer && this.version > 0)}
              @click=${this.openPublish}
            >
              ${icon("rocket_launch")}Publish
            </button>`
        : html`<span class="ab-badge ab-neutral">${icon("visibility")}View only</span>`}
    </div>`;
  }

  private problemNotice(): TemplateResult | typeof nothing {
    if (!this.problem) return nothing;
    return html`<div class="ab-notice ab-bad" role="alert">
      ${icon("error")}
      <div>
        <strong>${this.problem.message}</strong>
        ${this.problem.errors.length > 0
          ? html`<ul>
              ${this.problem.errors.map((error) => html`<li>${fieldOf(error)}: ${error.detail}</li>`)}
            </ul>`
          : nothing}
        <code>${this.problem.code}</code>
      </div>
    </div>`;
  }

  private section(symbol: string, title: string, hint: string, body: unknown): TemplateResult {
    return html`<section class="ab-panel">
      <header class="ab-section-head">
        ${icon(symbol)}
        <div><h2>${title}</h2><p class="ab-muted">${hint}</p></div>
      </header>
      ${body}
    </section>`;
  }

  private instructions(): TemplateResult {
    const { templates, urls } = this.page;
    const chosen = this.template;
    const groups = new Map<string, TemplateOption[]>();
    for (const option of templates) groups.set(option.title, [...(groups.get(option.title) ?? []), option]);
    const newest = chosen && templates.find((option) => option.template === chosen.template && option.is_latest);
    return this.section(
      "article",
      "Instructions",
      "A published template version; its rendering is the system prompt.",
      html`
        <div class="ab-field">
          <label for="ab-instructions">Template version</label>
          <div class="ab-row">
            <select
              id="ab-instructions"
              @change=${(event: Event) => this.choose((event.target as HTMLSelectElement).value)}
            >
              <option value="" ?selected=${!chosen}>Choose a template…</option>
              ${[...groups].map(
                ([title, options]) => html`<optgroup label=${title}>
                  ${options.map(
                    (option) => html`<option value=${option.id} ?selected=${option.id === this.draft.instructions}>
                      ${title} · v${option.number}${option.is_latest ? " (newest)" : ""}
                    </option>`,
                  )}
                </optgroup>`,
              )}
            </select>
            ${chosen
              ? html`<a class="ab-button" href=${urls.template.replace("__template__", chosen.template)}>Edit</a>`
              : html`<a class="ab-button" href=${urls.new_template}>New</a>`}
          </div>
          ${this.errorsOf("instructions")}
          ${newest && newest.id !== chosen?.id
            ? html`<p class="ab-hint">
                v${newest.number} of this template is newer.
                <button type="button" class="ab-link" @click=${() => this.choose(newest.id)}>Use v${newest.number}</button>
              </p>`
            : nothing}
          ${templates.length === 0
            ? html`<p class="ab-hint">No template is published yet. <a href=${urls.new_template}>Write the first one</a>.</p>`
            : nothing}
        </div>
        ${chosen && chosen.variables.length > 0 ? this.variables(chosen) : nothing}
        ${chosen ? this.rendering() : nothing}
      `,
    );
  }

  private choose(id: string): void {
    const option = this.page.templates.find((item) => item.id === id);
    this.change({
      instructions: option?.id ?? null,
      variables: option ? knownValues(option.variables, this.draft.variables) : {},
    });
    this.askPreview(0);
  }

  private variables(template: TemplateOption): TemplateResult {
    return html`<div class="ab-variables">
      <h3>Variables</h3>
      ${template.variables.map((declaration) => this.variable(declaration))}
      ${this.errorsOf("variables")}
    </div>`;
  }

  private variable(declaration: Declaration): TemplateResult {
    const { name } = declaration;
    return variableField(declaration, this.draft.variables, (value) => {
      const rest = Object.fromEntries(Object.entries(this.draft.variables).filter(([key]) => key !== name));
      this.change({ variables: value === undefined ? rest : { ...rest, [name]: value } });
      this.askPreview();
    });
  }

  private rendering(): TemplateResult {
    const { preview } = this;
    return html`<details class="ab-preview" open>
      <summary>${icon("visibility")}Rendered system prompt</summary>
      ${preview === null
        ? html`<p class="ab-muted">Rendering…</p>`
        : preview.error
          ? html`<p class="ab-field-error" role="status">${preview.error}</p>`
          : html`<pre tabindex="0" data-testid="preview">${preview.text}</pre>`}
    </details>`;
  }

  private model(): TemplateResult {
    const { providers } = this.page;
    const chosen = providers.find((option) => option.id === this.draft.provider);
    const setting = (name: string, label: string, hint: string, attributes: { min: string; max: string; step: string }): TemplateResult =>
      html`<div class="ab-field">
        <label for="ab-${name}">${label}</label>
        <input
          id="ab-${name}"
          type="number"
          min=${attributes.min}
          max=${attributes.max}
          step=${attributes.step}
          placeholder=${hint}
          .value=${showValue(this.draft.model_settings[name])}
          @input=${(event: Event) =>
            this.change({
              model_settings: withSetting(this.draft.model_settings, name, (event.target as HTMLInputElement).value),
            })}
        />
      </div>`;
    return this.section(
      "memory",
      "Model",
      "Who answers, and how freely.",
      html`<div class="ab-columns">
          <div class="ab-field">
            <label for="ab-provider">Provider</label>
            <select
              id="ab-provider"
              @change=${(event: Event) => this.change({ provider: (event.target as HTMLSelectElement).value || null })}
            >
              <option value="" ?selected=${!chosen}>Choose a provider…</option>
              ${providers.map(
                (option) => html`<option value=${option.id} ?selected=${option.id === this.draft.provider}>${option.title}</option>`,
              )}
            </select>
            ${this.errorsOf("provider")}
          </div>
          <div class="ab-field">
            <label for="ab-model">Model</label>
            <input
              id="ab-model"
              type="text"
              maxlength="120"
              placeholder=${chosen?.default_model ?? "The provider's default"}
              .value=${this.draft.model}
              @input=${(event: Event) => this.change({ model: (event.target as HTMLInputElement).value.trim() })}
            />
            ${this.errorsOf("model")}
          </div>
        </div>
        ${chosen?.is_demo
          ? html`<p class="ab-strip ab-warn">${icon("science")}<span>A tiny demonstration model: it shows how the product works, not what an agent can do.</span></p>`
          : nothing}
        <div class="ab-columns ab-three">
          ${setting("temperature", "Temperature", "Model's default", { min: "0", max: "2", step: "0.1" })}
          ${setting("top_p", "Top p", "Model's default", { min: "0", max: "1", step: "0.05" })}
          ${setting("max_output_tokens", "Output tokens", "Model's default", { min: "1", max: "1000000", step: "1" })}
        </div>
        <div class="ab-field">
          <label for="ab-effort">Reasoning effort</label>
          <select
            id="ab-effort"
            @change=${(event: Event) =>
              this.change({
                model_settings: withSetting(this.draft.model_settings, "reasoning_effort", (event.target as HTMLSelectElement).value),
              })}
          >
            ${["", "none", "minimal", "low", "medium", "high", "xhigh"].map(
              (effort) => html`<option value=${effort} ?selected=${effort === showValue(this.draft.model_settings["reasoning_effort"])}>
                ${effort || "Model's default"}
              </option>`,
            )}
          </select>
        </div>
        ${this.errorsOf("model_settings")}`,
    );
  }

  private choices(kind: "tools" | "knowledge_bases", options: Choice[], empty: TemplateResult): TemplateResult {
    if (options.length === 0) return html`<p class="ab-hint">${empty}</p>`;
    return html`${choiceList(options, this.draft[kind], (ids) =>
      this.change(kind === "tools" ? { tools: ids } : { knowledge_bases: ids }),
    )}
    ${this.errorsOf(kind)}`;
  }

  private tools(): TemplateResult {
    return this.section(
      "build",
      "Tools",
      "What the agent may call. Published versions pin the definition of each.",
      this.choices("tools", this.page.tools, html`No tools yet. <a href="/admin/tools_app/tool/add/">Create a tool</a>.`),
    );
  }

  private knowledge(): TemplateResult {
    return this.section(
      "menu_book",
      "Knowledge",
      "Documents that the agent searches, and cites.",
      this.choices(
        "knowledge_bases",
        this.page.knowledge_bases,
        html`No knowledge bases yet. <a href="/admin/knowledge_app/knowledgebase/add/">Create one</a>.`,
      ),
    );
  }

  private behaviour(): TemplateResult {
    const tools = this.page.tools.filter((tool) => this.draft.tools.includes(tool.id)).map((tool) => tool.name);
    const names = this.draft.knowledge_bases.length > 0 ? [this.page.search_tool, ...tools] : tools;
    if (this.draft.first_tool && !names.includes(this.draft.first_tool)) names.push(this.draft.first_tool);
    const number = (name: "context_tokens" | "max_steps", label: string, hint: string, min: number, max: number): TemplateResult =>
      html`<div class="ab-field">
        <label for="ab-${name}">${label}</label>
        <input
          id="ab-${name}"
          type="number"
          min=${min}
          max=${max}
          .value=${String(this.draft[name])}
          @input=${(event: Event) => {
            const value = Number((event.target as HTMLInputElement).value);
            this.change(name === "max_steps" ? { max_steps: value } : { context_tokens: value });
          }}
        />
        <p class="ab-hint">${hint}</p>
        ${this.errorsOf(name)}
      </div>`;
    return this.section(
      "route",
      "Behaviour",
      "How a run goes from the question to the answer.",
      html`<div class="ab-field">
          <label for="ab-first-tool">First step</label>
          <select
            id="ab-first-tool"
            @change=${(event: Event) => this.change({ first_tool: (event.target as HTMLSelectElement).value })}
          >
            <option value="" ?selected=${this.draft.first_tool === ""}>The model decides</option>
            ${names.map(
              (name) => html`<option value=${name} ?selected=${name === this.draft.first_tool}>Always call ${name}</option>`,
            )}
          </select>
          ${this.errorsOf("first_tool")}
        </div>
        <div class="ab-columns">
          ${number("max_steps", "Most steps", "Model calls before the run is ended.", 1, 100)}
          ${number("context_tokens", "Passages up front (tokens)", "0 leaves searching to the model.", 0, 32_000)}
        </div>`,
    );
  }
}
