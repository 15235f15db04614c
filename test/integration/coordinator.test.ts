import { afterAll, beforeAll, expect, test } from 'vitest';
import { Serde } from '../../src/serde/serde.js';
import { applicationTopics } from '../../src/topics.js';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import { verify } from '../../src/verify/verify.js';
import { eventRecord, startService, testConfig, until } from '../support/service.js';
import { KafkaCluster } from './support/cluster.js';

const WAVE = 20;
const TRANSACTIONS = '__transaction_state';
const OFFSETS = '__consumer_offsets';

let cluster: KafkaCluster;

beforeAll(async () => {
  cluster = await KafkaCluster.start();
});

afterAll(() => cluster?.stop());

test('a coordinator that moves, of transactions or of groups, is found again: each event counts once', {
  timeout: 400_000,
}, async () => {
  const app = 'moved';
  const config = testConfig({
    ISTHMUS_TRANSPORT: 'kafka',
    KAFKA_BROKERS: cluster.brokers.join(','),
    ISTHMUS_APP_ID: app,
    ISTHMUS_INPUT_TOPIC: `${app}.events`,
    ISTHMUS_ITEMS_TOPIC: `${app}.items`,
    ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.lists`,
    ISTHMUS_DLQ_TOPIC: `${app}.dlq`,
  });
  const kafka = (clientId: string) => new KafkaTransport({ brokers: cluster.brokers, clientId });
  const [outside, transport] = [kafka('outside'), kafka(app)];
  const admin = await outside.admin();
  await admin.createTopics(applicationTopics(config, 2));
  const service = await startService(transport, config);
  const producer = await outside.producer();
  let sent = 0;
  const produce = async (): Promise<void> => {
    const records = Array.from({ length: WAVE }, (_, k) => {
      const i = sent + k;
      return eventRecord(config.inputTopic, {
        userId: `u${i % 5}`,
        itemId: `i${i % 7}`,
        eventId: `e${i}`,
        occurredAtMs: 1_700_000_000_000 + i * 60_000,
      });
    });
    await producer.send(records);
    sent += WAVE;
  };
  const learned = async (): Promise<boolean> => {
    const committed = await admin.committed(app, config.inputTopic).catch(() => []);
    return committed.reduce<bigint>((sum, offset) => sum + (offset ?? 0n), 0n) === BigInt(sent);
  };
  try {
    await produce();
    await until(learned, 'the first events are committed', 100_000);
    for (const topic of [TRANSACTIONS, OFFSETS]) {
      const before = await cluster.leaderOf(topic);
      const node = cluster.nodes.get(before)!;
      await produce();
      await node.kill();
      await produce();
      await until(learned, `it goes on without the leader of ${topic}`, 100_000);
      expect(await cluster.leaderOf(topic)).not.toBe(before);
      await node.restart();
    }
    await until(() => service.readiness().ok, 'it is ready', 60_000);
    const report = await verify({ config, transport: outside, serde: new Serde() });
    expect(report.problems).toEqual([]);
    expect(report.trainedEvents).toBe(sent);
  } finally {
    await producer.close();
    await admin.close();
    await service.close();
    await Promise.all([outside.close(), transport.close()]);
  }
});
