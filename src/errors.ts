/**
 * What becomes of the work that met the error.
 * - `dead-letter`: this event goes to the dead-letter topic, the stream goes on.
 * - `retry`: the transaction is aborted, reverted and tried again with backoff.
 * - `close-task`: the partition has a new owner; this task closes, the process goes on.
 * - `fatal`: the process stops with a non-zero exit code and says why.
 * - `usage`: a command or a setting is wrong; exit code 2.
 */
export type Disposition = 'dead-letter' | 'retry' | 'close-task' | 'fatal' | 'usage';

export interface ErrorPlace {
  topic?: string;
  partition?: number;
  offset?: bigint;
}

/**
 * The root of all errors that isthmus throws on purpose. `code` is listed in docs/errors.md.
 * The message says what happened, to what, and what to do next.
 */
export class IsthmusError extends Error {
  readonly code: string;
  readonly disposition: Disposition;
  readonly place: ErrorPlace;

  constructor(
    code: string,
    disposition: Disposition,
    message: string,
    options: { cause?: unknown; place?: ErrorPlace } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.disposition = disposition;
    this.place = options.place ?? {};
  }
}

/** The sentence for people: the messages of an error and its causes, outermost first. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  while (current instanceof Error && parts.length < 5) {
    if (!parts.includes(current.message)) parts.push(current.message);
    current = current.cause;
  }
  return parts.length > 0 ? parts.join(': ') : String(error);
}
