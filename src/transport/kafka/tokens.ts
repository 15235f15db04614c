import { readFileSync } from 'node:fs';
import { describeError } from '../../errors.js';
import { authenticationFailed, tokenUnavailable } from '../errors.js';

/** Returns the token to show the broker now. */
export type TokenSource = () => Promise<string>;

/** Returns the tokens of a file that somebody else keeps fresh. Errors: TOKEN_UNAVAILABLE (retry). */
export function tokensOfFile(path: string): TokenSource {
  return async () => {
    try {
      return readFileSync(path, 'utf8').trim();
    } catch (cause) {
      throw tokenUnavailable(`KAFKA_SASL_TOKEN_FILE (${path})`, describeError(cause));
    }
  };
}

export interface TokenEndpoint {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: () => string;
  readonly scope: string | null;
}

const timeoutMs = 5_000;
/** A token is had anew after this part of its life. */
const freshPart = 0.8;

/**
 * Returns the tokens that an authorization server gives for client credentials (RFC 6749, 4.4, with
 * the client's password as in 2.3.1). One is used by all connections until most of its life is over.
 *
 * Errors: TOKEN_UNAVAILABLE (retry) where it does not answer, AUTHENTICATION_FAILED (usage) where it
 * refuses the credentials.
 */
export function tokensOfEndpoint(endpoint: TokenEndpoint, now = Date.now): TokenSource {
  let token = '';
  let freshUntilMs = 0;
  let asking: Promise<string> | null = null;
  const ask = async (): Promise<string> => {
    const answer = await request(endpoint);
    token = answer.access_token;
    freshUntilMs = now() + (answer.expires_in ?? 0) * 1_000 * freshPart;
    return token;
  };
  return () => {
    if (now() < freshUntilMs) return Promise.resolve(token);
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  };
}

interface TokenAnswer {
  readonly access_token: string;
  /** Seconds. */
  readonly expires_in?: number;
}

async function request(endpoint: TokenEndpoint): Promise<TokenAnswer> {
  const { url, clientId, clientSecret, scope } = endpoint;
  const where = `KAFKA_SASL_TOKEN_URL (${new URL(url).origin})`;
  const login = [clientId, clientSecret()].map(encodeURIComponent).join(':');
  const body = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scope !== null) body.set('scope', scope);
  let status: number;
  let text: string;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    status = answer.status;
    text = await answer.text();
  } catch (cause) {
    throw tokenUnavailable(where, describeError(cause));
  }
  if (status >= 400 && status < 500 && status !== 429) {
    throw authenticationFailed(
      where,
      `${status} ${errorOf(text)}`,
      'KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_TOKEN_SCOPE',
    );
  }
  const parsed = parse(text);
  if (status !== 200 || typeof parsed.access_token !== 'string') {
    throw tokenUnavailable(where, `it answered ${status} without a token`);
  }
  return parsed as unknown as TokenAnswer;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function errorOf(text: string): string {
  const { error, error_description: description } = parse(text);
  return [error, description].filter((part) => typeof part === 'string').join(': ');
}
