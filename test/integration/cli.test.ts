import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Env, endAll, Isthmus, isthmus, RunningService } from '../cli/support/isthmus.js';
import { startCollector } from '../support/otlp.js';

let brokers: Env;
let folder: string;

beforeAll(async () => {
  brokers = { KAFKA_BROKERS: inject('kafkaBrokers') };
  folder = await mkdtemp(join(tmpdir(), 'isthmus-cli-'));
});

afterAll(async () => {
  endAll();
  await rm(folder, { recursive: true, force: true });
});

/** One sentence with the code on stderr, nothing on stdout, no stack. */
function expectUsage(ended: { code: number; stdout: string; stderr: string }, ...words: string[]) {
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  for (const word of words) expect(ended.stderr).toContain(word);
  expect(ended.stderr).not.toMatch(/^\s+at /m);
}

describe('what is called wrongly ends with 2 and says what is wanted', () => {
  const own = { ISTHMUS_HTTP_PORT: '0' };

  test('a wrong setting is named, with what it got and what it wants', async () => {
    const ended = await isthmus(['run'], { ...brokers, ISTHMUS_TOP_N: 'ten' });
    expectUsage(ended, 'ISTHMUS_TOP_N is "ten"', 'wants a whole number from 1 to 1000');
  });

  test('an unknown setting with our prefix is named, and the one that was meant', async () => {
    const ended = await isthmus(['run'], { ...brokers, ISTHMUS_TOPN: '5' });
    expectUsage(ended, 'SETTING_UNKNOWN', 'ISTHMUS_TOPN', 'did you mean ISTHMUS_TOP_N?');
  });

  test('without KAFKA_BROKERS it says how to get one', async () => {
    expectUsage(await isthmus(['topics', 'list']), 'KAFKA_BROKERS is not set', 'isthmus kafka');
  });

  test('missing topics stop the service with the command that mends it', async () => {
    const env = { ...brokers, ...own, ISTHMUS_APP_ID: 'none', ISTHMUS_INPUT_TOPIC: 'none.events' };
    expectUsage(await isthmus(['run'], env), 'TOPIC_MISSING', '`isthmus topics create`');
    const file = join(folder, 'one.csv');
    await writeFile(file, 'user_id,item_id,domain,sequence\nu,i,d,1\n');
    expectUsage(await isthmus(['produce', '--file', file], env), '`isthmus topics create`');
  });

  test('a changelog with another number of partitions stops the service', async () => {
    const named = { ISTHMUS_APP_ID: 'uneven', ISTHMUS_INPUT_TOPIC: 'uneven.events' };
    const env = { ...brokers, ...own, ...named, ISTHMUS_RECOMMENDATIONS_TOPIC: 'uneven.lists' };
    expect((await isthmus(['topics', 'create', '--partitions', '2'], env)).code).toBe(0);
    const other = { ...env, ISTHMUS_APP_ID: 'uneven2', ISTHMUS_RECOMMENDATIONS_TOPIC: 'uneven2' };
    const ended = await isthmus(['topics', 'create', '--partitions', '3'], other);
    expectUsage(ended, 'PARTITIONS_MISMATCH', '--partitions 2');
    expectUsage(await isthmus(['run'], other), 'PARTITIONS_MISMATCH', '--partitions 2');
  });

  test('a port that is in use is named', async () => {
    const taken = await listening();
    const { port } = taken.address() as AddressInfo;
    const env = { ...brokers, ISTHMUS_HTTP_PORT: String(port) };
    expectUsage(await isthmus(['run'], env), 'PORT_IN_USE', String(port));
    const kafka = await isthmus(['kafka', '--port', String(port)]);
    expectUsage(kafka, 'PORT_IN_USE', String(port));
    taken.close();
  });

  test('a machine without Java is told what to install', async () => {
    const ended = await isthmus(['kafka'], { PATH: folder, JAVA_HOME: '' });
    expectUsage(ended, 'JAVA_MISSING', 'Java 17', 'docker compose up');
  });

  test('with --strict the first broken row stops the file, by line and reason', async () => {
    const env = { ...brokers, ISTHMUS_APP_ID: 'strict', ISTHMUS_INPUT_TOPIC: 'strict.events' };
    await isthmus(['topics', 'create'], env);
    const file = join(folder, 'broken.csv');
    await writeFile(file, 'user_id,item_id,domain,sequence\nu,i,d,1\nu,i,d,soon\n');
    const ended = await isthmus(['produce', '--file', file, '--strict'], env);
    expectUsage(ended, 'CSV_INVALID', 'line 3', '"soon"');
  });
});

test('a trace goes from what produce sends to the lists, and rows without an action get the one that is said', async () => {
  const collector = await startCollector();
  const env = {
    ...brokers,
    ISTHMUS_APP_ID: 'traced',
    ISTHMUS_INPUT_TOPIC: 'traced.events',
    ISTHMUS_RECOMMENDATIONS_TOPIC: 'traced.lists',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  };
  expect((await isthmus(['topics', 'create'], env)).code).toBe(0);
  const service = await RunningService.start(env);
  const file = join(folder, 'traced.csv');
  const rows = ['u,i,d,1,', 'u,j,d,2,rate', 'v,i,d,3,'];
  await writeFile(file, ['user_id,item_id,domain,sequence,action', ...rows].join('\n'));
  const sent = await isthmus(['produce', '--file', file, '--action', 'buy'], env);
  expect(sent).toMatchObject({ code: 0 });
  await service.trained(3);
  const metrics = await service.text('/metrics');
  expect(metrics).toMatch(
    /isthmus_events_total\{[^}]*action="buy"[^}]*outcome="accepted"[^}]*\} 2/,
  );
  expect(metrics).toMatch(
    /isthmus_events_total\{[^}]*action="rate"[^}]*outcome="accepted"[^}]*\} 1/,
  );
  await service.stop();
  const send = collector.spans.find(({ name }) => name === 'send');
  expect(collector.services).toEqual(expect.arrayContaining(['traced', 'traced-produce']));
  const linked = collector.spans.flatMap(({ links }) => links ?? []);
  expect(linked).toContainEqual(
    expect.objectContaining({ traceId: send?.traceId, spanId: send?.spanId }),
  );
  await collector.close();
});

describe('a service without a broker', () => {
  test('says so, is not ready, keeps trying, and stops at once when it is told to', async () => {
    const service = await RunningService.start({ KAFKA_BROKERS: '127.0.0.1:1' });
    const ready = await fetch(`${service.url}/readyz`);
    expect(ready.status).toBe(503);
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
    await service.process.until(
      () => service.process.stderr.includes('cannot be reached yet'),
      'it says that Kafka cannot be reached',
    );
    expect(await service.json('/readyz')).toMatchObject({
      message: expect.stringContaining('127.0.0.1:1'),
    });
    const { code, seconds } = await service.stop();
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(5);
  });
});

describe('isthmus kafka', () => {
  test('prints the setting in its first line, keeps data in a folder, and SIGINT stops it', async () => {
    const dataDir = join(folder, 'kafka');
    const topic = { ISTHMUS_APP_ID: 'kept', ISTHMUS_INPUT_TOPIC: 'kept.events' };
    for (const expected of [7, 0]) {
      const kafka = new Isthmus(['kafka', '--data-dir', dataDir]);
      await kafka.until(() => kafka.stdout.includes('\n'), 'it is up');
      const line = /^KAFKA_BROKERS=(127\.0\.0\.1:\d+)\n$/.exec(kafka.stdout);
      const env = { ...topic, KAFKA_BROKERS: line?.[1] ?? '' };
      const made = await isthmus(['topics', 'create', '--json'], env);
      expect(JSON.parse(made.stdout).created).toHaveLength(expected);
      kafka.signal('SIGINT');
      expect((await kafka.ended).code).toBe(0);
    }
  });
});

async function listening(): Promise<Server> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
