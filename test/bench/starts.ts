/** How long the command line takes to start, against an empty Node. */
import { programStarts } from './measure.ts';
import type { Places } from './places.ts';
import { comparedStarts, ratioAtMost, type Row } from './report.ts';

export async function cliStart(places: Places, short: boolean): Promise<readonly Row[]> {
  const cli = await places.builtCli();
  const home = await places.folder('cli-home');
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: home, HPC_AGENT_HOME: home };
  const node = process.execPath;
  const times = await programStarts(
    { version: { argv: [node, cli, '--version'], cwd: home, env }, capabilities: { argv: [node, cli, 'capabilities'], cwd: home, env }, runs: { argv: [node, cli, 'list-runs'], cwd: home, env }, empty: { argv: [node, '-e', '0'], cwd: home, env } },
    short ? 8 : 40,
  );
  const peer = { name: 'node -e 0', times: times.empty };
  return [
    comparedStarts('start of the command line', 'hpc-agent --version', times.version, peer, ratioAtMost(2)),
    comparedStarts('start of the command line', 'hpc-agent capabilities', times.capabilities, peer, ratioAtMost(2)),
    comparedStarts('start of the command line', 'hpc-agent list-runs', times.runs, peer),
  ];
}
