import { type Admin, Kafka, logLevel } from 'kafkajs';
import { EmbeddedKafka } from '../../../src/broker/embedded.js';
import { freePort } from '../../../src/broker/ports.js';
import { newUuid } from '../../../src/broker/storage.js';

const NODES = [1, 2, 3];
const MAJORITY = 2;

/** Three nodes, each broker and controller: every topic is on all of them, and two are enough to go on. */
export class KafkaCluster {
  /** By node id. */
  readonly nodes: ReadonlyMap<number, EmbeddedKafka>;
  readonly #admin: Admin;

  private constructor(nodes: ReadonlyMap<number, EmbeddedKafka>) {
    this.nodes = nodes;
    const { brokers } = this;
    this.#admin = new Kafka({ brokers, clientId: 'super', logLevel: logLevel.NOTHING }).admin();
  }

  static async start(): Promise<KafkaCluster> {
    const controllers = await Promise.all(NODES.map(() => freePort()));
    const voters = NODES.map((id, i) => `${id}@127.0.0.1:${controllers[i]}`).join(',');
    const clusterId = newUuid();
    const starts = NODES.map(async (id, i) => {
      const node = await EmbeddedKafka.start({
        clusterId,
        maxHeap: '256m',
        properties: ({ broker }) => ({
          'node.id': id,
          'controller.quorum.voters': voters,
          listeners: `BROKER://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controllers[i]}`,
          // The sooner one that is killed counts as gone: two others can go on.
          'broker.session.timeout.ms': 3_000,
          'default.replication.factor': NODES.length,
          'min.insync.replicas': MAJORITY,
          'offsets.topic.replication.factor': NODES.length,
          'transaction.state.log.replication.factor': NODES.length,
          'transaction.state.log.min.isr': MAJORITY,
        }),
      });
      return [id, node] as const;
    });
    const cluster = new KafkaCluster(new Map(await Promise.all(starts)));
    await cluster.#admin.connect();
    return cluster;
  }

  get brokers(): string[] {
    return [...this.nodes.values()].map((node) => node.bootstrap);
  }

  /** The id of the node that leads partition 0 of a topic. */
  async leaderOf(topic: string): Promise<number> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.find(({ partitionId }) => partitionId === 0)?.leader ?? -1;
  }

  async stop(): Promise<void> {
    await this.#admin.disconnect();
    await Promise.all([...this.nodes.values()].map((node) => node.stop()));
  }
}
