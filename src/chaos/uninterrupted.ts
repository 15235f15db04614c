import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../config.js';
import { rebuildModel } from '../snapshots/rebuild.js';
import { applicationTopics } from '../topics.js';
import type { LogAdmin, Transport } from '../transport/transport.js';
import { ServiceProcess } from './service-process.js';

const WITHIN_MS = 300_000;

/**
 * Returns the hash of the model that another application, which nobody disturbs, makes of the same
 * input. Throws where it ends or takes too long.
 */
export async function uninterruptedModel(
  admin: LogAdmin,
  transport: Transport,
  settings: Readonly<Record<string, string>>,
): Promise<string> {
  const env = {
    ...settings,
    ISTHMUS_APP_ID: 'uninterrupted',
    ISTHMUS_RECOMMENDATIONS_TOPIC: 'uninterrupted.recommendations',
    ISTHMUS_DLQ_TOPIC: 'uninterrupted.dlq',
  };
  const config = loadConfig(env);
  const marks = await admin.watermarks(config.inputTopic);
  await admin.createTopics(applicationTopics(config, marks.length));
  const service = new ServiceProcess('uninterrupted', env);
  try {
    const end = performance.now() + WITHIN_MS;
    for (;;) {
      await sleep(200);
      const committed = await admin.committed(config.appId, config.inputTopic);
      if (marks.every(({ high }, p) => (committed[p] ?? 0n) >= high)) break;
      if (service.ended || performance.now() > end) {
        throw new Error(`The uninterrupted run did not come to its end:\n${service.lastWords}`);
      }
    }
  } finally {
    service.signal('SIGTERM');
    await service.exited;
  }
  const { model } = await rebuildModel(transport, config);
  return model.digest();
}
