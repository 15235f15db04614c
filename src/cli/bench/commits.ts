import type { GroupConsumer, OutgoingRecord } from '../../transport/transport.js';
import { comparison, type Pair } from './compare.js';
import type { Report } from './figures.js';
import { type Lab, PARTITIONS } from './lab.js';
import { ownCpuSeconds } from './measure.js';

/** Commits that each of both does in its turn. */
const COMMITS = 80;
const ROUNDS = 10;
/** What a small transaction of a service holds. */
const RECORDS = 20;
const RECORD_BYTES = 300;
const DELTA_BYTES = 20_000;

/** CPU time of one commit, in seconds. */
interface CommitCost {
  readonly client: number;
  readonly broker: number;
}

/** Writes an output with its offset. */
type Commit = (output: readonly OutgoingRecord[], offset: bigint) => Promise<void>;

/**
 * Commits the same output, with its offset, as a task does with and without transactions, in turns and nothing
 * else: what is left of a comparison of services when all that they have in common is taken away. Each partition's
 * next commit waits for those of the others, so that no transaction meets the markers of the one before. Reports
 * CPU times by commit as `<bench>.commit.<figure>`, as `compareSideBySide`.
 */
export async function compareCommits(lab: Lab, report: Report, bench: string): Promise<void> {
  const { config } = await lab.experiment();
  const { recommendationsTopic, userStateTopic, modelDeltasTopic } = config;
  const outputOf = (partition: number): OutgoingRecord[] => [
    ...Array.from({ length: RECORDS }, (_, i) => ({
      topic: i % 2 === 0 ? recommendationsTopic : userStateTopic,
      partition,
      key: `user-${i}`,
      value: Buffer.alloc(RECORD_BYTES, i),
    })),
    { topic: modelDeltasTopic, partition, key: 'task', value: Buffer.alloc(DELTA_BYTES, 1) },
  ];
  const outputs = Array.from({ length: PARTITIONS }, (_, partition) => outputOf(partition));
  const consumer = await member(lab, `${config.appId}.commits`, config.inputTopic);
  const transactions = await Promise.all(
    outputs.map((_, p) => transactional(lab, `${config.appId}-commits-${p}`, config.inputTopic, p)),
  );
  const sends = await Promise.all(
    outputs.map((_, p) => plain(lab, consumer, config.inputTopic, p)),
  );
  let offset = 0n;
  const turn = async (commits: readonly Commit[]): Promise<CommitCost> => {
    const broker = lab.brokerCpuSeconds() ?? Number.NaN;
    const client = ownCpuSeconds();
    for (let i = 0; i < COMMITS; i++) {
      lab.signal.throwIfAborted();
      await commits[i % PARTITIONS]!(outputs[i % PARTITIONS]!, ++offset);
    }
    return {
      client: (ownCpuSeconds() - client) / COMMITS,
      broker: ((lab.brokerCpuSeconds() ?? Number.NaN) - broker) / COMMITS,
    };
  };
  const pairs: Pair<CommitCost>[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const ours = round % 2 === 0 ? await turn(transactions) : null;
    const peer = await turn(sends);
    const pair = { ours: ours ?? (await turn(transactions)), peer };
    // The first one warms up.
    if (round > 0) pairs.push(pair);
  }
  await consumer.close();
  const compare = comparison(report, `${bench}.commit`, 'at-least-once', pairs);
  compare('cpu', 'ms/commit', ({ client, broker }) => 1000 * (client + broker));
  compare('cpu.service', 'ms/commit', ({ client }) => 1000 * client);
  compare('cpu.broker', 'ms/commit', ({ broker }) => 1000 * broker);
}

async function transactional(
  lab: Lab,
  id: string,
  topic: string,
  partition: number,
): Promise<Commit> {
  const producer = await lab.transport.transactionalProducer(id, 60_000);
  await producer.init();
  return async (output, offset) => {
    const transaction = await producer.begin();
    await Promise.all([
      transaction.send(output),
      transaction.sendOffsets(id, [{ topic, partition, offset }]),
    ]);
    await transaction.commit();
  };
}

async function plain(
  lab: Lab,
  consumer: GroupConsumer,
  topic: string,
  partition: number,
): Promise<Commit> {
  const producer = await lab.transport.producer();
  return async (output, offset) => {
    await producer.send(output);
    await consumer.commit([{ topic, partition, offset }]);
  };
}

/** A member of a group that has the partitions of a topic, as commits without transactions need one. */
async function member(lab: Lab, groupId: string, topic: string): Promise<GroupConsumer> {
  const consumer = await lab.transport.groupConsumer({
    groupId,
    topics: [topic],
    sessionTimeoutMs: 30_000,
    maxWaitMs: 1_000,
    concurrency: 1,
  });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        onAssigned: () => resolve(),
        onRecords: () => Promise.resolve(),
        onCrash: reject,
      })
      .catch(reject);
  });
  return consumer;
}
