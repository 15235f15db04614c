import type { BehaviorEvent } from '../../online/types.js';
import type { LogProducer, OutgoingRecord } from '../../transport/transport.js';
import { sendTraced, type TraceSend } from './traced.js';

export interface ReplayProgress {
  /** Events that the log has acknowledged. */
  readonly sent: number;
  /** Since the first. */
  readonly seconds: number;
}

export interface ReplayResult extends ReplayProgress {
  /** False where the signal stopped it. */
  readonly complete: boolean;
}

export interface ReplayOptions {
  readonly topic: string;
  readonly encode: (event: BehaviorEvent) => Buffer;
  /** Events per second; left out or 0: as fast as the log takes them. */
  readonly rate?: number;
  /** The most that are sent. */
  readonly limit?: number;
  /** So many events at the start are left out. */
  readonly skip?: number;
  /** Begins the trace of events that are sent together. */
  readonly trace?: TraceSend;
  /** After each acknowledgement. */
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Ends the replay after what is being sent. */
  readonly signal?: AbortSignal;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** As fast as it goes: enough to fill requests, little enough to stay small in memory. */
const LARGEST_SEND = 2000;
/** With a rate: sends this often, so that the rate is even. */
const SENDS_PER_SECOND = 100;

/**
 * Sends the events, in order, keyed by user. One send is under way at a time (so a user's events
 * stay in order and the log's pace is ours) while the next is being encoded.
 *
 * Errors: those of the events' source and of the producer.
 */
export async function replay(
  events: AsyncIterable<readonly BehaviorEvent[]> | Iterable<readonly BehaviorEvent[]>,
  producer: LogProducer,
  options: ReplayOptions,
): Promise<ReplayResult> {
  const now = options.now ?? Date.now;
  const sleep = options.sleep ?? pause;
  const rate = options.rate ?? 0;
  const size = rate > 0 ? clamp(Math.round(rate / SENDS_PER_SECOND)) : LARGEST_SEND;
  const startedMs = now();
  let handed = 0;
  let sent = 0;
  let underway: Promise<void> = Promise.resolve();

  const progress = (): ReplayProgress => ({ sent, seconds: (now() - startedMs) / 1000 });
  const send = async (records: readonly OutgoingRecord[]): Promise<void> => {
    await sendTraced(producer, records, options.trace);
    sent += records.length;
    options.onProgress?.(progress());
  };

  const stopped = () => options.signal?.aborted === true;
  for await (const chunk of chunks(events, size, options.skip ?? 0, options.limit ?? Infinity)) {
    const records = chunk.map((event) => toRecord(event, options));
    await underway;
    if (stopped()) break;
    if (rate > 0) {
      const dueMs = startedMs + (handed / rate) * 1000;
      if (dueMs > now()) await sleep(dueMs - now(), options.signal);
      if (stopped()) break;
    }
    handed += records.length;
    underway = send(records);
    // Its error is met at the next `await`, which may be a while.
    underway.catch(() => undefined);
  }
  await underway;
  return { ...progress(), complete: !stopped() };
}

function clamp(size: number): number {
  return Math.min(LARGEST_SEND, Math.max(1, size));
}

function toRecord(event: BehaviorEvent, options: ReplayOptions): OutgoingRecord {
  return { topic: options.topic, key: event.userId, value: options.encode(event) };
}

/** Cuts what comes into chunks of `size`, without the first `skip`, at most `limit` in all. */
async function* chunks(
  events: AsyncIterable<readonly BehaviorEvent[]> | Iterable<readonly BehaviorEvent[]>,
  size: number,
  skip: number,
  limit: number,
): AsyncGenerator<BehaviorEvent[], void, undefined> {
  let toSkip = skip;
  let left = limit;
  let chunk: BehaviorEvent[] = [];
  if (left <= 0) return;
  for await (const batch of events) {
    for (const event of batch) {
      if (toSkip > 0) {
        toSkip--;
        continue;
      }
      chunk.push(event);
      left--;
      if (chunk.length === size || left === 0) {
        yield chunk;
        chunk = [];
      }
      if (left === 0) return;
    }
  }
  if (chunk.length > 0) yield chunk;
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
