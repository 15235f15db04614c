import {
  commitOutcomeUnknown,
  producerFenced,
  producerInitFailed,
  producerNotReady,
  sendFailed,
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
import type { KafkaClient } from './client.js';
import { errorType, isFenced, ownError } from './faults.js';
import { ProducerSession } from './producer-session.js';

const initBudgetMs = 30_000;

export class KafkaProducer implements LogProducer {
  readonly #session: ProducerSession;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(client: KafkaClient) {
    this.#session = new ProducerSession(client, null, 60_000);
  }

  /** Calls are written in their order. */
  send(records: readonly OutgoingRecord[]): Promise<void> {
    const sent = this.#last.then(() => this.#send(records));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#session.close();
  }

  async #send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#closed) throw transportClosed('producer');
    try {
      if (!this.#session.initialised || this.#session.dirty) {
        await this.#session.acquire(initBudgetMs);
      }
      await this.#session.send(records);
    } catch (error) {
      const own = ownError(error);
      if (own !== null) throw own;
      const topics = [...new Set(records.map(({ topic }) => topic))].join(', ');
      throw sendFailed(topics, error);
    }
  }
}

export class KafkaTransactionalProducer implements TransactionalProducer {
  readonly transactionalId: string;
  readonly #client: KafkaClient;
  readonly #session: ProducerSession;
  #open: KafkaTransaction | null = null;
  /** An end got no answer: `init` must find out, by hand of the caller. */
  #unsettled = false;
  #closed = false;

  constructor(client: KafkaClient, transactionalId: string, timeoutMs: number) {
    this.#client = client;
    this.transactionalId = transactionalId;
    this.#session = new ProducerSession(client, transactionalId, timeoutMs);
  }

  /**
   * The first time: fences whoever holds the id. Later: settles what this producer left open and
   * raises its own epoch, which fails with PRODUCER_FENCED where another one has taken over; the next
   * call after that fences again.
   */
  async init(): Promise<void> {
    if (this.#closed) throw transportClosed('producer');
    this.#open?.void();
    this.#open = null;
    try {
      if (this.#session.initialised) await this.#settle();
      else await this.#session.acquire(initBudgetMs);
      this.#unsettled = false;
    } catch (error) {
      throw this.#failed(error, () => producerInitFailed(this.transactionalId, error));
    }
  }

  async begin(): Promise<Transaction> {
    const { transactionalId } = this;
    if (this.#closed) throw transportClosed('producer');
    if (!this.#session.initialised || this.#unsettled) throw producerNotReady(transactionalId);
    if (this.#open !== null) {
      throw transactionOpen(transactionalId);
    }
    if (this.#session.dirty) {
      try {
        await this.#session.bump(this.#client.deliveryTimeoutMs);
      } catch (error) {
        throw this.#failed(error, () => transactionAbortable(transactionalId, 'begin', error));
      }
    }
    this.#session.beginTransaction();
    const transaction = new KafkaTransaction(transactionalId, this.#session, this.#client, {
      failed: (error, otherwise) => this.#failed(error, otherwise),
      ended: (settled) => {
        if (this.#open !== transaction) return;
        this.#open = null;
        if (!settled) this.#unsettled = true;
      },
    });
    this.#open = transaction;
    return transaction;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const open = this.#open;
    if (open !== null) await open.abortWithin(1_000).catch(() => undefined);
    await this.#session.close();
  }

  async #settle(): Promise<void> {
    if (this.#session.ongoing) {
      try {
        // Where a commit came through before, the coordinator refuses this, and `end` accepts it.
        await this.#session.end(false, initBudgetMs);
      } catch (error) {
        // The coordinator has forgotten the id, and so any transaction of it.
        if (errorType(error) !== 'INVALID_PRODUCER_ID_MAPPING') throw error;
      }
    }
    try {
      await this.#session.bump(initBudgetMs);
    } catch (error) {
      if (errorType(error) !== 'INVALID_PRODUCER_ID_MAPPING') throw error;
      await this.#session.acquire(initBudgetMs);
    }
  }

  #failed(error: unknown, otherwise: () => Error): Error {
    const own = ownError(error);
    if (own !== null) return own;
    if (!isFenced(error)) return otherwise();
    this.#session.forget();
    return producerFenced(this.transactionalId, error);
  }
}

interface Owner {
  failed(error: unknown, otherwise: () => Error): Error;
  ended(settled: boolean): void;
}

/**
 * Records and offsets go beside each other: each needs two requests that wait for their answers, and
 * what an answer waits for is mostly the event loop. Among records the order is kept.
 */
class KafkaTransaction implements Transaction {
  readonly #id: string;
  readonly #session: ProducerSession;
  readonly #client: KafkaClient;
  readonly #owner: Owner;
  #records: Promise<void> = Promise.resolve();
  #offsets: Promise<void> = Promise.resolve();
  #state: 'open' | 'committed' | 'void' = 'open';
  #broken = false;

  constructor(id: string, session: ProducerSession, client: KafkaClient, owner: Owner) {
    this.#id = id;
    this.#session = session;
    this.#client = client;
    this.#owner = owner;
  }

  send(records: readonly OutgoingRecord[]): Promise<void> {
    const sent = this.#step('send records', this.#records, () => this.#session.send(records));
    this.#records = sent.catch(() => undefined);
    return sent;
  }

  sendOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { offset: bigint })[],
  ): Promise<void> {
    const sent = this.#step('send offsets', this.#offsets, () =>
      this.#session.sendOffsets(groupId, offsets),
    );
    this.#offsets = sent.catch(() => undefined);
    return sent;
  }

  async commit(): Promise<void> {
    this.#check('commit');
    await this.#answered();
    if (this.#broken) throw transactionAbortable(this.#id, 'write all that it should commit');
    this.#state = 'void';
    try {
      await this.#session.end(true, this.#client.deliveryTimeoutMs);
      this.#state = 'committed';
      this.#owner.ended(true);
    } catch (error) {
      this.#owner.ended(false);
      throw this.#owner.failed(error, () => commitOutcomeUnknown(this.#id, error));
    }
  }

  abort(): Promise<void> {
    return this.abortWithin(this.#client.deliveryTimeoutMs);
  }

  /** Nothing to do where it failed for good already: the producer must be initialised then. */
  async abortWithin(budgetMs: number): Promise<void> {
    if (this.#state === 'void') return;
    this.#check('abort');
    this.#state = 'void';
    await this.#answered();
    try {
      await this.#session.end(false, budgetMs);
      this.#owner.ended(true);
    } catch (error) {
      this.#owner.ended(false);
      throw this.#owner.failed(error, () => transactionAbortable(this.#id, 'abort', error));
    }
  }

  /** Ends it without a word to the broker: the producer is initialised anew. */
  void(): void {
    this.#state = 'void';
  }

  async #answered(): Promise<void> {
    await Promise.all([this.#records, this.#offsets]);
  }

  async #step(what: string, last: Promise<void>, action: () => Promise<void>): Promise<void> {
    this.#check(what);
    try {
      await last;
      await action();
    } catch (error) {
      this.#broken = true;
      throw this.#owner.failed(error, () => transactionAbortable(this.#id, what, error));
    }
  }

  #check(what: string): void {
    if (this.#state !== 'open') throw transactionEnded(this.#id, what);
  }
}
