/** The theme's colours as numbers, for canvases. They are resolved by the browser from the same variables as the rest of the page. */

export type Rgb = readonly [red: number, green: number, blue: number];

export const stateInks = ['--state-pending', '--state-running', '--state-complete', '--state-failed', '--state-cancelled', '--state-timeout', '--state-lost', '--state-unknown'] as const;

export interface Theme {
  readonly background: Rgb;
  readonly foreground: Rgb;
  readonly quiet: Rgb;
  readonly focus: Rgb;
  /** Weak to strong. */
  readonly low: Rgb;
  readonly middle: Rgb;
  readonly high: Rgb;
  /** In the order of the states of the protocol. */
  readonly states: readonly Rgb[];
  readonly font: string;
}

export function css([red, green, blue]: Rgb): string {
  return `rgb(${red} ${green} ${blue})`;
}

/** As an ImageData wants it on every machine that a browser runs on. */
export function packed([red, green, blue]: Rgb): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const part = (place: 0 | 1 | 2): number => Math.round(a[place] * share + b[place] * (1 - share));
  return [part(0), part(1), part(2)];
}

/** `steps` packed colours from weak to strong. */
export function ramp({ low, middle, high }: Theme, steps: number): Uint32Array {
  return Uint32Array.from({ length: steps }, (_, step) => {
    const share = steps === 1 ? 1 : step / (steps - 1);
    return packed(share < 0.5 ? mix(middle, low, share * 2) : mix(high, middle, share * 2 - 1));
  });
}

export function readTheme(): Theme {
  const probe = document.createElement('span');
  document.body.append(probe);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const backdrop = getComputedStyle(document.body).backgroundColor;
  const colour = (value: string): Rgb => {
    if (!pen) return [128, 128, 128];
    probe.style.color = value;
    // Colours with an alpha are seen on the page's ground.
    pen.fillStyle = backdrop;
    pen.fillRect(0, 0, 1, 1);
    pen.fillStyle = getComputedStyle(probe).color;
    pen.fillRect(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue];
  };
  const { fontFamily } = getComputedStyle(document.body);
  const theme: Theme = {
    background: colour('var(--vscode-editor-background)'),
    foreground: colour('var(--vscode-foreground)'),
    quiet: colour('var(--quiet)'),
    focus: colour('var(--vscode-focusBorder)'),
    low: colour('var(--ramp-low)'),
    middle: colour('var(--ramp-middle)'),
    high: colour('var(--ramp-high)'),
    states: stateInks.map((ink) => colour(`var(${ink})`)),
    // not translated: a font
    font: `11px ${fontFamily}`,
  };
  probe.remove();
  return theme;
}

/** Calls back after the editor changed its theme. */
export function watchTheme(changed: () => void, signal: AbortSignal): void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  signal.addEventListener('abort', () => observer.disconnect());
}
