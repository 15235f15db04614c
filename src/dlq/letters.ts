import { DEAD_LETTER } from '../producers/dead-letter.js';
import type { Headers, LogRecord, Transport } from '../transport/transport.js';
import { Unseen } from '../transport/unseen.js';

/** Where a record came from that could not be used. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Record timestamp there. */
  readonly timestampMs: number;
}

/** A record of the dead-letter topic. */
export interface DeadLetter {
  /** `<partition>:<offset>` in the dead-letter topic. */
  readonly id: string;
  readonly partition: number;
  readonly offset: bigint;
  /** When it was put there. */
  readonly timestampMs: number;
  readonly reason: string;
  readonly detail: string;
  /** Null for a record that is not ours, or lacks a header. */
  readonly origin: Origin | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The headers that the record came with. */
  readonly headers: Headers;
  /** Bytes of the whole value where it is not all here; null where it is. */
  readonly truncatedBytes: number | null;
  /** Ids of the runs that have replayed it; empty where none has. */
  readonly replays: readonly string[];
}

/** On the note of a replay: the run that it belongs to. */
export const REPLAY_RUN = 'isthmus.replay-run';

/**
 * Returns all dead letters up to the end of the topic as of now, by partition and offset. The notes
 * that replays leave are taken in.
 *
 * Errors: TOPIC_MISSING (usage).
 */
export async function readLetters(transport: Transport, topic: string): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  const runs = new Map<string, string[]>();
  await readToEnd(transport, topic, (record) => {
    const replayed = record.headers[DEAD_LETTER.replayed]?.toString();
    if (replayed === undefined) {
      letters.push(letterOf(record, listOf(runs, idOf(record))));
    } else {
      listOf(runs, replayed).push(record.headers[REPLAY_RUN]?.toString() ?? '');
    }
  });
  return letters.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}

function listOf(lists: Map<string, string[]>, id: string): string[] {
  let list = lists.get(id);
  if (list === undefined) {
    list = [];
    lists.set(id, list);
  }
  return list;
}

function idOf({ partition, offset }: LogRecord): string {
  return `${partition}:${offset}`;
}

function letterOf(record: LogRecord, replays: readonly string[]): DeadLetter {
  const text = (name: string): string | undefined => record.headers[name]?.toString();
  const own = new Set<string>(Object.values(DEAD_LETTER));
  const truncated = text(DEAD_LETTER.truncated);
  return {
    id: idOf(record),
    partition: record.partition,
    offset: record.offset,
    timestampMs: record.timestampMs,
    reason: text(DEAD_LETTER.reason) ?? 'unknown',
    detail: text(DEAD_LETTER.detail) ?? '',
    origin: originOf(text),
    key: record.key,
    value: record.value,
    headers: Object.fromEntries(Object.entries(record.headers).filter(([name]) => !own.has(name))),
    truncatedBytes: truncated === undefined ? null : Number(truncated),
    replays,
  };
}

function originOf(text: (name: string) => string | undefined): Origin | null {
  const topic = text(DEAD_LETTER.topic);
  const partition = text(DEAD_LETTER.partition) ?? '';
  const offset = text(DEAD_LETTER.offset) ?? '';
  const timestamp = text(DEAD_LETTER.timestamp) ?? '';
  if (topic === undefined || !/^\d+$/.test(partition) || !/^\d+$/.test(offset)) return null;
  return {
    topic,
    partition: Number(partition),
    offset: BigInt(offset),
    timestampMs: /^\d+$/.test(timestamp) ? Number(timestamp) : 0,
  };
}

async function readToEnd(
  transport: Transport,
  topic: string,
  take: (record: LogRecord) => void,
): Promise<void> {
  const admin = await transport.admin();
  const marks = await admin.watermarks(topic).finally(() => admin.close());
  let fail: (error: Error) => void = () => {};
  const crashed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  crashed.catch(() => undefined);
  const reader = transport.reader([topic], (error) => fail(error));
  try {
    await reader.run();
    const partitions = marks.map(
      ({ low, high }, partition) =>
        new Promise<void>((resolve) => {
          if (low >= high) return resolve();
          const unseen = new Unseen(low);
          const subscription = reader.follow({ topic, partition }, low, {
            onRecords: (records, position) => {
              for (const record of unseen.of(records)) if (record.offset < high) take(record);
              if (position < high) return;
              subscription.stop();
              resolve();
            },
          });
        }),
    );
    await Promise.race([Promise.all(partitions), crashed]);
  } finally {
    await reader.close();
  }
}
