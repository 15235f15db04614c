import { createRequire } from 'node:module';
import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { codecOf, compressions, loadCodec } from '../../src/transport/kafka/compression.js';
import { crc32c } from '../../src/transport/kafka/crc32c.js';
import { decodeBatches } from '../../src/transport/kafka/fetch-protocol.js';
import { encodeBatch, sizeBound, type WireRecord } from '../../src/transport/kafka/record-batch.js';

const require = createRequire(import.meta.url);

interface OracleRecord {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer>;
}

/** kafkajs's decoder is the oracle for ours and for what we write. */
async function oracle(bytes: Buffer): Promise<OracleRecord[]> {
  const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown;
  const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
    decoder: unknown,
  ) => Promise<{ records: OracleRecord[] }>;
  return (await decode(new Decoder(bytes))).records;
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomRecords(next: () => number): WireRecord[] {
  const bytes = (): Buffer | null => {
    if (next() < 0.1) return null;
    const length = Math.floor(next() < 0.05 ? next() * 9_000 : next() * 90);
    return Buffer.from(Array.from({ length }, () => Math.floor(next() * 256)));
  };
  return Array.from({ length: 1 + Math.floor(next() * 150) }, () => ({
    timestampMs: 1_700_000_000_000 + Math.floor((next() - 0.5) * 10 ** (next() * 11)),
    key: bytes(),
    value: bytes(),
    headers:
      next() < 0.5 ? [] : [Buffer.from(`h${Math.floor(next() * 9)}`), bytes() ?? Buffer.alloc(0)],
  }));
}

/** One string a record: quick to compare, null and empty told apart. */
function line(
  offset: string | number | bigint,
  timestamp: string | number,
  key: Buffer | null,
  value: Buffer | null,
): string {
  const [a, b] = [key, value].map((bytes) => (bytes === null ? 'null' : bytes.toString('base64')));
  return `${offset} ${timestamp} [${a}] [${b}]`;
}

function headerLine(headers: Readonly<Record<string, Buffer>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}=${value.toString('base64')}`)
    .join();
}

const identity = { producerId: 77n, producerEpoch: 3, firstSequence: 12, transactional: false };

test('crc32c is the Castagnoli one, for every length around its stride', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  const bytes = Buffer.from(Array.from({ length: 40 }, (_, i) => (i * 37) & 255));
  for (let end = 0; end <= 40; end++) {
    let crc = ~0;
    for (let i = 0; i < end; i++) {
      crc ^= bytes[i]!;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    expect(crc32c(bytes, 0, end)).toBe(~crc >>> 0);
  }
});

describe.each(compressions)('record batches, compression %s', (compression) => {
  test('come back as they were written, by our decoder and by kafkajs (25 random ones)', async () => {
    const codec = await codecOf(compression);
    const codecs: Record<number, unknown> = kafkajs.CompressionCodecs;
    if (codec !== null) codecs[compressions.indexOf(compression)] = () => codec;
    for (let seed = 1; seed <= 25; seed++) {
      const records = randomRecords(random(seed));
      const bytes = await encodeBatch(records, identity, compression);
      const expected = records.map(({ timestampMs, key, value }, index) =>
        line(index, timestampMs, key, value),
      );
      const ours = await decodeBatches(bytes, 't', 0, 0n, []);
      expect(ours.position, `seed ${seed}`).toBe(BigInt(records.length));
      expect(
        ours.records.map((r) => line(r.offset, r.timestampMs, r.key, r.value)),
        `seed ${seed}`,
      ).toEqual(expected);
      const theirs = await oracle(bytes);
      expect(
        theirs.map((r) => line(r.offset, r.timestamp, r.key, r.value)),
        `seed ${seed}`,
      ).toEqual(expected);
      const headers = records.map(({ headers: [name, value] }) =>
        name === undefined ? '' : `${name}=${value?.toString('base64')}`,
      );
      expect(ours.records.map((r) => headerLine(r.headers))).toEqual(headers);
      expect(theirs.map((r) => headerLine(r.headers))).toEqual(headers);
    }
  });
});

test.each(compressions)(
  'large batches of compression %s come back as they were written',
  async (compression) => {
    const value = Buffer.alloc(700_000, 'the same words again and again, ');
    const records = [{ timestampMs: 1, key: null, value, headers: [] }];
    const bytes = await encodeBatch(records, identity, compression);
    expect(bytes.length < 100_000).toBe(compression !== 'none');
    const back = await decodeBatches(bytes, 't', 0, 0n, []);
    expect(back.records[0]!.value!.equals(value)).toBe(true);
  },
);

test.each([
  ['snappy', 'kafkajs-snappy'],
  ['lz4', 'lz4-napi'],
  ['zstd', '@mongodb-js/zstd'],
] as const)('without its optional package %s says so, and names %s', async (compression, name) => {
  const loading = loadCodec(compression, async (wanted) => {
    throw new Error(`Cannot find package '${wanted}'`);
  });
  await expect(loading).rejects.toMatchObject({
    code: 'CODEC_MISSING',
    disposition: 'usage',
    message: expect.stringContaining(`${compression} needs the optional package ${name},`),
  });
});

test('a compression that Kafka does not have stops the reader, and says which', async () => {
  const bytes = await encodeBatch(randomRecords(random(3)), identity, 'none');
  bytes.writeInt16BE(5, 21);
  await expect(decodeBatches(bytes, 't', 0, 0n, [])).rejects.toThrow('unknown compression 5');
});

test('a batch is never larger than the sum of the bounds of its records', async () => {
  for (let seed = 30; seed <= 40; seed++) {
    const records = randomRecords(random(seed));
    const bound = records.reduce((sum, record) => sum + sizeBound(record), 61);
    const bytes = await encodeBatch(records, identity, 'none');
    expect(bytes.length).toBeLessThanOrEqual(bound);
  }
});

/** A batch at `base`; `count` 0: compacted to nothing. */
async function batchAt(
  base: bigint,
  span: number,
  options: { producer?: bigint; transactional?: boolean; empty?: boolean; marker?: 0 | 1 } = {},
): Promise<Buffer> {
  const records: WireRecord[] = Array.from({ length: span }, (_, i) => ({
    timestampMs: 1,
    key: options.marker === undefined ? null : Buffer.from([0, 0, 0, options.marker]),
    value: Buffer.from(`${base + BigInt(i)}`),
    headers: [],
  }));
  let bytes = await encodeBatch(
    records,
    {
      ...identity,
      producerId: options.producer ?? 1n,
      transactional: options.transactional ?? false,
    },
    'none',
  );
  if (options.empty === true) {
    bytes = Buffer.from(bytes.subarray(0, 61));
    bytes.writeInt32BE(49, 8);
    bytes.writeInt32BE(0, 57);
  }
  bytes.writeBigInt64BE(base, 0);
  if (options.marker !== undefined) bytes.writeInt16BE(bytes.readInt16BE(21) | 0x20, 21);
  return bytes;
}

async function concat(batches: readonly Promise<Buffer>[]): Promise<Buffer> {
  return Buffer.concat(await Promise.all(batches));
}

describe('the position after a fetch', () => {
  test('is past batches that compaction has emptied', async () => {
    const raw = await concat([batchAt(5n, 4, { empty: true }), batchAt(9n, 2)]);
    const { records, position } = await decodeBatches(raw, 't', 0, 5n, []);
    expect(records.map(({ offset }) => offset)).toEqual([9n, 10n]);
    expect(position).toBe(11n);
    const alone = await decodeBatches(await batchAt(5n, 4, { empty: true }), 't', 0, 6n, []);
    expect(alone).toEqual({ records: [], position: 9n });
  });

  test('is past markers and aborted records, and keeps others of the same producer', async () => {
    const mine = { producer: 7n, transactional: true };
    const raw = await concat([
      batchAt(0n, 2, mine),
      batchAt(2n, 1, { producer: 8n, transactional: true }),
      batchAt(3n, 1, { ...mine, marker: 0 }),
      batchAt(4n, 1, mine),
      batchAt(5n, 1, { ...mine, marker: 1 }),
      batchAt(6n, 1, { producer: 8n, transactional: true, marker: 1 }),
    ]);
    const aborted = [{ producerId: 7n, firstOffset: 0n }];
    const { records, position } = await decodeBatches(raw, 't', 0, 0n, aborted);
    expect(records.map(({ offset }) => offset)).toEqual([2n, 4n]);
    expect(position).toBe(7n);
  });

  test('is not moved by a batch that was cut off, nor records below the offset asked for shown', async () => {
    const raw = await concat([batchAt(0n, 4), batchAt(4n, 3)]);
    const { records, position } = await decodeBatches(raw.subarray(0, -1), 't', 0, 2n, []);
    expect(records.map(({ offset }) => offset)).toEqual([2n, 3n]);
    expect(position).toBe(4n);
  });
});
