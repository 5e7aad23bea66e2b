/** A short program on a warm connection against the system's ssh through ControlMaster. */
import { openConnection } from '../../src/connection/openConnection.ts';
import { silentLog } from '../../src/foundation/log.ts';
import { interleaved, program } from './measure.ts';
import { noPrompts, startMaster, targetOf, withRoundTrip, type Places } from './places.ts';
import { compared, ratioAtMost, type Row } from './report.ts';

export async function warmProgram(places: Places, short: boolean): Promise<readonly Row[]> {
  const sandbox = await places.sandbox();
  const rows: Row[] = [];
  for (const roundTripMs of [0, 100]) {
    rows.push(...(await withRoundTrip(sandbox, roundTripMs, async () => {
      const master = await startMaster(sandbox);
      const connection = openConnection(targetOf(sandbox), { prompts: noPrompts, log: silentLog });
      try {
        const ours = async (): Promise<void> => {
          const { exitCode } = await connection.run({ argv: ['true'] });
          if (exitCode !== 0) throw new Error('`true` failed');
        };
        await ours();
        const before = connection.statistics.roundTrips;
        await ours();
        const counted = connection.statistics.roundTrips - before;
        const rounds = roundTripMs === 0 ? (short ? 30 : 150) : short ? 8 : 30;
        const times = await interleaved({ ours: { run: ours }, peer: { run: () => program([...master.ssh, 'true']) } }, rounds, 3);
        const label = roundTripMs === 0 ? 'on loopback' : `at ${roundTripMs} ms`;
        const row = compared('warm remote program', `true, ${label}`, times.ours, { name: 'ssh, ControlMaster', values: times.peer }, {
          budget: ratioAtMost(roundTripMs === 0 ? 0.1 : 0.5),
          note: `${counted} round trip${counted === 1 ? '' : 's'} counted`,
        });
        if (roundTripMs === 0) return [row];
        const trips = (values: readonly number[]): number[] => values.map((value) => value / roundTripMs);
        return [row, compared('warm remote program', `time / RTT, ${label}`, trips(times.ours), { name: 'ssh, ControlMaster', values: trips(times.peer) }, { unit: 'trips' })];
      } finally {
        connection.dispose();
        await master.end();
      }
    })));
  }
  return rows;
}
