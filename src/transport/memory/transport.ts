import { transportClosed } from '../errors.js';
import type {
  GroupConsumer,
  GroupConsumerOptions,
  LogAdmin,
  LogProducer,
  LogReader,
  TransactionalProducer,
  Transport,
} from '../transport.js';
import { MemoryAdmin } from './admin.js';
import { MemoryGroupConsumer } from './consumer.js';
import type { MemoryLog } from './log.js';
import { type Fault, MemoryProcess } from './process.js';
import { MemoryProducer, MemoryTransactionalProducer } from './producers.js';
import { MemoryLogReader } from './reader.js';

export interface MemoryTransportOptions {
  /** The name of the process in fault contexts. */
  readonly name?: string;
  readonly fault?: Fault;
}

/**
 * A transport over an in-memory log. One transport is one process: `process.kill()`,
 * `process.freeze()` and `process.thaw()` do to it what the signals do to a real one.
 */
export class MemoryTransport implements Transport {
  readonly name = 'memory';
  readonly process: MemoryProcess;
  readonly #log: MemoryLog;
  readonly #open = new Set<{ close(): Promise<void> }>();
  readonly #consumers = new Set<MemoryGroupConsumer>();
  #closed = false;

  constructor(log: MemoryLog, options: MemoryTransportOptions = {}) {
    this.#log = log;
    this.process = new MemoryProcess(options.name ?? 'memory', options.fault);
  }

  async admin(): Promise<LogAdmin> {
    return this.#keep(new MemoryAdmin(this.#log, this.process));
  }

  async producer(): Promise<LogProducer> {
    return this.#keep(new MemoryProducer(this.#log, this.process));
  }

  async transactionalProducer(id: string, timeoutMs: number): Promise<TransactionalProducer> {
    return this.#keep(new MemoryTransactionalProducer(this.#log, this.process, id, timeoutMs));
  }

  groupConsumer(options: GroupConsumerOptions): GroupConsumer {
    const consumer = new MemoryGroupConsumer(this.#log, this.process, options);
    this.#consumers.add(consumer);
    return this.#keep(consumer);
  }

  reader(topics: readonly string[], onCrash: (error: Error) => void): LogReader {
    return this.#keep(new MemoryLogReader(this.#log, this.process, topics, onCrash));
  }

  /** Ends the group sessions of a killed or frozen process now, instead of after their timeout. */
  expireSessions(): void {
    for (const consumer of this.#consumers) consumer.expire();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#open].map((part) => part.close()));
  }

  #keep<T extends { close(): Promise<void> }>(part: T): T {
    if (this.#closed) throw transportClosed('transport');
    const close = part.close.bind(part);
    part.close = async () => {
      this.#open.delete(part);
      await close();
    };
    this.#open.add(part);
    return part;
  }
}
