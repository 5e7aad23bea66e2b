/** A plan drawn to scale: time across, tasks up; the wait in the queue, the waves with their arrays, what is expected and how late it may be. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import { l10n } from '../../../l10n/words.ts';
import { spanText, timeMarks } from '../../model/plan/duration.ts';
import type { PlannedBar, PlannedWave, Timeline } from '../../model/plan/timeline.ts';

const box = { left: 58, right: 18, top: 26, bottom: 30 };
const depth = 190;
/** An unknown wait has this part of the picture, and jagged edges: it has no length. */
const unknownWait = 0.09;
/** More arrays than this in a wave are one block. */
const mostBars = 48;

export function timelineChart(timeline: Timeline, width: number): TemplateResult {
  const height = box.top + depth + box.bottom;
  const inner = width - box.left - box.right;
  const isOrder = timeline.scale === 'order';
  const gap = timeline.waitS === null && !isOrder ? unknownWait * inner : 0;
  const lastBar = timeline.waves.at(-1)?.bars.reduce((late, bar) => Math.max(late, bar.lateS), 0) ?? 0;
  const total = Math.max(timeline.endS, Math.min(lastBar, timeline.endS * 1.6)) * 1.01 || 1;
  const x = (s: number): number => box.left + gap + (s / total) * (inner - gap);
  const y = (tasks: number): number => box.top + (tasks / Math.max(1, timeline.mostTasks)) * depth;
  const marks = isOrder ? [] : timeMarks(total, Math.max(3, Math.floor(inner / 120)));
  return html`<svg class="chart timeline" data-chart="timeline" width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${sentence(timeline)}>
    <defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" x1="0" x2="0" y1="0" y2="7"></line></pattern><pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><circle class="dotted" cx="2.5" cy="2.5" r="1"></circle></pattern></defs>
    ${marks.map((mark) => svg`<line class="grid" x1=${x(mark)} x2=${x(mark)} y1=${box.top} y2=${box.top + depth}></line><text x=${x(mark)} y=${height - 10} text-anchor="middle">${mark === 0 ? (gap > 0 ? l10n.t('start') : '0') : spanText(mark)}</text>`)}
    ${wait(timeline, x, gap)}
    ${timeline.scale === 'order' || timeline.spinUpS === 0 ? nothing : timeline.waves.map((wave) => startUp(x(wave.startS - timeline.spinUpS), x(wave.startS), timeline.spinUpS))}
    ${timeline.waves.map((wave) => waveGroup(wave, timeline, x, y))}
    <line class="axis-line" x1=${box.left} x2=${width - box.right} y1=${box.top + depth} y2=${box.top + depth}></line>
    <text x=${box.left - 8} y=${box.top + 10} text-anchor="end">${l10n.number(timeline.mostTasks)}</text>
    <text x=${box.left - 8} y=${box.top + 24} text-anchor="end">${l10n.t('tasks')}</text>
  </svg>`;
}

function wait(timeline: Timeline, x: (s: number) => number, gap: number): TemplateResult | typeof nothing {
  if (timeline.scale === 'order') return nothing;
  const from = gap > 0 ? box.left : x(0);
  const to = gap > 0 ? box.left + gap : x(timeline.waitS ?? 0);
  if (to - from < 1) return nothing;
  const words = timeline.waitS === null ? l10n.t('queue: not known') : l10n.t('queue ≈ {0}', spanText(timeline.waitS));
  return svg`<rect class="wait" x=${from} y=${box.top} width=${to - from} height=${depth} fill="url(#hatch)"></rect><text class="strong" x=${from + 4} y=${box.top - 8}>${to - from > words.length * 5 ? words : timeline.waitS === null ? l10n.t('queue ?') : l10n.t('queue')}</text>`;
}

/** What a scheduler takes from one wave to the next: a gap that would else look like a mistake. */
function startUp(from: number, to: number, seconds: number): TemplateResult {
  const words = l10n.t('start-up');
  const middle = (from + to) / 2;
  const low = box.top + depth - 6;
  return svg`<g class="start-up"><rect x=${from} y=${box.top} width=${Math.max(0, to - from - 1)} height=${depth} fill="url(#dots)"><title>${l10n.t('start-up {0}', spanText(seconds))}</title></rect>${to - from >= 14 ? svg`<text x=${middle + 4} y=${low} transform="rotate(-90 ${middle + 4} ${low})">${words}</text>` : nothing}</g>`;
}

function waveGroup(wave: PlannedWave, timeline: Timeline, x: (s: number) => number, y: (tasks: number) => number): TemplateResult {
  const many = wave.bars.length > mostBars;
  const [first] = wave.bars;
  const bars: readonly PlannedBar[] = many && first ? [{ ...first, key: l10n.t('{0} arrays', wave.bars.length), taskCount: wave.tasks, above: 0, endS: wave.endS, lateS: Math.max(...wave.bars.map(({ lateS }) => lateS)) }] : wave.bars;
  const left = x(wave.startS);
  const right = x(wave.endS);
  const name = l10n.t('wave {0}', wave.wave + 1);
  return svg`<g>
    ${bars.map((bar) => {
      const top = y(bar.above);
      const tall = Math.max(2, y(bar.above + bar.taskCount) - top - 2);
      const long = Math.max(2, x(bar.endS) - x(bar.startS) - 1);
      const late = Math.min(x(bar.lateS), x(wave.endS) + 400) - x(bar.startS) - 1;
      const words = `${bar.key}: ${l10n.t('tasks {0} to {1}', String(bar.firstTask), String(bar.firstTask + bar.taskCount - 1))}${timeline.scale === 'order' ? '' : ` · ${spanText(bar.endS - bar.startS)}`}${bar.rounds > 1 ? ` · ${l10n.t('{0} rounds', bar.rounds)}` : ''}`;
      const label = many ? bar.key : l10n.t('{0, plural, one {# task} other {# tasks}}', bar.taskCount);
      return svg`${late > long + 1 && timeline.scale === 'expected' ? svg`<rect class="late" x=${x(bar.startS)} y=${top} width=${late} height=${tall} rx="2"></rect>` : nothing}<rect class="planned-bar" x=${x(bar.startS)} y=${top} width=${long} height=${tall} rx="2"><title>${words}</title></rect>${tall >= 15 && long > label.length * 6.2 ? svg`<text class="on-bar" x=${x(bar.startS) + 6} y=${top + Math.min(tall / 2 + 4, 16)}>${label}</text>` : nothing}`;
    })}
    ${right - left > 16 ? svg`<text class="strong" x=${(left + right) / 2} y=${box.top - 8} text-anchor="middle">${right - left > 46 ? name : wave.wave + 1}</text>` : nothing}
  </g>`;
}

/** What the picture says. */
export function sentence(timeline: Timeline): string {
  const waves = timeline.waves.length;
  if (timeline.scale === 'order') return l10n.t('{0, plural, one {One wave} other {# waves, one after another}}. No time is known.', waves);
  const ran = spanText(timeline.endS - (timeline.waitS ?? 0));
  if (timeline.waitS === null) return timeline.scale === 'expected' ? l10n.t('{0, plural, one {One wave} other {# waves, one after another}}, after a wait that is not known; about {1} from the first start to the end.', waves, ran) : l10n.t('{0, plural, one {One wave} other {# waves, one after another}}, after a wait that is not known; at most {1} from the first start to the end.', waves, ran);
  const wait = spanText(timeline.waitS);
  return timeline.scale === 'expected' ? l10n.t('{0, plural, one {One wave} other {# waves, one after another}}, after about {2} in the queue; about {1} from the first start to the end.', waves, ran, wait) : l10n.t('{0, plural, one {One wave} other {# waves, one after another}}, after about {2} in the queue; at most {1} from the first start to the end.', waves, ran, wait);
}
