import { expect, test } from 'vitest';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  atRest,
  createTopics,
  eventRecord,
  startService,
  testConfig,
  until,
} from '../support/service.js';

test('a task starts while a dead one of another partition has left its transaction open', async () => {
  const log = new MemoryLog();
  const transport = new MemoryTransport(log);
  const config = testConfig();
  await createTopics(transport, config, 2);
  const dead = await transport.transactionalProducer('dead', 60_000);
  await dead.init();
  const transaction = await dead.begin();
  const topic = config.modelDeltasTopic;
  await transaction.send([{ topic, partition: 1, key: 'task', value: Buffer.from('undecided') }]);

  const service = await startService(transport, config);
  await until(() => service.readiness().ok, 'the service is ready');
  const producer = await transport.producer();
  await producer.send(
    Array.from({ length: 20 }, (_, i) => eventRecord(config.inputTopic, { userId: `u${i}` })),
  );
  await atRest(transport, config);
  expect(service.trainedEvents()).toBe(20);

  await transaction.abort();
  await until(
    async () => (await service.model()).trainedEvents === 20,
    'both partitions are read back',
  );
  await service.close();
  await transport.close();
});
