/** A choice with its name before it. */
import { html, type TemplateResult } from 'lit';

export function dropdown(label: string, options: readonly (readonly [string, string])[], value: string, choose: (value: string) => void, width = ''): TemplateResult {
  // A dropdown knows its value only once its options are there.
  return html`<span class=${`choice ${width}`}><span class="quiet" aria-hidden="true">${label}</span>
    <vscode-dropdown aria-label=${label} .value=${value} @change=${(event: Event) => {
      const { value: next } = event.target as HTMLInputElement;
      if (next !== value) choose(next);
    }}>${options.map(([name, words]) => html`<vscode-option value=${name} ?selected=${name === value}>${words}</vscode-option>`)}</vscode-dropdown></span>`;
}
