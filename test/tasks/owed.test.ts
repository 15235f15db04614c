import { describe, expect, test } from 'vitest';
import { Random } from '../../src/online/random.js';
import { Owed } from '../../src/tasks/owed.js';

describe('the users to whom lists are owed', () => {
  test('the oldest debt is told, in whatever order debts came and went', () => {
    const owed = new Owed();
    const model = new Map<string, number>();
    const random = Random.of('owed');
    for (let i = 0; i < 2_000; i++) {
      const userId = `u${random.below(20)}`;
      if (random.float() < 0.4) {
        owed.delete(userId);
        model.delete(userId);
      } else {
        const dueMs = random.below(1_000);
        owed.add(userId, dueMs);
        if (!model.has(userId)) model.set(userId, dueMs);
      }
      expect(owed.size).toBe(model.size);
      expect(owed.nextDueMs()).toBe(model.size === 0 ? null : Math.min(...model.values()));
    }
  });

  test('an earlier date stays, and what is due is told up to a limit', () => {
    const owed = new Owed();
    owed.add('a', 10);
    owed.add('a', 5);
    owed.add('b', 20);
    owed.add('c', 0);
    expect(owed.nextDueMs()).toBe(0);
    expect(owed.due(10, 9)).toEqual(['a', 'c']);
    expect(owed.due(10, 1)).toEqual(['a']);
  });
});
