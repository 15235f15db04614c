import { IsthmusError } from '../../errors.js';

/** How errors of kafkajs and of the broker are read. */

interface KafkaError extends Error {
  readonly type?: string;
  readonly code?: string | number;
  readonly retriable?: boolean;
  readonly host?: string;
  readonly port?: number;
}

/** Returns the error that the wrappers of kafkajs's retries hide. */
export function rootCause(error: unknown): KafkaError {
  let current = error as KafkaError;
  for (let depth = 0; depth < 8; depth++) {
    const { cause, name } = current;
    const wrapper =
      name === 'KafkaJSNonRetriableError' || name === 'KafkaJSNumberOfRetriesExceeded';
    if (!wrapper || !(cause instanceof Error)) break;
    current = cause as KafkaError;
  }
  return current;
}

/** Returns our own error, where it is one or hides in kafkajs's wrappers; else null. */
export function ownError(error: unknown): IsthmusError | null {
  const root: unknown = rootCause(error);
  return root instanceof IsthmusError ? root : null;
}

/** The broker's error name; for the codes that kafkajs does not know as well. */
export function errorType(error: unknown): string {
  const root = rootCause(error);
  const unknown = /Unknown error code (\d+)/.exec(root.message)?.[1];
  if (unknown !== undefined) return newerCodes.get(Number(unknown)) ?? `ERROR_CODE_${unknown}`;
  return root.type ?? root.name;
}

const newerCodes = new Map([
  [74, 'FENCED_LEADER_EPOCH'],
  [75, 'UNKNOWN_LEADER_EPOCH'],
  [78, 'OFFSET_NOT_AVAILABLE'],
  [82, 'FENCED_INSTANCE_ID'],
  [90, 'PRODUCER_FENCED'],
  [120, 'TRANSACTION_ABORTABLE'],
]);

const connectionNames = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
  'KafkaJSLockTimeout',
]);

/** Whether the broker could not be reached, or did not answer. */
export function isConnectionFault(error: unknown): boolean {
  const root = rootCause(error);
  // kafkajs reads fields of a broker that it has just forgotten (seed broker lost): a race of its own.
  return connectionNames.has(root.name) || root.name === 'TypeError';
}

const retriableTypes = new Set([
  'CONCURRENT_TRANSACTIONS',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'BROKER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
]);

/** Whether the same request may be sent again. */
export function isRetriable(error: unknown): boolean {
  const root = rootCause(error);
  if (root instanceof IsthmusError) return root.disposition === 'retry';
  if (isConnectionFault(root)) return true;
  return retriableTypes.has(errorType(root)) || root.retriable === true;
}

/** Whether another coordinator must be asked for. */
export function isCoordinatorFault(error: unknown): boolean {
  const type = errorType(error);
  return (
    type === 'NOT_COORDINATOR_FOR_GROUP' ||
    type === 'GROUP_COORDINATOR_NOT_AVAILABLE' ||
    isConnectionFault(error)
  );
}

/** Whether the producer's epoch is an old one. */
export function isFenced(error: unknown): boolean {
  const type = errorType(error);
  return type === 'INVALID_PRODUCER_EPOCH' || type === 'PRODUCER_FENCED';
}
