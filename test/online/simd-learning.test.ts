import { describe, expect, it } from 'vitest';
import { ExampleMaker } from '../../src/online/examples.js';
import { SCRATCH_BYTES, simdMemory } from '../../src/online/kernels/memory.js';
import { simdEntries } from '../../src/online/kernels/simd-entries.js';
import { Learner, type LearnerOptions } from '../../src/online/learner.js';
import { MiniBatch } from '../../src/online/minibatch.js';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import { plainTower } from '../../src/online/tower/plain.js';
import type { Delta } from '../../src/online/types.js';
import { User } from '../../src/online/user.js';

/** Mini-batches by users with histories in three domains; some touches carry no weight. */
function scene(options: Partial<LearnerOptions> & { dimension: number }, seed = 1) {
  const { dimension } = options;
  const memory = simdMemory(dimension)!;
  const model = new Model({ seed, dimension, initialScale: 0.3 }, memory);
  const learner = new Learner(model, plainTower(), options);
  const oracle = new Learner(model, plainTower(), options, { plain: true });
  const random = Random.of('scene', seed);
  const users = Array.from({ length: 12 }, (_, i) => new User(`u${i}`));
  const batch = (events: number): MiniBatch => {
    const made = new MiniBatch(model);
    for (let i = 0; i < events; i++) {
      const user = users[random.below(users.length)]!;
      const domain = ['books', 'films', 'shops'][random.below(3)]!;
      const row = model.intern(domain, `i${random.below(90)}`);
      const weight = random.float() < 0.1 ? 0 : 1 - 0.5 * random.below(2);
      made.add(user, row, weight, i);
      user.push(row, model.domainOf(row), weight, i);
    }
    return made;
  };
  return { memory, model, learner, oracle, batch };
}

/** Largest distance of two columns, for each 2 and a thousandth of their largest value. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  let apart = 0;
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs(a[i]!));
    apart = Math.max(apart, Math.abs(a[i]! - b[i]!));
  }
  return apart / (2 + 1e-3 * largest);
}

/** Square roots: an accumulator is a square of what may be a small difference of large numbers. Of records, with their sign. */
function roots(values: Float64Array): Float64Array {
  return values.map((value) => Math.sign(value) * Math.sqrt(Math.abs(value)));
}

function expectAlike(ours: Delta, theirs: Delta): void {
  expect(ours.items.keys).toEqual(theirs.items.keys);
  expect(ours.items.counts).toEqual(theirs.items.counts);
  expect(distance(ours.items.values, theirs.items.values)).toBeLessThan(1);
  expect(distance(roots(ours.items.accumulators), roots(theirs.items.accumulators))).toBeLessThan(
    1,
  );
  expect(ours.blocks.map(({ key }) => key)).toEqual(theirs.blocks.map(({ key }) => key));
  for (const [i, block] of ours.blocks.entries()) {
    const their = theirs.blocks[i]!;
    expect(distance(block.values, their.values)).toBeLessThan(1);
    expect(distance(roots(block.accumulators), roots(their.accumulators))).toBeLessThan(1);
  }
  expect(ours.neighbours).toEqual(theirs.neighbours);
}

const CASES: readonly (Partial<LearnerOptions> & { dimension: number })[] = [
  { dimension: 32 },
  { dimension: 4, negatives: 3, sharing: 5 },
  { dimension: 12, negatives: 1, sharing: 1 },
  { dimension: 20, negatives: 300, sharing: 2 },
  { dimension: 8, negatives: 7, sharing: 1000, historyDropout: 0 },
  { dimension: 8, encoder: 'gru' },
  { dimension: 16, halfLifeDays: 1e-8, weightExponent: 0.5 },
];

describe('learning by kernels', () => {
  for (const options of CASES) {
    it(`gives what the loops give, for ${JSON.stringify(options)}`, () => {
      const { model, learner, oracle, batch } = scene(options);
      for (let step = 0; step < 12; step++) {
        const made = batch(40);
        const ours = learner.learn(made, ['t', 0, step]);
        const theirs = oracle.learn(made, ['t', 0, step]);
        expect(ours.examples).toBe(theirs.examples);
        expect(Math.abs(ours.loss - theirs.loss)).toBeLessThan(1e-4 * (1 + theirs.loss));
        expectAlike(ours.delta, theirs.delta);
        model.apply(theirs.delta);
      }
    });
  }

  it.each([0, 0.3, 0.5, 1])('drops the entries that the loops drop, with probability %s', (p) => {
    const { batch } = scene({ dimension: 4 });
    const options = { ownDomainDropout: 0.5, singleSource: 0.2, historyDropout: p, replay: 2 };
    const [plain, kernels] = [new ExampleMaker(options), new ExampleMaker(options, simdEntries()!)];
    for (const [step, events] of [3, 400, 40, 0].entries()) {
      const made = batch(events);
      const theirs = plain.make(made, Random.of(step));
      expect(kernels.make(made, Random.of(step))).toEqual(theirs);
      if (events === 400 && p < 1) expect(theirs.histories.slots).toBeGreaterThan(0);
    }
  });

  it('gives the same bits again, however much memory was used in between', () => {
    const { model, learner, batch } = scene({ dimension: 32 });
    for (let step = 0; step < 4; step++) model.apply(learner.learn(batch(40), [step]).delta);
    const made = batch(30);
    const first = learner.learn(made, ['again']).delta;
    learner.learn(batch(1_000), ['large']);
    expect(learner.learn(made, ['again']).delta).toEqual(first);
  });

  it('has the loss of the loops, whatever a scan left in its scratch', () => {
    const { memory, model, learner, oracle, batch } = scene({ dimension: 8 });
    model.apply(learner.learn(batch(60), [0]).delta);
    const made = batch(60);
    const { buffer, scratchStart } = memory;
    new Uint8Array(buffer, scratchStart, SCRATCH_BYTES - scratchStart).fill(255);
    const theirs = oracle.learn(made, [1]).loss;
    expect(theirs).toBeGreaterThan(0);
    expect(learner.learn(made, [1]).loss).toBeCloseTo(theirs, 4);
  });

  it('keeps to the bounds of weights', () => {
    const { model, learner, oracle, batch } = scene({ dimension: 8, learningRate: 30 });
    for (let step = 0; step < 6; step++) {
      const made = batch(40);
      const { delta } = learner.learn(made, [step]);
      expectAlike(delta, oracle.learn(made, [step]).delta);
      model.apply(delta);
    }
    const { embeddings, size } = model.items;
    const weights = embeddings.subarray(0, size * 8);
    expect(Math.max(...weights.map(Math.abs))).toBe(8);
  });

  it('shows what is not finite in an accumulator', () => {
    const { model, learner, batch } = scene({ dimension: 8 });
    model.apply(learner.learn(batch(60), [0]).delta);
    model.items.embeddings.fill(Number.NaN, 0, 8);
    const { delta } = learner.learn(batch(60), [1]);
    expect(delta.items.accumulators.some(Number.isNaN)).toBe(true);
  });
});
