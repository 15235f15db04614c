import { expect, test } from 'vitest';
import { Service } from '../../src/main.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { parseTraceparent } from '../../src/telemetry/traceparent.js';
import { startTracing } from '../../src/telemetry/tracing.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { startCollector } from '../support/otlp.js';
import { atRest, createTopics, eventRecord, readAll, testConfig } from '../support/service.js';

test('a trace goes from the producer through the batch to the list', async () => {
  const collector = await startCollector();
  const config = testConfig({ ISTHMUS_APP_ID: 'shop' });
  const transport = new MemoryTransport(new MemoryLog());
  await createTopics(transport, config, 1);
  const tracing = await startTracing({
    serviceName: config.appId,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
  });
  const service = await Service.create({ config, transport, logger: silentLogger, tracing });
  await service.start();
  const producer = await transport.producer();
  const own = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
  // Somebody has to like something before there is anything to be recommended.
  await producer.send([eventRecord(config.inputTopic, { userId: 'u1', itemId: 'i1' })]);
  await atRest(transport, config);
  await producer.send([
    {
      ...eventRecord(config.inputTopic, { userId: 'u2', itemId: 'i2' }),
      headers: { traceparent: `00-${own.traceId}-${own.spanId}-01` },
    },
  ]);
  await atRest(transport, config);
  await producer.close();
  await service.close();
  await tracing.close();

  const batch = collector.spans.find(({ links }) => links !== undefined && links.length > 0);
  expect(batch?.name).toBe('consume');
  expect(batch?.links).toMatchObject([own]);
  const steps = collector.spans.filter(({ parentSpanId }) => parentSpanId === batch?.spanId);
  expect(steps.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['learn', 'recommend', 'commit']),
  );
  const lists = await readAll(transport, config.recommendationsTopic);
  const last = lists.at(-1);
  expect(last?.key?.toString()).toMatch(/u2/);
  expect(parseTraceparent(last?.headers.traceparent?.toString() ?? '')).toMatchObject({
    traceId: batch?.traceId,
    spanId: batch?.spanId,
  });
  await transport.close();
  await collector.close();
});
