import assert from 'node:assert/strict';
import type { Connection } from '../../../src/connection/port.ts';
import { HoldChannel, HoldChannels, type HoldEvent } from '../../../src/reservations/holdChannels.ts';

interface Streams {
  readonly onStdout: (chunk: Uint8Array) => void;
  readonly input: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

/** A way in that says what the test says. */
class Way {
  readonly sent: string[] = [];
  channel: HoldChannel;
  private say: (text: string) => void = () => undefined;
  private close: () => void = () => undefined;

  constructor() {
    const exec = (_command: unknown, options: Streams): Promise<{ readonly exitCode: number; readonly stderr: string }> => {
      this.say = (text) => options.onStdout(Buffer.from(text));
      void (async () => {
        for await (const chunk of options.input) this.sent.push(Buffer.from(chunk).toString());
      })();
      return new Promise((resolve) => {
        this.close = () => resolve({ exitCode: 0, stderr: '' });
        options.signal.addEventListener('abort', this.close);
      });
    };
    this.channel = new HoldChannel({ exec } as unknown as Connection, { argv: ['enter'] });
    this.tell({ e: 'hello', job_id: '11', node: 'n1', server: 's1', version: 2 });
  }

  tell(event: HoldEvent): void {
    this.say(`${JSON.stringify(event)}\n`);
  }
}

describe('kept channels into held nodes (unit)', () => {
  it('one that is left takes nothing new; what runs over it goes on to its end', () => {
    const ways: Way[] = [];
    const channels = new HoldChannels();
    const get = (): HoldChannel => channels.get('pool', () => ways[ways.push(new Way()) - 1]!.channel);
    const first = get();
    assert.equal(get(), first);
    const seen: string[] = [];
    first.send({ op: 'exec', id: 'command-1' }, { onEvent: ({ e }) => seen.push(e), onLost: () => seen.push('lost') });
    ways[0]?.tell({ e: 'leaving' });
    assert.notEqual(get(), first, 'what comes next goes another way');
    assert.equal(first.isOver, false);
    ways[0]?.tell({ e: 'begun', id: 'command-1', pid: 1, survives: false });
    ways[0]?.tell({ e: 'end', id: 'command-1', rc: 0, signal: null, why: null, elapsed_s: 1 });
    assert.deepEqual([seen, first.isOver], [['begun', 'end'], true]);
    channels.dispose();
  });

  it('one on which nothing is open ends when it is left', () => {
    const way = new Way();
    way.tell({ e: 'leaving' });
    assert.equal(way.channel.isOver, true);
  });
});
