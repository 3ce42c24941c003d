// The tool editor's panels: what the chosen function takes, and a trial with a form made from the
// schema of the arguments.

const OUTCOMES = {
  succeeded: ["Succeeded", "ab-good", "check_circle"],
  retry: ["Wrong arguments", "ab-warn", "undo"],
  failed: ["Failed", "ab-bad", "error"],
  approval_required: ["Needs approval", "ab-warn", "front_hand"],
};

/** Makes an element with attributes and children; text never becomes markup. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function icon(name) {
  return element("span", { class: "material-symbols-outlined ab-icon", "aria-hidden": "true" }, name);
}

/** The schema that counts: of `anyOf` with null, the other one. */
function plain(schema) {
  const choices = (schema.anyOf ?? []).filter((choice) => choice.type !== "null");
  return choices.length === 1 ? { ...choices[0], ...schema, anyOf: undefined } : schema;
}

function typeName(schema) {
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `list of ${typeName(plain(schema.items ?? {}))}`;
  return Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type ?? "any value";
}

function parametersOf(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, raw]) => ({
    name,
    schema: plain(raw === true ? {} : raw),
    required: required.has(name),
  }));
}

// --- The chosen function ---------------------------------------------------------------------

function showFunction(panel) {
  const functions = JSON.parse(panel.dataset.functions);
  const place = panel.querySelector("[data-part=function]");
  const select = document.querySelector("select[name=function]");
  const show = () => {
    const entry = functions[select?.value];
    if (!entry) return place.replaceChildren();
    const list = element("dl");
    for (const { name, schema, required } of parametersOf(entry.parameters)) {
      const note = `${typeName(schema)}${required ? "" : ", optional"}`;
      list.append(
        element("div", {}, element("dt", {}, name, element("small", {}, note)),
          element("dd", {}, schema.description ?? "")),
      );
    }
    place.replaceChildren(
      element("p", {}, entry.description),
      list,
      element("div", { class: "tool-facts" },
        element("span", { class: "ab-tag" }, entry.effect),
        element("span", { class: "ab-tag" }, `${entry.timeout_s} s`)),
    );
  };
  select?.addEventListener("change", show);
  show();
}

// --- Trial -----------------------------------------------------------------------------------

function inputFor({ name, schema, required }) {
  const id = `trial-${name}`;
  const common = { id, "aria-describedby": `${id}-note`, required };
  if (schema.enum || schema.type === "boolean") {
    const values = schema.enum ?? [true, false];
    const select = element("select", common);
    if (!required) select.append(element("option", { value: "" }, "— leave out —"));
    for (const value of values) {
      select.append(element("option", { value: JSON.stringify(value) }, String(value)));
    }
    return select;
  }
  if (schema.type === "integer" || schema.type === "number") {
    const step = schema.type === "integer" ? "1" : "any";
    return element("input", { ...common, type: "number", step, min: schema.minimum, max: schema.maximum });
  }
  if (schema.type === "string") {
    return (schema.maxLength ?? 0) > 500
      ? element("textarea", { ...common, rows: "4" })
      : element("input", { ...common, type: "text", autocomplete: "off" });
  }
  return element("textarea", { ...common, rows: "3", placeholder: "JSON", spellcheck: "false" });
}

/** Reads one input; undefined leaves the argument out. Throws an Error for the person. */
function valueOf(input, { schema, required }) {
  const text = input.value;
  if (schema.type === "string" && !schema.enum) return text || required ? text : undefined;
  if (text.trim() === "") {
    if (input.validity.badInput || required) throw new Error("Enter a value.");
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("This is not valid JSON.");
  }
}

function fieldFor(parameter) {
  const input = inputFor(parameter);
  const note = element("p", { id: `${input.id}-note` }, parameter.schema.description ?? "");
  const hint = `${typeName(parameter.schema)}${parameter.required ? "" : ", optional"}`;
  const label = element("label", { for: input.id }, parameter.name, element("small", {}, hint));
  return { parameter, input, note, row: element("div", { class: "tool-field" }, label, input, note) };
}

function readFields(fields) {
  const values = {};
  let firstWrong = null;
  for (const { parameter, input, note } of fields) {
    note.className = "";
    note.textContent = parameter.schema.description ?? "";
    input.removeAttribute("aria-invalid");
    try {
      const value = valueOf(input, parameter);
      if (value !== undefined) values[parameter.name] = value;
    } catch (error) {
      note.className = "tool-error";
      note.textContent = error.message;
      input.setAttribute("aria-invalid", "true");
      firstWrong ??= input;
    }
  }
  firstWrong?.focus();
  return firstWrong ? null : values;
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function resultOf(trial) {
  const [title, tone, symbol] = OUTCOMES[trial.outcome];
  const facts = [`${trial.duration_ms} ms`];
  if (trial.outcome === "succeeded") facts.push(`${trial.size_bytes.toLocaleString()} bytes`);
  if (trial.is_truncated) facts.push("cut off");
  const text = trial.outcome === "succeeded" ? readable(trial.output) : trial.error;
  return [
    element("div", { class: "tool-outcome" },
      element("span", { class: `ab-badge ${tone}` }, icon(symbol), title), facts.join(" · ")),
    element("pre", { class: "tool-output", tabindex: "0" }, text || "(nothing)"),
  ];
}

async function call(panel, values) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  const response = await fetch(panel.dataset.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify({ arguments: values }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? `The server answered ${response.status}.`);
  return answer;
}

function setUpTrial(panel) {
  const form = panel.querySelector("[data-part=form]");
  const result = panel.querySelector("[data-part=result]");
  const button = form.querySelector("button");
  const fields = parametersOf(JSON.parse(panel.dataset.schema)).map(fieldFor);
  form.querySelector("[data-part=inputs]").append(...fields.map((field) => field.row));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = readFields(fields);
    if (!values) return;
    button.disabled = true;
    result.replaceChildren(element("span", { class: "ab-muted" }, "Calling…"));
    try {
      result.replaceChildren(...resultOf(await call(panel, values)));
    } catch (error) {
      result.replaceChildren(element("p", { class: "ab-notice ab-bad" }, icon("error"), error.message));
    } finally {
      button.disabled = false;
    }
  });
}

for (const panel of document.querySelectorAll(".tool-function")) showFunction(panel);
for (const panel of document.querySelectorAll(".tool-trial")) setUpTrial(panel);
