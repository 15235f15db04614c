import { IsthmusError } from '../../errors.js';
import {
  commitOutcomeUnknown,
  producerInitFailed,
  producerNotReady,
  transactionAbortable,
  transactionEnded,
  transactionOpen,
  transportClosed,
} from '../errors.js';
import type {
  LogProducer,
  OutgoingRecord,
  TopicPartition,
  Transaction,
  TransactionalProducer,
} from '../transport.js';
import type { MemoryLog } from './log.js';
import type { MemoryProcess } from './process.js';

export class MemoryProducer implements LogProducer {
  readonly #log: MemoryLog;
  readonly #process: MemoryProcess;
  #closed = false;

  constructor(log: MemoryLog, process: MemoryProcess) {
    this.#log = log;
    this.#process = process;
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#closed) throw transportClosed('producer');
    await this.#process.gate('produce:before');
    this.#log.append(this.#log.prepare(records));
    await this.#process.gate('produce:after');
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}

export class MemoryTransactionalProducer implements TransactionalProducer {
  readonly transactionalId: string;
  readonly #log: MemoryLog;
  readonly #process: MemoryProcess;
  readonly #timeoutMs: number;
  #epoch = -1;
  #ready = false;
  #open: MemoryTransaction | null = null;
  #closed = false;

  constructor(log: MemoryLog, process: MemoryProcess, transactionalId: string, timeoutMs: number) {
    this.#log = log;
    this.#process = process;
    this.transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
  }

  /** As the Kafka adapter: a producer that was fenced is told so once, and fences the next time. */
  async init(): Promise<void> {
    if (this.#closed) throw transportClosed('producer');
    const { transactionalId } = this;
    const own = this.#epoch;
    this.#epoch = -1;
    this.#ready = false;
    this.#open?.void();
    this.#open = null;
    try {
      await this.#process.gate('init:before', { transactionalId });
      if (own >= 0) this.#log.transactions.check(transactionalId, own);
      this.#epoch = this.#log.transactions.init(transactionalId, this.#timeoutMs);
      await this.#process.gate('init:after', { transactionalId });
    } catch (error) {
      throw error instanceof IsthmusError ? error : producerInitFailed(transactionalId, error);
    }
    this.#ready = true;
  }

  async begin(): Promise<Transaction> {
    if (this.#closed) throw transportClosed('producer');
    if (!this.#ready) throw producerNotReady(this.transactionalId);
    if (this.#open !== null) {
      throw transactionOpen(this.transactionalId);
    }
    await this.#process.gate('begin', { transactionalId: this.transactionalId });
    const transaction = new MemoryTransaction(
      this.#log,
      this.#process,
      this.transactionalId,
      this.#epoch,
      (ready) => {
        if (this.#open !== transaction) return;
        this.#open = null;
        this.#ready = ready;
      },
    );
    this.#open = transaction;
    return transaction;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#open === null || this.#process.killed) return;
    this.#open = null;
    try {
      this.#log.transactions.end(this.transactionalId, this.#epoch, 'aborted');
    } catch {
      // Fenced: the new producer has ended the transaction.
    }
  }
}

class MemoryTransaction implements Transaction {
  readonly #log: MemoryLog;
  readonly #process: MemoryProcess;
  readonly #id: string;
  readonly #epoch: number;
  readonly #onEnd: (ready: boolean) => void;
  #state: 'open' | 'committed' | 'void' = 'open';
  #broken = false;

  constructor(
    log: MemoryLog,
    process: MemoryProcess,
    id: string,
    epoch: number,
    onEnd: (ready: boolean) => void,
  ) {
    this.#log = log;
    this.#process = process;
    this.#id = id;
    this.#epoch = epoch;
    this.#onEnd = onEnd;
  }

  send(records: readonly OutgoingRecord[]): Promise<void> {
    return this.#step('send', 'send records', () => {
      const prepared = this.#log.prepare(records);
      this.#log.appendTransactional(this.#id, this.#epoch, prepared);
    });
  }

  sendOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { offset: bigint })[],
  ): Promise<void> {
    return this.#step('offsets', 'send offsets', () => {
      this.#log.transactions.addOffsets(
        this.#id,
        this.#epoch,
        offsets.map(({ topic, partition, offset }) => ({ groupId, topic, partition, offset })),
      );
    });
  }

  async commit(): Promise<void> {
    this.#check('commit');
    if (this.#broken) throw transactionAbortable(this.#id, 'write all that it should commit');
    this.#state = 'void';
    await this.#end('commit', 'committed', (cause) => commitOutcomeUnknown(this.#id, cause));
    this.#state = 'committed';
  }

  async abort(): Promise<void> {
    if (this.#state === 'void') return;
    this.#check('abort');
    this.#state = 'void';
    await this.#end('abort', 'aborted', (cause) => transactionAbortable(this.#id, 'abort', cause));
  }

  /** Ends it without a word to the log: the producer is initialised anew. */
  void(): void {
    this.#state = 'void';
  }

  async #end(
    point: 'commit' | 'abort',
    outcome: 'committed' | 'aborted',
    unanswered: (cause: unknown) => Error,
  ): Promise<void> {
    const context = { transactionalId: this.#id };
    try {
      await this.#process.gate(`${point}:before`, context);
      this.#log.transactions.end(this.#id, this.#epoch, outcome);
      await this.#process.gate(`${point}:after`, context);
    } catch (error) {
      this.#onEnd(false);
      throw error instanceof IsthmusError ? error : unanswered(error);
    }
    this.#onEnd(true);
  }

  async #step(point: 'send' | 'offsets', what: string, action: () => void): Promise<void> {
    this.#check(what);
    const context = { transactionalId: this.#id };
    try {
      await this.#process.gate(`${point}:before`, context);
      if (this.#state !== 'open') throw transactionEnded(this.#id, what);
      action();
      await this.#process.gate(`${point}:after`, context);
    } catch (error) {
      this.#broken = true;
      throw error instanceof IsthmusError ? error : transactionAbortable(this.#id, what, error);
    }
  }

  #check(what: string): void {
    if (this.#state !== 'open') throw transactionEnded(this.#id, what);
  }
}
