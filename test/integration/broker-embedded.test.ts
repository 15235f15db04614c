import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { EmbeddedKafka } from '../../src/broker/embedded.js';
import { KafkaTransport } from '../../src/transport/kafka/index.js';

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'isthmus-test-'));
  folders.push(made);
  return made;
}

async function topicsAt(kafka: EmbeddedKafka): Promise<string[]> {
  const transport = new KafkaTransport({ brokers: [kafka.bootstrap], clientId: 'test' });
  const admin = await transport.admin();
  const topics = await admin.listTopics();
  await transport.close();
  return topics.map(({ topic }) => topic);
}

test('data in a given folder survives a restart, also after a kill; on another port as well', async () => {
  const dataDir = await folder();
  const first = await EmbeddedKafka.start({ dataDir });
  const transport = new KafkaTransport({ brokers: [first.bootstrap], clientId: 'test' });
  await (await transport.admin()).createTopics([{ topic: 'kept', partitions: 2 }]);
  await transport.close();
  await first.kill();
  expect(first.running).toBe(false);
  await first.restart();
  expect(await topicsAt(first)).toContain('kept');
  await first.stop();
  const second = await EmbeddedKafka.start({ dataDir });
  expect(await topicsAt(second)).toContain('kept');
  await second.stop();
  expect(existsSync(dataDir)).toBe(true);
}, 90_000);

test('a temporary folder is removed by stop', async () => {
  const kafka = await EmbeddedKafka.start();
  expect(existsSync(kafka.dataDir)).toBe(true);
  expect(kafka.pid).toBeGreaterThan(0);
  await kafka.stop();
  expect(existsSync(kafka.dataDir)).toBe(false);
  await kafka.stop();
});

test('a port in use is named', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(EmbeddedKafka.start({ port })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: expect.stringContaining(String(port)),
  });
  server.close();
});

test('a broker that does not start says why with the last lines of its log', async () => {
  const dataDir = await folder();
  const kafka = await EmbeddedKafka.start({ dataDir });
  await kafka.halt();
  await writeFile(join(dataDir, 'log', 'meta.properties'), 'version=1\nnode.id=99\n');
  await expect(kafka.restart()).rejects.toMatchObject({
    code: 'BROKER_START_FAILED',
    disposition: 'usage',
    message: expect.stringMatching(/ended with/),
  });
  await kafka.stop();
}, 60_000);
