import net from 'node:net';
import type { Writable } from 'node:stream';
import tls, { type ConnectionOptions } from 'node:tls';
import { type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import type { Compression } from './compression.js';
import { type Cluster, createCluster } from './internals.js';
import { kafkajsLogs, silentLogger, type TransportLogger } from './logging.js';
import { type Sasl, saslOptions } from './sasl.js';

export interface KafkaTransportOptions {
  /** host:port of one or more brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger?: TransportLogger;
  /** Makes the options of each connection over TLS. Left out: no TLS. */
  readonly tls?: () => ConnectionOptions;
  readonly sasl?: Sasl;
  readonly connectionTimeoutMs?: number;
  /** Makes the sockets: for proxies, and for tests that cut the network. */
  readonly socketFactory?: ISocketFactory;
  /** The longest wait for an answer to one request. */
  readonly requestTimeoutMs?: number;
  /** How long an administrative call waits for a broker before BROKER_UNREACHABLE. */
  readonly adminTimeoutMs?: number;
  /** How long a send, or the commit of a transaction, is tried before it fails. */
  readonly deliveryTimeoutMs?: number;
  /** Of what producers write. Reading takes what comes. */
  readonly compression?: Compression;
  /** Records of one partition go in batches of at most this size (the topics' max.message.bytes), or of 950,000 bytes. */
  readonly maxBatchBytes?: number;
}

/** With its head a batch stays below the broker's default limit of 1 MiB. */
const MAX_BATCH_BYTES = 950_000;

/** Makes what the parts of the transport need; knows the settings and their defaults. */
export class KafkaClient {
  readonly brokers: readonly string[];
  readonly logger: TransportLogger;
  readonly adminTimeoutMs: number;
  readonly deliveryTimeoutMs: number;
  readonly compression: Compression;
  readonly maxBatchBytes: number;
  readonly #options: KafkaTransportOptions;

  constructor(options: KafkaTransportOptions) {
    this.#options = options;
    this.brokers = options.brokers;
    this.logger = options.logger ?? silentLogger;
    this.adminTimeoutMs = options.adminTimeoutMs ?? 10_000;
    this.deliveryTimeoutMs = options.deliveryTimeoutMs ?? 10_000;
    this.compression = options.compression ?? 'none';
    this.maxBatchBytes = Math.min(MAX_BATCH_BYTES, options.maxBatchBytes ?? MAX_BATCH_BYTES);
  }

  /** kafkajs's public client. Its retries are short: ours go on. */
  kafka(): Kafka {
    return new Kafka({
      brokers: [...this.brokers],
      clientId: this.#options.clientId,
      connectionTimeout: this.#options.connectionTimeoutMs ?? 3_000,
      requestTimeout: this.#options.requestTimeoutMs ?? 10_000,
      logLevel: logLevel.INFO,
      logCreator: kafkajsLogs(this.logger),
      retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 3 },
    });
  }

  /** Connections and metadata of one part of the transport. */
  cluster(): Cluster {
    return createCluster({
      logger: this.kafka().logger(),
      socketFactory: this.#options.socketFactory ?? openSocket(this.#options.tls),
      brokers: this.brokers,
      ssl: this.#options.tls !== undefined,
      sasl: this.#options.sasl === undefined ? undefined : saslOptions(this.#options.sasl),
      clientId: this.#options.clientId,
      connectionTimeout: this.#options.connectionTimeoutMs ?? 3_000,
      requestTimeout: this.#options.requestTimeoutMs ?? 10_000,
      enforceRequestTimeout: true,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
      maxInFlightRequests: null,
      retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 2 },
    });
  }
}

/** As kafkajs's own, but small requests do not wait for the answers to others (Nagle). */
function openSocket(tlsOptions: (() => ConnectionOptions) | undefined): ISocketFactory {
  return ({ host, port, onConnect }) => {
    const name = net.isIP(host) === 0 ? { servername: host } : {};
    const socket =
      tlsOptions === undefined
        ? net.connect({ host, port }, onConnect)
        : tls.connect({ host, port, ...name, ...tlsOptions() }, onConnect);
    // kafkajs unrefs a socket with each call to disconnect: one that is dead keeps a listener of each.
    return gathered(socket.setKeepAlive(true, 60_000).setNoDelay(true).setMaxListeners(0));
  };
}

/**
 * Makes one call of the system of all that is written before the event loop goes on: requests are small, and
 * sending one costs more than making it. Nothing waits longer for it.
 */
export function gathered<S extends Writable>(socket: S): S {
  const write = socket.write;
  socket.write = function (this: S, ...given: Parameters<typeof write>) {
    if (this.writableCorked === 0) {
      this.cork();
      process.nextTick(() => this.uncork());
    }
    return write.apply(this, given);
  } as typeof write;
  return socket;
}

/** Closes a cluster's connections; does not wait longer than this for requests under way. */
export async function disconnect(cluster: Cluster, timeoutMs = 1_000): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([cluster.disconnect().catch(() => undefined), late]);
  clearTimeout(timer);
}

/** Brings the connections back after a fault. */
export async function reconnect(cluster: Cluster): Promise<void> {
  await cluster.connect();
  await cluster.refreshMetadata();
}
