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
import { KafkaAdmin } from './admin.js';
import { KafkaClient, type KafkaTransportOptions } from './client.js';
import { KafkaGroupConsumer } from './group-consumer.js';
import { KafkaProducer, KafkaTransactionalProducer } from './producers.js';
import { KafkaLogReader } from './reader.js';

/**
 * The transport over Apache Kafka (2.5 or later). Its parts connect when they are first used, each
 * with connections of its own.
 */
export class KafkaTransport implements Transport {
  readonly name = 'kafka';
  readonly #client: KafkaClient;
  readonly #open = new Set<{ close(): Promise<void> }>();
  #closed = false;

  constructor(options: KafkaTransportOptions) {
    this.#client = new KafkaClient(options);
  }

  async admin(): Promise<LogAdmin> {
    return this.#keep(new KafkaAdmin(this.#client));
  }

  async producer(): Promise<LogProducer> {
    return this.#keep(new KafkaProducer(this.#client));
  }

  async transactionalProducer(id: string, timeoutMs: number): Promise<TransactionalProducer> {
    return this.#keep(new KafkaTransactionalProducer(this.#client, id, timeoutMs));
  }

  groupConsumer(options: GroupConsumerOptions): GroupConsumer {
    return this.#keep(new KafkaGroupConsumer(this.#client, options));
  }

  reader(topics: readonly string[], onCrash: (error: Error) => void): LogReader {
    return this.#keep(new KafkaLogReader(this.#client, topics, onCrash));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#open].map((part) => part.close()));
  }

  /** Closes with the transport, unless it was closed before; forgets it then. */
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
