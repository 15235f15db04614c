import type { FollowHandlers, LogReader, Subscription, TopicPartition } from '../transport.js';
import type { MemoryLog } from './log.js';
import type { MemoryProcess } from './process.js';
import { Pump } from './pump.js';

export class MemoryLogReader implements LogReader {
  readonly #log: MemoryLog;
  readonly #process: MemoryProcess;
  readonly #topics: readonly string[];
  readonly #onCrash: (error: Error) => void;
  readonly #pumps = new Set<Pump>();
  readonly #unlisten: () => void;
  #closed = false;

  constructor(
    log: MemoryLog,
    process: MemoryProcess,
    topics: readonly string[],
    onCrash: (error: Error) => void,
  ) {
    this.#log = log;
    this.#process = process;
    this.#topics = topics;
    this.#onCrash = onCrash;
    this.#unlisten = process.on((event) => {
      if (event === 'kill') this.#stop();
    });
  }

  async run(): Promise<void> {
    for (const topic of this.#topics) this.#log.partitions(topic);
  }

  follow(place: TopicPartition, from: bigint, handlers: FollowHandlers): Subscription {
    const pump = new Pump(this.#log.partition(place.topic, place.partition), {
      maxRecords: 5_000,
      maxBytes: 4_194_304,
      deliver: async (records, position, high) => {
        await this.#process.gate('follow', place);
        const times = this.#process.deliveries();
        for (let i = 0; i < times && this.#pumps.has(pump); i++) {
          await handlers.onRecords(records, position, high);
        }
      },
      onError: (error) => this.#crash(error),
    });
    this.#pumps.add(pump);
    pump.start(from);
    return {
      get position() {
        return pump.position;
      },
      stop: () => {
        this.#pumps.delete(pump);
        pump.stop();
      },
    };
  }

  async close(): Promise<void> {
    this.#unlisten();
    this.#stop();
  }

  #stop(): void {
    this.#closed = true;
    for (const pump of this.#pumps) pump.stop();
    this.#pumps.clear();
  }

  #crash(error: Error): void {
    if (this.#closed) return;
    this.#stop();
    this.#onCrash(error);
  }
}
