import { publish } from '../diagnostics.js';
import { authorization } from './auth.js';
import { problem } from './problem.js';
import type { ServiceView, UserPlace } from './view.js';

/** On a question that another process has passed on; such a one is never passed on again. */
export const FORWARDED_HEADER = 'x-isthmus-forwarded';
/** On an answer out of a standby: records of the user changelog that it has not read. */
export const LAG_HEADER = 'x-isthmus-lag-records';

/** The longest wait for another process, which may be dead. */
const ANSWER_WITHIN_MS = 2_000;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface Question {
  readonly userId: string;
  /** Path and query, as it came. */
  readonly path: string;
  readonly forwarded: boolean;
  /** What other processes are asked with. */
  readonly token: string | null;
  /** Answers out of the state at hand. */
  readonly here: () => Promise<unknown>;
}

type Outcome = 'here' | 'standby' | 'forwarded' | 'misdirected' | 'unavailable';

/**
 * Answers a question about a user where the user is.
 *
 * | this process | asked by a client | asked by another process |
 * |---|---|---|
 * | has the user's task, running | answers | answers |
 * | has it, not running | asks the standbys, else 503 | 503 |
 * | follows it as a standby | asks the owner, else answers with `X-Isthmus-Lag-Records` | answers with it |
 * | neither | asks the owner, then the standbys, else 503 | 409 |
 *
 * 503 has Retry-After: the partition is moving, and will have come to rest. What we know of who has
 * what may be old; whoever is asked by mistake says 409, which counts as no answer (421 would be the
 * word for it, but `fetch` asks again by itself then).
 */
export async function answerQuestion(view: ServiceView, question: Question): Promise<Answer> {
  const place = view.place?.(question.userId);
  const tell = (outcome: Outcome): void => publish('isthmus:question', { app: view.app, outcome });
  if (place === undefined || place.role === 'owner') {
    tell('here');
    return { status: 200, headers: {}, body: await question.here() };
  }
  if (!question.forwarded) {
    const [owner, ...standbys] = place.others;
    // Of two standbys the one at hand is as good.
    const others = place.role === 'standby' ? [owner] : [owner, ...standbys];
    for (const url of others) {
      const answer = url === undefined ? null : await ask(url, question, view.app);
      if (answer === null) continue;
      tell('forwarded');
      return answer;
    }
  }
  if (place.role === 'standby') {
    // First the lag, then the state: it is never newer than the header says.
    const lag = await view.standbyLag?.(question.userId);
    tell('standby');
    return { status: 200, headers: { [LAG_HEADER]: String(lag) }, body: await question.here() };
  }
  if (question.forwarded && place.role === 'none') {
    tell('misdirected');
    return misdirected(place);
  }
  tell('unavailable');
  return moving(place);
}

/** The answer of another process, or null where it has none. */
async function ask(url: string, question: Question, app: string): Promise<Answer | null> {
  try {
    const response = await fetch(new URL(question.path, url), {
      headers: { [FORWARDED_HEADER]: app, ...authorization(question.token) },
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const body: unknown = await response.json();
    if (response.status !== 200 && response.status !== 404) return null;
    const lag = response.headers.get(LAG_HEADER);
    return { status: response.status, headers: lag === null ? {} : { [LAG_HEADER]: lag }, body };
  } catch {
    return null;
  }
}

function moving({ partition }: UserPlace): Answer {
  const { status, body } = problem(
    503,
    'PARTITION_MOVING',
    `The user's partition ${partition} is moving from one process to another, or is being restored; ask again.`,
  );
  return { status, headers: { 'retry-after': '1' }, body };
}

function misdirected({ partition }: UserPlace): Answer {
  const { status, body } = problem(
    409,
    'NOT_THE_OWNER',
    `The user's partition ${partition} is not at this process.`,
  );
  return { status, headers: {}, body };
}
