/**
 * The workbench of a knowledge base: upload, documents with their states, and a search that shows
 * both ranks. It speaks the public API; every text from there is set as text, never as markup.
 */

const TONES = { queued: "neutral", running: "live", ready: "good", failed: "bad" };
const STATES = { queued: "Queued", running: "Being read", ready: "Ready", failed: "Failed" };
const POLL_MS = 1000;
const SHOWN = 50;

/** Make an element; strings become text nodes. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

function csrfToken() {
  return document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? cookie("csrftoken");
}

/** Ask the API; an error carries the problem's own words. */
async function ask(url, options = {}) {
  const response = await fetch(url, {
    credentials: "same-origin",
    ...options,
    headers: { Accept: "application/json", "X-CSRFToken": csrfToken(), ...options.headers },
  });
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Error(body?.detail ?? `The server answered ${response.status}.`);
  return body;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

class KnowledgeWorkbench extends HTMLElement {
  #timer = 0;
  #documents = [];
  #uploads = [];
  #more = false;

  connectedCallback() {
    this.rows = make("div", { class: "ab-kb-rows", "aria-live": "polite" });
    this.hits = make("div", { "aria-live": "polite" });
    this.replaceChildren(this.#documentPanel(), this.#searchPanel());
    this.#refresh();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  get #editable() {
    return this.dataset.editable === "yes";
  }

  #documentPanel() {
    this.count = make("span", { class: "ab-muted" });
    const head = make("header", { class: "ab-kb-bar" }, make("h2", {}, "Documents "), this.count);
    return make("section", { class: "ab-panel" }, head, this.#editable ? this.#dropZone() : null, this.rows);
  }

  #dropZone() {
    const input = make("input", {
      type: "file", multiple: true, accept: ".md,.markdown,.txt,.text", "aria-label": "Choose files",
      onchange: () => { this.#upload([...input.files]); input.value = ""; },
    });
    const zone = make(
      "label", { class: "ab-kb-drop" }, input,
      make("strong", {}, "Drop files here or choose them"),
      make("span", {}, "Markdown or plain text in UTF-8, at most 5 MiB each"),
    );
    for (const name of ["dragenter", "dragover"]) {
      zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("is-over"); });
    }
    for (const name of ["dragleave", "drop"]) {
      zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.remove("is-over"); });
    }
    zone.addEventListener("drop", (event) => this.#upload([...event.dataTransfer.files]));
    return zone;
  }

  /** Send the files one after another; each keeps its own line until the server has it. */
  async #upload(files) {
    const waiting = files.map((file) => ({ file, error: "" }));
    this.#uploads.unshift(...waiting);
    this.#draw();
    for (const item of waiting) {
      const form = new FormData();
      form.append("file", item.file);
      try {
        await ask(this.dataset.documents, { method: "POST", body: form });
        this.#uploads = this.#uploads.filter((other) => other !== item);
      } catch (error) {
        item.error = error.message;
      }
      await this.#refresh();
    }
  }

  /** Read the newest documents, and again in a second while one of them is on its way. */
  async #refresh() {
    clearTimeout(this.#timer);
    try {
      const page = await ask(`${this.dataset.documents}?page_size=${SHOWN}`);
      this.#documents = page.results;
      this.#more = page.next !== null;
      this.#draw();
    } catch (error) {
      this.rows.replaceChildren(make("p", { class: "ab-kb-problem", role: "alert" }, error.message));
    }
    const moves = this.#documents.some((item) => item.state === "queued" || item.state === "running");
    if (moves && this.isConnected) this.#timer = setTimeout(() => this.#refresh(), POLL_MS);
  }

  #draw() {
    const rows = [...this.#uploads.map((item) => this.#uploadRow(item)), ...this.#documents.map((item) => this.#row(item))];
    if (!rows.length) rows.push(make("p", { class: "ab-kb-empty" }, "Nothing here yet. Add a document to search it."));
    if (this.#more) {
      const all = `${this.dataset.documentPage}?base__id__exact=${this.dataset.base}`;
      rows.push(make("p", { class: "ab-kb-empty" }, make("a", { class: "ab-link", href: all }, "All documents")));
    }
    this.rows.replaceChildren(...rows);
    const ready = this.#documents.filter((item) => item.state === "ready").length;
    this.count.textContent = `${ready} of ${this.#documents.length}${this.#more ? "+" : ""} ready`;
  }

  #uploadRow(item) {
    const state = item.error
      ? make("span", { class: "ab-badge ab-bad" }, "Refused")
      : make("span", { class: "ab-badge ab-live" }, "Uploading");
    const dismiss = () => { this.#uploads = this.#uploads.filter((other) => other !== item); this.#draw(); };
    return make(
      "div", { class: "ab-kb-row" },
      make("div", {}, item.file.name, make("small", {}, size(item.file.size))), state,
      item.error ? this.#tool("close", `Dismiss ${item.file.name}`, dismiss) : make("span"),
      item.error ? make("p", { class: "ab-kb-problem", role: "alert" }, item.error) : null,
    );
  }

  #row(item) {
    const passages = `${item.chunk_count} passage${item.chunk_count === 1 ? "" : "s"}`;
    const about = [item.filename, size(item.size_bytes), item.state === "ready" ? passages : ""];
    const tools = make("div", { class: "ab-kb-tools" });
    if (this.#editable && item.state === "failed") {
      tools.append(this.#tool("refresh", `Read ${item.title} again`, () => this.#act(item, "retry/", "POST")));
    }
    if (this.#editable) {
      tools.append(this.#tool("delete", `Delete ${item.title}`, () => {
        if (confirm(`Delete “${item.title}” with its passages?`)) this.#act(item, "", "DELETE");
      }));
    }
    return make(
      "div", { class: "ab-kb-row", "data-state": item.state },
      make("div", {}, make("a", { href: `${this.dataset.documentPage}${item.id}/change/` }, item.title),
        make("small", {}, about.filter(Boolean).join(" · "))),
      make("span", { class: `ab-badge ab-${TONES[item.state]}` }, STATES[item.state]), tools,
      item.error ? make("p", { class: "ab-kb-problem" }, item.error) : null,
    );
  }

  #tool(icon, label, onclick) {
    return make("button", { type: "button", class: "ab-icon-button", "aria-label": label, title: label, onclick },
      make("span", { class: "material-symbols-outlined ab-icon", "aria-hidden": "true" }, icon));
  }

  async #act(item, path, method) {
    try {
      await ask(`${this.dataset.documentApi}${item.id}/${path}`, { method });
    } catch (error) {
      alert(error.message);
    }
    await this.#refresh();
  }

  #searchPanel() {
    const input = make("input", { type: "search", name: "query", required: true, maxlength: 4000, placeholder: "Ask what an agent would ask", "aria-label": "Query" });
    const form = make(
      "form", { class: "ab-kb-ask", role: "search", onsubmit: (event) => { event.preventDefault(); this.#search(input.value); } },
      input, make("button", { type: "submit", class: "ab-button ab-primary" }, "Search"),
    );
    return make("section", { class: "ab-panel" }, make("h2", {}, "Search playground"), form, this.hits);
  }

  async #search(query) {
    this.hits.setAttribute("aria-busy", "true");
    try {
      const hits = await ask(this.dataset.search, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ query, k: 8 }),
      });
      const found = hits.map((hit) => this.#hit(hit));
      this.hits.replaceChildren(...(found.length ? found : [make("p", { class: "ab-kb-empty" }, "Nothing was found. Are the documents ready?")]));
    } catch (error) {
      this.hits.replaceChildren(make("p", { class: "ab-kb-problem", role: "alert" }, error.message));
    }
    this.hits.removeAttribute("aria-busy");
  }

  #hit(hit) {
    const url = `${this.dataset.documentPage}${hit.document_id}/change/?start=${hit.start}&end=${hit.end}#passage`;
    const where = [hit.document_title, hit.heading === hit.document_title ? "" : hit.heading].filter(Boolean).join(" › ");
    const rank = (name, place) => make("span", { class: "ab-tag" }, place ? `${name} #${place}` : `${name} –`);
    const bar = make("span");
    bar.style.width = `${Math.round(hit.score * 100)}%`;
    return make(
      "article", { class: "ab-kb-hit" },
      make("h3", {}, make("a", { href: url }, where)),
      make("div", { class: "ab-kb-ranks" }, rank("Meaning", hit.dense_rank), rank("Words", hit.lexical_rank),
        make("span", { class: "ab-kb-score" }, bar), make("span", { class: "ab-muted" }, hit.score.toFixed(3))),
      make("p", {}, hit.text),
    );
  }
}

customElements.define("knowledge-workbench", KnowledgeWorkbench);
