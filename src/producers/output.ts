import type { Config } from '../config.js';
import { IsthmusError } from '../errors.js';
import type {
  GroupConsumer,
  LogProducer,
  OutgoingRecord,
  TopicPartition,
  Transaction,
  TransactionalProducer,
  Transport,
} from '../transport/transport.js';
import { taskName } from './records.js';

/** What one cycle of a task sends, and how far it has read. */
export interface Output {
  readonly records: readonly OutgoingRecord[];
  /** The next offset to read; null where the cycle read nothing (lists that were owed). */
  readonly offset: (TopicPartition & { offset: bigint }) | null;
}

/** Where the output of a task goes: all of it and the offset, or nothing. */
export interface OutputSession {
  /** Fences whoever worked on this partition before. */
  init(): Promise<void>;
  /**
   * Errors: PRODUCER_FENCED (close-task); COMMIT_OUTCOME_UNKNOWN, ABORT_FAILED, PRODUCER_NOT_READY
   * (the task starts again, and the outcome is what `init` finds);
   * anything else: the output is not in the log and can be sent again.
   */
  commit(output: Output): Promise<void>;
  close(): Promise<void>;
}

/** Exactly once: recommendations, states, deltas, dead letters and offset in one Kafka transaction. */
export class TransactionalOutput implements OutputSession {
  readonly #producer: TransactionalProducer;
  readonly #groupId: string;

  constructor(producer: TransactionalProducer, groupId: string) {
    this.#producer = producer;
    this.#groupId = groupId;
  }

  init(): Promise<void> {
    return this.#producer.init();
  }

  async commit(output: Output): Promise<void> {
    const transaction = await this.#producer.begin();
    try {
      await both(
        transaction.send(output.records),
        output.offset === null
          ? Promise.resolve()
          : transaction.sendOffsets(this.#groupId, [output.offset]),
      );
      await transaction.commit();
    } catch (error) {
      if (outcomeOf(error) === 'aborted') await abortAfter(error, transaction);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}

/** Waits until neither is under way any more; then throws the first one's error, or the other's. */
async function both(one: Promise<void>, other: Promise<void>): Promise<void> {
  const [first, second] = await Promise.allSettled([one, other]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
}

/**
 * Aborts. Where that fails as well, only `init` can end the transaction: the error says so, or that
 * another producer has ended it already.
 */
async function abortAfter(cause: unknown, transaction: Transaction): Promise<void> {
  try {
    await transaction.abort();
  } catch (error) {
    if (outcomeOf(error) === 'fenced') throw error;
    throw new IsthmusError(
      'ABORT_FAILED',
      'retry',
      'a transaction failed and could not be aborted; its task starts again, which ends it',
      { cause },
    );
  }
}

/** At least once: sends, then commits the offset. A crash between the two repeats the cycle. */
export class AtLeastOnceOutput implements OutputSession {
  readonly #producer: LogProducer;
  readonly #consumer: GroupConsumer;

  constructor(producer: LogProducer, consumer: GroupConsumer) {
    this.#producer = producer;
    this.#consumer = consumer;
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  async commit(output: Output): Promise<void> {
    await this.#producer.send(output.records);
    if (output.offset !== null) await this.#consumer.commit([output.offset]);
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}

/** The output of the task of a partition, which its group reads, as `delivery` asks for it. */
export async function outputOf(
  partition: TopicPartition,
  groupId: string,
  {
    transport,
    consumer,
    config,
  }: {
    readonly transport: Transport;
    readonly consumer: GroupConsumer;
    readonly config: Pick<Config, 'delivery' | 'transactionTimeoutMs'>;
  },
): Promise<OutputSession> {
  if (config.delivery === 'at-least-once') {
    return new AtLeastOnceOutput(await transport.producer(), consumer);
  }
  const id = `${groupId}-${taskName(partition)}`;
  const producer = await transport.transactionalProducer(id, config.transactionTimeoutMs);
  return new TransactionalOutput(producer, groupId);
}

/** After these only `init` tells what has become of the transaction, and makes the producer usable. */
const NEEDS_INIT = new Set(['COMMIT_OUTCOME_UNKNOWN', 'ABORT_FAILED', 'PRODUCER_NOT_READY']);

/**
 * What an error of a session means for the cycle that met it. `aborted`: nothing of it is in the
 * log, and the session can go on. `unknown`: the task has to start again, from `init`.
 */
export function outcomeOf(error: unknown): 'aborted' | 'fenced' | 'unknown' | 'fatal' {
  if (!(error instanceof IsthmusError)) return 'fatal';
  if (NEEDS_INIT.has(error.code)) return 'unknown';
  if (error.disposition === 'close-task') return 'fenced';
  if (error.disposition === 'fatal' || error.disposition === 'usage') return 'fatal';
  return 'aborted';
}
