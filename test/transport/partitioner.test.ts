import { expect, test } from 'vitest';
import { createPartitioner, murmur2, partitionFor } from '../../src/transport/partitioner.js';

// From UtilsTest.testMurmur2 of the Java client.
const javaVectors: [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
];

test.each(javaVectors)('murmur2 of %s is that of the Java client', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
  expect(partitionFor(key, 12)).toBe((hash & 0x7fffffff) % 12);
});

test('murmur2 of the bytes a, b, c is that of the Java client', () => {
  expect(murmur2(Uint8Array.from([97, 98, 99]))).toBe(479470107);
});

test.each(['', 'a', 'x'.repeat(64), 'x'.repeat(65), 'Jörg', '用户', `${'a'.repeat(63)}ß`])(
  'the key %s goes where its bytes go',
  (key) => {
    expect(partitionFor(key, 1_000_003)).toBe(partitionFor(Buffer.from(key), 1_000_003));
  },
);

test('records without a key take the partitions in turn, those that name one keep it', () => {
  const choose = createPartitioner();
  const record = { topic: 't', key: null, value: null };
  expect([0, 1, 2, 3].map(() => choose(record, 3))).toEqual([0, 1, 2, 0]);
  expect(choose({ ...record, partition: 5 }, 3)).toBe(5);
});
