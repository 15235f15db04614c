import type { LogReader, LogRecord, Subscription, TopicPartition } from '../transport/transport.js';

/** The newest value by key of a changelog partition, as of `position`. */
export interface ChangelogState {
  readonly values: Map<string, Buffer>;
  /** All below was read, aborted or a marker. */
  position: bigint;
}

/** Puts records in their places; a key without a value is gone. */
export function takeIn(values: Map<string, Buffer>, records: readonly LogRecord[]): void {
  for (const record of records) {
    if (record.key === null) continue;
    const key = record.key.toString();
    if (record.value === null) values.delete(key);
    else values.set(key, record.value);
  }
}

/**
 * Follows a changelog partition that another process writes, so that a takeover needs only what is
 * beyond `position`. Values stay encoded: nearly all of them are replaced before anybody looks.
 */
export class ChangelogFollower {
  readonly #state: ChangelogState;
  readonly #subscription: Subscription;
  #end: bigint;
  #records = 0;

  /** @param end The high watermark as of now: from there on it is warm. */
  constructor(
    reader: LogReader,
    place: TopicPartition,
    from: bigint,
    end: bigint,
    onProgress: (position: bigint, end: bigint) => void,
  ) {
    this.#state = { values: new Map(), position: from };
    this.#end = end;
    this.#subscription = reader.follow(place, from, {
      onRecords: (records, position, highWatermark) => {
        takeIn(this.#state.values, records);
        this.#records += records.length;
        this.#state.position = position;
        if (highWatermark > this.#end) this.#end = highWatermark;
        onProgress(position, this.#end);
      },
    });
  }

  get position(): bigint {
    return this.#state.position;
  }

  /** The high watermark as of the last fetch. */
  get end(): bigint {
    return this.#end;
  }

  get users(): number {
    return this.#state.values.size;
  }

  value(key: string): Buffer | undefined {
    return this.#state.values.get(key);
  }

  /** Follows no more; the state is the caller's then. */
  stop(): ChangelogState {
    this.#subscription.stop();
    return this.#state;
  }
}
