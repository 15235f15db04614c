import type { Headers, LogRecord, OutgoingRecord } from '../transport/transport.js';

/** Headers of a dead letter, beside those of the record itself. */
export const DEAD_LETTER = {
  /** Why, for machines. */
  reason: 'isthmus.reason',
  /** Why, a sentence for people. */
  detail: 'isthmus.detail',
  topic: 'isthmus.topic',
  partition: 'isthmus.partition',
  offset: 'isthmus.offset',
  timestamp: 'isthmus.timestamp',
  /** Bytes of the whole value, where it is not there, or cut, since it did not fit. */
  truncated: 'isthmus.truncated',
  /** `<partition>:<offset>` of the dead letter that was replayed: such a record is a note, no letter. */
  replayed: 'isthmus.replayed',
} as const;

/** Headers of a copy in the repartition topic: where the record came from. */
export const ORIGIN = {
  topic: 'isthmus.origin.topic',
  partition: 'isthmus.origin.partition',
  offset: 'isthmus.origin.offset',
} as const;

/** Why a record could not be used. `reason` is for machines, `detail` a sentence for people. */
export interface DeadLetterCause {
  readonly reason: string;
  readonly detail: string;
}

/** A detail repeats what was wrong, which may be long; the whole is in the value. */
const MAX_DETAIL = 2_000;
/** Varints and lengths of a record and its headers, roughly. */
const FRAME_BYTES = 64;

/**
 * Returns the record as it came, with its origin and the cause in the headers; where it is a copy
 * from the repartition topic, with the origin of what was copied. Beyond `maxBytes` the value is
 * cut, and a header says how long it was.
 */
export function deadLetterOf(
  topic: string,
  record: LogRecord,
  cause: DeadLetterCause,
  maxBytes: number,
): OutgoingRecord {
  const { headers, origin } = originOf(record);
  const letter = {
    topic,
    key: record.key,
    headers: {
      ...headers,
      [DEAD_LETTER.reason]: cause.reason,
      [DEAD_LETTER.detail]: cause.detail.slice(0, MAX_DETAIL),
      [DEAD_LETTER.topic]: origin.topic,
      [DEAD_LETTER.partition]: origin.partition,
      [DEAD_LETTER.offset]: origin.offset,
      [DEAD_LETTER.timestamp]: String(record.timestampMs),
    },
  };
  const room = maxBytes - recordBytes({ ...letter, value: null });
  const { value } = record;
  if (value === null || value.length <= room) return { ...letter, value };
  return {
    ...letter,
    headers: { ...letter.headers, [DEAD_LETTER.truncated]: String(value.length) },
    value: value.subarray(0, Math.max(0, room - FRAME_BYTES)),
  };
}

/** About how many bytes the record takes in a batch; never fewer. */
export function recordBytes(record: Omit<OutgoingRecord, 'topic'>): number {
  let bytes = FRAME_BYTES + lengthOf(record.key) + lengthOf(record.value);
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    bytes += Buffer.byteLength(name) + lengthOf(value) + 10;
  }
  return bytes;
}

function lengthOf(value: Buffer | string | null): number {
  if (value === null) return 0;
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

function originOf(record: LogRecord): {
  headers: Headers;
  origin: { topic: string; partition: string; offset: string };
} {
  const {
    [ORIGIN.topic]: topic,
    [ORIGIN.partition]: partition,
    [ORIGIN.offset]: offset,
    ...headers
  } = record.headers;
  return {
    headers,
    origin: {
      topic: topic?.toString() ?? record.topic,
      partition: partition?.toString() ?? String(record.partition),
      offset: offset?.toString() ?? String(record.offset),
    },
  };
}
