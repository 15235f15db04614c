import type { Config } from '../../src/config.js';
import type { Service } from '../../src/main.js';
import { type MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { partitionFor } from '../../src/transport/partitioner.js';
import { eventRecord, startService, until } from './service.js';

export interface Replica {
  readonly service: Service;
  readonly transport: MemoryTransport;
  close(): Promise<void>;
}

/** Another process of the application, over the same log. */
export async function startReplica(log: MemoryLog, config: Config): Promise<Replica> {
  const transport = new MemoryTransport(log);
  const service = await startService(transport, config);
  return {
    service,
    transport,
    close: async () => {
      await service.close();
      await transport.close();
    },
  };
}

/** Until every partition has a running task at one of them, and none a second one. */
export async function settled(replicas: readonly Replica[], partitions: number): Promise<void> {
  await until(() => {
    const tasks = replicas.flatMap(({ service }) => service.tasks());
    return (
      tasks.length === partitions &&
      tasks.every(({ state }) => state === 'running') &&
      replicas.every(({ service }) => service.readiness().ok)
    );
  }, 'every partition has one running task');
}

export async function produceEvents(
  transport: MemoryTransport,
  topic: string,
  count: number,
  options: { from?: number; users?: number } = {},
): Promise<void> {
  const { from = 0, users = 9 } = options;
  const producer = await transport.producer();
  await producer.send(
    Array.from({ length: count }, (_, k) => {
      const i = from + k;
      return eventRecord(topic, {
        userId: `u${i % users}`,
        itemId: `i${(i * 5) % 97}`,
        domain: i % 3 === 0 ? 'films' : 'books',
        occurredAtMs: 1_700_000_000_000 + i * 1000,
      });
    }),
  );
  await producer.close();
}

export function ownerOf(
  replicas: readonly Replica[],
  userId: string,
  partitions: number,
): Replica | undefined {
  const partition = partitionFor(userId, partitions);
  return replicas.find(({ service }) =>
    service.tasks().some((task) => task.partition === partition && task.state === 'running'),
  );
}
