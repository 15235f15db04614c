import { randomUUID } from 'node:crypto';
import { IsthmusError } from '../errors.js';
import { DEAD_LETTER } from '../producers/dead-letter.js';
import type { OutgoingRecord, TransactionalProducer, Transport } from '../transport/transport.js';
import { type DeadLetter, REPLAY_RUN, readLetters } from './letters.js';

export interface ReplayOptions {
  readonly appId: string;
  readonly topic: string;
  readonly transactionTimeoutMs: number;
  readonly select: (letter: DeadLetter) => boolean;
  /** Also those that were replayed before. */
  readonly force: boolean;
  /** Only says what it would do. */
  readonly dryRun: boolean;
}

export interface ReplayResult {
  /** Sent back (or that would be), by id. */
  readonly replayed: readonly string[];
  /** Selected and replayed before. */
  readonly before: readonly string[];
  /** Selected, and cannot be sent back, with the reason. */
  readonly impossible: readonly { readonly id: string; readonly why: string }[];
}

const BATCH_RECORDS = 200;
const BATCH_BYTES = 500_000;
const MAX_TRIES = 5;

/**
 * Sends dead letters back to where they came from, each once: the copy and a note of it, which stays
 * in the dead-letter topic, are one transaction, and the notes are read after fencing, when no earlier
 * run can still add one. So a run that was cut off, or whose commit got no answer, is simply run
 * again; two at a time fence each other.
 *
 * The notes are records and not the offset of a group, because a selection is no position, and
 * because the offsets of a group without members expire (a week, by default).
 *
 * Errors: TOPIC_MISSING (usage); PRODUCER_FENCED where another replay was started meanwhile.
 */
export async function replayLetters(
  transport: Transport,
  options: ReplayOptions,
): Promise<ReplayResult> {
  const run = randomUUID();
  const producer = await transport.transactionalProducer(
    `${options.appId}/dlq-replay`,
    options.transactionTimeoutMs,
  );
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        if (!options.dryRun) await producer.init();
        const plan = await planOf(transport, options, run);
        if (options.dryRun) return resultOf(plan);
        for (const batch of batches(plan.send))
          await sendBatch(producer, options.topic, run, batch);
        return resultOf(plan);
      } catch (error) {
        const again = error instanceof IsthmusError && error.disposition === 'retry';
        if (!again || tries === MAX_TRIES) throw error;
        // What of it was committed has left its notes, and is not sent again.
      }
    }
  } finally {
    await producer.close();
  }
}

interface Plan {
  readonly send: readonly DeadLetter[];
  /** Sent by an earlier try of this run. */
  readonly sent: readonly DeadLetter[];
  readonly before: readonly DeadLetter[];
  readonly impossible: readonly { readonly id: string; readonly why: string }[];
}

async function planOf(transport: Transport, options: ReplayOptions, run: string): Promise<Plan> {
  const selected = (await readLetters(transport, options.topic)).filter(options.select);
  const admin = await transport.admin();
  const topics = await admin.listTopics().finally(() => admin.close());
  const partitionsOf = new Map(topics.map(({ topic, partitions }) => [topic, partitions]));
  const send: DeadLetter[] = [];
  const sent: DeadLetter[] = [];
  const before: DeadLetter[] = [];
  const impossible: { id: string; why: string }[] = [];
  for (const letter of selected) {
    const why = whyNot(letter, partitionsOf);
    if (letter.replays.includes(run)) sent.push(letter);
    else if (letter.replays.length > 0 && !options.force) before.push(letter);
    else if (why !== null) impossible.push({ id: letter.id, why });
    else send.push(letter);
  }
  return { send, sent, before, impossible };
}

function whyNot(
  { origin, truncatedBytes }: DeadLetter,
  partitionsOf: ReadonlyMap<string, number>,
): string | null {
  if (origin === null) return 'its headers do not say where it came from';
  if (truncatedBytes !== null)
    return `its ${truncatedBytes} bytes did not fit and are not all here`;
  const partitions = partitionsOf.get(origin.topic);
  if (partitions === undefined) return `topic ${origin.topic} does not exist`;
  if (origin.partition >= partitions) {
    return `topic ${origin.topic} has no partition ${origin.partition} any more`;
  }
  return null;
}

function resultOf({ sent, send, before, impossible }: Plan): ReplayResult {
  return {
    replayed: [...sent, ...send].map(({ id }) => id),
    before: before.map(({ id }) => id),
    impossible,
  };
}

function* batches(letters: readonly DeadLetter[]): Generator<DeadLetter[]> {
  let batch: DeadLetter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    const size = (letter.value?.length ?? 0) + (letter.key?.length ?? 0);
    if (batch.length === BATCH_RECORDS || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(letter);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

async function sendBatch(
  producer: TransactionalProducer,
  topic: string,
  run: string,
  letters: readonly DeadLetter[],
): Promise<void> {
  const transaction = await producer.begin();
  try {
    await transaction.send(
      letters.flatMap((letter) => [copyOf(letter), noteOf(topic, run, letter)]),
    );
    await transaction.commit();
  } catch (error) {
    // Where the abort fails as well, the next `init` ends the transaction; the first error counts.
    await transaction.abort().catch(() => undefined);
    throw error;
  }
}

/** In its old partition, as a new record: its timestamp is that of the replay. */
function copyOf({ origin, key, value, headers }: DeadLetter): OutgoingRecord {
  return { topic: origin!.topic, partition: origin!.partition, key, value, headers };
}

function noteOf(topic: string, run: string, { id, partition, key }: DeadLetter): OutgoingRecord {
  const headers = { [DEAD_LETTER.replayed]: id, [REPLAY_RUN]: run };
  return { topic, partition, key, value: null, headers };
}
