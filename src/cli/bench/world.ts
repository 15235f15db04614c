import { Random } from '../../online/random.js';
import type { BehaviorEvent } from '../../online/types.js';

/** Draws whole numbers in [0, n) by Zipf's law: the probability of k is proportional to 1 / (k + 1). */
export class Zipf {
  readonly #cumulative: Float64Array;

  constructor(n: number) {
    this.#cumulative = new Float64Array(n);
    let sum = 0;
    for (let k = 0; k < n; k++) {
      sum += 1 / (k + 1);
      this.#cumulative[k] = sum;
    }
  }

  draw(random: Random): number {
    const cumulative = this.#cumulative;
    const point = random.float() * cumulative.at(-1)!;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! > point) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

export interface WorldOptions {
  readonly seed: number;
  readonly users: number;
  readonly domains: readonly string[];
  readonly itemsPerDomain: number;
}

/** The world of the issue: 5,000 users, two domains. */
export const WORLD: Omit<WorldOptions, 'itemsPerDomain'> = {
  seed: 1,
  users: 5_000,
  domains: ['books', 'films'],
};

/**
 * A made-up stream: users and items by Zipf's law, domains in equal parts. Each user likes the items
 * around a place of their own, the same in all domains, in half of their events: there is something
 * to be learned, and to be carried over. The same options give the same events.
 */
export class World {
  readonly options: WorldOptions;
  readonly #random: Random;
  readonly #users: Zipf;
  readonly #items: Zipf;

  constructor(options: WorldOptions) {
    this.options = options;
    this.#random = Random.of('bench', options.seed);
    this.#users = new Zipf(options.users);
    this.#items = new Zipf(options.itemsPerDomain);
  }

  /** The next event: a purchase, without value and eventId. */
  event(occurredAtMs: number): BehaviorEvent {
    const { domains, itemsPerDomain } = this.options;
    const user = this.#users.draw(this.#random);
    const domain = domains[this.#random.below(domains.length)]!;
    let item = this.#items.draw(this.#random);
    if (this.#random.float() < 0.5) item = (item + user * 37) % itemsPerDomain;
    return {
      userId: `user-${user}`,
      itemId: `item-${item}`,
      domain,
      action: 'purchase',
      value: null,
      occurredAtMs,
      eventId: null,
    };
  }
}
