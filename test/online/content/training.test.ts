import { describe, expect, it } from 'vitest';
import { contentDelta } from '../../../src/online/content/delta.js';
import { describeItems } from '../../../src/online/content/describe.js';
import { ContentEncoder } from '../../../src/online/content/encoder.js';
import { simdMemory } from '../../../src/online/kernels/memory.js';
import {
  DEFAULT_LEARNER_OPTIONS,
  Learner,
  type LearnerOptions,
} from '../../../src/online/learner.js';
import { MiniBatch } from '../../../src/online/minibatch.js';
import { Model } from '../../../src/online/model.js';
import { plainTower } from '../../../src/online/tower/plain.js';
import type { Delta } from '../../../src/online/types.js';
import { User } from '../../../src/online/user.js';

const D = 8;
const KEY = 'content/films';
const GENRES = ['Horror', 'Comedy', 'War'];

interface Scene {
  readonly model: Model;
  readonly learner: Learner;
  readonly batch: MiniBatch;
}

/** Users who like films of one genre each; the next likes are in the batch. */
function scene(options: Partial<LearnerOptions> = {}, kernels = false, known = true): Scene {
  const model = new Model(
    { seed: 3, dimension: D, initialScale: 0.3, mode: options.mode ?? 'hybrid' },
    kernels ? simdMemory(D)! : undefined,
  );
  const learner = new Learner(model, plainTower(), {
    dimension: D,
    contentDropout: 0,
    contentL2: 0,
    ...options,
  });
  const encoder = new ContentEncoder(3, D);
  const rows = Array.from({ length: 12 }, (_, i) => model.intern('films', `f${i}`));
  if (known) {
    const items = rows.map((_, i) => {
      const said = {
        title: `film ${i}`,
        categories: [GENRES[i % 3]!],
        tags: [],
        text: null,
        vectors: {},
      };
      return [`films/f${i}`, encoder.encode(said)] as const;
    });
    model.apply(contentDelta(describeItems(model, new Map(items))));
  }
  const users = Array.from({ length: 6 }, (_, u) => new User(`u${u}`));
  const first = new MiniBatch(model);
  const batch = new MiniBatch(model);
  for (let i = 0; i < 48; i++) {
    const user = users[i % 6]!;
    const row = rows[(i % 3) + 3 * ((i * 7) % 4)]!;
    (i < 30 ? first : batch).add(user, row, 1);
    user.push(row, model.domainOf(row), 1, 0);
  }
  model.apply(learner.learn(first, ['first']).delta);
  return { model, learner, batch };
}

/** The first place whose mini-batch takes a step of W_c. */
function stepped({ learner, batch }: Scene): { place: number; delta: Delta } {
  for (let place = 0; ; place++) {
    const { delta } = learner.learn(batch, ['t', place]);
    if (delta.blocks.some(({ key }) => key === KEY)) return { place, delta };
  }
}

describe('learning with content', () => {
  for (const kernels of [false, true]) {
    it(`has the gradient of W_c that differences of the loss tell (${kernels ? 'kernels' : 'loops'})`, () => {
      const rate = 0.02;
      const options = { contentLearningRate: rate, accumulatorStart: 0.5 };
      const made = scene(options, kernels);
      const { model, learner, batch } = made;
      const { place, delta } = stepped(made);
      const block = delta.blocks.find(({ key }) => key === KEY)!;
      const before = model.blockOf(KEY).accumulators.slice();
      const nudge = (at: number, units: number): number => {
        const values = new Int32Array(block.values.length);
        values[at] = units;
        const push = {
          events: 0,
          items: contentDelta({
            keys: [],
            values: new Int32Array(0),
            categories: new Int32Array(0),
          }).items,
          blocks: [{ key: KEY, values, accumulators: new Float64Array(2 * D) }],
        };
        model.apply(push);
        const learned = learner.learn(batch, ['t', place]);
        model.revert(push);
        return learned.loss * learned.examples;
      };
      const step = 1 << 14;
      for (const at of [0, 5, 17, 40, 66, 101, 127]) {
        const row = Math.floor(at / D);
        const n = (before[row]! + block.accumulators[row]!) / 2 ** 30;
        const gradient = (-block.values[at]! / 2 ** 20 / rate) * Math.sqrt(0.5 + n);
        const difference = (nudge(at, step) - nudge(at, -step)) / ((2 * step) / 2 ** 20);
        expect(Math.abs(gradient - difference)).toBeLessThan(0.01 * (0.3 + Math.abs(difference)));
      }
    });
  }

  it('takes no step of W_c that is longer than 1/32, however large its step size; the default is shorter', () => {
    const lengthOf = (options: object): number => {
      const { values } = stepped(scene(options)).delta.blocks.find(({ key }) => key === KEY)!;
      return Math.hypot(...values) / Math.sqrt(values.length) / 2 ** 20;
    };
    expect(lengthOf({})).toBeLessThanOrEqual(DEFAULT_LEARNER_OPTIONS.contentLearningRate);
    expect(lengthOf({ contentLearningRate: 0.1 })).toBeCloseTo(1 / 32, 5);
    expect(lengthOf({ contentLearningRate: 10 })).toBeCloseTo(1 / 32, 5);
  });

  it('leaves model and table as they were', () => {
    for (const options of [{ contentDropout: 0.5 }, { mode: 'content' as const }]) {
      const made = scene(options, true);
      made.model.settle();
      const table = made.model.items.embeddings.slice();
      const digest = made.model.digest();
      made.learner.learn(made.batch, ['t', 1]);
      expect(made.model.items.embeddings.slice(0, table.length)).toEqual(table);
      expect(made.model.digest()).toBe(digest);
    }
  });

  it('gives the same delta whatever was learned in between, and by loops as by kernels', () => {
    const made = scene({ contentDropout: 0.5 });
    const first = made.learner.learn(made.batch, ['t', 1]).delta;
    made.learner.learn(made.batch, ['t', 2]);
    expect(made.learner.learn(made.batch, ['t', 1]).delta).toEqual(first);
    const other = scene({ contentDropout: 0.5 }, true);
    const byKernels = other.learner.learn(other.batch, ['t', 1]).delta;
    expect(byKernels.items.keys).toEqual(first.items.keys);
    for (const [i, value] of byKernels.items.values.entries()) {
      expect(Math.abs(value - first.items.values[i]!)).toBeLessThan(2 ** 10);
    }
  });

  it('does not move embeddings that are hidden, nor in mode content any', () => {
    const own = ({ items }: Delta, i: number) =>
      items.values.subarray(i * (D + 1), (i + 1) * (D + 1) - 1);
    const still = (delta: Delta) =>
      delta.items.keys.filter((_, i) => own(delta, i).every((value) => value === 0)).length;
    const made = scene({ contentDropout: 0.5 });
    const { delta } = made.learner.learn(made.batch, ['t', 1]);
    expect(still(delta)).toBeGreaterThan(1);
    expect(still(delta)).toBeLessThan(delta.items.keys.length - 1);
    const content = scene({ mode: 'content' });
    const { delta: none } = content.learner.learn(content.batch, ['t', 1]);
    expect(still(none)).toBe(none.items.keys.length);
  });

  it('is learning without content where there is none, or the mode says so, to the last bit', () => {
    const plain = scene({}, true, false);
    const { delta } = plain.learner.learn(plain.batch, ['t', 1]);
    expect(delta.blocks.map(({ key }) => key)).not.toContain(KEY);
    const collaborative = scene({ mode: 'collaborative', contentDropout: 0.5 }, true);
    expect(collaborative.learner.learn(collaborative.batch, ['t', 1]).delta).toEqual(delta);
  });

  it('places an item that nobody has touched among those that are like it', () => {
    const made = scene({ contentDropout: 0.5, contentLearningRate: 0.1 });
    const { model, learner, batch } = made;
    for (let i = 0; i < 120; i++) model.apply(learner.learn(batch, ['t', i]).delta);
    const encoder = new ContentEncoder(3, D);
    const said = { title: 'quite another', categories: ['War'], tags: [], text: null, vectors: {} };
    const items = new Map([['films/new', encoder.encode(said)]]);
    model.apply(contentDelta(describeItems(model, items)));
    model.settle();
    const vector = (id: string) => {
      const row = model.find('films', id);
      return model.items.embeddings.subarray(row * D, (row + 1) * D);
    };
    const cosine = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, x, k) => sum + x * b[k]!, 0) / Math.hypot(...a) / Math.hypot(...b);
    const mean = (genre: number) =>
      [0, 1, 2, 3].reduce((sum, i) => sum + cosine(vector('new'), vector(`f${genre + 3 * i}`)), 0) /
      4;
    expect(mean(2)).toBeGreaterThan(Math.max(mean(0), mean(1)));
  });
});
