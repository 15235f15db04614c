import { type Config, loadConfig } from '../../src/config.js';
import { Service } from '../../src/main.js';
import type { BehaviorEvent } from '../../src/online/types.js';
import { Serde } from '../../src/serde/serde.js';
import type { RecommendationList, UserStateRecord } from '../../src/serde/types.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { applicationTopics } from '../../src/topics.js';
import type { LogRecord, OutgoingRecord, Transport } from '../../src/transport/transport.js';

/** Settings for tests: a free port, a small model. */
export function testConfig(env: Record<string, string> = {}): Config {
  return loadConfig({
    ISTHMUS_TRANSPORT: 'memory',
    ISTHMUS_HTTP_PORT: '0',
    ISTHMUS_BACKEND: 'cpu',
    ISTHMUS_COMMIT_INTERVAL_MS: '5',
    ISTHMUS_LEARNER_DIMENSION: '8',
    ...env,
  });
}

export async function createTopics(
  transport: Transport,
  config: Config,
  partitions: number,
): Promise<void> {
  const admin = await transport.admin();
  await admin.createTopics(applicationTopics(config, partitions));
  await admin.close();
}

export async function startService(transport: Transport, config: Config): Promise<Service> {
  const service = await Service.create({
    config,
    transport,
    logger: silentLogger,
    tracing: noTracing,
  });
  await service.start();
  return service;
}

const serde = new Serde();

export function eventRecord(
  topic: string,
  event: Partial<BehaviorEvent> & { userId: string },
): OutgoingRecord {
  const full: BehaviorEvent = {
    itemId: 'i1',
    domain: 'books',
    action: 'purchase',
    value: null,
    occurredAtMs: 1_700_000_000_000,
    eventId: null,
    ...event,
  };
  return { topic, key: full.userId, value: serde.events.encode(full) };
}

/** Waits until `holds`, looking every few milliseconds. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 25_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Until everything in the input is committed and every own delta is read back. */
export async function atRest(transport: Transport, config: Config): Promise<void> {
  const admin = await transport.admin();
  await until(async () => {
    const marks = await admin.watermarks(config.inputTopic);
    const committed = await admin.committed(config.appId, config.inputTopic);
    return marks.every(({ high }, partition) => (committed[partition] ?? 0n) >= high);
  }, 'all input is committed');
  await admin.close();
}

/** All committed records of a topic, by partition and offset. */
export async function readAll(transport: Transport, topic: string): Promise<LogRecord[]> {
  const admin = await transport.admin();
  const marks = await admin.watermarks(topic);
  const reader = transport.reader([topic], () => undefined);
  await reader.run();
  const all: LogRecord[] = [];
  await Promise.all(
    marks.map(
      ({ low, high }, partition) =>
        new Promise<void>((resolve) => {
          if (low >= high) {
            resolve();
            return;
          }
          const records: LogRecord[] = [];
          const subscription = reader.follow({ topic, partition }, low, {
            onRecords: (batch, position) => {
              records.push(...batch);
              if (position < high) return;
              subscription.stop();
              all.push(...records);
              resolve();
            },
          });
        }),
    ),
  );
  await reader.close();
  await admin.close();
  return all;
}

export async function readLists(
  transport: Transport,
  config: Config,
): Promise<RecommendationList[]> {
  return (await readAll(transport, config.recommendationsTopic)).map((r) =>
    serde.lists.decode(r.value),
  );
}

export async function readUsers(
  transport: Transport,
  config: Config,
): Promise<Map<string, UserStateRecord>> {
  const users = new Map<string, UserStateRecord>();
  for (const record of await readAll(transport, config.userStateTopic)) {
    const state = serde.userStates.decode(record.value);
    users.set(state.userId, state);
  }
  return users;
}
