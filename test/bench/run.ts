/**
 * How fast, in one run: ours against a real peer that does the same on the same machine at the same moment, as ratios.
 *
 *   npx tsx test/bench/run.ts                 everything (10 to 20 minutes)
 *   npx tsx test/bench/run.ts --short         fewer rounds and smaller trees, below 90 s
 *   npx tsx test/bench/run.ts dispatch cli    these parts only; --list names them
 *
 * Rule: no time is ever asserted. A budget that is not kept is marked (`over?` where the spread reaches below it), and the exit
 * status says only whether everything could be measured. The figures go to test-results/bench.json too.
 */
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { dashboard } from './dashboard.ts';
import { dispatch } from './dispatch.ts';
import { editor } from './editor.ts';
import { logs } from './logs.ts';
import { busyPart, quietMoment } from './measure.ts';
import { createPlaces, root, type Places } from './places.ts';
import { reading } from './reading.ts';
import { refresh } from './refresh.ts';
import { mark, table, type Row } from './report.ts';
import { cliStart } from './starts.ts';
import { submission } from './submission.ts';
import { sync } from './syncing.ts';
import { warmProgram } from './warmProgram.ts';

const parts: Readonly<Record<string, (places: Places, short: boolean) => Promise<readonly Row[]>>> = { warm: warmProgram, sync, submit: submission, dispatch, cli: cliStart, editor, dashboard, refresh, reading, logs };

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } } });

const load = (): string => os.loadavg().map((value) => value.toFixed(2)).join(' ');

async function main(): Promise<number> {
  if (flags.list) {
    console.log(Object.keys(parts).join('\n'));
    return 0;
  }
  const unknown = positionals.find((name) => !(name in parts));
  if (unknown !== undefined) {
    console.error(`There is no part ${unknown}; the parts are ${Object.keys(parts).join(', ')}.`);
    return 1;
  }
  const chosen = positionals.length > 0 ? positionals : Object.keys(parts);
  const places = await createPlaces();
  const begun = { at: new Date().toISOString(), load: load(), cores: os.availableParallelism(), node: process.version };
  const rows: Row[] = [];
  const failures: { part: string; message: string }[] = [];
  let interrupted = false;
  const interrupt = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ((interrupted = true), reject(new Error('interrupted'))));
  });
  interrupt.catch(() => undefined);
  const busyBefore: Record<string, number> = {};
  console.log(`load average ${begun.load} on ${begun.cores} cores${(await busyPart()) > 0.25 ? ': WARNING: others are at work here, the spread tells how much it matters' : ''}`);
  try {
    for (const name of chosen) {
      if (interrupted) break;
      const busy = await quietMoment(flags.short ? 0 : 60_000);
      busyBefore[name] = Math.round(busy * 100) / 100;
      const since = performance.now();
      try {
        rows.push(...((await Promise.race([parts[name]?.(places, flags.short), interrupt])) ?? []));
      } catch (error) {
        failures.push({ part: name, message: error instanceof Error ? error.message : String(error) });
      }
      console.log(`${name}: ${((performance.now() - since) / 1000).toFixed(1)} s${busy > 0.25 ? `, begun while others used ${Math.round(busy * 100)} % of the machine` : ''}`);
    }
  } finally {
    await places.end();
  }
  console.log(`\nMedians with quartiles; a ratio is the median of the rounds' ratios. Load average ${begun.load} at the start, ${load()} at the end.\n\n${table(rows)}`);
  for (const { part, message } of failures) console.error(`\n${part} could not be measured: ${message}`);
  const file = path.join(root, 'test-results', 'bench.json');
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, `${JSON.stringify({ ...begun, loadAtEnd: load(), short: flags.short, busyBefore, failures, rows: rows.map((row) => ({ ...row, mark: mark(row) })) }, undefined, 2)}\n`);
  return failures.length > 0 ? 1 : 0;
}

// Not left to the event loop: a part that was interrupted still waits for programs that will not answer any more.
process.exit(await main());
