import { publish } from '../diagnostics.js';
import { IsthmusError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { LogAdmin, TopicPartition, Watermarks } from '../transport/transport.js';

export type OffsetReset = 'stop' | 'earliest' | 'latest';

/** Where a task begins, and whether that is somewhere else than where it had come to. */
export interface StartOffset {
  readonly offset: bigint;
  /** Null where the task goes on from its committed offset, or has none yet. */
  readonly reset: { readonly committed: bigint; readonly skipped: bigint } | null;
}

/**
 * Returns the offset from which a task reads: the committed one; the first one of the log where
 * nothing was committed; and where the committed one is not in the log, what `policy` says. `skipped`
 * counts the offsets between the committed one and the new one that nobody will learn from.
 *
 *     committed 10, log from 25 to 40, earliest   ->   25, 15 skipped
 *
 * Errors: INPUT_OFFSET_OUT_OF_RANGE (fatal: the process stops) with the policy `stop`.
 */
export function startOffset(
  place: TopicPartition,
  committed: bigint | null,
  { low, high }: Watermarks,
  policy: OffsetReset,
): StartOffset {
  if (committed === null) return { offset: low, reset: null };
  if (committed >= low && committed <= high) return { offset: committed, reset: null };
  if (policy === 'stop') throw outOfRange(place, committed, { low, high });
  const offset = policy === 'earliest' ? low : high;
  const skipped = offset > committed ? offset - committed : 0n;
  return { offset, reset: { committed, skipped } };
}

function outOfRange(
  { topic, partition }: TopicPartition,
  committed: bigint,
  { low, high }: Watermarks,
): IsthmusError {
  const what =
    committed < low
      ? `${low - committed} records were deleted before they were learned; the low watermark is ${low}`
      : `the log ends at ${high} and begins at the low watermark ${low}: the topic was made anew`;
  return new IsthmusError(
    'INPUT_OFFSET_OUT_OF_RANGE',
    'fatal',
    `The committed offset ${committed} of ${topic}/${partition} is not in the log: ${what}. Set ISTHMUS_OFFSET_RESET to earliest or latest to go on without what is missing (its default, stop, drops nothing in silence), and keep the topic longer (retention.ms)`,
    { place: { topic, partition, offset: committed } },
  );
}

export interface StartOffsetsOptions {
  readonly app: string;
  /** The group whose committed offsets count. */
  readonly groupId: string;
  readonly admin: LogAdmin;
  readonly policy: OffsetReset;
  readonly logger: Logger;
}

/** Finds out where tasks begin, and says so where that is not where they had come to. */
export class StartOffsets {
  readonly #options: StartOffsetsOptions;

  constructor(options: StartOffsetsOptions) {
    this.#options = options;
  }

  /** To be asked after fencing: nobody else can move the committed offset then. */
  async of(place: TopicPartition): Promise<bigint> {
    const { app, groupId, admin, policy, logger } = this.#options;
    const { topic, partition } = place;
    const committed = (await admin.committed(groupId, topic))[partition] ?? null;
    const marks = (await admin.watermarks(topic))[partition] ?? { low: 0n, high: 0n };
    const { offset, reset } = startOffset(place, committed, marks, policy);
    if (reset === null || policy === 'stop') return offset;
    const skipped = Number(reset.skipped);
    logger.warn(
      'the committed offset is not in the log any more; the task goes on where ISTHMUS_OFFSET_RESET says, and what lies between is not learned',
      { topic, partition, committed: reset.committed, ...marks, policy, offset, skipped },
    );
    publish('isthmus:offset-reset', { app, topic, partition, policy, skipped });
    return offset;
  }
}
