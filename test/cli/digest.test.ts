import { afterEach, beforeEach, expect, test } from 'vitest';
import { digestOfLog } from '../../src/cli/digest.js';
import type { Config } from '../../src/config.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  atRest,
  createTopics,
  eventRecord,
  startService,
  testConfig,
  until,
} from '../support/service.js';

let transport: MemoryTransport;
let config: Config;

beforeEach(async () => {
  transport = new MemoryTransport(new MemoryLog());
  config = testConfig();
  await createTopics(transport, config, 2);
});

afterEach(() => transport.close());

test('the log alone gives the model of a service at rest, hash and offsets included', async () => {
  const service = await startService(transport, config);
  const producer = await transport.producer();
  await producer.send(
    Array.from({ length: 100 }, (_, i) =>
      eventRecord(config.inputTopic, { userId: `u${i % 7}`, itemId: `i${i % 13}` }),
    ),
  );
  await until(() => service.trainedEvents() === 100, 'all is trained');
  await atRest(transport, config);
  const admin = await transport.admin();
  const ends = (await admin.watermarks(config.modelDeltasTopic)).map(({ high }) => high);
  await until(() => String(service.deltaOffsets()) === String(ends), 'all deltas are read');
  expect(await digestOfLog(config, transport)).toEqual(await service.model());
  await service.close();
});

test('a transaction that a dead process left open is not waited for', async () => {
  const before = await digestOfLog(config, transport);
  const producer = await transport.transactionalProducer('dead', 60_000);
  await producer.init();
  const transaction = await producer.begin();
  const topic = config.modelDeltasTopic;
  await transaction.send([{ topic, partition: 0, key: 'task', value: Buffer.from('undecided') }]);
  expect(await digestOfLog(config, transport)).toEqual(before);
});
