import type { DeltaReader } from '../consumers/delta-reader.js';
import { ContentEncoder } from '../online/content/encoder.js';
import type { RecordMaker } from '../producers/records.js';
import type { Serde } from '../serde/serde.js';
import type { ModelReplica } from '../tasks/replica.js';
import { type SideStepParts, sideStep } from '../tasks/side-step.js';
import type { TaskManager } from '../tasks/task-manager.js';
import type { Tracing } from '../telemetry/tracing.js';
import { vectorLengths } from './validation.js';
import { ItemsWork } from './work.js';

/** No application id has a slash in it, so these names are nobody else's. */
export function itemsGroup(appId: string): string {
  return `${appId}/items`;
}

export interface ItemsStepParts extends SideStepParts {
  readonly deltas: DeltaReader;
  readonly serde: Serde;
  readonly replica: ModelReplica;
  readonly records: RecordMaker;
  /** Of the delta topic. */
  readonly deltaPartitions: number;
  readonly tracing: Tracing;
}

/**
 * Returns the tasks of the items topic, which write what is said of items into the model. They restore
 * the model up to the end of the deltas, so that the owner of an item knows all that was said of it;
 * deltas, dead letters and offset are in one transaction.
 */
export function itemsStep(parts: ItemsStepParts): TaskManager<ItemsWork> {
  const { config, admin, deltas, deltaPartitions, serde, replica, records, tracing } = parts;
  const encoder = new ContentEncoder(config.learner.seed, config.learner.dimension);
  return sideStep(parts, {
    name: 'items',
    groupId: itemsGroup(config.appId),
    topics: [config.itemsTopic],
    // What compaction took away is said again by what it left.
    policy: 'earliest',
    commitIntervalMs: config.commitIntervalMs,
    worker: (partition) =>
      new ItemsWork(
        {
          app: config.appId,
          partition,
          deltaPartitions,
          maxRecordBytes: config.maxRecordBytes,
          vectors: vectorLengths(config.contentVectors),
        },
        { serde, encoder, replica, records, tracing },
      ),
    restore: async (signal) => {
      const stable = await admin.lastStable(config.modelDeltasTopic);
      await deltas.reached(
        stable.map((high) => ({ low: 0n, high })),
        signal,
      );
    },
  });
}
