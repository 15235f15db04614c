import { describe, expect, it } from 'vitest';
import { hashEventId } from '../../src/online/preprocess/duplicates.js';
import { Preprocessor } from '../../src/online/preprocess/preprocessor.js';
import { DEFAULT_ACTION_WEIGHTS, weigh } from '../../src/online/preprocess/weights.js';
import type { BehaviorEvent } from '../../src/online/types.js';
import { User } from '../../src/online/user.js';
import { fc } from '../support/properties.js';

const NOW = 1_700_000_000_000;
const MINUTE = 60_000;
const event = (changes: Partial<BehaviorEvent> = {}): BehaviorEvent => ({
  userId: 'u',
  itemId: 'i',
  domain: 'books',
  action: 'view',
  value: null,
  occurredAtMs: NOW,
  eventId: null,
  ...changes,
});

describe('validation', () => {
  const preprocessor = new Preprocessor({ futureToleranceMs: 1000 });
  const cases: [name: string, changes: Partial<BehaviorEvent>, reason: string | null][] = [
    ['an ordinary event', {}, null],
    ['an empty user', { userId: '' }, 'empty-user-id'],
    ['an empty item', { itemId: '' }, 'empty-item-id'],
    ['an empty action', { action: '' }, 'empty-action'],
    ['a user of 256 bytes', { userId: 'x'.repeat(256) }, null],
    ['a user of 257 bytes', { userId: 'x'.repeat(257) }, 'long-user-id'],
    ['a user of 128 characters of two bytes', { userId: 'é'.repeat(128) }, null],
    ['a user of 129 characters of two bytes', { userId: 'é'.repeat(129) }, 'long-user-id'],
    ['an item of 86 characters of three bytes', { itemId: '語'.repeat(86) }, 'long-item-id'],
    ['a long action', { action: 'x'.repeat(257) }, 'long-action'],
    ['a long eventId', { eventId: 'x'.repeat(257) }, 'long-event-id'],
    ['an empty eventId', { eventId: '' }, null],
    ['a domain of 64 characters', { domain: 'a'.repeat(64) }, null],
    ['a domain of 65 characters', { domain: 'a'.repeat(65) }, 'bad-domain'],
    ['an empty domain', { domain: '' }, 'bad-domain'],
    ['a domain with a slash', { domain: 'a/b' }, 'bad-domain'],
    ['a domain with a line feed', { domain: 'a\n' }, 'bad-domain'],
    ['a value of zero', { value: 0 }, null],
    ['a negative value', { value: -3 }, null],
    ['a value that is NaN', { value: Number.NaN }, 'bad-value'],
    ['a value that is infinite', { value: Number.NEGATIVE_INFINITY }, 'bad-value'],
    ['the first moment of 1970', { occurredAtMs: 0 }, null],
    ['the moment before', { occurredAtMs: -1 }, 'before-1970'],
    ['a time at the tolerance', { occurredAtMs: NOW + 1000 }, null],
    ['a time beyond it', { occurredAtMs: NOW + 1001 }, 'far-future'],
  ];
  for (const [name, changes, reason] of cases) {
    it(`finds ${name} ${reason ?? 'valid'}`, () => {
      expect(preprocessor.validate(event(changes), NOW)?.reason ?? null).toBe(reason);
    });
  }

  it('does without the future where the log has no timestamps', () => {
    expect(preprocessor.validate(event(), -1)).toBeNull();
    expect(preprocessor.validate(event({ occurredAtMs: 9e15 }), -1)?.reason).toBe('far-future');
  });
});

describe('weights', () => {
  const cases: [action: string, value: number | null, weight: number][] = [
    ['view', null, 0.25],
    ['view', 99, 0.25],
    ['purchase', null, 1],
    ['rate', 5, 1],
    ['rate', 4, Math.fround(7 / 9)],
    ['rate', 3.5, 0],
    ['rate', -1, 0],
    ['rate', 50, 1],
    ['rate', null, 1],
    ['anything else', 2, 1],
    ['constructor', null, 1],
    ['__proto__', null, 1],
  ];
  for (const [action, value, weight] of cases) {
    it(`${action} ${value ?? ''} -> ${weight}`, () => {
      expect(weigh(DEFAULT_ACTION_WEIGHTS, action, value)).toBe(weight);
    });
  }

  it('are float32 between 0 and 1 for any value, so that the changelog gives them back', () => {
    const bound = fc.double({ min: -100, max: 100, noNaN: true });
    const row = fc.record({
      weight: fc.double({ min: 0, max: 1, noNaN: true }),
      min: bound,
      max: bound,
    });
    fc.assert(
      fc.property(row, fc.double({ noNaN: true, noDefaultInfinity: true }), (given, value) => {
        fc.pre(given.min < given.max);
        const weight = weigh({ a: given }, 'a', value);
        expect(weight).toBeGreaterThanOrEqual(0);
        expect(weight).toBeLessThanOrEqual(1);
        expect(Math.fround(weight)).toBe(weight);
      }),
    );
  });
});

describe('bots', () => {
  const preprocessor = new Preprocessor({ botEventsPerMinute: 3 });
  const outcomes = (user: User, times: number[]) =>
    times.map((occurredAtMs) => {
      const verdict = preprocessor.admit(event({ occurredAtMs }), user);
      return 'refused' in verdict ? verdict.refused : 'accepted';
    });

  it('are refused from the event on that is one too many, until their minute is over', () => {
    const user = new User('u');
    const start = Math.floor(NOW / MINUTE) * MINUTE;
    const times = [0, 1, 2, 3, MINUTE - 1, MINUTE, MINUTE + 1].map((ms) => start + ms);
    const accepted = 'accepted';
    const expected = [accepted, accepted, accepted, 'bot', 'bot', accepted, accepted];
    expect(outcomes(user, times)).toEqual(expected);
  });

  it('are nobody where the limit is 0', () => {
    const user = new User('u');
    const free = new Preprocessor({ botEventsPerMinute: 0 });
    for (let i = 0; i < 1000; i++) expect(free.admit(event(), user)).toHaveProperty('interaction');
  });

  it('are told by each user alone', () => {
    expect(outcomes(new User('a'), [NOW, NOW, NOW])).not.toContain('bot');
    expect(outcomes(new User('b'), [NOW, NOW, NOW])).not.toContain('bot');
  });
});

describe('duplicates', () => {
  const options = { duplicateWindowMs: 1000, duplicateIds: 4, botEventsPerMinute: 0 };
  const preprocessor = new Preprocessor(options);
  const admit = (user: User, eventId: string | null, occurredAtMs = NOW) =>
    'refused' in preprocessor.admit(event({ eventId, occurredAtMs }), user);

  it('are refused within the window, and known again by nothing but their id', () => {
    const user = new User('u');
    expect(admit(user, 'a')).toBe(false);
    expect(admit(user, 'a', NOW + 1000)).toBe(true);
    expect(admit(user, 'a', NOW - 1000)).toBe(true);
    expect(admit(user, 'b')).toBe(false);
    expect(admit(user, null)).toBe(false);
    expect(admit(user, null)).toBe(false);
    expect(admit(user, '')).toBe(false);
    expect(admit(user, '')).toBe(false);
    expect(user.recentEventIds).toHaveLength(2);
  });

  it('are forgotten beyond the window', () => {
    const user = new User('u');
    expect(admit(user, 'a')).toBe(false);
    expect(admit(user, 'a', NOW + 1001)).toBe(false);
    expect(user.recentEventIds).toEqual([{ hash: hashEventId('a'), occurredAtMs: NOW + 1001 }]);
  });

  it('are remembered up to a number, the newest ones', () => {
    const user = new User('u');
    for (const id of ['a', 'b', 'c', 'd', 'e']) expect(admit(user, id)).toBe(false);
    expect(user.recentEventIds).toHaveLength(4);
    expect(admit(user, 'e')).toBe(true);
    expect(admit(user, 'b')).toBe(true);
    expect(admit(user, 'a')).toBe(false);
  });

  it('do not count as events of a bot', () => {
    const strict = new Preprocessor({ botEventsPerMinute: 1 });
    const user = new User('u');
    strict.admit(event({ eventId: 'a' }), user);
    for (let i = 0; i < 5; i++) {
      expect(strict.admit(event({ eventId: 'a' }), user)).toEqual({ refused: 'duplicate' });
    }
    expect(user.minuteCount).toBe(1);
  });

  it('have hashes below 2^52 that differ for different ids', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 100_000; i++) seen.add(hashEventId(`ratings.csv:${i}`));
    expect(seen.size).toBe(100_000);
    expect([...seen].every((hash) => Number.isInteger(hash) && hash >= 0 && hash < 2 ** 52)).toBe(
      true,
    );
  });
});

it('the same events and user give the same verdicts and the same user', () => {
  const preprocessor = new Preprocessor({ botEventsPerMinute: 2, duplicateWindowMs: 50 });
  const events = fc.array(
    fc.record({
      eventId: fc.option(fc.constantFrom('a', 'b', 'c')),
      occurredAtMs: fc.integer({ min: NOW, max: NOW + 3 * MINUTE }),
      value: fc.option(fc.double({ min: 0, max: 5, noNaN: true })),
    }),
  );
  fc.assert(
    fc.property(events, fc.nat(), (list, cut) => {
      const run = (users: (index: number, user: User) => User) => {
        let user = new User('u');
        const verdicts = list.map((changes, i) => {
          user = users(i, user);
          return preprocessor.admit(event({ ...changes, action: 'rate' }), user);
        });
        return { verdicts, minute: user.minute, count: user.minuteCount, ids: user.recentEventIds };
      };
      const restored = run((i, user) => (i === cut % (list.length + 1) ? user.clone() : user));
      expect(restored).toEqual(run((_, user) => user));
    }),
  );
});

it('an accepted event becomes an interaction', () => {
  const verdict = new Preprocessor().admit(event({ action: 'rate', value: 5 }), new User('u'));
  expect(verdict).toEqual({
    interaction: { domain: 'books', itemId: 'i', weight: 1, occurredAtMs: NOW },
  });
});
