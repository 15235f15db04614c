import type { LogRecord } from '../transport/transport.js';

/**
 * The records of one partition between the consumer that fetches them and the task that works on
 * them. Bounded: `offer` is fulfilled when there is room for more, so the consumer waits.
 *
 * Records below `position` have been seen already (a rebalance or a rewind delivers them again) and
 * are passed over.
 */
export class RecordQueue {
  readonly #limit: number;
  #records: LogRecord[] = [];
  #head = 0;
  #position: bigint;
  #highWatermark = 0n;
  #onRoom: (() => void)[] = [];
  #onChange: (() => void)[] = [];
  #closed = false;

  /** @param limit how many records may wait before `offer` holds back. */
  constructor(limit: number, position: bigint) {
    this.#limit = limit;
    this.#position = position;
  }

  get length(): number {
    return this.#records.length - this.#head;
  }

  /** The offset after the newest record that was offered. */
  get position(): bigint {
    return this.#position;
  }

  /** How many records the partition holds beyond those offered (markers count too). */
  get beyond(): number {
    return Math.max(0, Number(this.#highWatermark - this.#position));
  }

  /** Takes the records in; fulfilled when fewer than the limit are waiting, or at `close`. */
  async offer(records: readonly LogRecord[], highWatermark: bigint): Promise<void> {
    if (this.#closed) return;
    if (highWatermark > this.#highWatermark) this.#highWatermark = highWatermark;
    for (const record of records) {
      if (record.offset < this.#position) continue;
      this.#records.push(record);
      this.#position = record.offset + 1n;
    }
    this.#wake(this.#onChange);
    while (this.length >= this.#limit && !this.#closed) {
      await new Promise<void>((resolve) => this.#onRoom.push(resolve));
    }
  }

  /** The first record that waits, without taking it. */
  peek(index = 0): LogRecord | undefined {
    return this.#records[this.#head + index];
  }

  /** Takes out the first `count` records (fewer where fewer wait). */
  take(count: number): LogRecord[] {
    const taken = this.#records.slice(this.#head, this.#head + count);
    this.#head += taken.length;
    if (this.#head > 4096 || this.#head === this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    if (this.length < this.#limit) this.#wake(this.#onRoom);
    return taken;
  }

  /** Forgets everything and expects the record at `position` next. */
  rewind(position: bigint): void {
    this.#records = [];
    this.#head = 0;
    this.#position = position;
    this.#wake(this.#onRoom);
  }

  /** Fulfilled at the next `offer`, `poke` or `close`. */
  changed(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  /** Wakes whoever waits for a change, without one. */
  poke(): void {
    this.#wake(this.#onChange);
  }

  close(): void {
    this.#closed = true;
    this.rewind(this.#position);
    this.#wake(this.#onChange);
  }

  #wake(waiting: (() => void)[]): void {
    for (const resolve of waiting.splice(0)) resolve();
  }
}
