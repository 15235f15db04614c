import { expect, test } from 'vitest';
import { Serde } from '../../src/serde/serde.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { verify } from '../../src/verify/verify.js';
import {
  atRest,
  createTopics,
  eventRecord,
  startService,
  testConfig,
  until,
} from '../support/service.js';

const EVENTS = 20;

/** Learns the events with a process that is killed when it commits offsets for the second time. */
async function trainedAfterKill(delivery: 'exactly-once' | 'at-least-once') {
  const log = new MemoryLog();
  const observer = new MemoryTransport(log);
  const config = testConfig({
    ISTHMUS_DELIVERY: delivery,
    ISTHMUS_BOT_EVENTS_PER_MINUTE: '0',
    ISTHMUS_MAX_TRANSACTION_EVENTS: '5',
    ISTHMUS_MINI_BATCH: '5',
  });
  await createTopics(observer, config, 1);
  const producer = await observer.producer();
  await producer.send(
    Array.from({ length: EVENTS }, (_, i) =>
      eventRecord(config.inputTopic, { userId: `u${i}`, itemId: `i${i % 3}` }),
    ),
  );
  const place = delivery === 'at-least-once' ? 'group-commit:before' : 'commit:before';
  let commits = 0;
  const victim: MemoryTransport = new MemoryTransport(log, {
    name: 'victim',
    fault: (point) => {
      if (point !== place) return;
      commits += 1;
      if (commits === 2) victim.process.kill();
    },
  });
  await startService(victim, config);
  await until(() => victim.process.killed, 'the process is killed');
  victim.expireSessions();

  const heir = await startService(observer, config);
  await atRest(observer, config);
  await until(() => heir.owedLists() === 0, 'no lists are owed');
  const report = await verify({ config, transport: observer, serde: new Serde() });
  await heir.close();
  await observer.close();
  return report;
}

test('at least once: what was sent and not committed counts twice, and nothing is lost', async () => {
  const report = await trainedAfterKill('at-least-once');
  expect(report.inputOffsets.gaps).toBe(0);
  expect(report.inputOffsets.overlaps).toBe(1);
  expect(report.trainedEvents).toBe(EVENTS + 5);
});

test('exactly once: the same end leaves each event counted once', async () => {
  expect(await trainedAfterKill('exactly-once')).toMatchObject({
    ok: true,
    trainedEvents: EVENTS,
    inputOffsets: { gaps: 0, overlaps: 0 },
  });
});
