import type { Config } from '../config.js';
import type { Model } from '../online/model.js';
import type { BasedOn, Delta } from '../online/types.js';
import type { User } from '../online/user.js';
import { AvroWriter } from '../serde/avro-writer.js';
import type { Serde } from '../serde/serde.js';
import { FORMAT_VERSION, type InputRange } from '../serde/types.js';
import { encodeUser } from '../serde/user-state.js';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../transport/transport.js';
import { DEAD_LETTER, type DeadLetterCause, deadLetterOf, recordBytes } from './dead-letter.js';

export interface OutputTopics {
  readonly recommendations: string;
  readonly deadLetters: string;
  readonly userState: string;
  readonly modelDeltas: string;
}

/** Those of the settings. */
export function outputTopics(
  config: Pick<
    Config,
    'recommendationsTopic' | 'deadLetterTopic' | 'userStateTopic' | 'modelDeltasTopic'
  >,
): OutputTopics {
  return {
    recommendations: config.recommendationsTopic,
    deadLetters: config.deadLetterTopic,
    userState: config.userStateTopic,
    modelDeltas: config.modelDeltasTopic,
  };
}

export interface RecordMakerOptions {
  readonly app: string;
  /** Id of this process, new at each start. */
  readonly process: string;
  readonly topics: OutputTopics;
  /** The largest list or dead letter; left out, there is no limit. */
  readonly maxRecordBytes?: number;
  readonly serde: Serde;
  readonly model: Model;
  /** Milliseconds since the epoch, for dead letters. */
  readonly now: () => number;
}

/** Makes the records that a task sends. Users and recommendations stay in the input's partition number. */
export class RecordMaker {
  readonly #options: RecordMakerOptions;
  readonly #maxRecordBytes: number;
  readonly #writer = new AvroWriter();

  constructor(options: RecordMakerOptions) {
    this.#options = options;
    this.#maxRecordBytes = options.maxRecordBytes ?? Number.POSITIVE_INFINITY;
  }

  /**
   * A record for each list. `tooLarge`: dead letters, with the domain, that stand for lists that do
   * not fit.
   */
  recommendations(
    partition: number,
    lists: readonly {
      readonly user: User;
      readonly basedOn: BasedOn;
      readonly domain: string;
      /** RecommendationList in the wire format. */
      readonly value: Buffer;
    }[],
    traceparent: string | undefined,
  ): {
    records: OutgoingRecord[];
    tooLarge: { domain: string; deadLetter: OutgoingRecord }[];
  } {
    const { topics } = this.#options;
    const tooLarge: { domain: string; deadLetter: OutgoingRecord }[] = [];
    const headers = traceparent === undefined ? undefined : { traceparent };
    const records: OutgoingRecord[] = [];
    for (const { user, basedOn, domain, value } of lists) {
      const record: OutgoingRecord = {
        topic: topics.recommendations,
        partition,
        // A list each: compaction keeps the newest of every domain. No domain has a slash in its name.
        key: `${user.id}/${domain}`,
        value,
        ...(headers === undefined ? {} : { headers }),
      };
      if (recordBytes(record) <= this.#maxRecordBytes) records.push(record);
      else tooLarge.push({ domain, deadLetter: this.#oversized(record, basedOn) });
    }
    return { records, tooLarge };
  }

  userState(partition: number, user: User): OutgoingRecord {
    const { serde, topics, model } = this.#options;
    return {
      topic: topics.userState,
      partition,
      key: user.id,
      value: encodeUser(this.#writer, serde.userStates.id, user, model),
    };
  }

  /**
   * One record a part. The parts are the delta's, each of which applies by itself.
   *
   * @param partition Of the delta topic; that of the input by default.
   */
  deltas(
    inputs: InputRange,
    sequence: number,
    parts: readonly { readonly delta: Delta; readonly payload: Buffer }[],
    partition = inputs.partition,
  ): OutgoingRecord[] {
    const { app, process, serde, topics } = this.#options;
    const task = taskName(inputs);
    return parts.map(({ delta, payload }, part) => ({
      topic: topics.modelDeltas,
      partition,
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
        payload,
      }),
    }));
  }

  /** The record as it came, with its origin and the cause in the headers. */
  deadLetter(record: LogRecord, cause: DeadLetterCause): OutgoingRecord {
    return deadLetterOf(this.#options.topics.deadLetters, record, cause, this.#maxRecordBytes);
  }

  /** What stands in the place of a list that does not fit: the event that it was based on, and why. */
  #oversized(list: OutgoingRecord, basedOn: BasedOn): OutgoingRecord {
    const bytes = list.value?.length ?? 0;
    return {
      topic: this.#options.topics.deadLetters,
      key: list.key,
      value: null,
      headers: {
        [DEAD_LETTER.reason]: LIST_TOO_LARGE,
        [DEAD_LETTER.detail]: `The list has ${bytes} bytes, more than ISTHMUS_MAX_RECORD_BYTES (${this.#maxRecordBytes}) allows: lower ISTHMUS_TOP_N, or raise that and max.message.bytes of ${list.topic}`,
        [DEAD_LETTER.topic]: basedOn.topic,
        [DEAD_LETTER.partition]: String(basedOn.partition),
        [DEAD_LETTER.offset]: String(basedOn.offset),
        [DEAD_LETTER.timestamp]: String(this.#options.now()),
        [DEAD_LETTER.truncated]: String(bytes),
      },
    };
  }
}

/** Reason of the dead letter for a list that is too large. */
export const LIST_TOO_LARGE = 'list-too-large';

/** The name of the stream task of an input partition. */
export function taskName(partition: TopicPartition): string {
  return `${partition.topic}-${partition.partition}`;
}
