import { STATUS_CODES } from 'node:http';
import { IsthmusError } from '../errors.js';

/** What goes out for an error: no stack, no cause. */
export interface Problem {
  readonly status: number;
  readonly retryAfterSeconds?: number;
  readonly body: { readonly error: string; readonly code: string; readonly message: string };
}

/** The request is wrong; thrown by handlers, answered with its status. Never leaves this folder. */
export class RequestError extends IsthmusError {
  readonly status: number;

  constructor(status: 400 | 404, code: string, message: string) {
    super(code, 'usage', message);
    this.status = status;
  }
}

export function problem(status: number, code: string, message: string): Problem {
  return { status, body: { error: STATUS_CODES[status] ?? 'Error', code, message } };
}

/**
 * - a wrong request: its status; what fastify itself refuses (4xx): INVALID_REQUEST; what took too
 *   long (its 503): TIMED_OUT;
 * - an IsthmusError with disposition `retry`: 503, its code and message, Retry-After 1;
 * - anything else: 500 INTERNAL without its message, which is for the log alone.
 */
export function problemOf(error: unknown): Problem {
  if (error instanceof RequestError) return problem(error.status, error.code, error.message);
  if (error instanceof IsthmusError && error.disposition === 'retry') {
    return { ...problem(503, error.code, error.message), retryAfterSeconds: 1 };
  }
  if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number') {
    if (error.statusCode >= 400 && error.statusCode < 500) {
      return problem(error.statusCode, 'INVALID_REQUEST', error.message);
    }
    if (error.statusCode === 503) {
      const late = problem(503, 'TIMED_OUT', 'The answer took too long; ask again.');
      return { ...late, retryAfterSeconds: 1 };
    }
  }
  return problem(500, 'INTERNAL', 'The request failed; the log of the service says why.');
}
