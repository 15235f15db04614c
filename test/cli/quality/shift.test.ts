import { describe, expect, it } from 'vitest';
import { recovery } from '../../../src/cli/quality/sections/shift.js';
import { shiftStream } from '../../../src/cli/quality/shift-stream.js';

describe('the planted stream', () => {
  const [head, ...rows] = shiftStream(20_000, 10_000, 1).trimEnd().split('\n');
  const events = rows.map((row) => {
    const [user, item, domain, sequence] = row.split(',') as [string, string, string, string];
    return { user, group: Math.floor(Number(item.slice(1)) / 50), domain, at: Number(sequence) };
  });

  /** How often a user's group there is that many groups from most of theirs here. */
  const moves = (from: number, to: number): Map<number, number> => {
    const tastes = new Map<string, number[]>();
    const found = new Map<number, number>();
    for (const { user, group, domain, at } of events) {
      if (domain === 'here') {
        tastes.set(user, [...(tastes.get(user) ?? []), group]);
        continue;
      }
      if (at < from || at >= to) continue;
      for (const taste of tastes.get(user) ?? []) {
        const by = (group - taste + 20) % 20;
        found.set(by, (found.get(by) ?? 0) + 1);
      }
    }
    return found;
  };
  const most = (found: Map<number, number>) =>
    [...found].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];

  it('leads from a taste to itself before the shift, ten on after it', () => {
    expect(head).toBe('user_id,item_id,domain,sequence');
    expect(events).toHaveLength(20_000);
    expect(most(moves(0, 10_000))).toBe(0);
    expect(most(moves(10_000, 20_000))).toBe(10);
  });

  it('changes nothing else, and is the same for the same seed', () => {
    const share = (from: number) =>
      events.slice(from, from + 10_000).filter(({ group }) => group < 10).length / 10_000;
    expect(Math.abs(share(0) - share(10_000))).toBeLessThan(0.05);
    expect(shiftStream(500, 100, 2)).toBe(shiftStream(500, 100, 2));
    expect(shiftStream(500, 100, 2)).not.toBe(shiftStream(500, 100, 3));
  });
});

describe('recovery', () => {
  it('is the first point behind the lowest that is at 95 % of what was before', () => {
    const points = [
      [10, 30],
      [20, 40],
      [30, 39],
      [40, 10],
      [50, 37],
      [60, 38],
      [70, 41],
    ] as const;
    expect(recovery(points, 20)).toEqual(['40.0', '10.0', '41.0', '40']);
  });

  it('is nothing where quality never sank, and never where it stays down', () => {
    expect(
      recovery(
        [
          [10, 40],
          [20, 39],
          [30, 41],
        ],
        10,
      ),
    ).toEqual(['40.0', '39.0', '41.0', '0']);
    expect(
      recovery(
        [
          [10, 40],
          [20, 1],
          [30, 37],
        ],
        10,
      ),
    ).toEqual(['40.0', '1.0', '37.0', '–']);
  });
});
