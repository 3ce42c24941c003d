// The draft of an agent as the builder edits it: plain values, no document, no network.

export interface Declaration {
  name: string;
  type: "string" | "text" | "integer" | "number" | "boolean" | "enum" | "date" | "list";
  required: boolean;
  default: unknown;
  description: string;
  example: unknown;
  constraints: { choices?: string[]; min?: number; max?: number };
}

export interface Draft {
  title: string;
  description: string;
  visibility: string;
  instructions: string | null;
  variables: Record<string, unknown>;
  provider: string | null;
  model: string;
  model_settings: Record<string, unknown>;
  tools: string[];
  knowledge_bases: string[];
  first_tool: string;
  context_tokens: number;
  max_steps: number;
}

export function isSame(one: Draft, other: Draft): boolean {
  return canonical(one) === canonical(other);
}

function canonical(draft: Draft): string {
  const sorted = (value: unknown): unknown => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(sorted);
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => [key, sorted(item)]),
    );
  };
  const sets = { tools: [...draft.tools].sort(), knowledge_bases: [...draft.knowledge_bases].sort() };
  return JSON.stringify(sorted({ ...draft, ...sets }));
}

/** Reads what was typed for a variable; undefined leaves it out, so that its default counts. */
export function readValue(declaration: Declaration, typed: string): unknown {
  const trimmed = typed.trim();
  if (declaration.type === "text") return typed === "" ? undefined : typed;
  if (trimmed === "") return undefined;
  switch (declaration.type) {
    case "integer":
    case "number": {
      const number = Number(trimmed);
      return Number.isFinite(number) ? number : trimmed;
    }
    case "boolean":
      return trimmed === "true";
    case "list":
      return typed.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    default:
      return trimmed;
  }
}

export function showValue(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.join("\n");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Names of the variables that stop the agent from being published as it is. */
export function missingVariables(declarations: Declaration[], values: Record<string, unknown>): string[] {
  return declarations
    .filter((item) => item.required && item.default === null && values[item.name] === undefined)
    .map((item) => item.name);
}

/** Leaves out values that the chosen template does not know. */
export function knownValues(
  declarations: Declaration[],
  values: Record<string, unknown>,
): Record<string, unknown> {
  const names = new Set(declarations.map((item) => item.name));
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
}

/** Sets or removes one model setting; an empty text removes it. */
export function withSetting(
  settings: Record<string, unknown>,
  name: string,
  typed: string,
): Record<string, unknown> {
  const rest = Object.fromEntries(Object.entries(settings).filter(([key]) => key !== name));
  if (typed.trim() === "") return rest;
  const number = Number(typed);
  return { ...rest, [name]: Number.isFinite(number) ? number : typed };
}
