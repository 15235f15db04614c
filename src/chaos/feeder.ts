import { setTimeout as sleep } from 'node:timers/promises';
import type { LogProducer, OutgoingRecord } from '../transport/transport.js';
import type { ChaosInput } from './input.js';

const TICK_MS = 50;

/** Writes the input, evenly over the time that the breaking will take. */
export class Feeder {
  /** Records that are in the log; one whose answer was lost is written again, and counts once here. */
  sent = 0;
  readonly #input: ChaosInput;
  readonly #producer: LogProducer;
  readonly #total: number;
  readonly #share: () => number;
  #hurry = false;
  #stopped = false;

  /** @param share How much of the breaking is done, from 0 to 1, as far as can be guessed. */
  constructor(input: ChaosInput, producer: LogProducer, total: number, share: () => number) {
    this.#input = input;
    this.#producer = producer;
    this.#total = total;
    this.#share = share;
  }

  /** Fulfilled when all is written. */
  async run(): Promise<void> {
    while (this.sent < this.#total && !this.#stopped) {
      const due = this.#hurry ? this.#total : Math.ceil(this.#total * this.#share());
      // A few at any rate, so that it never stands still.
      const count = Math.min(this.#total - this.sent, Math.max(3, Math.min(500, due - this.sent)));
      await this.#write(Array.from({ length: count }, () => this.#input.next()));
      if (!this.#hurry) await sleep(TICK_MS);
    }
  }

  /** Writes the rest as fast as it goes. */
  finish(): void {
    this.#hurry = true;
  }

  /** Writes nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Writes more records than were asked for. */
  async add(count: number): Promise<void> {
    await this.#write(Array.from({ length: count }, () => this.#input.next()));
  }

  async #write(records: readonly OutgoingRecord[]): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#producer.send(records);
        this.sent += records.length;
        return;
      } catch {
        // They may be in the log all the same: the oracle reads what is there.
        await sleep(200);
      }
    }
  }
}
