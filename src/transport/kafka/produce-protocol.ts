import {
  apiKeys,
  type Broker,
  createErrorFromCode,
  encoded,
  type ProtocolRequest,
} from './internals.js';

/** One encoded batch for one partition. */
export interface BatchForPartition {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

export interface PartitionResult {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
}

const produceVersion = 7;

function stringOrNull(text: string | null): Buffer {
  if (text === null) return Buffer.from([0xff, 0xff]);
  const bytes = Buffer.from(text);
  const target = Buffer.alloc(2 + bytes.length);
  target.writeInt16BE(bytes.length, 0);
  target.set(bytes, 2);
  return target;
}

function int32(value: number): Buffer {
  const target = Buffer.allocUnsafe(4);
  target.writeInt32BE(value, 0);
  return target;
}

/** Produce v7, acks = all (https://kafka.apache.org/protocol#The_Messages_Produce). */
export function produceRequest(
  transactionalId: string | null,
  batches: readonly BatchForPartition[],
  timeoutMs: number,
): ProtocolRequest {
  const byTopic = new Map<string, BatchForPartition[]>();
  for (const batch of batches) {
    const list = byTopic.get(batch.topic);
    if (list === undefined) byTopic.set(batch.topic, [batch]);
    else list.push(batch);
  }
  const parts: Buffer[] = [stringOrNull(transactionalId), Buffer.from([0xff, 0xff])];
  parts.push(int32(timeoutMs), int32(byTopic.size));
  for (const [topic, list] of byTopic) {
    parts.push(stringOrNull(topic), int32(list.length));
    for (const { partition, bytes } of list)
      parts.push(int32(partition), int32(bytes.length), bytes);
  }
  return {
    request: {
      apiKey: apiKeys.produce,
      apiVersion: produceVersion,
      apiName: 'Produce',
      encode: () => encoded(Buffer.concat(parts)),
    },
    response: {
      decode: async (raw) => decodeProduce(raw),
      parse: (data) => Promise.resolve(data),
    },
    requestTimeout: timeoutMs + 1_000,
  };
}

function decodeProduce(raw: Buffer): { results: PartitionResult[] } {
  const results: PartitionResult[] = [];
  const topics = raw.readInt32BE(0);
  let at = 4;
  for (let t = 0; t < topics; t++) {
    const length = raw.readInt16BE(at);
    const topic = raw.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const count = raw.readInt32BE(at);
    at += 4;
    for (let p = 0; p < count; p++) {
      results.push({
        topic,
        partition: raw.readInt32BE(at),
        errorCode: raw.readInt16BE(at + 4),
      });
      at += 30;
    }
  }
  return { results };
}

/** Whether the broker can raise the epoch of a producer that names its own (KIP-360, Kafka 2.5). */
export function canBumpEpoch(broker: Broker): boolean {
  return (broker.versions[apiKeys.initProducerId]?.maxVersion ?? 0) >= 3;
}

/**
 * InitProducerId v3 with the producer's own id and epoch: it is refused where another producer has
 * taken the transactional id over, so that a late comer cannot fence its successor.
 */
export function bumpEpochRequest(
  transactionalId: string | null,
  timeoutMs: number,
  producerId: string,
  producerEpoch: number,
): ProtocolRequest {
  const name = transactionalId === null ? null : Buffer.from(transactionalId);
  // Flexible version: tagged fields of the header, compact string (length + 1), tagged fields.
  const length = name === null ? [0] : unsignedVarint(name.length + 1);
  const fixed = Buffer.alloc(15);
  fixed.writeInt32BE(timeoutMs, 0);
  fixed.writeBigInt64BE(BigInt(producerId), 4);
  fixed.writeInt16BE(producerEpoch, 12);
  const body = Buffer.concat([Buffer.from([0, ...length]), name ?? Buffer.alloc(0), fixed]);
  return {
    request: {
      apiKey: apiKeys.initProducerId,
      apiVersion: 3,
      apiName: 'InitProducerId',
      encode: () => encoded(body),
    },
    response: {
      decode: async (raw) => ({
        errorCode: raw.readInt16BE(5),
        producerId: raw.readBigInt64BE(7).toString(),
        producerEpoch: raw.readInt16BE(15),
      }),
      parse: async (data) => {
        const { errorCode } = data as { errorCode: number };
        if (errorCode !== 0) throw createErrorFromCode(errorCode);
        return data;
      },
    },
  };
}

function unsignedVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}
