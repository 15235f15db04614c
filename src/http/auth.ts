import { createHash, timingSafeEqual } from 'node:crypto';

/** What a client is told of how to say who it is. Browsers understand the second, and ask for it. */
export const CHALLENGES = ['Bearer realm="isthmus"', 'Basic realm="isthmus"'] as const;

/**
 * Returns whether an Authorization header carries the token: `Bearer TOKEN`, or `Basic` with the
 * token as the password and any name, which is what a browser can send.
 *
 * Hashes are compared, in constant time: neither the first wrong character nor the length of the token
 * shows in how long it takes.
 */
export function tokenCheck(token: string): (header: string | undefined) => boolean {
  const wanted = sha256(token);
  return (header) => timingSafeEqual(sha256(tokenOf(header ?? '')), wanted);
}

function tokenOf(header: string): string {
  const [, scheme = '', rest = ''] = /^(bearer|basic) +(\S+) *$/i.exec(header) ?? [];
  if (scheme.toLowerCase() !== 'basic') return rest;
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The header to ask another process of the application with; none where there is no token. */
export function authorization(token: string | null): Readonly<Record<string, string>> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
