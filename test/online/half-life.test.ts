import { describe, expect, it } from 'vitest';
import { Pass } from '../../src/evaluate/pass.js';
import { emptyDelta } from '../../src/online/empty-delta.js';
import {
  compareHalfLives,
  HALF_LIVES,
  learnedHalfLife,
} from '../../src/online/encoders/half-life.js';
import { encoderNamed } from '../../src/online/encoders/index.js';
import { encoderParameters } from '../../src/online/encoders/parameters.js';
import { Model } from '../../src/online/model.js';
import { DEFAULT_LEARNER_OPTIONS } from '../../src/online/options.js';
import { Random } from '../../src/online/random.js';
import { createTower } from '../../src/online/tower/backend.js';
import { plainTower } from '../../src/online/tower/plain.js';

const DAY_MS = 86_400_000;

function modelWith(gains: readonly (readonly number[])[]): Model {
  const model = new Model({ seed: 1, dimension: 4, initialScale: 0.02 });
  const source = model.domainIndex('books');
  const blocks = compareHalfLives(
    model,
    gains.map((each) => ({ source, gains: each })),
  );
  model.apply({ ...emptyDelta(), blocks });
  return model;
}

const learned = (gains: readonly (readonly number[])[]): number => {
  const model = modelWith(gains);
  return learnedHalfLife(model, model.domainIndex('books'));
};

describe('the half-life of a domain', () => {
  it('is none before anything was seen, or where nothing is gained', () => {
    expect(learned([])).toBe(0);
    expect(learned(Array(500).fill([-0.1, 0, 0, -0.2]))).toBe(0);
  });

  it('is the one that gains most, of those that surely gain', () => {
    expect(learned(Array(500).fill([0.1, 0.3, 0.2, 0]))).toBe(HALF_LIVES[1]);
    const wild = Array.from({ length: 100 }, (_, i) => [i % 2 === 0 ? 5 : -4.8, 0, 0.05, 0]);
    expect(learned(wild)).toBe(HALF_LIVES[2]);
  });

  it('follows when what was so is so no longer', () => {
    const before = Array(3000).fill([0.2, 0.1, 0, 0]);
    const after = Array(6000).fill([-0.2, 0.1, 0, 0]);
    expect(learned(before)).toBe(HALF_LIVES[0]);
    expect(learned([...before, ...after])).toBe(HALF_LIVES[1]);
  });

  it('lies in the model, in whole numbers, and goes with its delta', () => {
    const model = modelWith(Array(10).fill([0.1, 0.3, 0.2, 0]));
    const digest = model.digest();
    const source = model.domainIndex('books');
    const blocks = compareHalfLives(model, [{ source, gains: [0.123, -4, 1 / 3, 0] }]);
    expect([...blocks[0]!.accumulators].every(Number.isSafeInteger)).toBe(true);
    model.apply({ ...emptyDelta(), blocks });
    expect(model.digest()).not.toBe(digest);
    model.revert({ ...emptyDelta(), blocks });
    expect(model.digest()).toBe(digest);
  });

  it('is what histories in the domain fade by', () => {
    const model = modelWith(Array(500).fill([0, 0.3, 0, 0]));
    model.intern('books', 'old');
    model.intern('books', 'new');
    const histories = {
      slots: 1,
      offsets: Int32Array.of(0, 2),
      rows: Int32Array.of(0, 1),
      weights: Float32Array.of(1, 1),
      ages: Float64Array.of(2 * DAY_MS, 0),
      sources: Int32Array.of(model.domainIndex('books')),
    };
    const parameters = encoderParameters(model, plainTower());
    const encode = (halfLifeDays: number | 'auto') =>
      encoderNamed('mean', { halfLifeDays, weightExponent: 1 }).forward(histories, parameters).x;
    expect(encode('auto')).toEqual(encode(1));
    expect(encode('auto')).not.toEqual(encode(0));
  });
});

describe('a domain where people', () => {
  /** Takes 20 days of people who want things of one of eight groups each day. */
  const learnedFrom = async (groupOf: (user: number, random: Random) => number) => {
    const { tower } = await createTower('wasm');
    const learner = { ...DEFAULT_LEARNER_OPTIONS, seed: 1, dimension: 16 };
    const pass = new Pass(tower, { learner, preprocess: {}, topic: 't', prequential: false });
    const random = Random.of('wishes');
    for (let day = 0; day < 20; day++) {
      for (let user = 0; user < 50; user++) {
        const group = groupOf(user, random);
        for (let n = 0; n < 8; n++) {
          const itemId = `i${group * 10 + random.below(10)}`;
          const occurredAtMs = day * DAY_MS + user * 1000 + n;
          const event = { userId: `u${user}`, itemId, domain: 'books', action: 'like' };
          pass.add({ ...event, value: null, occurredAtMs, eventId: null });
        }
      }
    }
    pass.finish();
    return learnedHalfLife(pass.model, pass.model.findDomain('books'));
  };

  it('want something new each day gets a half-life of less', async () => {
    const days = await learnedFrom((_, random) => random.below(8));
    expect(days).toBeGreaterThan(0);
    expect(days).toBeLessThanOrEqual(1);
  });

  it('want the same each day gets none', async () => {
    expect(await learnedFrom((user) => user % 8)).toBe(0);
  });
});
