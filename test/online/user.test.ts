import { describe, expect, it } from 'vitest';
import { DomainHistory, RING_SIZE, User } from '../../src/online/user.js';

describe('a history', () => {
  it('keeps the last 64, oldest first, and counts all that were liked', () => {
    const history = new DomainHistory(2);
    for (let i = 0; i < 100; i++) history.push(i, i % 4 === 0 ? 0 : 1, i * 10);
    expect(history.size).toBe(RING_SIZE);
    expect(history.rows).toEqual(Array.from({ length: 64 }, (_, i) => i + 36));
    expect(history.times.at(-1)).toBe(990);
    expect(history.weights[0]).toBe(0);
    expect(history.count).toBe(75);
  });
});

describe('a user', () => {
  it('has one history for each domain, in order of first touch', () => {
    const user = new User('u');
    user.push(5, 3, 1, 10);
    user.push(6, 1, 0, 20);
    user.push(7, 3, 1, 30);
    expect(user.histories.map(({ domain }) => domain)).toEqual([3, 1]);
    expect(user.history(3)?.rows).toEqual([5, 7]);
    expect(user.history(1)?.count).toBe(0);
    expect(user.history(2)).toBeUndefined();
  });

  it('is owed lists from an event until it is answered', () => {
    const user = new User('u');
    expect(user.owed).toBe(false);
    user.basedOn = { topic: 'events', partition: 0, offset: 0n, occurredAtMs: 1 };
    expect(user.owed).toBe(true);
    user.answeredOffset = 0n;
    expect(user.owed).toBe(false);
  });

  it('and its clone are changed each by itself', () => {
    const user = new User('u');
    user.push(1, 0, 1, 1);
    user.basedOn = { topic: 'events', partition: 0, offset: 4n, occurredAtMs: 1 };
    user.recentEventIds.push({ hash: 1, occurredAtMs: 1 });
    user.minuteCount = 3;
    const before = structuredClone(user);
    const copy = user.clone();
    expect(copy).toEqual(user);
    copy.push(2, 0, 1, 2);
    copy.push(3, 1, 1, 2);
    copy.recentEventIds.push({ hash: 2, occurredAtMs: 2 });
    copy.minuteCount++;
    expect(structuredClone(user)).toEqual(before);
    const later = structuredClone(copy);
    user.push(4, 0, 1, 3);
    user.push(5, 1, 0, 3);
    expect(structuredClone(copy)).toEqual(later);
    expect(user.history(0)?.rows).toEqual([1, 4]);
  });
});
