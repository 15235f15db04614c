import { publish } from '../diagnostics.js';
import { type DeadLetterCause, deadLetterOf, ORIGIN } from '../producers/dead-letter.js';
import type { Cycle, TaskWork } from '../tasks/cycle.js';
import type { EventDecoder } from '../tasks/event-decoder.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../transport/transport.js';

export interface RepartitionWorkOptions {
  readonly app: string;
  readonly partition: TopicPartition;
  /** Where the copies go. */
  readonly target: string;
  readonly deadLetters: string;
  readonly maxRecordBytes: number;
}

/**
 * Copies the events of an input partition to the repartition topic, keyed by user: the bytes, the
 * headers and the timestamp as they came, and headers that say where they came from. What is no
 * event goes to the dead letters from here, since it has no user. Nothing is kept, so there is
 * nothing to take back.
 */
export class RepartitionWork implements TaskWork {
  readonly #options: RepartitionWorkOptions;
  readonly #decoder: EventDecoder;
  readonly #tracing: Tracing;
  #position = 0n;

  constructor(options: RepartitionWorkOptions, parts: { decoder: EventDecoder; tracing: Tracing }) {
    this.#options = options;
    this.#decoder = parts.decoder;
    this.#tracing = parts.tracing;
  }

  startAt(position: bigint): void {
    this.#position = position;
  }

  nextDueMs(): null {
    return null;
  }

  async compute(records: readonly LogRecord[]): Promise<Cycle> {
    const { partition } = this.#options;
    await this.#decoder.load(records);
    const refused = new Map<string, number>();
    const output = records.map((record) => this.#outputOf(record, refused));
    const firstOffset = this.#position;
    const last = records.at(-1);
    if (last !== undefined) this.#position = last.offset + 1n;
    return {
      firstOffset,
      nextOffset: last === undefined ? null : this.#position,
      records: records.length,
      outcomes: { publish: () => this.#publish(refused) },
      output,
      deltaBytes: 0,
      deltaIds: [],
      before: new Map(),
      answeredTimestampsMs: [],
      trace: this.#tracing.batch(records, {
        'messaging.destination.name': partition.topic,
        'messaging.destination.partition.id': partition.partition,
        'messaging.batch.message_count': records.length,
      }),
    };
  }

  undo(cycle: Cycle): void {
    this.#position = cycle.firstOffset;
  }

  #outputOf(record: LogRecord, refused: Map<string, number>): OutgoingRecord {
    const decoded = this.#decoder.decode(record);
    if ('cause' in decoded) return this.#deadLetter(record, decoded.cause, refused);
    return {
      topic: this.#options.target,
      key: decoded.event.userId,
      value: record.value,
      timestampMs: record.timestampMs,
      headers: {
        ...record.headers,
        [ORIGIN.topic]: record.topic,
        [ORIGIN.partition]: String(record.partition),
        [ORIGIN.offset]: String(record.offset),
      },
    };
  }

  #deadLetter(
    record: LogRecord,
    cause: DeadLetterCause,
    refused: Map<string, number>,
  ): OutgoingRecord {
    const { deadLetters, maxRecordBytes } = this.#options;
    refused.set(cause.reason, (refused.get(cause.reason) ?? 0) + 1);
    return deadLetterOf(deadLetters, record, cause, maxRecordBytes);
  }

  #publish(refused: ReadonlyMap<string, number>): void {
    const { app } = this.#options;
    for (const [reason, count] of refused) {
      const counted = { domain: '', action: '', outcome: 'dead-letter' as const, reason, count };
      publish('isthmus:event', { app, ...counted });
    }
  }
}
