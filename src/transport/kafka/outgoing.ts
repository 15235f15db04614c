import { partitionMissing } from '../errors.js';
import type { OutgoingRecord } from '../transport.js';
import { sizeBound, type WireRecord } from './record-batch.js';

/** Records of one partition that go in one batch. */
export interface Chunk {
  readonly topic: string;
  readonly partition: number;
  readonly records: WireRecord[];
  bytes: number;
}

function toBuffer(value: Buffer | string): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

const noHeaders: readonly Buffer[] = [];

function toWire(record: OutgoingRecord, nowMs: number): WireRecord {
  const headers: Buffer[] = [];
  if (record.headers !== undefined) {
    for (const [name, value] of Object.entries(record.headers)) {
      headers.push(Buffer.from(name), toBuffer(value));
    }
  }
  return {
    timestampMs: record.timestampMs ?? nowMs,
    key: record.key === null ? null : toBuffer(record.key),
    value: record.value,
    headers: headers.length === 0 ? noHeaders : headers,
  };
}

/**
 * Returns rounds of chunks, in order per partition: each round has at most one chunk a partition, of
 * at most `maxBytes` (a record that is larger stands alone).
 */
export function toRounds(
  records: readonly OutgoingRecord[],
  choose: (record: OutgoingRecord) => number,
  partitionsOf: (topic: string) => number,
  maxBytes: number,
): Chunk[][] {
  const nowMs = Date.now();
  const chunks = new Map<string, Chunk[]>();
  let last: Chunk | undefined;
  for (const record of records) {
    const { topic } = record;
    const partition = choose(record);
    const wire = toWire(record, nowMs);
    const bytes = sizeBound(wire);
    // Records of one partition mostly stand together.
    if (last === undefined || last.topic !== topic || last.partition !== partition) {
      if (partition < 0 || partition >= partitionsOf(topic))
        throw partitionMissing(topic, partition);
      last = chunks.get(`${topic}/${partition}`)?.at(-1);
    }
    if (last !== undefined && last.bytes + bytes <= maxBytes) {
      last.records.push(wire);
      last.bytes += bytes;
      continue;
    }
    last = { topic, partition, records: [wire], bytes };
    const key = `${topic}/${partition}`;
    const list = chunks.get(key);
    if (list === undefined) chunks.set(key, [last]);
    else list.push(last);
  }
  const rounds: Chunk[][] = [];
  for (const list of chunks.values()) {
    list.forEach((chunk, index) => {
      const round = rounds[index];
      if (round === undefined) rounds[index] = [chunk];
      else round.push(chunk);
    });
  }
  return rounds;
}
