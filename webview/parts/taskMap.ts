/** The tasks of a run as a heat map with its controls, legend and tooltip. */
import { html, nothing, render, type TemplateResult } from 'lit';
import { l10n } from '../../l10n/words.ts';
import { byAxes, byIndex, labelOf, suggestedAxes, type GridLayout } from '../model/gridLayout.ts';
import { rangeOf, unknownExit, unknownNode, valuesOf, type Measure, type Range, type TaskTable } from '../model/tasks.ts';
import { memoryWords, numberWords, runtimeWords } from '../model/words.ts';
import { taskStates } from '../protocol/run.ts';
import { HeatMap } from './heatMap.ts';
import type { Sign } from './heatMap/strokes.ts';
import { icon } from './icons.ts';
import { css, mix, packed, ramp, readTheme, watchTheme, type Theme } from './theme.ts';

export interface MapChoice {
  readonly measure: Measure;
  /** Names of parameters; empty: by index. */
  readonly across: string;
  readonly down: string;
}

export interface TaskMapHost {
  readonly signal: AbortSignal;
  choose(choice: MapChoice): void;
  pin(task: number): void;
  announce(sentence: string): void;
}

const steps = 64;
/** Of parameters in a tooltip. */
const mostLines = 10;

/** Whatever is in it, on one line, and not cut within a sign. */
const oneLine = (text: string, most = 120): string => {
  const signs = [...text.slice(0, 400).replaceAll(/\s+/g, ' ')];
  return signs.length > most ? `${signs.slice(0, most - 1).join('')}…` : signs.join('');
};
const badStates = new Set(['failed', 'timeout', 'lost', 'unknown'].map((name) => (taskStates as readonly string[]).indexOf(name)));

const stateWords = (): readonly string[] => [l10n.t('waiting'), l10n.t('running'), l10n.t('done'), l10n.t('failed'), l10n.t('cancelled'), l10n.t('time limit'), l10n.t('lost'), l10n.t('unknown')];

export function stateWordOf(state: number): string {
  return stateWords()[state] ?? l10n.t('unknown');
}

export class TaskMap {
  readonly element = document.createElement('div');
  readonly map: HeatMap;
  private readonly tip = document.createElement('div');
  private readonly host: TaskMapHost;
  private readonly table: TaskTable;
  private theme: Theme = readTheme();
  private palette: readonly number[] = [];
  private faded: readonly number[] = [];
  private scale: Uint32Array = new Uint32Array(0);
  private none = 0;
  private values: ArrayLike<number> | undefined;
  private range: Range | undefined;
  private emphasis: ReadonlySet<number> | undefined;
  private layoutOf = '';
  private choice: MapChoice = { measure: 'state', across: '', down: '' };

  constructor(table: TaskTable, host: TaskMapHost) {
    this.table = table;
    this.host = host;
    this.element.className = 'task-map';
    this.map = new HeatMap(
      {
        colour: (task) => this.colourOf(task),
        sign: (task) => this.signOf(task),
        pointed: (task, by, at) => this.pointed(task, by, at),
        pinned: (task) => host.pin(task),
        next: (task, step) => this.nextBad(task, step),
      },
      this.theme,
      host.signal,
    );
    this.tip.className = 'tip';
    this.tip.setAttribute('aria-hidden', 'true');
    this.map.canvas.setAttribute('role', 'application');
    this.map.canvas.setAttribute('aria-roledescription', l10n.t('heat map'));
    this.map.canvas.setAttribute('aria-label', l10n.t('Tasks. Arrow keys move, Enter shows a task and its log, N goes to the next one that failed, plus and minus zoom, 0 shows all.'));
    this.element.append(this.map.canvas, this.tip);
    this.useTheme();
    watchTheme(() => {
      this.theme = readTheme();
      this.useTheme();
    }, host.signal);
    let width = 0;
    // Its height is ours to set: only a new width is news, and not within the browser's own measuring.
    const sizes = new ResizeObserver(() => {
      if (this.element.clientWidth === width) return;
      width = this.element.clientWidth;
      requestAnimationFrame(() => this.arrange());
    });
    sizes.observe(this.element);
    host.signal.addEventListener('abort', () => sizes.disconnect());
  }

  /** What is shown by which colours and places; `undefined` axes: as it was. */
  show(choice: MapChoice): void {
    this.choice = choice;
    this.measureAnew();
    this.arrange();
    this.map.repaint();
  }

  /** After the table changed. The range of a measure is found anew by `measureAnew`, which costs more. */
  update(): void {
    const changes = this.table.takeChanges();
    if (changes === 'all') {
      this.measureAnew();
      this.arrange();
      this.map.repaint();
    } else if (changes.length > 0) this.map.repaint(changes);
  }

  measureAnew(): void {
    this.values = valuesOf(this.table, this.choice.measure);
    this.range = this.values && rangeOf(this.values);
  }

  setEmphasis(tasks: ReadonlySet<number> | undefined): void {
    this.emphasis = tasks;
    this.map.repaint();
  }

  select(task: number | undefined): void {
    this.map.pin = task;
    this.map.setCursor(task);
  }

  controls(): TemplateResult {
    const { parameters, metricNames } = this.table;
    const choose = (part: Partial<MapChoice>): void => this.host.choose({ ...this.choice, ...part });
    const picker = (label: string, value: string, options: readonly (readonly [value: string, words: string])[], take: (value: string) => void): TemplateResult => html`<label class="picker"><span>${label}</span>
      <vscode-dropdown aria-label=${label} .value=${value} @change=${(event: Event) => {
        const next = (event.target as HTMLInputElement).value;
        if (next !== value) take(next);
      }}>${options.map(([name, words]) => html`<vscode-option value=${name} ?selected=${name === value}>${words}</vscode-option>`)}</vscode-dropdown></label>`;
    const axes = parameters.filter(({ values }) => values.length > 1).map(({ name, values }) => [name, `${name} (${values.length})`] as const);
    return html`<div class="controls">
      ${picker(l10n.t('Colour'), this.choice.measure, [['state', l10n.t('State')], ['runtime', l10n.t('Run time')], ['memory', l10n.t('Peak memory')], ['attempt', l10n.t('Attempt')], ...metricNames.map((name) => [`metric:${name}`, name] as const), ...(metricNames.length === 0 ? [['metrics', l10n.t('Metric of the results…')] as const] : [])], (measure) => choose({ measure: measure as Measure }))}
      ${axes.length === 0 ? nothing : html`${picker(l10n.t('Rows'), this.choice.down, [['', l10n.t('By index')], ...axes], (down) => choose({ down }))} ${picker(l10n.t('Columns'), this.choice.across, [['', l10n.t('By index')], ...axes], (across) => choose({ across }))}`}
      <span class="zoom">
        <vscode-button appearance="icon" aria-label=${l10n.t('Zoom out')} title=${l10n.t('Zoom out (−)')} @click=${() => this.map.zoomBy(1 / 1.5)}>${icon('minus')}</vscode-button>
        <vscode-button appearance="icon" aria-label=${l10n.t('Zoom in')} title=${l10n.t('Zoom in (+)')} @click=${() => this.map.zoomBy(1.5)}>${icon('plus')}</vscode-button>
        <vscode-button appearance="icon" aria-label=${l10n.t('Show all')} title=${l10n.t('Show all (0)')} @click=${() => this.map.fit()}>${icon('fit')}</vscode-button>
      </span>
    </div>`;
  }

  legend(): TemplateResult {
    if (this.choice.measure === 'state') {
      const present = new Set(this.table.known?.state ?? []);
      return html`<p class="legend">${taskStates.map((name, place) => (present.has(place) ? html`<span><i class="swatch ${name}"></i>${stateWordOf(place)}</span>` : nothing))}</p>`;
    }
    if (!this.range) return html`<p class="legend">${l10n.t('Nothing of this is known yet.')}</p>`;
    const { low, high, below, above } = this.range;
    return html`<p class="legend"><span>${below ? '≤ ' : ''}${this.words(low)}</span><i class="ramp"></i><span>${above ? '≥ ' : ''}${this.words(high)}</span><span><i class="swatch none"></i>${l10n.t('not known')}</span></p>`;
  }

  /** What is known of a task, line by line. */
  describe(task: number): readonly string[] {
    const columns = this.table.known;
    if (!columns) return [];
    // Those that differ first: what is the same everywhere tells nothing of this task.
    const parameters = this.table.parameters.toSorted((a, b) => Number(b.values.length > 1) - Number(a.values.length > 1));
    const exit = columns.exit[task] ?? unknownExit;
    const elapsed = columns.elapsed[task] ?? Number.NaN;
    const memory = columns.memory[task] ?? Number.NaN;
    const node = columns.node[task] ?? unknownNode;
    const attempt = columns.attempt[task] ?? 1;
    const facts = [
      ...(Number.isFinite(elapsed) ? [runtimeWords(elapsed)] : []),
      ...(Number.isFinite(memory) ? [memoryWords(memory)] : []),
      ...(node === unknownNode ? [] : [columns.nodes[node] ?? '']),
      ...(attempt > 1 ? [l10n.t('attempt {0}', attempt)] : []),
    ];
    return [
      `${l10n.t('Task {0}', String(task))} · ${stateWordOf(columns.state[task] ?? 7)}${exit !== unknownExit && exit !== 0 ? ` (${l10n.t('exit status {0}', String(exit))})` : ''}`,
      ...parameters.slice(0, mostLines).map(({ name, values, index }) => `${oneLine(name, 40)} = ${oneLine(labelOf(values[index[task] ?? -1]))}`),
      ...(parameters.length > mostLines ? [l10n.t('and {0} more parameters', parameters.length - mostLines)] : []),
      ...(facts.length === 0 ? [] : [facts.join(' · ')]),
      ...[...this.table.metrics].flatMap(([name, values]) => (Number.isFinite(values[task]) ? [`${name} = ${numberWords(values[task] ?? 0)}`] : [])),
    ];
  }

  private words(value: number): string {
    return this.choice.measure === 'runtime' ? runtimeWords(value) : this.choice.measure === 'memory' ? memoryWords(value) : numberWords(value);
  }

  private useTheme(): void {
    const { theme } = this;
    this.palette = theme.states.map(packed);
    this.faded = theme.states.map((colour) => packed(mix(colour, theme.background, 0.22)));
    this.scale = ramp(theme, steps);
    this.none = packed(mix(theme.foreground, theme.background, 0.1));
    this.element.style.setProperty('--ramp', `linear-gradient(to right, ${css(theme.low)}, ${css(theme.middle)}, ${css(theme.high)})`);
    this.map.setTheme(theme);
  }

  private colourOf(task: number): number {
    const { values, range } = this;
    if (!values) {
      const state = this.table.known?.state[task] ?? 0;
      return ((this.emphasis && !this.emphasis.has(task) ? this.faded : this.palette)[state] ?? 0) >>> 0;
    }
    const value = values[task] ?? Number.NaN;
    if (!range || !Number.isFinite(value)) return this.none;
    const share = range.high === range.low ? 1 : (value - range.low) / (range.high - range.low);
    return this.scale[Math.round(Math.max(0, Math.min(1, share)) * (steps - 1))] ?? this.none;
  }

  private signOf(task: number): Sign | undefined {
    if (this.values) return undefined;
    switch (taskStates[this.table.known?.state[task] ?? 0]) {
      case 'failed':
        return 'cross';
      case 'timeout':
        return 'clock';
      case 'running':
        return 'play';
      case 'lost':
      case 'unknown':
        return 'question';
      case 'cancelled':
        return 'slash';
      default:
        return undefined;
    }
  }

  private nextBad(from: number, step: 1 | -1): number | undefined {
    const states = this.table.known?.state;
    if (!states) return undefined;
    for (let task = from + step; task >= 0 && task < states.length; task += step) if (badStates.has(states[task] ?? 0)) return task;
    return undefined;
  }

  private pointed(task: number | undefined, by: 'key' | 'pointer', at: { readonly x: number; readonly y: number }): void {
    if (task === undefined) {
      this.tip.classList.remove('shown');
      return;
    }
    const lines = this.describe(task);
    // As text, whatever is in it.
    render(html`${lines.map((line, place) => html`<div class=${place === 0 ? 'head' : ''}>${line}</div>`)}`, this.tip);
    this.tip.classList.add('shown');
    const { clientWidth, clientHeight } = this.element;
    const left = at.x + 16 + this.tip.offsetWidth > clientWidth ? Math.max(0, at.x - 12 - this.tip.offsetWidth) : at.x + 16;
    const top = at.y + 18 + this.tip.offsetHeight > clientHeight + 60 ? Math.max(-this.tip.offsetHeight, at.y - 12 - this.tip.offsetHeight) : at.y + 18;
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    if (by === 'key') this.host.announce(lines.join(', '));
  }

  private arrange(): void {
    const { total } = this.table;
    const width = this.element.clientWidth;
    if (width === 0 || total === 0) return;
    const { across, down } = this.choice;
    const columns = this.table.parameters;
    const x = columns.find(({ name }) => name === across);
    const y = columns.find(({ name }) => name === down);
    const most = Math.max(220, Math.min(window.innerHeight * 0.52, 560));
    const key = JSON.stringify([total, x?.name, y?.name, x || y ? 0 : Math.round(width / 40)]);
    if (key !== this.layoutOf) {
      this.layoutOf = key;
      const layout: GridLayout = x || y ? byAxes(total, x, y) : byIndex(total, width / (total > 2000 ? most : Math.min(most, 190)));
      this.map.setLayout(layout);
    }
    this.map.canvas.style.height = `${Math.round(Math.min(most, this.map.wishedHeight(width)))}px`;
  }

  /** Where nothing was chosen yet. */
  suggest(): MapChoice {
    const axes = this.table.total <= 20_000 ? suggestedAxes(this.table.parameters, this.table.total) : undefined;
    return { measure: 'state', across: axes?.across ?? '', down: axes?.down ?? '' };
  }
}
