// Elements draw into the page itself, so that the console's one stylesheet reaches them.
import { LitElement, html, type TemplateResult } from "lit";

export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

export function icon(name: string, label = ""): TemplateResult {
  return label
    ? html`<span class="material-symbols-outlined ab-icon" role="img" aria-label=${label}>${name}</span>`
    : html`<span class="material-symbols-outlined ab-icon" aria-hidden="true">${name}</span>`;
}
