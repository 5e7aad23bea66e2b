import * as assert from 'node:assert/strict';
import { bestPoints, guessBetter, guessMetric, isClearlyApart } from '../../../../../webview/model/results/bestPoints.ts';
import { compareResults } from '../../../../../webview/model/results/compare.ts';
import { effectsOf } from '../../../../../webview/model/results/effects.ts';
import { goodness, heatMapOf } from '../../../../../webview/model/results/heatMap.ts';
import { averagedOver, canonical, repetitionsIn } from '../../../../../webview/model/results/points.ts';
import { grid, point, spread } from './points.ts';

describe('Points and repetitions (unit)', () => {
  it('knows by the name what only repeats an experiment', () => {
    assert.deepEqual(repetitionsIn(['alpha', 'seed', 'random_state', 'rep', 'fold', 'seedling', 'reps', 'report', 'cv_fold']), ['seed', 'random_state', 'rep', 'fold', 'reps', 'cv_fold']);
  });

  it('gives equal parameters one name whatever their order', () => {
    assert.equal(canonical({ a: 1, b: [2, { d: 1, c: 2 }] }), canonical({ b: [2, { c: 2, d: 1 }], a: 1 }));
    assert.notEqual(canonical({ a: 1 }), canonical({ a: '1' }));
  });

  it('averages over repetitions and tells how far they lay apart', () => {
    const points = grid({ x: [1, 2], seed: [1, 2, 3] }, ({ x, seed }) => 10 * x + seed);
    const averaged = averagedOver(points, ['seed'], ['m']);
    assert.deepEqual(averaged.map(({ parameters, metrics, tasks }) => [parameters, metrics, tasks]), [[{ x: 1 }, { m: 12 }, [0, 1, 2]], [{ x: 2 }, { m: 22 }, [3, 4, 5]]]);
    assert.deepEqual(averaged[0]?.spread.m, { count: 3, std: 1, min: 11, max: 13 });
  });

  it('puts spreads of several tasks together as if all had been seen at once', () => {
    // 1, 3 and 5, 7, 9: mean 5, variance 10.
    const points = [point({ seed: 1 }, { m: 2 }, { spread: { m: spread(2, Math.SQRT2, 1, 3) } }), point({ seed: 2 }, { m: 7 }, { spread: { m: spread(3, 2, 5, 9) } })];
    const [one] = averagedOver(points, ['seed'], ['m']);
    assert.equal(one?.metrics.m, 5);
    assert.ok(Math.abs((one?.spread.m?.std ?? 0) - Math.sqrt(10)) < 1e-12);
    assert.deepEqual([one?.spread.m?.count, one?.spread.m?.min, one?.spread.m?.max], [5, 1, 9]);
  });

  it('has no mean where one repetition has no number, and is not whole while one is missing', () => {
    const points = [point({ x: 1, seed: 1 }, { m: 1 }), point({ x: 1, seed: 2 }, { m: null }), point({ x: 2, seed: 1 }, { m: 5 })];
    const [first, second] = averagedOver(points, ['seed'], ['m']);
    assert.equal(first?.metrics.m, null);
    assert.equal(first?.spread.m?.count, 1);
    assert.equal(second?.metrics.m, 5);
    assert.equal(second?.whole, false);
  });
});

describe('The best points (unit)', () => {
  it('guesses which way a metric is good', () => {
    for (const name of ['rmse', 'val.loss', 'error_rate', 'test_mae', 'seconds']) assert.equal(guessBetter(name), 'lower', name);
    for (const name of ['accuracy', 'val_acc', 'test.auc', 'valAccuracy', 'r2', 'mean_reward']) assert.equal(guessBetter(name), 'higher', name);
  });

  it('guesses the metric that a reader means', () => {
    assert.equal(guessMetric(['mae', 'n_samples', 'rmse']), 'rmse');
    assert.equal(guessMetric(['epoch_time', 'train.loss', 'val.loss']), 'val.loss');
    assert.equal(guessMetric(['double']), 'double');
    assert.equal(guessMetric([]), undefined);
  });

  it('leaves out what has no number, whichever way is good', () => {
    const points = [point({ x: 1 }, { m: 3 }), point({ x: 2 }, { m: null }), point({ x: 3 }, { m: 1 }), point({ x: 4 }, {}), point({ x: 5 }, { m: 2 })];
    assert.deepEqual(bestPoints(points, 'm', 'lower', 2).map(({ parameters }) => parameters.x), [3, 5]);
    assert.deepEqual(bestPoints(points, 'm', 'higher', 9).map(({ parameters }) => parameters.x), [1, 5, 3]);
  });

  it('calls a difference clear only beyond the spread of repetitions', () => {
    assert.equal(isClearlyApart({ mean: 1, std: 0.1, count: 4 }, { mean: 2, std: 0.1, count: 4 }), true);
    assert.equal(isClearlyApart({ mean: 1, std: 1, count: 4 }, { mean: 2, std: 1, count: 4 }), false);
    assert.equal(isClearlyApart({ mean: 1, std: 0, count: 1 }, { mean: 2, std: 0, count: 4 }), undefined);
  });
});

describe('Effects of parameters (unit)', () => {
  it('gives all of the variance to the one parameter that matters', () => {
    const effects = effectsOf(grid({ a: [1, 2, 3], b: ['x', 'y'] }, ({ a }) => a), ['b', 'a'], 'm');
    assert.deepEqual(effects.map(({ parameter, share }) => [parameter, share]), [['a', 1], ['b', 0]]);
    assert.deepEqual(effects[0]?.levels.map(({ label, mean, count, std }) => [label, mean, count, std]), [['1', 1, 2, null], ['2', 2, 2, null], ['3', 3, 2, null]]);
  });

  it('shares it between parameters that add up', () => {
    const effects = effectsOf(grid({ a: [0, 1], b: [0, 1] }, ({ a, b }) => 2 * a + b), ['a', 'b'], 'm');
    assert.deepEqual(effects.map(({ share }) => share), [0.8, 0.2]);
  });

  it('shows the spread of repetitions, pooled, and not that of the other parameters', () => {
    const points = averagedOver(grid({ a: [0, 1], b: [0, 100], seed: [1, 2] }, ({ a, b, seed }) => a + b + seed), ['seed'], ['m']);
    const effect = effectsOf(points, ['a', 'b'], 'm').find(({ parameter }) => parameter === 'a');
    assert.ok(Math.abs((effect?.levels[0]?.std ?? 0) - Math.SQRT1_2) < 1e-12);
    assert.deepEqual([effect?.levels[0]?.min, effect?.levels[0]?.max], [1.5, 101.5]);
  });

  it('leaves out parameters of one value, and says where groups are unequal or not whole', () => {
    const points = [point({ a: 1, b: 1 }, { m: 1 }), point({ a: 1, b: 2 }, { m: 2 }, { whole: false }), point({ a: 2, b: 1 }, { m: 3 })].map((one) => ({ ...one, parameters: { ...one.parameters, c: 7 } }));
    const effects = effectsOf(points, ['a', 'b', 'c'], 'm');
    assert.deepEqual(effects.map(({ parameter }) => parameter).sort(), ['a', 'b']);
    const a = effects.find(({ parameter }) => parameter === 'a');
    assert.equal(a?.balanced, false);
    assert.deepEqual(a?.levels.map(({ whole }) => whole), [false, true]);
  });

  it('has no share where nothing varies, and nothing where there is no number', () => {
    assert.equal(effectsOf(grid({ a: [1, 2] }, () => 5), ['a'], 'm')[0]?.share, null);
    assert.deepEqual(effectsOf(grid({ a: [1, 2] }, () => null), ['a'], 'm'), []);
  });
});

describe('The heat map (unit)', () => {
  const points = grid({ a: [1, 2], b: ['x', 'y'], c: [0, 1] }, ({ a, c }) => a + 10 * c);

  it('averages over the others, or takes the best of them, and names them', () => {
    const mean = heatMapOf(points, ['a', 'b', 'c'], { x: 'a', y: 'b' }, 'm', 'mean', 'lower');
    assert.deepEqual(mean?.cells.map(({ column, row, value, count }) => [column, row, value, count]), [[0, 0, 6, 2], [0, 1, 6, 2], [1, 0, 7, 2], [1, 1, 7, 2]]);
    assert.deepEqual(mean?.others, ['c']);
    const best = heatMapOf(points, ['a', 'b', 'c'], { x: 'a', y: 'b' }, 'm', 'best', 'higher');
    assert.deepEqual(best?.cells.map(({ value }) => value), [11, 11, 12, 12]);
    assert.deepEqual([best?.low, best?.high], [11, 12]);
  });

  it('has no cell where there is no point', () => {
    const cells = heatMapOf(points.filter(({ parameters }) => parameters.a === 1 || parameters.b === 'x'), ['a', 'b', 'c'], { x: 'a', y: 'b' }, 'm', 'mean', 'lower')?.cells;
    assert.equal(cells?.length, 3);
    assert.equal(heatMapOf([], ['a'], { x: 'a', y: 'b' }, 'm', 'mean', 'lower'), undefined);
  });

  it('colours by what is good', () => {
    assert.equal(goodness(1, 1, 3, 'lower'), 1);
    assert.equal(goodness(1, 1, 3, 'higher'), 0);
    assert.equal(goodness(2, 2, 2, 'lower'), 0.5);
  });
});

describe('Two runs (unit)', () => {
  const side = (points: ReturnType<typeof grid>, parameters: readonly string[]): Parameters<typeof compareResults>[0] => ({ points, parameters, metrics: ['m'] });

  it('matches points by what both runs have', () => {
    const now = side(grid({ a: [1, 2, 3] }, ({ a }) => a), ['a']);
    const before = side(grid({ a: [2, 3, 4], old: [0, 1] }, ({ a, old }) => a + old), ['a', 'old']);
    const found = compareResults(now, before, 'm', 'lower');
    assert.deepEqual(found.parameters, ['a']);
    assert.deepEqual(found.pairs.map(({ parameters, now: value, before: past, verdict }) => [parameters.a, value, past, verdict]), [[2, 2, 2.5, 'better'], [3, 3, 3.5, 'better']]);
    assert.deepEqual([found.onlyNow, found.onlyBefore], [1, 1]);
    assert.ok(Math.abs((found.medianRelative ?? 0) - (-0.2 + -0.5 / 3.5) / 2) < 1e-12);
  });

  it('judges by the direction that is good, and says when it may be chance', () => {
    const noisy = (m: number): ReturnType<typeof point> => point({ a: 1 }, { m }, { spread: { m: spread(4, 1) } });
    const found = compareResults(side([noisy(5)], ['a']), side([noisy(4.5)], ['a']), 'm', 'higher');
    assert.deepEqual(found.pairs.map(({ verdict, clear }) => [verdict, clear]), [['better', false]]);
    assert.equal(compareResults(side([noisy(5)], ['a']), side([noisy(4.5)], ['a']), 'm', 'lower').pairs[0]?.verdict, 'worse');
    assert.equal(compareResults(side([point({ a: 1 }, { m: 1 })], ['a']), side([point({ a: 1 }, { m: 1 })], ['a']), 'm', 'lower').pairs[0]?.clear, undefined);
  });

  it('compares nothing where a number is missing', () => {
    const found = compareResults(side([point({ a: 1 }, { m: null })], ['a']), side([point({ a: 1 }, { m: 1 })], ['a']), 'm', 'lower');
    assert.deepEqual([found.pairs.length, found.onlyNow, found.onlyBefore, found.medianRelative], [0, 0, 0, null]);
  });
});
