import { IsthmusError } from '../errors.js';
import type { TopicPartition } from '../transport/transport.js';

/** Why a snapshot was not taken; the one before it is tried. For logs and the metric's label. */
export type RefusalReason =
  | 'undecodable'
  | 'newer-format'
  | 'damaged-manifest'
  | 'missing-chunk'
  | 'damaged-chunk'
  | 'wrong-hash';

/** A snapshot that cannot be used. Never leaves this room. */
export class SnapshotRefused extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SnapshotRefused';
    this.reason = reason;
  }
}

/** What is told of a snapshot that was passed over. */
export interface Refusal {
  readonly snapshot: string;
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** The snapshot is of a model with other options. Nothing was loaded. */
export function snapshotMismatch(snapshot: string, differences: readonly string[]): IsthmusError {
  return new IsthmusError(
    'SNAPSHOT_MISMATCH',
    'usage',
    `Snapshot ${snapshot} is of another model: ${differences.join('; ')}. Set it back as it was, or begin anew with another ISTHMUS_APP_ID (and its own topics)`,
  );
}

/** Deltas that the model needs are no longer in the log. Nothing was loaded. */
export function modelLogTruncated(
  place: TopicPartition,
  low: bigint,
  needed: bigint,
  snapshot: string | null,
  refused: readonly Refusal[],
): IsthmusError {
  const passed =
    refused.length === 0
      ? ''
      : `; passed over: ${refused.map(({ snapshot: id, detail }) => `${id} (${detail})`).join(', ')}`;
  const from =
    snapshot === null
      ? `there is no snapshot that can be used${passed}`
      : `snapshot ${snapshot} goes on from offset ${needed}${passed}`;
  return new IsthmusError(
    'MODEL_LOG_TRUNCATED',
    'fatal',
    `The model cannot be rebuilt: ${place.topic}/${place.partition} begins at offset ${low}, and ${from}. A model without the deltas below would be wrong, so nothing was started. Restore the snapshot topic from a backup, or begin anew with another ISTHMUS_APP_ID`,
    { place: { topic: place.topic, partition: place.partition, offset: needed } },
  );
}

/** The snapshot is of deltas that the delta topic does not have (yet, or any more). */
export function snapshotAheadOfLog(
  place: TopicPartition,
  high: bigint,
  needed: bigint,
  snapshot: string,
): IsthmusError {
  return new IsthmusError(
    'SNAPSHOT_AHEAD_OF_LOG',
    'fatal',
    `Snapshot ${snapshot} goes on from offset ${needed} of ${place.topic}/${place.partition}, which ends at ${high}: the topic was made anew or has lost records. Delete the snapshot topic as well and start from nothing, or begin anew with another ISTHMUS_APP_ID`,
    { place: { topic: place.topic, partition: place.partition, offset: needed } },
  );
}
