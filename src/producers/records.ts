import { encodeDelta } from '../online/delta-codec.js';
import type { Model } from '../online/model.js';
import type { Delta, Recommendation } from '../online/types.js';
import type { User } from '../online/user.js';
import type { Serde } from '../serde/serde.js';
import { FORMAT_VERSION, type InputRange } from '../serde/types.js';
import { userToRecord } from '../serde/user-state.js';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../transport/transport.js';

export interface OutputTopics {
  readonly recommendations: string;
  readonly deadLetters: string;
  readonly userState: string;
  readonly modelDeltas: string;
}

export interface RecordMakerOptions {
  readonly app: string;
  /** Id of this process, new at each start. */
  readonly process: string;
  readonly topics: OutputTopics;
  readonly serde: Serde;
  readonly model: Model;
  /** Milliseconds since the epoch, for `generatedAt`. */
  readonly now: () => number;
}

/** Why a record could not be used. `reason` is for machines, `detail` a sentence for people. */
export interface DeadLetterCause {
  readonly reason: string;
  readonly detail: string;
}

/** Makes the records that a task sends. Users and recommendations stay in the input's partition number. */
export class RecordMaker {
  readonly #options: RecordMakerOptions;

  constructor(options: RecordMakerOptions) {
    this.#options = options;
  }

  /** A list each; those without items are left out. `users` holds what the lists are based on. */
  recommendations(
    partition: number,
    lists: readonly { readonly user: User; readonly list: Recommendation }[],
    traceparent: string | undefined,
  ): OutgoingRecord[] {
    const { serde, topics, model, now } = this.#options;
    const generatedAtMs = now();
    const headers = traceparent === undefined ? undefined : { traceparent };
    const records: OutgoingRecord[] = [];
    for (const { user, list } of lists) {
      if (list.items.length === 0 || user.basedOn === null) continue;
      records.push({
        topic: topics.recommendations,
        partition,
        // A list each: compaction keeps the newest of every domain. No domain has a slash in its name.
        key: `${user.id}/${list.domain}`,
        value: serde.lists.encode({
          ...list,
          modelVersion: model.trainedEvents,
          basedOn: user.basedOn,
          generatedAtMs,
        }),
        ...(headers === undefined ? {} : { headers }),
      });
    }
    return records;
  }

  userState(partition: number, user: User): OutgoingRecord {
    const { serde, topics, model } = this.#options;
    return {
      topic: topics.userState,
      partition,
      key: user.id,
      value: serde.userStates.encode(userToRecord(user, model)),
    };
  }

  /** One record a part. The parts are the delta's, each of which applies by itself. */
  deltas(inputs: InputRange, sequence: number, parts: readonly Delta[]): OutgoingRecord[] {
    const { app, process, serde, topics } = this.#options;
    const task = taskName(inputs);
    return parts.map((delta, part) => ({
      topic: topics.modelDeltas,
      partition: inputs.partition,
      key: task,
      value: serde.deltas.encode({
        formatVersion: FORMAT_VERSION,
        app,
        task,
        process,
        sequence,
        part,
        parts: parts.length,
        inputs,
        events: delta.events,
        payload: encodeDelta(delta),
      }),
    }));
  }

  /** The record as it came, with its origin and the cause in the headers. */
  deadLetter(record: LogRecord, cause: DeadLetterCause): OutgoingRecord {
    return {
      topic: this.#options.topics.deadLetters,
      key: record.key,
      value: record.value,
      headers: {
        ...record.headers,
        'isthmus.reason': cause.reason,
        'isthmus.detail': cause.detail,
        'isthmus.topic': record.topic,
        'isthmus.partition': String(record.partition),
        'isthmus.offset': String(record.offset),
        'isthmus.timestamp': String(record.timestampMs),
      },
    };
  }
}

/** The name of the stream task of an input partition. */
export function taskName(partition: TopicPartition): string {
  return `${partition.topic}-${partition.partition}`;
}
