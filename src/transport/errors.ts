import { IsthmusError } from '../errors.js';
import type { TopicPartition } from './transport.js';

/**
 * Another producer with the same transactional id was started. Nothing that this one had not yet
 * committed was or will be written. The task closes: its partition has a new owner.
 */
export function producerFenced(transactionalId: string, cause?: unknown): IsthmusError {
  return new IsthmusError(
    'PRODUCER_FENCED',
    'close-task',
    `The producer '${transactionalId}' was fenced: another one with this id has started. Its open transaction is void; the new one goes on.`,
    { cause },
  );
}

/**
 * Something in a transaction failed (a send, the offsets). Nothing of it was committed. Abort it,
 * and do the work again from the last committed offset.
 */
export function transactionAbortable(
  transactionalId: string,
  what: string,
  cause?: unknown,
): IsthmusError {
  return new IsthmusError(
    'TRANSACTION_ABORTABLE',
    'retry',
    `The transaction of '${transactionalId}' failed to ${what}: abort it and do its work again.`,
    { cause },
  );
}

/**
 * A commit was sent and no answer came: the transaction may or may not be committed. Call `init`,
 * which makes the outcome final, then read the group's committed offsets to learn it.
 */
export function commitOutcomeUnknown(transactionalId: string, cause?: unknown): IsthmusError {
  return new IsthmusError(
    'COMMIT_OUTCOME_UNKNOWN',
    'retry',
    `The commit of '${transactionalId}' got no answer. Initialise the producer again, then read the committed offsets to see whether it took effect.`,
    { cause },
  );
}

/**
 * `begin` was called on a producer that never had `init`, or that lost its state (an abort or a
 * commit without an answer). Nothing was written. Call `init`, then read the committed offsets.
 */
export function producerNotReady(transactionalId: string): IsthmusError {
  return new IsthmusError(
    'PRODUCER_NOT_READY',
    'retry',
    `The producer '${transactionalId}' must be initialised before it begins a transaction.`,
  );
}

/** A second transaction was begun while one is open. A fault in the program; it stops. */
export function transactionOpen(transactionalId: string): IsthmusError {
  return new IsthmusError(
    'TRANSACTION_OPEN',
    'fatal',
    `The producer '${transactionalId}' has a transaction open: commit or abort it first.`,
  );
}

/** A transaction was used after its end. Nothing was done. A fault in the program; it stops. */
export function transactionEnded(transactionalId: string, what: string): IsthmusError {
  return new IsthmusError(
    'TRANSACTION_ENDED',
    'fatal',
    `The transaction of '${transactionalId}' has ended: it cannot ${what} any more.`,
  );
}

/** The transactional producer could not be started within its time. Nothing was written; try again. */
export function producerInitFailed(transactionalId: string, cause?: unknown): IsthmusError {
  return new IsthmusError(
    'PRODUCER_INIT_FAILED',
    'retry',
    `The producer '${transactionalId}' could not be initialised; it is tried again.`,
    { cause },
  );
}

/**
 * Records could not be written outside a transaction within the delivery time. They may or may not
 * be in the log; send them again (idempotence does not reach over two calls).
 */
export function sendFailed(what: string, cause?: unknown): IsthmusError {
  return new IsthmusError('SEND_FAILED', 'retry', `Records were not written to ${what}.`, {
    cause,
  });
}

/**
 * One record is larger than the topic takes. It is never written: make it smaller, or raise
 * `max.message.bytes` of the topic.
 */
export function recordTooLarge(
  place: TopicPartition,
  bytes: number,
  cause?: unknown,
): IsthmusError {
  return new IsthmusError(
    'RECORD_TOO_LARGE',
    'fatal',
    `A record of ${bytes} bytes is larger than topic '${place.topic}' takes. Raise max.message.bytes of the topic; where it is the topic of recommendations or dead letters, or lower ISTHMUS_MAX_RECORD_BYTES below it.`,
    { cause, place: { topic: place.topic, partition: place.partition } },
  );
}

/** A topic that is needed is not there. The command stops; `isthmus topics create` makes it. */
export function topicMissing(topic: string): IsthmusError {
  return new IsthmusError(
    'TOPIC_MISSING',
    'usage',
    `Topic '${topic}' does not exist. Create it: isthmus topics create`,
    { place: { topic } },
  );
}

/** A record names a partition that its topic does not have. A fault in the program; it stops. */
export function partitionMissing(topic: string, partition: number): IsthmusError {
  return new IsthmusError(
    'PARTITION_MISSING',
    'fatal',
    `Topic '${topic}' has no partition ${partition}. Compare the partition counts: isthmus topics list`,
    { place: { topic, partition } },
  );
}

/** An administrative request was refused by the broker. Nothing was changed unless the text says so. */
export function adminFailed(what: string, cause?: unknown): IsthmusError {
  return new IsthmusError('ADMIN_FAILED', 'usage', `The broker refused to ${what}.`, { cause });
}

/** The offsets of a group cannot be set while it has members. Nothing was changed; stop them first. */
export function groupNotEmpty(groupId: string): IsthmusError {
  return new IsthmusError(
    'GROUP_NOT_EMPTY',
    'usage',
    `The group '${groupId}' has members. Stop every process of it before its offsets are set.`,
  );
}

/**
 * An offset to read from is not in the log any more, or not yet: records were deleted, or the topic
 * was made anew. Nothing is skipped in silence: the reader stops. Check the retention of the topic.
 */
export function offsetOutOfRange(place: TopicPartition, offset: bigint): IsthmusError {
  return new IsthmusError(
    'OFFSET_OUT_OF_RANGE',
    'fatal',
    `Offset ${offset} of ${place.topic}/${place.partition} is not in the log: records were deleted or the topic was made anew. Check its retention, then set the offsets of the group.`,
    { place: { topic: place.topic, partition: place.partition, offset } },
  );
}

/** Whether it is what `offsetOutOfRange` makes. */
export function isOutOfRange(error: unknown): boolean {
  return error instanceof IsthmusError && error.code === 'OFFSET_OUT_OF_RANGE';
}

/** No broker answered within the time allowed. Nothing was done. A service tries again with backoff;
 * a command ends: check the address and the broker.
 */
export function brokerUnreachable(brokers: readonly string[], cause?: unknown): IsthmusError {
  return new IsthmusError(
    'BROKER_UNREACHABLE',
    'retry',
    `No Kafka broker answers at ${brokers.join(', ')}. Start one (isthmus kafka, or docker compose up) or correct KAFKA_BROKERS`,
    { cause },
  );
}

/**
 * Offsets were committed by a consumer that is no longer a member of its group in the current
 * generation. They were not committed; the partitions have a new owner.
 */
export function membershipLost(groupId: string, cause?: unknown): IsthmusError {
  return new IsthmusError(
    'MEMBERSHIP_LOST',
    'close-task',
    `This member of group '${groupId}' has lost its partitions; the offsets were not committed. A new assignment follows.`,
    { cause },
  );
}

/** The consumer met something that it cannot retry (refused credentials, a broken record). It stops. */
export function consumerFailed(what: string, cause?: unknown): IsthmusError {
  return new IsthmusError('CONSUMER_FAILED', 'fatal', `Reading ${what} stopped for good.`, {
    cause,
  });
}

/**
 * The broker, or the server that gives tokens, does not take the credentials. Nothing was done. The
 * process stops: another try would be refused as well.
 */
export function authenticationFailed(who: string, answer: string, check: string): IsthmusError {
  return new IsthmusError(
    'AUTHENTICATION_FAILED',
    'usage',
    `The credentials were refused by ${who}: ${answer.replace(/\.$/, '')}. Check ${check}.`,
  );
}

/** No token was had to authenticate with. It is tried again with each connection. */
export function tokenUnavailable(where: string, why: string): IsthmusError {
  return new IsthmusError('TOKEN_UNAVAILABLE', 'retry', `No token was had of ${where}: ${why}.`);
}

/**
 * No connection over TLS: one side does not trust the other's certificate, or there is no TLS.
 * Nothing was done. The process stops, since another try would end alike.
 */
export function tlsFailed(broker: string, why: string, remedy: string): IsthmusError {
  return new IsthmusError(
    'TLS_FAILED',
    'usage',
    `No connection to the broker at ${broker} over TLS: ${why}. ${remedy}.`,
  );
}

/** What an ACL is about. */
export interface AclResource {
  readonly type: 'topic' | 'group' | 'transactional id' | 'cluster';
  readonly names: readonly string[];
}

/**
 * The client's user lacks an ACL. Nothing of the request was done; a transaction is aborted. The
 * process stops: give the user that ACL, and start again.
 */
export function notAuthorised(operation: string, resource: AclResource): IsthmusError {
  const { type, names } = resource;
  const flag = {
    topic: 'topic',
    group: 'group',
    'transactional id': 'transactional-id',
    cluster: '',
  };
  const args =
    type === 'cluster' ? '--cluster' : names.map((n) => `--${flag[type]} ${n}`).join(' ');
  const what =
    type === 'cluster' ? 'the cluster' : `${type} ${names.map((n) => `'${n}'`).join(', ')}`;
  // Since Kafka 2.8 (KIP-679).
  const instead =
    operation === 'IdempotentWrite' ? ', or Write on the topic that is written to instead' : '';
  return new IsthmusError(
    'NOT_AUTHORISED',
    'usage',
    `Kafka does not allow this client ${operation} on ${what}. Give its user that ACL (kafka-acls --add --allow-principal User:NAME --operation ${operation} ${args})${instead}; docs/security.md lists all that are needed.`,
    type === 'topic' && names[0] !== undefined ? { place: { topic: names[0] } } : {},
  );
}

/**
 * Records are packed by a codec whose package is not there. Nothing was written, or read past them.
 * The process stops: install the package, or use another compression.
 */
export function codecMissing(compression: string, name: string, cause?: unknown): IsthmusError {
  return new IsthmusError(
    'CODEC_MISSING',
    'usage',
    `Compression ${compression} needs the optional package ${name}, which cannot be loaded. Install isthmus without --omit=optional, or set ISTHMUS_COMPRESSION (for what is written) and compression.type of the topic (for what is read) to gzip.`,
    { cause },
  );
}

/** The transport, or the part of it that was called, is closed. Nothing was done. */
export function transportClosed(what: string): IsthmusError {
  return new IsthmusError('TRANSPORT_CLOSED', 'fatal', `The ${what} is closed.`);
}
