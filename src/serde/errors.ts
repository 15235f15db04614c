import { type ErrorPlace, IsthmusError } from '../errors.js';

/**
 * Why bytes could not be decoded, for machines (dead-letter header, metric label).
 * - `empty-value`: no value, or one of no bytes.
 * - `not-wire-format`: shorter than the header, or the first byte is not 0.
 * - `unknown-schema-id`: neither embedded nor known to the registry.
 * - `truncated`: the body ends before the last field.
 * - `trailing-bytes`: the body goes on after the last field.
 * - `invalid-body`: the bytes are no value of the writer's schema (union branch, enum symbol, long
 *   beyond 2^53).
 * - `schema-incompatible`: the writer's schema cannot be read as ours; the field is named.
 */
export type UndecodableReason =
  | 'empty-value'
  | 'not-wire-format'
  | 'unknown-schema-id'
  | 'truncated'
  | 'trailing-bytes'
  | 'invalid-body'
  | 'schema-incompatible';

/**
 * A value that is no record of its topic. For an event (`UNDECODABLE_EVENT`, dead-letter) the
 * stream goes on; for a record of our own (`UNDECODABLE_RECORD`, fatal) state would be wrong, so the
 * process stops.
 */
export class UndecodableError extends IsthmusError {
  readonly reason: UndecodableReason;
  /** The field at fault, where one is. */
  readonly field: string | null;

  constructor(
    record: string,
    reason: UndecodableReason,
    detail: string,
    options: { field?: string; event?: boolean; place?: ErrorPlace; cause?: unknown } = {},
  ) {
    const event = options.event ?? false;
    super(
      event ? 'UNDECODABLE_EVENT' : 'UNDECODABLE_RECORD',
      event ? 'dead-letter' : 'fatal',
      `${record}: ${detail} (${reason})`,
      {
        cause: options.cause,
        ...(options.place === undefined ? {} : { place: options.place }),
      },
    );
    this.reason = reason;
    this.field = options.field ?? null;
  }
}

/**
 * The registry gave no answer (SCHEMA_REGISTRY_UNAVAILABLE, retry): the transaction is tried again
 * with backoff; nothing is taken for undecodable because the registry is away.
 */
export function registryUnavailable(
  what: string,
  cause?: unknown,
  remedy = 'Check SCHEMA_REGISTRY_URL and that the registry runs',
): IsthmusError {
  return new IsthmusError(
    'SCHEMA_REGISTRY_UNAVAILABLE',
    'retry',
    `The schema registry gave no answer to ${what}. ${remedy}`,
    { cause },
  );
}
