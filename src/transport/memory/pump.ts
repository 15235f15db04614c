import { offsetOutOfRange } from '../errors.js';
import type { LogRecord } from '../transport.js';
import type { MemoryPartition } from './partition.js';

export interface PumpOptions {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /**
   * Called in order; the next records come when its promise is fulfilled. `isCurrent`: whether the
   * pump has been neither stopped nor started anew since.
   */
  readonly deliver: (
    records: LogRecord[],
    position: bigint,
    high: bigint,
    isCurrent: () => boolean,
  ) => Promise<void> | void;
  readonly onError: (error: Error) => void;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads one partition from an offset on, and gives the event loop a turn before each delivery. */
export class Pump {
  readonly #partition: MemoryPartition;
  readonly #options: PumpOptions;
  #run = 0;
  #position = 0;
  #wake: (() => void) | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(partition: MemoryPartition, options: PumpOptions) {
    this.#partition = partition;
    this.#options = options;
  }

  get position(): bigint {
    return BigInt(this.#position);
  }

  /** Reads from `offset` on; what was being read before is dropped. */
  start(offset: bigint): void {
    this.stop();
    this.#position = Number(offset);
    const run = this.#run;
    // Waits for the delivery that is under way: deliveries of one partition never overlap.
    this.#last = this.#last.then(() => this.#loop(run)).catch(this.#options.onError);
  }

  stop(): void {
    this.#run += 1;
    this.#wake?.();
  }

  async #loop(run: number): Promise<void> {
    if (this.#run !== run) return;
    if (!this.#partition.holds(this.#position)) {
      throw offsetOutOfRange(this.#partition, BigInt(this.#position));
    }
    while (this.#run === run) {
      await nextTurn();
      if (this.#run !== run) return;
      if (this.#position < this.#partition.low) {
        throw offsetOutOfRange(this.#partition, BigInt(this.#position));
      }
      const { maxRecords, maxBytes } = this.#options;
      const { records, position } = this.#partition.read(this.#position, maxRecords, maxBytes);
      if (position === this.#position) {
        await this.#changed();
        continue;
      }
      await this.#options.deliver(
        records,
        BigInt(position),
        BigInt(this.#partition.high),
        () => this.#run === run,
      );
      if (this.#run === run) this.#position = position;
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake = null;
        resolve();
      };
      this.#wake = wake;
      this.#partition.onceChanged(wake);
    });
  }
}
