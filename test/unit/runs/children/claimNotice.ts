/** `claimNotice.ts <HPC_AGENT_HOME> <count>`: claims that many events of one run, as a window does, and prints those it was given. */
import { Journal } from '../../../../src/runs/journal.ts';
import { claimNotices } from '../../../../src/runs/notices.ts';

const [home = '', count = '1'] = process.argv.slice(2);
const journal = new Journal(home);
for (let event = 0; event < Number(count); event += 1) {
  for (const told of await claimNotices({ experimentDir: '/work', runId: 'r', isOpen: event % 2 === 0, events: [`event-${event}`] }, journal, new Date())) process.stdout.write(`${told}\n`);
}
