import { IsthmusError } from '../errors.js';

/**
 * The life of a stream task, as in Kafka Streams:
 *
 *     created -> fencing -> restoring -> running -> closing -> closed
 *
 * with a way from every state to `closing`: a partition can be lost, or the process stopped, at any
 * time. All transitions stand in this table; anything else is a bug and fatal.
 */
export type TaskState = 'created' | 'fencing' | 'restoring' | 'running' | 'closing' | 'closed';

export const TASK_TRANSITIONS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  created: ['fencing', 'closing'],
  fencing: ['restoring', 'closing'],
  restoring: ['running', 'closing'],
  running: ['closing'],
  closing: ['closed'],
  closed: [],
};

/** Returns `to` where the table allows it; throws ILLEGAL_TRANSITION (fatal) where it does not. */
export function transition(from: TaskState, to: TaskState): TaskState {
  if (!TASK_TRANSITIONS[from].includes(to)) {
    throw new IsthmusError(
      'ILLEGAL_TRANSITION',
      'fatal',
      `a stream task cannot go from ${from} to ${to}; this is a bug in isthmus, please report it`,
    );
  }
  return to;
}
