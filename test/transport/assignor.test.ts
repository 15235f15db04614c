import { describe, expect, it } from 'vitest';
import { assignPartitions, type Claimant } from '../../src/transport/assignor.js';
import type { TopicPartition } from '../../src/transport/transport.js';
import { fc } from '../support/properties.js';

const place = (partition: number): TopicPartition => ({ topic: 't', partition });

function member(id: string, claim: Partial<Claimant> = {}): Claimant {
  return { id, topics: ['t'], owned: [], generation: -1, warm: [], ...claim };
}

function deal(members: readonly Claimant[], partitions: number): Record<string, number[]> {
  const assigned = assignPartitions(members, [{ topic: 't', partitions }]);
  return Object.fromEntries(
    [...assigned].map(([id, places]) => [id, places.map(({ partition }) => partition).sort()]),
  );
}

describe('the assignment of partitions', () => {
  it('leaves everybody what they had, as far as that is fair', () => {
    const a = member('a', { owned: [0, 1, 2, 3].map(place), generation: 4 });
    expect(deal([a, member('b')], 4)).toEqual({ a: [0, 1], b: [2, 3] });
    expect(deal([a], 4)).toEqual({ a: [0, 1, 2, 3] });
  });

  it('gives a partition that has lost its owner to who follows it', () => {
    const a = member('a', { owned: [place(0), place(1)], generation: 4 });
    const b = member('b', { owned: [place(2), place(3)], generation: 4, warm: [place(5)] });
    const c = member('c', { owned: [], generation: 4, warm: [place(4)] });
    expect(deal([a, b, c], 6)).toEqual({ a: [0, 1], b: [2, 3], c: [4, 5] });
    const d = { ...b, owned: [place(2)] };
    expect(deal([a, d, c], 6).b).toEqual([2, 5]);
  });

  it('believes the claim of the later generation: the other member was away', () => {
    const frozen = member('a', { owned: [place(0)], generation: 3 });
    const owner = member('b', { owned: [place(0)], generation: 7 });
    expect(deal([frozen, owner], 2)).toEqual({ a: [1], b: [0] });
  });

  it('gives each partition to one member, evenly, whatever is claimed and in whatever order', () => {
    const claim = fc.record({
      owned: fc.uniqueArray(fc.nat(11), { maxLength: 12 }),
      warm: fc.uniqueArray(fc.nat(14), { maxLength: 12 }),
      generation: fc.integer({ min: -1, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(claim, { minLength: 1, maxLength: 6 }),
        fc.nat(12),
        (claims, partitions) => {
          const members = claims.map(({ owned, warm, generation }, i) =>
            member(`m${i}`, { owned: owned.map(place), warm: warm.map(place), generation }),
          );
          const dealt = deal(members, partitions);
          const all = Object.values(dealt).flat();
          expect(all.sort((x, y) => x - y)).toEqual([...Array(partitions).keys()]);
          const counts = Object.values(dealt).map((list) => list.length);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          expect(deal(members.toReversed(), partitions)).toEqual(dealt);
        },
      ),
    );
  });

  it('gives no partition of a topic to who does not read it', () => {
    const members = [member('a', { topics: ['u'] }), member('b', { topics: ['t', 'u'] })];
    const assigned = assignPartitions(members, [
      { topic: 't', partitions: 2 },
      { topic: 'u', partitions: 2 },
      { topic: 'nobody', partitions: 2 },
    ]);
    expect(assigned.get('a')!.every(({ topic }) => topic === 'u')).toBe(true);
    expect([...assigned.values()].flat()).toHaveLength(4);
  });
});
