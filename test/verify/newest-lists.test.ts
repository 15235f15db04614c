import { describe, expect, test } from 'vitest';
import { Serde } from '../../src/serde/serde.js';
import type { UserStateRecord } from '../../src/serde/types.js';
import { Lineage } from '../../src/verify/lineage.js';
import { type NewestListsParts, newestListFaults } from '../../src/verify/newest-lists.js';
import { Oracle } from '../../src/verify/oracle.js';
import { eventRecord, testConfig } from '../support/service.js';

const serde = new Serde();
const config = testConfig();
const TOPIC = config.inputTopic;

/** user, item, domain: an event at the offset that is its index; `u` has the state that is looked at. */
const EVENTS = [
  ['other', 'b1', 'books'],
  ['other', 'f1', 'films'],
  ['u', 'b2', 'books'],
  ['u', 'f2', 'films'],
  ['other', 'g1', 'games'],
] as const;
const LAST = 3n;

function oracle(): Oracle {
  const made = new Oracle(serde, config, new Set());
  for (const [offset, [userId, itemId, domain]] of EVENTS.entries()) {
    const { key, value } = eventRecord(TOPIC, {
      userId,
      itemId,
      domain,
      occurredAtMs: 1e12 + offset,
    });
    made.take({
      topic: TOPIC,
      partition: 0,
      offset: BigInt(offset),
      timestampMs: 1e12 + offset,
      key: key === null || key === undefined ? null : Buffer.from(key),
      value: value ?? null,
      headers: {},
    });
  }
  return made;
}

function stateOf(answeredOffset: bigint, touched: Record<string, string[]>): UserStateRecord {
  const histories = Object.entries(touched).map(([domain, items], h) => ({
    domain,
    count: items.length,
    entries: items.map((itemId) => ({ itemId, weight: 1, occurredAtMs: 1e12 + h })),
  }));
  return {
    formatVersion: 1,
    userId: 'u',
    histories,
    basedOn: { topic: TOPIC, partition: 0, offset: LAST, occurredAtMs: 1e12 + 3 },
    answeredOffset,
    lastListAtMs: 0,
    minute: 0,
    minuteCount: 0,
    recentEventIds: [],
  };
}

function faults(
  lists: Record<string, bigint>,
  changes: Partial<NewestListsParts> = {},
  state = stateOf(LAST, { books: ['b2'], films: ['f2'] }),
): string {
  const lineage = new Lineage();
  for (const [domain, offset] of Object.entries(lists)) {
    lineage.add(0, {
      userId: 'u',
      domain,
      items: [],
      modelVersion: 0,
      basedOn: { topic: TOPIC, partition: 0, offset, occurredAtMs: 0 },
      transfer: [],
      generatedAtMs: 0,
    });
  }
  const parts = {
    config: { targetDomains: ['all'], excludeTouched: 'same-domain' },
    oracle: oracle(),
    lineage,
    hasAllLists: () => true,
    isQuiet: () => true,
    oversized: new Set<string>(),
    ...changes,
  } satisfies NewestListsParts;
  return newestListFaults(parts, 0, state).join('; ');
}

const targets = (...targetDomains: string[]): Partial<NewestListsParts> => ({
  config: { targetDomains, excludeTouched: 'same-domain' },
});

describe('the newest lists of a user', () => {
  test('are right where each domain is answered with the last event', () => {
    expect(faults({ books: LAST, films: LAST })).toBe('');
  });

  test('are wrong where one domain was forgotten at the last event', () => {
    expect(faults({ books: 2n, films: LAST })).toMatch(/newest list of books is based on 2, not 3/);
  });

  test('are wrong where a domain has none', () => {
    expect(faults({ books: LAST })).toMatch(/no list of films/);
    expect(faults({ books: LAST }, { hasAllLists: () => false })).toBe('');
  });

  test('are wrong where one is based on an event that was not answered', () => {
    const behind = stateOf(2n, { books: ['b2'], films: ['f2'] });
    expect(faults({ books: LAST, films: 2n }, {}, behind)).toMatch(/books is based on 3, past 2/);
    expect(faults({ books: LAST, films: 2n }, { isQuiet: () => false }, behind)).toBe('');
    expect(faults({ books: 4n, films: 2n }, { isQuiet: () => false }, behind)).toMatch(/past 3/);
  });

  test('are not wanted of a domain whose first event came later', () => {
    expect(faults({ books: LAST, films: LAST, games: 1n })).toBe('');
  });

  test('are wanted of the target domains alone', () => {
    expect(faults({ books: LAST }, targets('books'))).toBe('');
    expect(faults({ books: 2n }, targets('books'))).toMatch(/books/);
    // The newest event is one in films.
    expect(faults({ books: LAST, films: 2n }, targets('others'))).toBe('');
    expect(faults({ books: 2n, films: LAST }, targets('others'))).toMatch(/books/);
  });

  test('are not wanted where the user has touched all that there was', () => {
    const all = stateOf(LAST, { books: ['b1', 'b2'], films: ['f2'] });
    expect(faults({ books: 2n, films: LAST }, {}, all)).toBe('');
    const none = { config: { targetDomains: ['all'], excludeTouched: 'none' } } as const;
    expect(faults({ books: 2n, films: LAST }, none, all)).toMatch(/books/);
  });

  test('may be missing where one did not fit into a record', () => {
    const oversized = new Set([`${TOPIC}/0/${LAST}`]);
    expect(faults({ films: LAST }, { oversized })).toBe('');
  });
});
