import type { LogReader, LogRecord, Subscription, Watermarks } from '../transport/transport.js';
import { Unseen } from '../transport/unseen.js';

export interface DeltaReaderOptions {
  readonly topic: string;
  readonly reader: LogReader;
  /** Called once for each committed record of the delta topic, in order within a partition. */
  readonly apply: (record: LogRecord) => void;
  /** Told after each step: which partition, how far, and how far there is to go. */
  readonly onProgress?: (step: DeltaStep) => void;
}

export interface DeltaStep {
  readonly partition: number;
  readonly position: bigint;
  /** As of the fetch. */
  readonly highWatermark: bigint;
  /** Record timestamp of the newest record of the step; null where there was none. */
  readonly timestampMs: number | null;
}

/**
 * Keeps the table of this process up with the delta topic: all partitions, read_committed, from the
 * given offsets on. Whoever needs the model as of now waits for `reached(watermarks)`.
 */
export class DeltaReader {
  readonly #options: DeltaReaderOptions;
  readonly #subscriptions: Subscription[] = [];
  #positions: bigint[] = [];
  /** By partition: a delta that came twice would be added twice. */
  #unseen: Unseen[] = [];
  #waiting: { target: readonly bigint[]; resolve: () => void }[] = [];

  constructor(options: DeltaReaderOptions) {
    this.#options = options;
  }

  /** The next offset to be applied, by partition. */
  get positions(): readonly bigint[] {
    return this.#positions;
  }

  /** Begins at `from` (by partition). */
  start(from: readonly bigint[]): void {
    this.#positions = [...from];
    this.#unseen = from.map((offset) => new Unseen(offset));
    for (const [partition, offset] of from.entries()) {
      this.#subscriptions.push(
        this.#options.reader.follow({ topic: this.#options.topic, partition }, offset, {
          onRecords: (records, position, highWatermark) =>
            this.#take(partition, records, position, highWatermark),
        }),
      );
    }
  }

  /**
   * Fulfilled when all that stood below these high watermarks has been applied; rejects with the
   * signal's reason when it is aborted.
   */
  async reached(watermarks: readonly Watermarks[], signal: AbortSignal): Promise<void> {
    const target = watermarks.map((mark) => mark.high);
    signal.throwIfAborted();
    if (this.#isPast(target)) return;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push({
        target,
        resolve: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      });
    });
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.stop();
  }

  #take(
    partition: number,
    records: readonly LogRecord[],
    position: bigint,
    highWatermark: bigint,
  ): void {
    for (const record of this.#unseen[partition]!.of(records)) this.#options.apply(record);
    this.#positions[partition] = position;
    const timestampMs = records.at(-1)?.timestampMs ?? null;
    this.#options.onProgress?.({ partition, position, highWatermark, timestampMs });
    this.#waiting = this.#waiting.filter(({ target, resolve }) => {
      if (!this.#isPast(target)) return true;
      resolve();
      return false;
    });
  }

  #isPast(target: readonly bigint[]): boolean {
    return target.every((offset, partition) => (this.#positions[partition] ?? 0n) >= offset);
  }
}
