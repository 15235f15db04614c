import type { Preprocessor } from '../online/preprocess/preprocessor.js';
import type { BehaviorEvent } from '../online/types.js';
import type { DeadLetterCause } from '../producers/dead-letter.js';
import { UndecodableError } from '../serde/errors.js';
import type { Serde } from '../serde/serde.js';
import type { LogRecord } from '../transport/transport.js';

/** A record that is an event, or the cause that makes it a dead letter. */
export type Decoded =
  | { readonly record: LogRecord; readonly event: BehaviorEvent }
  | { readonly record: LogRecord; readonly cause: DeadLetterCause };

/** Decodes and validates records of the input topic. */
export class EventDecoder {
  readonly #serde: Serde;
  readonly #preprocessor: Preprocessor;

  constructor(serde: Serde, preprocessor: Preprocessor) {
    this.#serde = serde;
    this.#preprocessor = preprocessor;
  }

  /** Waits for writers' schemas that are not at hand. Errors: SCHEMA_REGISTRY_UNAVAILABLE (retry). */
  load(records: readonly LogRecord[]): Promise<void> | undefined {
    return this.#serde.load(records.map((record) => record.value));
  }

  decode(record: LogRecord): Decoded {
    const event = this.#serde.events.tryDecode(record.value);
    if (event instanceof UndecodableError) {
      return { record, cause: { reason: event.reason, detail: event.message } };
    }
    const invalid = this.#preprocessor.validate(event, record.timestampMs);
    if (invalid !== null) return { record, cause: invalid };
    return { record, event };
  }
}
