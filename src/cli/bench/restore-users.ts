import { loadConfig } from '../../config.js';
import { readChangelog } from '../../consumers/restore.js';
import { createTower } from '../../online/tower/backend.js';
import { outputTopics, RecordMaker } from '../../producers/records.js';
import { Serde } from '../../serde/serde.js';
import { restoreUsers } from '../../tasks/restore-users.js';
import { applicationTopics } from '../../topics.js';
import { MemoryLog, MemoryTransport } from '../../transport/memory/index.js';
import type { OutgoingRecord } from '../../transport/transport.js';
import type { BenchContext } from './benches.js';
import { learnWorld } from './learning.js';
import { median, secondsOf } from './measure.js';

const ROUNDS = 5;
/** Of the world's 5,000 users nearly each has a history then. */
const EVENTS = 60_000;
const SEND = 500;
/** States of one user that are in the changelog: compaction has been, and has not been for a while. */
const VERSIONS = [1, 10];

/** How long a task takes to get the users of its partition out of the changelog, per 1,000 of them. */
export async function benchRestoreUsers({
  report,
  signal,
}: Pick<BenchContext, 'report' | 'signal'>): Promise<void> {
  const config = loadConfig({ ISTHMUS_TRANSPORT: 'memory' });
  const { tower } = await createTower('auto');
  const { model, users } = learnWorld(tower, { itemsPerDomain: 1_000, events: EVENTS });
  const serde = new Serde();
  const maker = new RecordMaker({
    app: config.appId,
    process: 'bench',
    topics: outputTopics(config),
    serde,
    model,
    now: Date.now,
  });
  const states = users.map((user) => maker.userState(0, user));
  const bytes = states.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  report({ name: 'restore.users.bytes', value: bytes / users.length, unit: 'bytes/user' });
  const place = { topic: config.userStateTopic, partition: 0 };
  for (const versions of VERSIONS) {
    const transport = new MemoryTransport(new MemoryLog());
    const admin = await transport.admin();
    try {
      await admin.createTopics(applicationTopics(config, 1));
      await write(transport, states, versions);
      const reader = transport.reader([place.topic], () => undefined);
      await reader.run();
      const modelRestored = Promise.resolve();
      const parts = { app: config.appId, admin, reader, serde, model, modelRestored, signal };
      const restored: number[] = [];
      const read: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        restored.push(await secondsOf(() => restoreUsers(place, null, parts)));
        const [marks] = await admin.watermarks(place.topic);
        const options = { signal, onProgress: () => undefined };
        read.push(await secondsOf(() => readChangelog(reader, place, marks!, options)));
      }
      const thousands = users.length / 1_000;
      report({
        name: `restore.users.versions-${versions}`,
        value: (1000 * median(restored)) / thousands,
        unit: 'ms/1,000 users',
        ratio: median(restored) / median(read),
        against: 'reading them, undecoded',
      });
    } finally {
      await admin.close();
      await transport.close();
    }
  }
}

async function write(
  transport: MemoryTransport,
  states: readonly OutgoingRecord[],
  versions: number,
): Promise<void> {
  const producer = await transport.producer();
  for (let version = 0; version < versions; version++) {
    for (let from = 0; from < states.length; from += SEND) {
      await producer.send(states.slice(from, from + SEND));
    }
  }
  await producer.close();
}
