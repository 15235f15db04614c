import { createHash } from 'node:crypto';
import type { Preprocessor } from '../online/preprocess/preprocessor.js';
import { ORIGIN } from '../producers/dead-letter.js';
import { UndecodableError } from '../serde/errors.js';
import type { Serde } from '../serde/serde.js';
import { partitionFor } from '../transport/partitioner.js';
import type { LogRecord } from '../transport/transport.js';
import type { ExpectedDeadLetter } from './dead-letters.js';
import type { Problems } from './report.js';

/** What has become of the input before the tasks read it, where it is not keyed by user. */
export interface CopiesReport {
  /** Records of the input that the step has read. */
  readonly originals: number;
  readonly copies: number;
  /** Events that were read and are not in the topic of copies. */
  readonly missing: number;
  /** Copies of what is no event, or of nothing that is in the input; events that were copied twice. */
  readonly unexpected: number;
  /** Copies with other bytes than the original, or in another partition than their user's. */
  readonly wrong: number;
}

interface Copy {
  readonly partition: number;
  readonly digest: string;
}

/** Compares the topic of copies with the inputs that it was made of: first all copies, then all originals. */
export class Copies {
  /** Records that are no events: they have to be dead letters by their place in the input. */
  readonly deadLetters: ExpectedDeadLetter[] = [];
  /** By origin: `topic/partition/offset`. */
  readonly #copies = new Map<string, Copy>();
  /** The newest origin of each partition of the input, by partition of the copies. */
  readonly #newest = new Map<string, bigint>();
  readonly #serde: Serde;
  readonly #preprocessor: Preprocessor;
  readonly #partitions: number;
  readonly #problems: Problems;
  #originals = 0;
  #total = 0;
  #missing = 0;
  #unexpected = 0;
  #wrong = 0;

  /** @param partitions of the topic of copies. */
  constructor(parts: {
    readonly serde: Serde;
    readonly preprocessor: Preprocessor;
    readonly partitions: number;
    readonly problems: Problems;
  }) {
    this.#serde = parts.serde;
    this.#preprocessor = parts.preprocessor;
    this.#partitions = parts.partitions;
    this.#problems = parts.problems;
  }

  /** The next copy of its partition. */
  takeCopy({ topic, partition, offset, headers, value }: LogRecord): void {
    this.#total += 1;
    const origin = headers[ORIGIN.offset];
    if (origin === undefined) {
      this.#unexpected += 1;
      this.#problems.add(
        'copies',
        `${topic}/${partition}/${offset} does not say what it is a copy of`,
      );
      return;
    }
    const source = `${headers[ORIGIN.topic]}/${headers[ORIGIN.partition]}`;
    const place = `${source}/${origin}`;
    const known = this.#copies.get(place);
    if (known !== undefined) {
      this.#unexpected += 1;
      this.#problems.add('copies', `${place} was copied more than once`);
      return;
    }
    this.#copies.set(place, { partition, digest: digestOf(value) });
    const key = `${source}/${partition}`;
    const newest = this.#newest.get(key) ?? -1n;
    if (BigInt(String(origin)) < newest) {
      this.#wrong += 1;
      this.#problems.add('copies', `${place} was copied after ${source}/${newest}`);
    } else this.#newest.set(key, BigInt(String(origin)));
  }

  /**
   * A record of the input; the serde must know its schema.
   *
   * @param settled Whether the step had read it before the copies were asked for.
   * @param complete Whether all copies are still there.
   */
  takeOriginal(
    record: LogRecord,
    { settled, complete }: { readonly settled: boolean; readonly complete: boolean },
  ): void {
    if (settled) this.#originals += 1;
    const { topic, partition, offset } = record;
    const place = `${topic}/${partition}/${offset}`;
    const copy = this.#copies.get(place);
    this.#copies.delete(place);
    const event = this.#serde.events.tryDecode(record.value);
    const reason =
      event instanceof UndecodableError
        ? event.reason
        : (this.#preprocessor.validate(event, record.timestampMs)?.reason ?? null);
    if (reason !== null) {
      this.deadLetters.push({ place, reason, settled });
      if (copy === undefined) return;
      this.#unexpected += 1;
      this.#problems.add('copies', `${place} (${reason}) is no event, and was copied`);
      return;
    }
    if (copy === undefined) {
      if (!complete || !settled) return;
      this.#missing += 1;
      this.#problems.add('copies', `${place} was read, and not copied`);
      return;
    }
    if (event instanceof UndecodableError) return;
    const home = partitionFor(event.userId, this.#partitions);
    if (copy.digest === digestOf(record.value) && copy.partition === home) return;
    this.#wrong += 1;
    const what = copy.partition === home ? 'has other bytes' : `is not in partition ${home}`;
    this.#problems.add('copies', `The copy of ${place} ${what}`);
  }

  /**
   * After all originals.
   *
   * @param isOver Whether what was at this place of the input was deleted since.
   */
  report(isOver: (topic: string, partition: number, offset: bigint) => boolean): CopiesReport {
    for (const place of this.#copies.keys()) {
      const [offset = '', partition = '', ...topic] = place.split('/').reverse();
      if (isOver(topic.reverse().join('/'), Number(partition), BigInt(offset))) continue;
      this.#unexpected += 1;
      this.#problems.add('copies', `${place}, of which there is a copy, is not in the input`);
    }
    return {
      originals: this.#originals,
      copies: this.#total,
      missing: this.#missing,
      unexpected: this.#unexpected,
      wrong: this.#wrong,
    };
  }
}

function digestOf(value: Buffer | null): string {
  return value === null ? '' : createHash('sha1').update(value).digest('base64');
}
