import type { EventDecoder } from '../tasks/event-decoder.js';
import { type SideStepParts, sideStep } from '../tasks/side-step.js';
import type { TaskManager } from '../tasks/task-manager.js';
import type { Tracing } from '../telemetry/tracing.js';
import { inputSubscription } from '../topics.js';
import { RepartitionWork } from './work.js';

/** No application id has a slash in it, so these names are nobody else's. */
export function repartitionGroup(appId: string): string {
  return `${appId}/repartition`;
}

export interface RepartitionParts extends SideStepParts {
  readonly decoder: EventDecoder;
  readonly tracing: Tracing;
}

/**
 * Returns the step before the tasks, which copies what comes to the repartition topic; copies, dead
 * letters and offset in one transaction. Nothing is restored.
 */
export function repartitionStep(parts: RepartitionParts): TaskManager<RepartitionWork> {
  const { config, decoder, tracing } = parts;
  return sideStep(parts, {
    name: 'repartition',
    groupId: repartitionGroup(config.appId),
    topics: inputSubscription(config),
    policy: config.offsetReset,
    // It comes before the tasks' own interval: most of the time to a list is theirs.
    commitIntervalMs: Math.ceil(config.commitIntervalMs / 4),
    worker: (partition) =>
      new RepartitionWork(
        {
          app: config.appId,
          partition,
          target: config.repartitionTopic,
          deadLetters: config.deadLetterTopic,
          maxRecordBytes: config.maxRecordBytes,
        },
        { decoder, tracing },
      ),
    restore: () => Promise.resolve(),
  });
}
