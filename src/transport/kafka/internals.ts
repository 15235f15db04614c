/**
 * What we use of kafkajs 2.2.4 below its public API: connections, metadata and the small requests.
 * Its producer and consumer loops are not used: they send sequence numbers again for other records
 * after a failed send, skip offsets that are out of range in silence, put a partition's records into
 * one batch of any size, and give up where we must go on. The version is pinned; the types here are
 * the part of the shape that we rely on.
 */
import { createRequire } from 'node:module';
import type { ISocketFactory, Logger, SASLOptions } from 'kafkajs';
import type { IsthmusError } from '../../errors.js';
import { explainCoordinators, explainRefusals } from './refusals.js';

const require = createRequire(import.meta.url);

export interface ProtocolRequest {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<{ buf: Buffer; buffer: Buffer }>;
  };
  readonly response: {
    decode(raw: Buffer): Promise<unknown>;
    parse(data: unknown): Promise<unknown>;
  };
  readonly requestTimeout?: number;
}

export interface MemberOfGroup {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

interface OffsetTopics {
  readonly topic: string;
  readonly partitions: readonly { partition: number; offset: string; metadata: string | null }[];
}

export interface Broker {
  readonly nodeId: string;
  readonly versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>>;
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    send(request: ProtocolRequest): Promise<unknown>;
  };
  isConnected(): boolean;
  disconnect(): Promise<void>;
  createTopics(request: {
    topics: readonly {
      topic: string;
      numPartitions: number;
      replicationFactor: number;
      configEntries: readonly { name: string; value: string }[];
    }[];
  }): Promise<unknown>;
  deleteTopics(request: { topics: readonly string[] }): Promise<unknown>;
  listOffsets(request: {
    replicaId: -1;
    isolationLevel: 0 | 1;
    topics: readonly {
      topic: string;
      partitions: readonly { partition: number; timestamp: number }[];
    }[];
  }): Promise<{
    responses: readonly {
      topic: string;
      partitions: readonly { partition: number; offset: string }[];
    }[];
  }>;
  offsetFetch(request: {
    groupId: string;
    topics: readonly { topic: string; partitions: readonly { partition: number }[] }[];
  }): Promise<{
    responses: readonly {
      topic: string;
      partitions: readonly { partition: number; offset: string }[];
    }[];
  }>;
  describeGroups(request: {
    groupIds: readonly string[];
  }): Promise<{ groups: readonly { groupId: string; members: readonly unknown[] }[] }>;
  deleteRecords(request: {
    topics: readonly {
      topic: string;
      partitions: readonly { partition: number; offset: string }[];
    }[];
  }): Promise<unknown>;
  initProducerId(request: {
    transactionalId: string | undefined;
    transactionTimeout: number;
  }): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(request: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    topics: readonly { topic: string; partitions: readonly number[] }[];
  }): Promise<unknown>;
  addOffsetsToTxn(request: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    groupId: string;
  }): Promise<unknown>;
  txnOffsetCommit(request: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    groupId: string;
    topics: readonly OffsetTopics[];
  }): Promise<unknown>;
  endTxn(request: {
    transactionalId: string;
    producerId: string;
    producerEpoch: number;
    transactionResult: boolean;
  }): Promise<unknown>;
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: readonly { name: string; metadata: Buffer }[];
  }): Promise<{
    generationId: number;
    leaderId: string;
    memberId: string;
    members: readonly MemberOfGroup[];
  }>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
  }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: readonly OffsetTopics[];
  }): Promise<unknown>;
}

export interface PartitionMetadata {
  readonly partitionId: number;
  readonly leader: number;
}

export interface RequestQueue {
  /** Requests that are not sent yet. */
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly sasl: { readonly mechanism: string } | null | undefined;
  readonly requestQueue: RequestQueue;
  connect(): Promise<boolean>;
  authenticate(): Promise<void>;
  send(request: ProtocolRequest): Promise<unknown>;
}

export interface Cluster {
  readonly connectionPoolBuilder: {
    build(destination?: object): Promise<{ readonly pool: readonly Connection[] }>;
  };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  removeBroker(address: { host: string; port: number }): void;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  metadata(request: { topics: readonly string[] }): Promise<{
    topicMetadata: readonly { topic: string; partitionMetadata: readonly PartitionMetadata[] }[];
  }>;
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[];
  findBroker(node: { nodeId: string | number }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
  findGroupCoordinator(request: { groupId: string; coordinatorType: 0 | 1 }): Promise<Broker>;
}

interface ClusterOptions {
  readonly logger: Logger;
  readonly socketFactory: ISocketFactory;
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl: SASLOptions | undefined;
  readonly clientId: string;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly metadataMaxAge: number;
  readonly allowAutoTopicCreation: boolean;
  readonly maxInFlightRequests: number | null;
  readonly retry: { initialRetryTime: number; maxRetryTime: number; retries: number };
}

const KafkaCluster = require('kafkajs/src/cluster') as new (options: ClusterOptions) => Cluster;

/** Returns connections and metadata that several parts may use at once. */
export function createCluster(options: ClusterOptions): Cluster {
  const cluster = new KafkaCluster(options);
  const builder = cluster.connectionPoolBuilder;
  const build = builder.build;
  let denied: IsthmusError | null = null;
  builder.build = async (destination) => {
    const pool = await build.call(builder, destination);
    for (const connection of pool.pool) {
      explainRefusals(connection, (error) => {
        denied = error;
      });
      shareConnects(connection);
      restQueue(connection.requestQueue);
    }
    return pool;
  };
  explainCoordinators(cluster, () => {
    const last = denied;
    denied = null;
    return last;
  });
  return cluster;
}

/** Two requests that meet a closed connection would each open a socket, and one would leak. */
function shareConnects(connection: Connection): void {
  const connect = connection.connect.bind(connection);
  let pending: Promise<boolean> | null = null;
  connection.connect = () => {
    pending ??= connect().finally(() => {
      pending = null;
    });
    return pending;
  };
}

/** A queue looks for requests to be sent every millisecond, for ever, whether or not there are any. */
export function restQueue(queue: RequestQueue): void {
  const schedule = queue.scheduleCheckPendingRequests.bind(queue);
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length > 0) schedule();
  };
}

export const { createErrorFromCode } = require('kafkajs/src/protocol/error') as {
  createErrorFromCode(code: number): Error;
};

export const coordinatorTypes = { group: 0, transaction: 1 } as const;
export const apiKeys = { produce: 0, fetch: 1, initProducerId: 22 } as const;

/** Sends a request of ours over a broker's connection. */
export async function sendRequest<T>(broker: Broker, request: ProtocolRequest): Promise<T> {
  try {
    return (await broker.connectionPool.send(request)) as T;
  } catch (error) {
    if ((error as Error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
}

/** Wraps encoded bytes as kafkajs wants them. */
export async function encoded(bytes: Buffer): Promise<{ buf: Buffer; buffer: Buffer }> {
  return { buf: bytes, buffer: bytes };
}
