import * as assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { Conversation, type ConversationParts } from '../../../../../src/surfaces/vscode/dashboard/conversation.ts';
import type { SourceContext } from '../../../../../src/surfaces/vscode/dashboard/viewSource.ts';
import { applyDifference } from '../../../../../webview/protocol/differences.ts';
import type { Route, ShellState, ToPage, ViewName } from '../../../../../webview/protocol.ts';

/** A host whose views show whatever they are told; its truth is one value for all. */
function host(route: Route | null = null) {
  const posted: ToPage[] = [];
  const warnings: string[] = [];
  const acted: unknown[] = [];
  const open = new Set<SourceContext<ViewName>>();
  let truth: unknown = { n: 0 };
  let shell: ShellState = { runs: [], trusted: true, hasFolder: true };
  const source = async () =>
    Promise.resolve({
      open: (context: SourceContext<ViewName>) => {
        open.add(context);
        context.publish(truth as never);
        return {
          requests: { ask: async ({ cluster }: { cluster: string }, signal: AbortSignal) => (cluster === 'slow' ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))) : cluster === 'bad' ? Promise.reject(new Error('no such cluster')) : {}) },
          dispose: () => open.delete(context),
        };
      },
    });
  const log = { debug: () => undefined, info: () => undefined, warn: (message: string) => warnings.push(message), error: (message: string) => warnings.push(message), child: () => log };
  const conversation = new Conversation(
    { editor: {}, log, sources: { overview: source, run: source, results: source, plan: source }, words: { Run: 'Lauf' }, language: 'de', post: (message: ToPage) => posted.push(JSON.parse(JSON.stringify(message)) as ToPage), act: (...what: unknown[]) => acted.push(what), title: () => undefined, shell: () => shell } as unknown as ConversationParts,
    route,
  );
  return {
    conversation, posted, warnings, acted, open,
    say: async (message: unknown) => {
      await conversation.receive(message);
      await turn();
    },
    become: (value: unknown) => {
      truth = value;
      for (const context of open) context.publish(value as never);
    },
    setShell: (value: ShellState) => {
      shell = value;
      conversation.shellChanged();
    },
    truth: () => truth,
    shell: () => shell,
  };
}

/** As the page keeps what it is told. */
class Page {
  shell: unknown;
  state: unknown;
  subscription = 0;
  private read = 0;

  take(posted: readonly ToPage[]): void {
    for (const message of posted.slice(this.read)) {
      if (message.type === 'shell') this.shell = applyDifference(this.shell, message.difference);
      if (message.type === 'state' && message.subscription === this.subscription) this.state = applyDifference(this.state, message.difference);
    }
    this.read = posted.length;
  }

  /** What was posted to a page that is gone does not reach the next. */
  reborn(posted: readonly ToPage[]): void {
    this.shell = this.state = undefined;
    this.read = posted.length;
  }

  look(): number {
    this.state = undefined;
    return (this.subscription += 1);
  }
}

const routeTo = (view: ViewName): Route => ({ view, params: {} });

describe('The conversation with the dashboard’s page (unit)', () => {
  it('shows the truth in the end, in whatever order it was hidden, shown, reloaded and changed', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('change' as const), value: fc.dictionary(fc.constantFrom('a', 'b', 'rows'), fc.oneof(fc.nat(3), fc.array(fc.nat(3), { maxLength: 3 }))) }),
      fc.constantFrom({ kind: 'hide' as const }, { kind: 'show' as const }, { kind: 'reload' as const }, { kind: 'look' as const }, { kind: 'blind' as const }),
      fc.record({ kind: fc.constant('shell' as const), trusted: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const its = host();
        const page = new Page();
        let visible = false;
        const begin = async (): Promise<void> => {
          page.reborn(its.posted);
          visible = true;
          await its.say({ type: 'ready' });
          await its.say({ type: 'subscribe', subscription: page.look(), route: routeTo('run') });
        };
        await begin();
        for (const { kind, ...what } of steps) {
          if (kind === 'change') its.become((what as { value: unknown }).value);
          else if (kind === 'shell') its.setShell({ runs: [], trusted: (what as { trusted: boolean }).trusted, hasFolder: true });
          else if (kind === 'hide') {
            its.conversation.hidden();
            visible = false;
            const before = its.posted.length;
            its.become({ ...(its.truth() as object), unseen: before });
            assert.equal(its.posted.length, before, 'nothing is sent while nobody looks');
          } else if (kind === 'show' || kind === 'reload') await begin();
          else if (visible) await its.say({ type: 'subscribe', subscription: page.look(), route: kind === 'blind' ? null : routeTo('overview') });
          if (visible) page.take(its.posted);
          assert.ok(its.open.size <= 1);
        }
        await begin();
        page.take(its.posted);
        assert.deepEqual([page.state, page.shell], [JSON.parse(JSON.stringify(its.truth())), its.shell()]);
        its.conversation.dispose();
        assert.equal(its.open.size, 0);
      }),
      { numRuns: 60 },
    );
  });

  it('sends the page to its first place once, and lets it stay where it was afterwards', async () => {
    const its = host(routeTo('plan'));
    await its.say({ type: 'ready' });
    await its.say({ type: 'ready' });
    assert.deepEqual(its.posted.filter(({ type }) => type === 'start').map((message) => message.type === 'start' && [message.route?.view, message.words, message.language]), [['plan', { Run: 'Lauf' }, 'de'], [undefined, { Run: 'Lauf' }, 'de']]);
    its.conversation.go(routeTo('results'));
    assert.deepEqual(its.posted.at(-1), { type: 'go', route: routeTo('results') });
  });

  it('answers a question, tells a failure as a sentence, and refuses what it does not know', async () => {
    const its = host();
    await its.say({ type: 'ready' });
    await its.say({ type: 'subscribe', subscription: 1, route: routeTo('overview') });
    for (const [id, name, input, subscription] of [[1, 'ask', { cluster: 'a' }, 1], [2, 'ask', { cluster: 'bad' }, 1], [3, 'ask', { cluster: 5 }, 1], [4, 'constructor', {}, 1], [5, 'ask', { cluster: 'a' }, 9]] as const) await its.say({ type: 'request', id, subscription, name, input });
    const answers = its.posted.flatMap((message) => (message.type === 'answer' || message.type === 'refusal' ? [`${message.id} ${message.type}`] : []));
    assert.deepEqual(answers, ['1 answer', '2 refusal', '3 refusal', '4 refusal', '5 refusal']);
    assert.match(its.posted.find((message) => message.type === 'refusal' && message.id === 2 && message.message === 'no such cluster') ? 'told' : 'untold', /^told$/);
  });

  it('gives up questions whose view was left, without an answer', async () => {
    const its = host();
    await its.say({ type: 'ready' });
    await its.say({ type: 'subscribe', subscription: 1, route: routeTo('overview') });
    const asked = its.say({ type: 'request', id: 1, subscription: 1, name: 'ask', input: { cluster: 'slow' } });
    await its.say({ type: 'subscribe', subscription: 2, route: routeTo('run') });
    await asked;
    assert.deepEqual(its.posted.filter(({ type }) => type === 'answer' || type === 'refusal'), []);
  });

  it('drops what does not fit, and hands on only actions that there are', async () => {
    const its = host();
    for (const message of [null, 'ready', { type: 'action', command: 'workbench.action.quit' }, { type: 'action', command: 'resubmit', subject: { kind: 'run', runId: '../../etc' } }, { type: 'subscribe' }]) await its.say(message);
    assert.deepEqual([its.warnings.length, its.acted, its.posted], [5, [], []]);
    await its.say({ type: 'action', command: 'resubmit', subject: { kind: 'run', runId: 'r-1' } });
    assert.deepEqual(its.acted, [['resubmit', { kind: 'run', runId: 'r-1' }]]);
  });
});
