import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import { partitionFor } from '../../src/transport/partitioner.js';
import { csvOf, eventRows } from '../cli/support/events.js';
import { type Env, endAll, isthmus, RunningService } from '../cli/support/isthmus.js';
import { eventRecord, readAll, until } from '../support/service.js';

const PARTITIONS = 4;

let folder: string;
let transport: KafkaTransport;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-replicas-'));
  transport = new KafkaTransport({ brokers: [inject('kafkaBrokers')], clientId: 'replicas-test' });
});

afterAll(async () => {
  endAll();
  await transport.close();
  await rm(folder, { recursive: true, force: true });
});

function settings(app: string, more: Env = {}): Env {
  return {
    KAFKA_BROKERS: inject('kafkaBrokers'),
    ISTHMUS_APP_ID: app,
    ISTHMUS_INPUT_TOPIC: `${app}.events`,
    ISTHMUS_ITEMS_TOPIC: `${app}.items`,
    ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.lists`,
    ISTHMUS_SESSION_TIMEOUT_MS: '3000',
    ISTHMUS_BACKEND: 'wasm',
    ISTHMUS_LEARNER_DIMENSION: '16',
    ...more,
  };
}

async function produce(env: Env, count: number): Promise<void> {
  const file = join(folder, 'events.csv');
  await writeFile(file, csvOf(eventRows(count, 60)));
  expect(await isthmus(['produce', '--file', file], env)).toMatchObject({ code: 0 });
}

interface Model {
  trainedEvents: number;
  sha256: string;
  deltaOffsets: number[];
}

describe('three processes over a real Kafka', () => {
  // Long enough for a question to meet a partition whose owner is dead.
  const env = settings('trio', { ISTHMUS_STANDBYS: '1', ISTHMUS_SESSION_TIMEOUT_MS: '10000' });
  let services: RunningService[] = [];

  const owned = (service: RunningService) =>
    service.json<{ tasks: { partition: number; state: string }[] }>('/tasks?scope=own');

  async function settled(): Promise<void> {
    await until(
      async () => {
        const all = await Promise.all(services.map(owned));
        const tasks = all.flatMap((one) => one.tasks);
        return tasks.length === PARTITIONS && tasks.every(({ state }) => state === 'running');
      },
      'every partition has one running task',
      50_000,
    );
  }

  async function sameModel(events: number): Promise<Model> {
    let first: Model | undefined;
    await until(
      async () => {
        const models = await Promise.all(services.map((service) => service.json<Model>('/model')));
        first = models[0];
        return (
          models.every((model) => model.trainedEvents === events) &&
          new Set(models.map((model) => JSON.stringify(model))).size === 1
        );
      },
      'all say the same model',
      50_000,
    );
    return first!;
  }

  test('have the same model when the stream rests, and answer for each other', async () => {
    expect(await isthmus(['topics', 'create', '--partitions', '4'], env)).toMatchObject({
      code: 0,
    });
    services = await Promise.all([1, 2, 3].map(() => RunningService.start(env)));
    await settled();
    await produce(env, 900);
    const model = await sameModel(900);
    const digest = await isthmus(['digest', '--json'], env);
    expect(JSON.parse(digest.stdout)).toMatchObject({ sha256: model.sha256 });
    for (const userId of ['u1', 'u2', 'u3', 'u4', 'u5']) {
      const path = `/users/${userId}/recommendations?n=5`;
      const answers = await Promise.all(services.map((service) => service.text(path)));
      expect(new Set(answers).size).toBe(1);
      expect(answers[0]).toContain('fromDomain');
    }
  });

  test('show each other: who has which partition, and who follows it', async () => {
    interface Instance {
      url: string;
      partitions: object[];
      standbys: { lagRecords: number | null }[];
    }
    let instances: Instance[] = [];
    await until(
      async () => {
        ({ instances } = await services[0]!.json<{ instances: Instance[] }>('/tasks'));
        const standbys = instances.flatMap((instance) => instance.standbys);
        return (
          standbys.length === PARTITIONS && standbys.every(({ lagRecords }) => lagRecords === 0)
        );
      },
      'each partition has a standby that has read all',
      30_000,
    );
    expect(instances.map(({ url }) => url).sort()).toEqual(services.map(({ url }) => url).sort());
    expect(instances.flatMap(({ partitions }) => partitions)).toHaveLength(PARTITIONS);
  });

  test('answer out of a standby, or say 503, for one that was killed, until its users have moved', async () => {
    const [victim] = services.splice(0, 1);
    const { tasks } = await owned(victim!);
    const partition = tasks[0]!.partition;
    const userId = Array.from({ length: 60 }, (_, i) => `u${i}`).find(
      (id) => partitionFor(id, PARTITIONS) === partition,
    );
    await victim!.kill();
    const path = `/users/${userId}/recommendations?n=5`;
    let response = await fetch(services[0]!.url + path);
    for (; response.status === 503; response = await fetch(services[0]!.url + path)) {
      expect(response.headers.get('retry-after')).not.toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(response.status).toBe(200);
    expect(response.headers.get('x-isthmus-lag-records')).toBe('0');
    await settled();
    const after = await fetch(services[0]!.url + path);
    expect([after.status, after.headers.get('x-isthmus-lag-records')]).toEqual([200, null]);
    expect(await after.json()).toEqual(await response.json());
    for (const service of services) expect((await service.stop()).code).toBe(0);
  });
});

describe('an input of several topics that are not keyed by user', () => {
  test('is learned once, and its dead letters go back to where they came from, once', async () => {
    const env = settings('mixed', {
      ISTHMUS_INPUT_TOPIC: '/mixed[.]in[.].+/',
      ISTHMUS_REPARTITION: 'true',
    });
    const admin = await transport.admin();
    await admin.createTopics([
      { topic: 'mixed.in.a', partitions: 2 },
      { topic: 'mixed.in.b', partitions: 1 },
    ]);
    expect(await isthmus(['topics', 'create', '--partitions', '3'], env)).toMatchObject({
      code: 0,
    });
    const producer = await transport.producer();
    await producer.send(
      Array.from({ length: 300 }, (_, i) => ({
        ...eventRecord(i % 3 === 0 ? 'mixed.in.b' : 'mixed.in.a', { userId: `u${i % 20}` }),
        key: null,
      })),
    );
    await producer.send([{ topic: 'mixed.in.b', key: null, value: Buffer.from('no avro') }]);
    const service = await RunningService.start(env);
    await service.process.until(
      async () => (await service.json<Model>('/model')).trainedEvents === 300,
      'all is trained',
    );
    const ended = async (topic: string) => (await admin.lastStable(topic))[0]!;
    await until(
      async () => (await ended('mixed.dlq')) > 0n,
      'what is no event is a dead letter',
      30_000,
    );
    const copies = await readAll(transport, 'mixed.repartition');
    expect(copies).toHaveLength(300);
    for (const { key, partition } of copies) expect(partition).toBe(partitionFor(key!, 3));
    expect((await service.stop()).code).toBe(0);

    const listed = JSON.parse((await isthmus(['dlq', 'list', '--json'], env)).stdout);
    expect(listed).toMatchObject([
      { reason: 'not-wire-format', origin: { topic: 'mixed.in.b', partition: 0, offset: 100 } },
    ]);
    const [{ id }] = listed as [{ id: string }];
    const shown = JSON.parse((await isthmus(['dlq', 'show', id, '--json'], env)).stdout);
    expect(shown).toMatchObject({ event: null, hex: Buffer.from('no avro').toString('hex') });
    const replay = async (...args: string[]) =>
      JSON.parse((await isthmus(['dlq', 'replay', '--all', '--json', ...args], env)).stdout);
    expect(await replay()).toEqual({ replayed: [id], before: [], impossible: [] });
    expect(await replay()).toEqual({ replayed: [], before: [id], impossible: [] });
    const raw = (await readAll(transport, 'mixed.in.b')).filter(
      ({ value }) => String(value) === 'no avro',
    );
    expect(raw).toHaveLength(2);
    await producer.close();
    await admin.close();
  });
});

describe('a service whose committed offset is gone', () => {
  test('stops non-zero and names topic, partition, offsets and the setting', async () => {
    const env = settings('gone');
    expect(await isthmus(['topics', 'create', '--partitions', '1'], env)).toMatchObject({
      code: 0,
    });
    await produce(env, 50);
    const first = await RunningService.start(env);
    await first.atRest([50n]);
    await first.stop();
    await produce(env, 10);
    const admin = await transport.admin();
    await admin.deleteRecords('gone.events', new Map([[0, 60n]]));
    await admin.close();
    const second = await RunningService.start(env);
    const { code, stderr } = await second.process.ended;
    expect(code).toBe(1);
    for (const word of ['gone.events/0', '50', '60', 'ISTHMUS_OFFSET_RESET']) {
      expect(stderr).toContain(word);
    }
  });
});
