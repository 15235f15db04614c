import { Buffer } from 'node:buffer';
import { RequestError } from './problem.js';

/** As events may have them (see preprocessing). */
export const MAX_ID_BYTES = 256;
export const MAX_N = 1000;
export const DEFAULT_N = 10;

export interface RecommendationQuery {
  readonly userId: string;
  readonly domain: string | undefined;
  readonly n: number;
}

/** The checked question of `GET /users/:id/recommendations`, or a RequestError (400). */
export function parseRecommendationQuery(
  userId: string,
  query: Readonly<Record<string, unknown>>,
): RecommendationQuery {
  for (const name of Object.keys(query)) {
    if (name !== 'domain' && name !== 'n') {
      throw invalid(`Unknown parameter "${shorten(name)}"; there are domain and n.`);
    }
  }
  checkId('The user id', userId);
  const domain = single('domain', query.domain);
  if (domain !== undefined) checkId('domain', domain);
  return { userId, domain, n: parseN(single('n', query.n)) };
}

function single(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw invalid(`${name} is given more than once.`);
}

function checkId(what: string, id: string): void {
  if (id.trim() === '') throw invalid(`${what} is empty.`);
  const bytes = Buffer.byteLength(id);
  if (bytes > MAX_ID_BYTES) {
    throw invalid(`${what} has ${bytes} bytes; ${MAX_ID_BYTES} are allowed.`);
  }
}

function parseN(text: string | undefined): number {
  if (text === undefined) return DEFAULT_N;
  const n = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (n >= 1 && n <= MAX_N) return n;
  throw invalid(`n is "${shorten(text)}"; it must be a whole number from 1 to ${MAX_N}.`);
}

function invalid(message: string): RequestError {
  return new RequestError(400, 'INVALID_REQUEST', message);
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
