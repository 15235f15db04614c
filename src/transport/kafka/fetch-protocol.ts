import { consumerFailed } from '../errors.js';
import type { Headers, LogRecord } from '../transport.js';
import { codecOf, compressions } from './compression.js';
import { apiKeys, encoded, type ProtocolRequest } from './internals.js';

/**
 * Fetch v11 (https://kafka.apache.org/protocol#The_Messages_Fetch), read_committed. Written here
 * because the position after a fetch must be known exactly: a batch may hold only a transaction
 * marker, only aborted records, or (compacted) nothing at all, and is passed all the same.
 */

export interface FetchPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly maxBytes: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly logStart: bigint;
  readonly records: LogRecord[];
  /** The offset after all that was passed; the one asked for where nothing was. */
  readonly position: bigint;
}

const fetchVersion = 11;
const readCommitted = 1;

export function fetchRequest(
  partitions: readonly FetchPartition[],
  options: { maxWaitMs: number; minBytes: number; maxBytes: number },
): ProtocolRequest {
  return {
    request: {
      apiKey: apiKeys.fetch,
      apiVersion: fetchVersion,
      apiName: 'Fetch',
      encode: () => encoded(encodeFetch(partitions, options)),
    },
    response: {
      decode: (raw) => decodeFetch(raw, partitions),
      parse: (data) => Promise.resolve(data),
    },
    requestTimeout: options.maxWaitMs + 10_000,
  };
}

function encodeFetch(
  partitions: readonly FetchPartition[],
  options: { maxWaitMs: number; minBytes: number; maxBytes: number },
): Buffer {
  const byTopic = new Map<string, FetchPartition[]>();
  for (const partition of partitions) {
    const list = byTopic.get(partition.topic);
    if (list === undefined) byTopic.set(partition.topic, [partition]);
    else list.push(partition);
  }
  let size = 64;
  for (const [topic, list] of byTopic) size += Buffer.byteLength(topic) + 6 + list.length * 28;
  const target = Buffer.alloc(size);
  let at = target.writeInt32BE(-1, 0);
  at = target.writeInt32BE(options.maxWaitMs, at);
  at = target.writeInt32BE(options.minBytes, at);
  at = target.writeInt32BE(options.maxBytes, at);
  at = target.writeInt8(readCommitted, at);
  at = target.writeInt32BE(0, at);
  at = target.writeInt32BE(-1, at);
  at = target.writeInt32BE(byTopic.size, at);
  for (const [topic, list] of byTopic) {
    at = target.writeInt16BE(Buffer.byteLength(topic), at);
    at += target.write(topic, at);
    at = target.writeInt32BE(list.length, at);
    for (const { partition, offset, maxBytes } of list) {
      at = target.writeInt32BE(partition, at);
      at = target.writeInt32BE(-1, at);
      at = target.writeBigInt64BE(offset, at);
      at = target.writeBigInt64BE(-1n, at);
      at = target.writeInt32BE(maxBytes, at);
    }
  }
  at = target.writeInt32BE(0, at);
  at = target.writeInt16BE(0, at);
  return target.subarray(0, at);
}

interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

async function decodeFetch(
  raw: Buffer,
  asked: readonly FetchPartition[],
): Promise<{ errorCode: number; partitions: FetchedPartition[] }> {
  const offsets = new Map(asked.map((a) => [`${a.topic}/${a.partition}`, a.offset]));
  const errorCode = raw.readInt16BE(4);
  const partitions: FetchedPartition[] = [];
  let at = 10;
  const topics = raw.readInt32BE(at);
  at += 4;
  for (let t = 0; t < topics; t++) {
    const nameLength = raw.readInt16BE(at);
    const topic = raw.toString('utf8', at + 2, at + 2 + nameLength);
    at += 2 + nameLength;
    const count = raw.readInt32BE(at);
    at += 4;
    for (let p = 0; p < count; p++) {
      const partition = raw.readInt32BE(at);
      const partitionError = raw.readInt16BE(at + 4);
      const highWatermark = raw.readBigInt64BE(at + 6);
      const logStart = raw.readBigInt64BE(at + 22);
      const abortedCount = raw.readInt32BE(at + 30);
      at += 34;
      const aborted: Aborted[] = [];
      for (let a = 0; a < abortedCount; a++) {
        aborted.push({
          producerId: raw.readBigInt64BE(at),
          firstOffset: raw.readBigInt64BE(at + 8),
        });
        at += 16;
      }
      const bytes = Math.max(raw.readInt32BE(at + 4), 0);
      at += 8;
      const from = offsets.get(`${topic}/${partition}`) ?? 0n;
      const batches = raw.subarray(at, at + bytes);
      const { records, position } = await decodeBatches(batches, topic, partition, from, aborted);
      at += bytes;
      partitions.push({
        topic,
        partition,
        errorCode: partitionError,
        highWatermark,
        logStart,
        records,
        position,
      });
    }
  }
  return { errorCode, partitions };
}

/** Decodes whole batches; a torn one at the end is left for the next fetch. */
export async function decodeBatches(
  raw: Buffer,
  topic: string,
  partition: number,
  from: bigint,
  abortedTransactions: readonly Aborted[],
): Promise<{ records: LogRecord[]; position: bigint }> {
  const records: LogRecord[] = [];
  const pending = [...abortedTransactions].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const aborting = new Set<bigint>();
  let position = from;
  let at = 0;
  while (at + 61 <= raw.length) {
    const end = at + 12 + raw.readInt32BE(at + 8);
    if (end > raw.length) break;
    const baseOffset = raw.readBigInt64BE(at);
    if (raw.readInt8(at + 16) !== 2) {
      throw consumerFailed(`${topic}/${partition}: a record batch of an old format`);
    }
    const attributes = raw.readInt16BE(at + 21);
    const lastOffset = baseOffset + BigInt(raw.readInt32BE(at + 23));
    const producerId = raw.readBigInt64BE(at + 43);
    while (pending.length > 0 && pending[0]!.firstOffset <= lastOffset) {
      aborting.add(pending.shift()!.producerId);
    }
    const control = (attributes & 0x20) !== 0;
    const body = raw.subarray(at + 61, end);
    if (control) {
      if (raw.readInt32BE(at + 57) > 0 && isAbortMarker(body)) aborting.delete(producerId);
    } else if ((attributes & 0x10) === 0 || !aborting.has(producerId)) {
      const bytes = (attributes & 7) === 0 ? body : await decompress(body, attributes);
      decodeRecords(bytes, records, {
        topic,
        partition,
        from,
        baseOffset,
        count: raw.readInt32BE(at + 57),
        firstTimestamp: Number(raw.readBigInt64BE(at + 27)),
        appendTime: (attributes & 8) !== 0 ? Number(raw.readBigInt64BE(at + 35)) : null,
      });
    }
    if (lastOffset >= position) position = lastOffset + 1n;
    at = end;
  }
  return { records, position };
}

async function decompress(body: Buffer, attributes: number): Promise<Buffer> {
  const number = attributes & 7;
  const name = compressions[number];
  if (name === undefined) throw consumerFailed(`a batch with the unknown compression ${number}`);
  const codec = await codecOf(name);
  return codec === null ? body : codec.decompress(body);
}

/** The key of a control record: version int16, type int16; 0 aborts, 1 commits. */
function isAbortMarker(body: Buffer): boolean {
  const cursor = { at: 0 };
  readVarint(body, cursor);
  cursor.at += 1;
  readVarint(body, cursor);
  readVarint(body, cursor);
  readVarint(body, cursor);
  return body.readInt16BE(cursor.at + 2) === 0;
}

interface Cursor {
  at: number;
}

/** Reads a zig-zag varint of a safe integer. */
function readVarint(bytes: Buffer, cursor: Cursor): number {
  let byte = bytes[cursor.at++]!;
  let value = byte & 0x7f;
  let scale = 0x80;
  while (byte >= 0x80) {
    byte = bytes[cursor.at++]!;
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function readBytes(bytes: Buffer, cursor: Cursor): Buffer | null {
  const length = readVarint(bytes, cursor);
  if (length < 0) return null;
  const start = cursor.at;
  cursor.at += length;
  return bytes.subarray(start, cursor.at);
}

const noHeaders: Headers = Object.freeze({});
const empty = Buffer.alloc(0);

function decodeRecords(
  bytes: Buffer,
  into: LogRecord[],
  batch: {
    topic: string;
    partition: number;
    from: bigint;
    baseOffset: bigint;
    count: number;
    firstTimestamp: number;
    appendTime: number | null;
  },
): void {
  const cursor: Cursor = { at: 0 };
  for (let i = 0; i < batch.count; i++) {
    const length = readVarint(bytes, cursor);
    const end = cursor.at + length;
    cursor.at += 1;
    const timestampMs = batch.firstTimestamp + readVarint(bytes, cursor);
    const offset = batch.baseOffset + BigInt(readVarint(bytes, cursor));
    if (offset >= batch.from) {
      const key = readBytes(bytes, cursor);
      const value = readBytes(bytes, cursor);
      const count = readVarint(bytes, cursor);
      into.push({
        topic: batch.topic,
        partition: batch.partition,
        offset,
        timestampMs: batch.appendTime ?? timestampMs,
        key,
        value,
        headers: count === 0 ? noHeaders : readHeaders(bytes, cursor, count),
      });
    }
    cursor.at = end;
  }
}

function readHeaders(bytes: Buffer, cursor: Cursor, count: number): Headers {
  const headers: Record<string, Buffer> = {};
  for (let i = 0; i < count; i++) {
    const name = (readBytes(bytes, cursor) ?? empty).toString('utf8');
    headers[name] = readBytes(bytes, cursor) ?? empty;
  }
  return headers;
}
