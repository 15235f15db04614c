import { expect, it } from 'vitest';
import { toRounds } from '../../src/transport/kafka/outgoing.js';
import type { OutgoingRecord } from '../../src/transport/transport.js';
import { fc } from '../support/properties.js';

const PARTITIONS = 3;
const partitionOf = (record: OutgoingRecord): number => record.partition ?? 0;

const records = fc
  .array(
    fc.record({
      topic: fc.constantFrom('lists', 'states'),
      partition: fc.nat(PARTITIONS - 1),
      bytes: fc.nat(300),
    }),
    { maxLength: 60 },
  )
  .map((all) =>
    all.map(({ topic, partition, bytes }, i): OutgoingRecord => {
      return { topic, partition, key: String(i), value: Buffer.alloc(bytes) };
    }),
  );

it('rounds have each record once, in order per partition, in chunks of at most so many bytes', () => {
  fc.assert(
    fc.property(records, fc.integer({ min: 100, max: 1000 }), (sent, most) => {
      const rounds = toRounds(sent, partitionOf, () => PARTITIONS, most);
      const arrived = new Map<string, string[]>();
      for (const round of rounds) {
        const places = round.map(({ topic, partition }) => `${topic}/${partition}`);
        expect(new Set(places).size).toBe(places.length);
        for (const [i, chunk] of round.entries()) {
          if (chunk.records.length > 1) expect(chunk.bytes).toBeLessThanOrEqual(most);
          const keys = chunk.records.map(({ key }) => String(key));
          arrived.set(places[i]!, [...(arrived.get(places[i]!) ?? []), ...keys]);
        }
      }
      const wanted = new Map<string, string[]>();
      for (const record of sent) {
        const place = `${record.topic}/${record.partition}`;
        wanted.set(place, [...(wanted.get(place) ?? []), String(record.key)]);
      }
      expect(arrived).toEqual(wanted);
    }),
  );
});

it('a partition that the topic does not have is named', () => {
  const record = { topic: 'lists', partition: PARTITIONS, key: null, value: null };
  expect(() => toRounds([record], partitionOf, () => PARTITIONS, 100)).toThrow(/lists.*3/);
});
