import { describe, expect, it } from 'vitest';
import { emptyDelta } from '../../src/online/empty-delta.js';
import { meanEncoder } from '../../src/online/encoders/mean.js';
import { solveInPlace } from '../../src/online/fitting/cholesky.js';
import { compareWays, takesFitted } from '../../src/online/fitting/ways.js';
import type { LearnerOptions } from '../../src/online/learner.js';
import type { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import { QueryBatch } from '../../src/online/serving/queries.js';
import { plainTower } from '../../src/online/tower/plain.js';
import { type Touch, World } from './learner-world.js';

const D = 4;
const RIDGE = 2;
/** Embeddings stand still, so that what was fitted of them can be told again. */
const STILL = {
  dimension: D,
  initialScale: 0.7,
  learningRate: 0,
  biasLearningRate: 0,
  denseLearningRate: 0,
  halfLifeDays: 0,
  fitL2: RIDGE,
};

/** Users who like things here, then there, then here again. */
function sharedUsers(n: number, seed: number): Touch[] {
  const random = Random.of('shared', seed);
  return Array.from({ length: n }, (_, i) => {
    const user = `u${random.below(12)}`;
    const domain = random.below(2) === 0 ? 'here' : 'there';
    return { user, domain, item: `${i % 7}`, weight: 1 };
  });
}

/** A world that notes down, of each user whom a step looks at, the rows of the histories here and there as of then. */
class NotingWorld extends World {
  readonly drawn: { here: number[]; there: number[] }[] = [];

  constructor(options: Partial<LearnerOptions>, seed: number) {
    super(options, seed);
    const draw = this.users.drawOverlapping.bind(this.users);
    this.users.drawOverlapping = (random) => {
      const user = draw(random);
      const rows = (domain: string) => [...user!.history(this.model.domainIndex(domain))!.rows];
      if (user !== undefined) this.drawn.push({ here: rows('here'), there: rows('there') });
      return user;
    };
  }

  /** Mini-batch by mini-batch: one user alone was drawn where no step was made. */
  override feed(touches: readonly Touch[]): this {
    const { miniBatch } = this.learner.options;
    for (let from = 0; from < touches.length; from += miniBatch) {
      const before = this.drawn.length;
      super.feed(touches.slice(from, from + miniBatch));
      if (this.drawn.length === before + 1) this.drawn.pop();
    }
    return this;
  }
}

/** What least squares come to over the interests of users. */
function leastSquares(world: NotingWorld): Float64Array {
  const e = D + 1;
  const gram = new Float64Array(e * e);
  const right = new Float64Array(e * D);
  const interest = (rows: readonly number[]): number[] =>
    Array.from({ length: D }, (_, k) => {
      const sum = rows.reduce((s, row) => s + world.model.items.embeddings[row * D + k]!, 0);
      return sum / Math.sqrt(rows.length);
    });
  for (const { here, there } of world.drawn) {
    const weight = 1 / Math.sqrt(there.length);
    const h = [...interest(here), 1];
    const k = interest(there);
    for (let i = 0; i < e; i++) {
      for (let j = 0; j < e; j++) gram[i * e + j]! += weight * h[i]! * h[j]!;
      for (let j = 0; j < D; j++) right[i * D + j]! += weight * h[i]! * k[j]!;
    }
  }
  for (let i = 0; i < e; i++) gram[i * e + i]! += RIDGE;
  for (let i = 0; i < D; i++) right[i * D + i]! += RIDGE;
  solveInPlace(gram, e, right, D);
  return right;
}

describe('least squares', () => {
  it('solves a system that can be told by hand', () => {
    const b = Float64Array.of(10, 1, 8, 2);
    solveInPlace(Float64Array.of(4, 2, 2, 3), 2, b, 2);
    [1.75, -0.125, 1.5, 0.75].forEach((x, i) => {
      expect(b[i]).toBeCloseTo(x, 12);
    });
  });

  it('says so where a system has no such solution', () => {
    const b = Float64Array.of(1, 2);
    expect(solveInPlace(Float64Array.of(1, 2, 2, 1), 2, b, 1)).toBe(false);
    expect(b).toEqual(Float64Array.of(1, 2));
  });
});

/** So many probes in which M was so much better than A on the way from here to there. */
function probed(model: Model, gain: number, times: number): boolean {
  const [source, target] = [model.domainIndex('here'), model.domainIndex('there')];
  const probes = Array.from({ length: times }, () => ({ source, target, gain }));
  model.apply({ ...emptyDelta(), blocks: compareWays(model, probes) });
  return takesFitted(model, source, target);
}

describe('the way of newcomers', () => {
  const modelOf = () => new World({ dimension: D }).model;

  it('is the fitted one, until the other is clearly better', () => {
    expect(probed(modelOf(), 0, 0)).toBe(true);
    expect(probed(modelOf(), -0.05, 1000)).toBe(true);
    // Clear, but not sure.
    expect(probed(modelOf(), -0.3, 3)).toBe(true);
    expect(probed(modelOf(), -0.3, 5)).toBe(false);
  });

  it('forgets what was before', () => {
    const model = modelOf();
    expect(probed(model, 0.02, 5000)).toBe(true);
    expect(probed(model, -0.3, 100)).toBe(true);
    expect(probed(model, -0.3, 200)).toBe(false);
    expect(probed(model, 0, 500)).toBe(true);
  });

  it('is looked at in probes of those who come from elsewhere, in either direction', () => {
    const { model } = new World({ dimension: D, miniBatch: 64 }).feed(sharedUsers(2000, 4));
    for (const key of ['way/here/there', 'way/there/here']) {
      const { accumulators } = model.blockOf(key);
      // Σ gain² and the number of probes.
      expect(accumulators[1], key).toBeGreaterThan(0);
      expect(accumulators[2]! * 2 ** -20, key).toBeGreaterThan(20);
    }
    const without = new World({ dimension: D, fitMemory: 0 }).feed(sharedUsers(500, 4));
    expect([...without.model.blocks()].some(([key]) => key.startsWith('way/'))).toBe(false);
  });
});

describe('a fitted mapping', () => {
  // Mini-batches of 64 are all looked at.
  const touches = sharedUsers(64 * 48, 3).map((touch, i) =>
    i % 4 === 0 ? touch : { ...touch, user: `alone-${i}` },
  );
  const world = new NotingWorld({ ...STILL, miniBatch: 64 }, 5).feed(touches);

  it('is what least squares over all users come to that were drawn', () => {
    expect(world.drawn.length).toBeGreaterThan(4 * 64);
    const wanted = leastSquares(world);
    const fitted = world.model.block('fit/here/there');
    expect(fitted.length).toBe((D + 1) * D);
    expect(fitted[0]).toBeLessThan(0.9);
    for (let i = 0; i < fitted.length; i++) expect(fitted[i]).toBeCloseTo(wanted[i]!, 3);
  });

  it('forgets what is old where it may', () => {
    const short = new World({ ...STILL, miniBatch: 64, fitMemory: 1 }, 5).feed(touches);
    expect(short.model.block('fit/here/there')).not.toEqual(world.model.block('fit/here/there'));
  });

  it('makes shorter steps where moments are such as no data have', () => {
    const spoilt = new World({ ...STILL, miniBatch: 64 }, 5).feed(touches.slice(0, 256));
    const { model } = spoilt;
    const accumulators = new Float64Array(D + 1);
    const values = new Int32Array((D + 1) ** 2);
    for (let k = 0; k <= D; k++) values[k * (D + 2)] = -(2 ** 19);
    model.apply({ ...emptyDelta(), blocks: [{ key: 'moments/here/there', values, accumulators }] });
    const before = model.block('fit/here/there').slice();
    spoilt.feed(touches.slice(256));
    const after = model.block('fit/here/there');
    expect(after).not.toEqual(before);
    for (let i = 0; i < after.length; i++)
      expect(Math.abs(after[i]! - before[i]!)).toBeLessThan(0.5);
  });

  it('leads to the query of users who are new in a domain, and of nobody else', () => {
    const { model } = world;
    const there = model.domainIndex('there');
    const queryOf = (id: string, isFitted: boolean): number[] => {
      const batch = new QueryBatch(model, meanEncoder, isFitted);
      batch.addTarget(batch.addUser(world.user(id)), there);
      return Array.from(batch.run(plainTower()).query);
    };
    world.feed([{ user: 'new', domain: 'here', item: '3' }]);
    const at = model.find('here', '3') * D;
    const x = [...model.items.embeddings.slice(at, at + D), 1];
    const fitted = model.block('fit/here/there');
    const query = queryOf('new', true);
    for (let k = 0; k < D; k++) {
      const wanted = x.reduce((sum, value, i) => sum + value * fitted[i * D + k]!, 0);
      expect(query[k]).toBeCloseTo(wanted, 5);
    }
    expect(query).not.toEqual(queryOf('new', false));
    const known = [...world.users.values()].find((user) => user.history(there) !== undefined)!;
    expect(queryOf(known.id, true)).toEqual(queryOf(known.id, false));
    // Where the tower ranks clearly better they go through that, as all others do.
    probed(model, -0.3, 100);
    expect(queryOf('new', true)).toEqual(queryOf('new', false));
  });

  it('is not fitted where nothing is to be remembered', () => {
    const without = new World({ ...STILL, miniBatch: 64, fitMemory: 0 }, 5).feed(touches);
    const kinds = [...without.model.blocks()].map(([key]) => key.split('/')[0]);
    expect(kinds).not.toContain('fit');
    expect(kinds).not.toContain('moments');
  });
});
