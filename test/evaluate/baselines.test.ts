import { describe, expect, it } from 'vitest';
import {
  BASELINES,
  type Baseline,
  likedOf,
  type Taken,
} from '../../src/evaluate/baselines/index.js';
import { Model } from '../../src/online/model.js';
import { User } from '../../src/online/user.js';

/** A world of items a, b, c ... of domain 0 and A, B, C ... of domain 1, one event after the other. */
class World {
  readonly model = new Model({ seed: 1, dimension: 4, initialScale: 0.02 });
  readonly baseline: Baseline;
  private readonly users = new Map<string, User>();

  constructor(name: string) {
    this.baseline = BASELINES[name]!(this.model);
  }

  row(item: string): number {
    return this.model.intern(item === item.toLowerCase() ? 'small' : 'large', item);
  }

  /** `ua` is an event of user u with item a. */
  learn(events: string): void {
    const taken: Taken[] = [];
    for (const [name, item] of events.split(' ').map((event) => [event[0]!, event[1]!] as const)) {
      const user = this.user(name);
      const row = this.row(item);
      const domain = this.model.domainOf(row);
      taken.push({ row, domain, liked: likedOf(user) });
      user.push(row, domain, 1, 0);
      this.model.items.counts[row]!++;
    }
    this.baseline.learn?.(taken);
  }

  /** The candidates, the best first. */
  ranking(name: string, candidates: string): string {
    const rows = Int32Array.from(candidates, (item) => this.row(item));
    const scores = this.scores(name, rows);
    return [...candidates]
      .map((item, i) => ({ item, score: scores[i]! }))
      .sort((a, b) => b.score - a.score)
      .map(({ item }) => item)
      .join('');
  }

  scores(name: string, rows: Int32Array): Float64Array {
    const length = rows.length;
    const scores = new Float64Array(length);
    const domain = this.model.domainOf(rows[0]!);
    const { histories } = this.user(name);
    const [deep, wide] = [new Float32Array(length), new Float64Array(length)];
    this.baseline.score({ domain, histories, rows, length, deep, wide }, scores);
    return scores;
  }

  private user(name: string): User {
    const user = this.users.get(name) ?? new User(name);
    this.users.set(name, user);
    return user;
  }
}

describe('item-knn', () => {
  it('is the cosine of what was seen together, over the items of the user', () => {
    const world = new World('item-knn');
    // With a: b twice, c once. n(a) = 3, n(b) = 2, n(c) = 4.
    world.learn('ua ub va vb wa wc xc yc zc');
    world.learn('ta');
    const rows = Int32Array.from('bc', (item) => world.row(item));
    const scores = world.scores('t', rows);
    // t's own a came alone, but it counts as an event of a: n(a) = 4.
    expect(scores[0]).toBeCloseTo(2 / Math.sqrt(4 * 2), 6);
    expect(scores[1]).toBeCloseTo(1 / Math.sqrt(4 * 4), 6);
  });

  it('goes from one domain to the other', () => {
    const world = new World('item-knn');
    world.learn('ua uA va vA wb wB tb');
    expect(world.ranking('t', 'AB')).toBe('BA');
  });

  it('falls back on popularity where nothing was seen together', () => {
    const world = new World('item-knn');
    world.learn('ua ub vb wb');
    expect(world.ranking('stranger', 'ab')).toBe('ba');
  });
});

describe('recent', () => {
  it('puts what came of late before what was popular long ago', () => {
    const world = new World('recent');
    world.learn(Array(3).fill('ua').join(' '));
    world.learn('ub');
    expect(world.ranking('u', 'ab')).toBe('ab');
    world.learn(Array(3000).fill('uc').join(' '));
    world.learn('ub');
    expect(world.ranking('u', 'abc')).toBe('cba');
  });

  it('counts the events of each domain by themselves, and knows nothing of what never came', () => {
    const world = new World('recent');
    world.learn('ua ua ub');
    const before = world.scores('u', Int32Array.of(world.row('a'), world.row('b')));
    world.learn(Array(5000).fill('uA').join(' '));
    expect(world.scores('u', Int32Array.of(world.row('a'), world.row('b')))).toEqual(before);
    // The sum of two events with half-life 300: both nearly whole.
    expect(2 ** (before[0]! - before[1]!)).toBeCloseTo(2 ** (-2 / 300) + 2 ** (-1 / 300), 9);
    expect(world.scores('u', Int32Array.of(world.row('z')))[0]).toBe(Number.NEGATIVE_INFINITY);
  });
});
