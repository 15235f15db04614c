import { describe, expect, it } from 'vitest';
import { Random } from '../../src/online/random.js';
import { createTower } from '../../src/online/tower/backend.js';
import { ranked, type Touch, World } from '../online/learner-world.js';

const ITEMS = 60;
const LATENT = 3;

/** Two domains joined by a known mapping: a user of taste u likes books by u · p, films by (u M) · q. */
class Planted {
  readonly random = Random.of('planted', 1);
  readonly books = this.vectors(ITEMS);
  readonly films = this.vectors(ITEMS);
  /** A rotation. */
  readonly mapping = [
    [0, 1, 0],
    [0, 0, -1],
    [1, 0, 0],
  ];

  *user(id: string, books: number, films: number): Generator<Touch> {
    const taste = this.vectors(1)[0]!;
    const mapped = taste.map((_, k) =>
      taste.reduce((sum, u, i) => sum + u * this.mapping[i]![k]!, 0),
    );
    for (let n = 0; n < Math.max(books, films); n++) {
      if (n < books) yield { user: id, domain: 'books', item: `${this.pick(taste, this.books)}` };
      if (n < films) yield { user: id, domain: 'films', item: `${this.pick(mapped, this.films)}` };
    }
  }

  /** Of length one, so that no item is liked by everyone. */
  private vectors(n: number): number[][] {
    return Array.from({ length: n }, () => {
      const vector = Array.from({ length: LATENT }, () => this.random.normal());
      const length = Math.hypot(...vector);
      return vector.map((value) => value / length);
    });
  }

  /** By the softmax of five times the product. */
  private pick(taste: readonly number[], items: readonly (readonly number[])[]): number {
    const weights = items.map((item) =>
      Math.exp(5 * item.reduce((sum, value, k) => sum + value * taste[k]!, 0)),
    );
    let point = this.random.float() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of weights.entries()) {
      point -= weight;
      if (point < 0) return index;
    }
    return items.length - 1;
  }
}

describe('a planted mapping between two domains', () => {
  it('is learned: users new to the one are ranked far better than by popularity', async () => {
    const { tower } = await createTower('wasm');
    const world = new World({ dimension: 16, miniBatch: 64 }, 1, tower);
    const planted = new Planted();
    const list: Touch[] = [];
    for (let u = 0; u < 300; u++) list.push(...planted.user(`u${u}`, 8, 8));
    world.feed(list);

    let hits = 0;
    let popular = 0;
    let tests = 0;
    for (let u = 0; u < 60; u++) {
      const touches = [...planted.user(`cold${u}`, 8, 4)];
      world.feed(touches.filter(({ domain }) => domain === 'books'));
      const byUs = ranked(world.scores(`cold${u}`, 'films')).slice(0, 5);
      const byPopularity = ranked(world.scores('stranger', 'films')).slice(0, 5);
      for (const { domain, item } of touches) {
        if (domain !== 'films') continue;
        tests++;
        if (byUs.includes(item)) hits++;
        if (byPopularity.includes(item)) popular++;
      }
    }
    expect(tests).toBe(240);
    expect(hits / tests).toBeGreaterThan(2 * (popular / tests));
  }, 30_000);
});
