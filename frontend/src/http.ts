// Requests to this product's own API, with its problem documents as errors.

export interface FieldError {
  field?: string;
  pointer?: string;
  code?: string;
  detail?: string;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly errors: FieldError[] = [],
  ) {
    super(detail);
  }
}

function csrfToken(): string {
  const field = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]");
  const cookie = document.cookie.split("; ").find((item) => item.startsWith("csrftoken="));
  return field?.value ?? cookie?.slice("csrftoken=".length) ?? "";
}

export async function request<T>(method: string, url: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "connection.lost", "The server does not answer. Check it and try again.");
  }
  const text = await response.text();
  let answer: unknown = null;
  try {
    answer = text === "" ? null : JSON.parse(text);
  } catch {
    answer = null;
  }
  if (response.ok) return answer as T;
  const problem = (answer ?? {}) as Partial<{
    code: string;
    detail: string;
    title: string;
    errors: FieldError[];
  }>;
  throw new Problem(
    response.status,
    problem.code ?? `http.${response.status}`,
    problem.detail ?? problem.title ?? `The server answered ${response.status}.`,
    problem.errors ?? [],
  );
}

/** Reads a JSON script of the page. */
export function pageData<T>(id: string): T {
  const element = document.getElementById(id);
  if (!element?.textContent) throw new Error(`The page has no data named ${id}.`);
  return JSON.parse(element.textContent) as T;
}

/** The field of a form that an error is about; empty for the whole form. */
export function fieldOf(error: FieldError): string {
  return error.field ?? (error.pointer ?? "").split("/").find((part) => part !== "") ?? "";
}
