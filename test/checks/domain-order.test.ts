import { describe, expect, test } from 'vitest';
import { Random } from '../../src/online/random.js';
import { type Touch, World } from '../online/learner-world.js';
import { availableTowers } from './backends.js';

const domains = ['books', 'films', 'shops', 'apps'];

function touches(count: number): Touch[] {
  const random = Random.of('domain-order');
  return Array.from({ length: count }, () => ({
    user: `u${random.below(20)}`,
    domain: domains[random.below(domains.length)]!,
    item: `i${random.below(30)}`,
  }));
}

// A restored process meets the domains in another order than the one that it takes over from.
describe.each(availableTowers)('on $name', ({ tower }) => {
  test('the order in which the domains were met does not change a bit', () => {
    const live = new World({ miniBatch: 32, dimension: 16 }, 1, tower);
    const restored = new World({ miniBatch: 32, dimension: 16 }, 1, tower);
    for (const domain of domains) restored.model.domainIndex(domain);
    const events = touches(640);
    expect(restored.feed(events).model.digest()).toBe(live.feed(events).model.digest());
  });
});
