import assert from 'node:assert/strict';
import { runWizard, type Place, type Step, type StepAnswer } from '../../../../../src/surfaces/vscode/sweep/wizard.ts';

type State = Readonly<Record<string, string>>;

/** Steps that answer from a script and note where they were asked. */
function scripted(names: readonly string[], script: (name: string, visit: number, state: State) => StepAnswer<State>, applies: Readonly<Record<string, (state: State) => boolean>> = {}): { steps: Step<State>[]; asked: [string, Place][] } {
  const asked: [string, Place][] = [];
  const visits = new Map<string, number>();
  const steps = names.map((name): Step<State> => {
    const rule = applies[name];
    return {
      name,
      ...(rule ? { applies: rule } : {}),
      ask: (state, place) => {
        asked.push([name, place]);
        const visit = (visits.get(name) ?? 0) + 1;
        visits.set(name, visit);
        return Promise.resolve(script(name, visit, state));
      },
    };
  });
  return { steps, asked };
}

const next = (state: State): StepAnswer<State> => ({ kind: 'next', state });

describe('The guide of several steps (unit)', () => {
  it('goes through all steps and counts them', async () => {
    const { steps, asked } = scripted(['a', 'b', 'c'], (name, _visit, state) => next({ ...state, [name]: name }));
    assert.deepEqual(await runWizard({}, steps), { a: 'a', b: 'b', c: 'c' });
    assert.deepEqual(asked.map(([name, { step, totalSteps, canGoBack }]) => [name, step, totalSteps, canGoBack]), [['a', 1, 3, false], ['b', 2, 3, true], ['c', 3, 3, true]]);
  });

  it('goes back to the step before with what was typed since', async () => {
    const { steps, asked } = scripted(['a', 'b', 'c'], (name, visit, state) => (name === 'c' && visit === 1 ? { kind: 'back', state: { ...state, c: 'half' } } : next({ ...state, [name]: `${name}${visit}` })));
    assert.deepEqual(await runWizard({}, steps), { a: 'a1', b: 'b2', c: 'c2' });
    assert.deepEqual(asked.map(([name]) => name), ['a', 'b', 'c', 'b', 'c']);
  });

  it('passes over a step that does not apply, in both directions', async () => {
    const { steps, asked } = scripted(['a', 'b', 'c'], (name, visit, state) => (name === 'c' && visit === 1 ? { kind: 'back', state } : next(state)), { b: () => false });
    await runWizard({}, steps);
    assert.deepEqual(asked.map(([name, { step, totalSteps }]) => [name, step, totalSteps]), [['a', 1, 2], ['c', 2, 2], ['a', 1, 2], ['c', 2, 2]]);
  });

  it('passes over a step that had nothing to ask, when going back, too, and does not count it', async () => {
    const { steps, asked } = scripted(['a', 'b', 'c'], (name, visit, state) => (name === 'b' ? { kind: 'pass', state } : name === 'c' && visit === 1 ? { kind: 'back', state } : next(state)));
    await runWizard({}, steps.map((step): Step<State> => (step.name === 'b' ? { ...step, rare: true } : step)));
    assert.deepEqual(asked.filter(([name]) => name !== 'b').map(([name, { step, totalSteps }]) => [name, step, totalSteps]), [['a', 1, 2], ['c', 2, 2], ['a', 1, 2], ['c', 2, 2]]);
  });

  it('ends without an answer when the user leaves, and reports every state on the way', async () => {
    const seen: State[] = [];
    const { steps } = scripted(['a', 'b'], (name, _visit, state) => (name === 'b' ? { kind: 'leave' } : next({ ...state, a: '1' })));
    assert.equal(await runWizard({}, steps, (state) => seen.push(state)), undefined);
    assert.deepEqual(seen, [{ a: '1' }]);
  });

  it('asks the first step again when Back is pressed there', async () => {
    const { steps, asked } = scripted(['a'], (_name, visit, state) => (visit === 1 ? { kind: 'back', state } : next(state)));
    await runWizard({}, steps);
    assert.equal(asked.length, 2);
  });
});
