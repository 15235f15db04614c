import { describe, expect, test } from 'vitest';
import { Preprocessor } from '../../src/online/preprocess/preprocessor.js';
import { Serde } from '../../src/serde/serde.js';
import { partitionFor } from '../../src/transport/partitioner.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { Copies, type CopiesReport } from '../../src/verify/copies.js';
import { Problems } from '../../src/verify/report.js';
import { eventRecord } from '../support/service.js';

const PARTITIONS = 3;
const serde = new Serde();

function original(offset: number, value: Buffer | null = null): LogRecord {
  const event = eventRecord('clicks', { userId: `u${offset}` });
  return {
    topic: 'clicks',
    partition: 0,
    offset: BigInt(offset),
    timestampMs: 1_700_000_000_000,
    key: null,
    value: value ?? event.value,
    headers: {},
  };
}

function copyOf(of: LogRecord, changes: Partial<LogRecord> = {}): LogRecord {
  const origin = { topic: of.topic, partition: String(of.partition), offset: String(of.offset) };
  return {
    ...of,
    topic: 'copies',
    partition: partitionFor(`u${of.offset}`, PARTITIONS),
    headers: Object.fromEntries(
      Object.entries(origin).map(([name, text]) => [`isthmus.origin.${name}`, Buffer.from(text)]),
    ),
    ...changes,
  };
}

function compare(
  copies: readonly LogRecord[],
  originals: readonly LogRecord[],
  { settled = true, complete = true, low = 0n } = {},
): CopiesReport & { problems: readonly string[]; deadLetters: string[] } {
  const problems = new Problems();
  const preprocessor = new Preprocessor({});
  const compared = new Copies({ serde, preprocessor, partitions: PARTITIONS, problems });
  for (const copy of copies) compared.takeCopy(copy);
  for (const one of originals) compared.takeOriginal(one, { settled, complete });
  const report = compared.report((_topic, _partition, offset) => offset < low);
  const deadLetters = compared.deadLetters.map(({ place, reason }) => `${place} ${reason}`);
  return { ...report, problems: problems.sentences, deadLetters };
}

describe('copies by user', () => {
  const originals = [0, 1, 2, 3].map((offset) => original(offset));
  const copies = originals.map((one) => copyOf(one));

  test('hold where each event was copied once, and the rest is to be dead letters', () => {
    const broken = original(4, Buffer.from('no event'));
    expect(compare(copies, [...originals, broken])).toEqual({
      originals: 5,
      copies: 4,
      missing: 0,
      unexpected: 0,
      wrong: 0,
      problems: [],
      deadLetters: ['clicks/0/4 not-wire-format'],
    });
  });

  test.each([
    ['an event was not copied', copies.slice(1), originals, { missing: 1 }],
    ['one was copied twice', [...copies, copies[3]!], originals, { unexpected: 1 }],
    [
      'a copy has other bytes',
      [copyOf(original(0), { value: copies[1]!.value }), ...copies.slice(1)],
      originals,
      { wrong: 1 },
    ],
    [
      'a copy is in a partition that is not its user’s',
      [
        copyOf(original(0), { partition: (copies[0]!.partition + 1) % PARTITIONS }),
        ...copies.slice(1),
      ],
      originals,
      { wrong: 1 },
    ],
    ['a copy is of no record', copies, originals.slice(1), { unexpected: 1 }],
    [
      'a copy does not say of what',
      [copyOf(original(0), { headers: {} }), ...copies.slice(1)],
      originals,
      { unexpected: 1, missing: 1 },
    ],
    [
      'what is no event was copied',
      [copyOf(original(4, Buffer.from('no')))],
      [original(4, Buffer.from('no'))],
      { unexpected: 1 },
    ],
  ])('do not hold where %s', (_, theCopies, theOriginals, expected) => {
    const report = compare(theCopies, theOriginals);
    expect(report).toMatchObject({ missing: 0, unexpected: 0, wrong: 0, ...expected });
    expect(report.problems.length).toBeGreaterThan(0);
  });

  test('do not hold where they are not in the order of the input', () => {
    const one = original(0);
    const same = { partition: 1 };
    const report = compare([copyOf(original(9), same), copyOf(one, same)], [one, original(9)]);
    expect(report.problems.join()).toContain('clicks/0/0 was copied after clicks/0/9');
  });

  test('may be missing where the step has not read so far, or where copies were deleted', () => {
    expect(compare([], originals, { settled: false })).toMatchObject({ problems: [] });
    expect(compare([], originals, { complete: false })).toMatchObject({ problems: [] });
    expect(compare(copies, originals.slice(2), { low: 2n })).toMatchObject({ problems: [] });
  });
});
