/**
 * The live preview of the template editor.
 *
 * Reads the form as it is typed, asks the server how the text looks, and shows the inputs of the
 * whole chain, what is wrong, and the rendered text. Nothing here validates: the server's own
 * parser and declarations decide.
 */

const PAUSE_MS = 300;
/** The types that know each constraint. */
const FITTING = {
  minimum: ["string", "text", "integer", "number", "list"],
  maximum: ["string", "text", "integer", "number", "list"],
  pattern: ["string", "text", "list"],
  choices: ["enum", "list"],
};

const preview = document.getElementById("template-preview");
const form = document.getElementById("prompttemplate_form");
const body = form?.querySelector("[name=body]");
if (preview && body) start();

function start() {
  const parts = Object.fromEntries(
    [...preview.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]),
  );
  /** What the person typed into the preview's inputs, by variable. */
  const typed = new Map();
  let timer = 0;
  let running = null;

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS);
  };

  async function refresh() {
    running?.abort();
    running = new AbortController();
    parts.status.textContent = "…";
    try {
      const { response, answer } = await ask(valuesOf(typed), running.signal);
      if (!response.ok) return fail(answer.detail ?? "The preview could not be made.");
      // The first answer tells which inputs there are; their examples are the first values.
      if (showInputs(answer.variables)) return refresh();
      show(answer);
    } catch (error) {
      if (error.name !== "AbortError") fail("The server does not answer. Try again in a moment.");
    }
  }

  async function ask(values, signal) {
    const response = await fetch(preview.dataset.previewUrl, {
      method: "POST",
      signal,
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value,
      },
      body: JSON.stringify({
        template: preview.dataset.template,
        workspace: selectedText(form.querySelector("select[name=workspace]")),
        body: body.value,
        variables: readVariables(),
        values,
      }),
    });
    return { response, answer: await response.json().catch(() => ({})) };
  }

  function fail(message) {
    parts.status.textContent = "";
    showDiagnostics([{ severity: "error", detail: message }]);
  }

  function show(answer) {
    const errors = answer.diagnostics.filter((item) => item.severity === "error").length;
    parts.status.textContent = errors ? `${errors} ${errors === 1 ? "problem" : "problems"}` : "Up to date";
    parts.status.dataset.state = errors ? "bad" : "good";
    showDiagnostics(answer.diagnostics);
    parts.output.classList.toggle("is-stale", !answer.rendered);
    if (!answer.rendered) return;
    parts.output.textContent = answer.rendered.text;
    parts.chain.replaceChildren(
      ...answer.rendered.chain.map((link) => element("code", { textContent: link.reference })),
      element("span", { textContent: `${answer.rendered.text.length.toLocaleString()} characters` }),
    );
  }

  function showDiagnostics(items) {
    parts.diagnostics.hidden = items.length === 0;
    parts.diagnostics.replaceChildren(
      ...items.map((item) => {
        const entry = element("li", { className: `is-${item.severity}` });
        if (item.line) {
          const place = element("button", {
            type: "button",
            textContent: item.column ? `${item.line}:${item.column}` : `${item.line}`,
            title: "Go to this place in the text",
          });
          place.addEventListener("click", () => goTo(item.line, item.column ?? 1));
          entry.append(place);
        }
        entry.append(element("span", { textContent: item.detail }));
        return entry;
      }),
    );
  }

  function goTo(line, column) {
    const lines = body.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    // Columns count characters; a text area counts UTF-16 units.
    const offset = start + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
    body.focus();
    body.setSelectionRange(offset, offset + 1);
    const height = parseFloat(getComputedStyle(body).lineHeight) || 20;
    body.scrollTop = Math.max(0, (line - 4) * height);
  }

  let shown = "";
  /** Show one input per variable; returns whether values came in that the server has not seen. */
  function showInputs(variables) {
    const signature = JSON.stringify(variables);
    if (signature === shown) return false;
    shown = signature;
    let isFilled = false;
    const focused = preview.contains(document.activeElement) ? document.activeElement.dataset.variable : null;
    parts.inputs.replaceChildren(
      ...variables.map((variable) => {
        if (!typed.has(variable.name) && variable.example !== null) {
          typed.set(variable.name, { type: variable.type, text: textOf(variable.example) });
          isFilled = true;
        }
        const kept = typed.get(variable.name);
        if (kept && kept.type !== variable.type) {
          kept.type = variable.type;
          isFilled = true;
        }
        return inputRow(variable, kept?.text ?? "");
      }),
    );
    for (const name of [...typed.keys()]) {
      if (!variables.some((variable) => variable.name === name)) {
        typed.delete(name);
        isFilled = true;
      }
    }
    if (focused) parts.inputs.querySelector(`[data-variable="${CSS.escape(focused)}"]`)?.focus();
    return isFilled;
  }

  function inputRow(variable, text) {
    const input = control(variable, text);
    input.dataset.variable = variable.name;
    input.id = `preview-${variable.name}`;
    input.addEventListener("input", () => {
      if (input.value === "") typed.delete(variable.name);
      else typed.set(variable.name, { type: variable.type, text: input.value });
      later();
    });
    const label = element("label", { htmlFor: input.id, textContent: variable.name });
    if (variable.required && variable.default === null) {
      label.append(element("span", { className: "template-needed", textContent: "*", title: "Required" }));
    }
    const row = element("div", { className: "template-input", title: variable.description });
    row.append(label, input);
    return row;
  }

  form.addEventListener("input", (event) => {
    if (!preview.contains(event.target)) later();
  });
  form.addEventListener("change", (event) => {
    if (!preview.contains(event.target)) later();
  });
  document.addEventListener("formset:added", () => showFittingFields());
  document.addEventListener("formset:removed", later);
  form.addEventListener("change", (event) => {
    if (event.target.name?.endsWith("-type")) showFittingFields();
  });
  body.addEventListener("keydown", indent);
  showFittingFields();
  refresh();
}

/** Return the values to render with: each text as the JSON value of its type. */
function valuesOf(typed) {
  return Object.fromEntries([...typed].map(([name, { type, text }]) => [name, valueOf(type, text)]));
}

function valueOf(type, text) {
  switch (type) {
    case "integer":
    case "number": {
      const number = Number(text);
      // What is no number goes as text, so that the server's own message is shown.
      return text.trim() === "" || !Number.isFinite(number) ? text : number;
    }
    case "boolean":
      return text === "true";
    case "list":
      return text.split("\n").map((line) => line.trim()).filter(Boolean);
    default:
      return text;
  }
}

function textOf(value) {
  return Array.isArray(value) ? value.join("\n") : String(value);
}

function control(variable, text) {
  const fallback = variable.default === null ? "" : textOf(variable.default);
  switch (variable.type) {
    case "boolean":
      return choice(["true", "false"], text, fallback);
    case "enum":
      return choice(variable.constraints.choices ?? [], text, fallback);
    case "text":
      return element("textarea", { rows: 3, value: text, placeholder: fallback });
    case "list":
      return element("textarea", { rows: 3, value: text, placeholder: fallback || "One per line" });
    case "date":
      return element("input", { type: "date", value: text });
    case "integer":
    case "number":
      return element("input", {
        type: "text",
        inputMode: "decimal",
        value: text,
        placeholder: fallback,
      });
    default:
      return element("input", { type: "text", value: text, placeholder: fallback });
  }
}

function choice(options, text, fallback) {
  const select = element("select", {});
  select.append(element("option", { value: "", textContent: fallback ? `${fallback} (default)` : "–" }));
  select.append(...options.map((option) => element("option", { value: option, textContent: option })));
  select.value = text;
  return select;
}

/** Return the variables in the form, each as the texts of its fields. */
function readVariables() {
  const count = Number(form.querySelector("[name=variables-TOTAL_FORMS]")?.value ?? 0);
  const rows = [];
  for (let index = 0; index < count; index += 1) {
    const field = (name) => form.querySelector(`[name="variables-${index}-${name}"]`);
    if (!field("name")?.value || field("DELETE")?.checked) continue;
    const row = { required: field("required")?.checked ?? true };
    for (const name of ["name", "type", "default", "example", "description", "minimum", "maximum", "pattern", "choices"]) {
      row[name] = field(name)?.value ?? "";
    }
    rows.push(row);
  }
  return rows;
}

/** Hide the fields of a variable that its type does not know. */
function showFittingFields() {
  for (const type of form.querySelectorAll("select[name^=variables-][name$=-type]")) {
    const prefix = type.name.replace(/type$/, "");
    for (const [name, types] of Object.entries(FITTING)) {
      const row = form.querySelector(`[name="${prefix}${name}"]`)?.closest(".field-line, .form-row-field, .field-row");
      if (row) row.hidden = !types.includes(type.value);
    }
  }
}

/** Let Tab indent a selection of lines; Escape, then Tab, leaves the text. */
function indent(event) {
  if (event.key === "Escape") {
    body.dataset.leaving = "yes";
    return;
  }
  if (event.key !== "Tab" || event.shiftKey || body.dataset.leaving || body.selectionStart === body.selectionEnd) {
    delete body.dataset.leaving;
    return;
  }
  event.preventDefault();
  const first = body.value.lastIndexOf("\n", body.selectionStart - 1) + 1;
  const lines = body.value.slice(first, body.selectionEnd);
  body.setRangeText(lines.replace(/^/gm, "  "), first, body.selectionEnd, "select");
  body.dispatchEvent(new Event("input", { bubbles: true }));
}

function selectedText(select) {
  return select?.selectedOptions[0]?.value ? select.selectedOptions[0].textContent.trim() : "";
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
