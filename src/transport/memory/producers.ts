import { IsthmusError } from '../../errors.js';
import { producerNotReady, transactionAbortable, transportClosed } from '../errors.js';
import type {
  LogProducer,
  OutgoingRecord,
  TopicPartition,
  Transaction,
  TransactionalProducer,
} from '../transport.js';
import type { MemoryLog } from './log.js';
import type { MemoryProcess } from './process.js';
import { lostAnswer } from './transactions.js';

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
  #open: MemoryTransaction | null = null;
  #closed = false;

  constructor(log: MemoryLog, process: MemoryProcess, transactionalId: string, timeoutMs: number) {
    this.#log = log;
    this.#process = process;
    this.transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
  }

  async init(): Promise<void> {
    if (this.#closed) throw transportClosed('producer');
    const { transactionalId } = this;
    this.#epoch = -1;
    this.#open = null;
    await this.#process.gate('init:before', { transactionalId });
    const epoch = this.#log.transactions.init(transactionalId, this.#timeoutMs);
    await this.#process.gate('init:after', { transactionalId });
    this.#epoch = epoch;
  }

  async begin(): Promise<Transaction> {
    if (this.#closed) throw transportClosed('producer');
    if (this.#epoch < 0) throw producerNotReady(this.transactionalId);
    if (this.#open !== null) {
      throw new IsthmusError(
        'TRANSACTION_OPEN',
        'fatal',
        `The producer '${this.transactionalId}' has a transaction open: commit or abort it first.`,
      );
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
        if (!ready) this.#epoch = -1;
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
  #ended = false;

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

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    this.#check('send records');
    await this.#step('send', 'send records', () => {
      const prepared = this.#log.prepare(records);
      this.#log.appendTransactional(this.#id, this.#epoch, prepared);
    });
  }

  async sendOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { offset: bigint })[],
  ): Promise<void> {
    this.#check('send offsets');
    await this.#step('offsets', 'send offsets', () => {
      this.#log.transactions.addOffsets(
        this.#id,
        this.#epoch,
        offsets.map(({ topic, partition, offset }) => ({ groupId, topic, partition, offset })),
      );
    });
  }

  async commit(): Promise<void> {
    this.#check('commit');
    this.#ended = true;
    const context = { transactionalId: this.#id };
    try {
      await this.#process.gate('commit:before', context);
      this.#log.transactions.end(this.#id, this.#epoch, 'committed');
      await this.#process.gate('commit:after', context);
    } catch (error) {
      this.#onEnd(false);
      throw error instanceof IsthmusError ? error : lostAnswer(this.#id, error);
    }
    this.#onEnd(true);
  }

  async abort(): Promise<void> {
    this.#check('abort');
    this.#ended = true;
    const context = { transactionalId: this.#id };
    try {
      await this.#process.gate('abort:before', context);
      this.#log.transactions.end(this.#id, this.#epoch, 'aborted');
      await this.#process.gate('abort:after', context);
    } catch (error) {
      this.#onEnd(false);
      throw error instanceof IsthmusError ? error : transactionAbortable(this.#id, 'abort', error);
    }
    this.#onEnd(true);
  }

  async #step(point: 'send' | 'offsets', what: string, action: () => void): Promise<void> {
    const context = { transactionalId: this.#id };
    try {
      await this.#process.gate(`${point}:before`, context);
      if (this.#ended) throw transactionAbortable(this.#id, what);
      action();
      await this.#process.gate(`${point}:after`, context);
    } catch (error) {
      throw error instanceof IsthmusError ? error : transactionAbortable(this.#id, what, error);
    }
  }

  #check(what: string): void {
    if (this.#ended) {
      throw new IsthmusError(
        'TRANSACTION_ENDED',
        'fatal',
        `The transaction of '${this.#id}' has ended: it cannot ${what} any more.`,
      );
    }
  }
}
