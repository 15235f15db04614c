import type { OutgoingRecord } from './transport.js';

const SHORT_KEY = 64;
/** Short keys are hashed one after the other: views of one memory, by length. */
const SCRATCH = viewsOf(new ArrayBuffer(SHORT_KEY));

function viewsOf(memory: ArrayBuffer): readonly Uint8Array[] {
  return Array.from({ length: SHORT_KEY + 1 }, (_, length) => new Uint8Array(memory, 0, length));
}

/**
 * Returns the 32-bit murmur2 hash of the bytes (signed), the same as `Utils.murmur2` of the Java
 * client, so that every producer of a topic agrees on a key's partition.
 *
 * murmur2(utf8 'foobar') = -790332482
 */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  let h = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const left = length - i;
  if (left === 3) h ^= data[i + 2]! << 16;
  if (left >= 2) h ^= data[i + 1]! << 8;
  if (left >= 1) {
    h ^= data[i]!;
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h | 0;
}

/**
 * Returns the partition of a key: `(murmur2(key) & 0x7fffffff) mod partitions`, as the Java client's
 * default partitioner. Strings are hashed as UTF-8.
 *
 * partitionFor('foobar', 4) = 2
 */
export function partitionFor(key: Uint8Array | string, partitions: number): number {
  const bytes = typeof key === 'string' ? (asciiOf(key) ?? Buffer.from(key)) : key;
  return (murmur2(bytes) & 0x7fffffff) % partitions;
}

/** A short text's bytes, good until the next call; null where it is long or not ASCII alone. */
function asciiOf(text: string): Uint8Array | null {
  const bytes = SCRATCH[text.length];
  if (bytes === undefined) return null;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return null;
    bytes[i] = unit;
  }
  return bytes;
}

/**
 * Returns a function that chooses the partition of a record: the one that it names, else by its key,
 * else (no key) the partitions of the topic in turn.
 */
export function createPartitioner(): (record: OutgoingRecord, partitions: number) => number {
  const turns = new Map<string, number>();
  return (record, partitions) => {
    if (record.partition !== undefined) return record.partition;
    if (record.key !== null) return partitionFor(record.key, partitions);
    const turn = turns.get(record.topic) ?? 0;
    turns.set(record.topic, turn + 1);
    return turn % partitions;
  };
}
