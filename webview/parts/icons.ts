/** Small drawings in the manner of the editor's own, in the colour of the text around them. Decoration: what they say is said in words too. */
import { svg, html, type TemplateResult } from 'lit';

const paths = {
  pass: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM4.6 8.2l2.3 2.3 4.5-4.6',
  error: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM5.8 5.8l4.4 4.4m0-4.4-4.4 4.4',
  warning: 'M8 2.2 14.2 13.3H1.8L8 2.2ZM8 6.4v3.4m0 1.3v.9',
  running: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM6.6 5.4v5.2L10.6 8 6.6 5.4Z',
  clock: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM8 4.6V8l2.3 1.6',
  slash: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM3.9 3.9l8.2 8.2',
  question: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM6.2 6.4C6.2 5.300 7 4.700 8 4.700s1.800.6 1.800 1.600c0 1.300-1.800 1.400-1.800 2.800m0 1.300v.8',
  server: 'M2.500 3h11v4h-11V3Zm0 6h11v4h-11V9Zm2-4h1.500m-1.500 6H6',
  lock: 'M4 7.200h8v6H4v-6Zm1.700 0V5.200a2.300 2.300 0 0 1 4.600 0v2',
  computer: 'M2 3h12v8H2V3Zm3.500 10.500h5',
  external: 'M9.500 2.500h4v4m0-4L8 8M6.500 3.500h-3v9h9v-3',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M2.500 6V2.500H6m4 0h3.500V6m0 4v3.500H10m-4 0H2.500V10',
} as const;
export type IconName = keyof typeof paths;

export function icon(name: IconName, tone = ''): TemplateResult {
  return html`<svg class="icon ${tone}" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${svg`<path d=${paths[name]}></path>`}</svg>`;
}

/** Of a run or a task, by the word of its state. */
export function stateIcon(state: string): TemplateResult {
  switch (state) {
    case 'complete':
      return icon('pass', 'good');
    case 'failed':
    case 'timeout':
      return icon('error', 'bad');
    case 'in_flight':
    case 'running':
      return icon('running', 'busy');
    case 'submitting':
    case 'pending':
      return icon('clock', 'busy');
    case 'cancelled':
    case 'abandoned':
      return icon('slash', 'dim');
    default:
      return icon('question', 'wary');
  }
}
