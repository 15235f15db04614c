import { afterEach, describe, expect, it } from 'vitest';
import { advertisedUrl } from '../../src/cluster/advertised.js';
import { IsthmusError } from '../../src/errors.js';
import { type HttpServer, startHttpServer } from '../../src/http/server.js';
import type { ServiceView, UserPlace } from '../../src/http/view.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { fakeView } from './fake-view.js';

const servers: HttpServer[] = [];
const NOBODY = 'http://127.0.0.1:1';

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(
  role: UserPlace['role'],
  others: readonly string[] = [],
  overrides: Partial<ServiceView> = {},
): Promise<HttpServer & { asked: () => number }> {
  let asked = 0;
  const version = 1000 + servers.length;
  const view = fakeView({
    place: () => {
      asked += 1;
      return { partition: 3, role, others };
    },
    standbyLag: () => Promise.resolve(7),
    trainedEvents: () => version,
    ...overrides,
  });
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    view,
    registry: { contentType: 'text/plain', metrics: () => Promise.resolve('') },
    logger: silentLogger,
  });
  servers.push(server);
  return { ...server, close: server.close, asked: () => asked };
}

async function ask(server: HttpServer, forwarded = false) {
  const response = await fetch(`${server.url}/users/u1/recommendations?domain=books&n=2`, {
    headers: forwarded ? { 'x-isthmus-forwarded': 'shop' } : {},
  });
  const body = (await response.json()) as { modelVersion?: number; code?: string };
  return {
    status: response.status,
    lag: response.headers.get('x-isthmus-lag-records'),
    retryAfter: response.headers.get('retry-after'),
    said: body.modelVersion ?? body.code,
  };
}

const moving = { status: 503, lag: null, retryAfter: '1', said: 'PARTITION_MOVING' };

describe('a question about a user', () => {
  it('is answered by the owner, whoever asks', async () => {
    const owner = await serve('owner', [NOBODY]);
    for (const forwarded of [false, true]) {
      expect(await ask(owner, forwarded)).toEqual({
        status: 200,
        lag: null,
        retryAfter: null,
        said: 1000,
      });
    }
  });

  it('goes from any other process to the owner, whose answer is given as it is', async () => {
    const owner = await serve('owner');
    for (const role of ['none', 'standby'] as const) {
      const other = await serve(role, [owner.url]);
      expect(await ask(other)).toEqual({ status: 200, lag: null, retryAfter: null, said: 1000 });
    }
  });

  it('goes to a standby where the owner does not answer, which says how far behind it is', async () => {
    const standby = await serve('standby', [NOBODY]);
    const answer = { status: 200, lag: '7', retryAfter: null, said: 1000 };
    expect(await ask(standby)).toEqual(answer);
    for (const role of ['none', 'moving'] as const) {
      expect(await ask(await serve(role, [NOBODY, standby.url]))).toEqual(answer);
    }
    const restoring = await serve('moving');
    expect(await ask(await serve('none', [restoring.url, standby.url]))).toEqual(answer);
  });

  it('is 503 with Retry-After where nobody answers: the owner gone, restoring, or not the owner', async () => {
    const restoring = await serve('moving');
    const wrong = await serve('none');
    for (const others of [[], [NOBODY], [restoring.url], [wrong.url]]) {
      expect(await ask(await serve('none', others))).toEqual(moving);
    }
    expect(await ask(await serve('moving'))).toEqual(moving);
    const lost = await serve('standby', [NOBODY], {
      standbyLag: () => Promise.reject(new IsthmusError('STANDBY_LAG_UNKNOWN', 'retry', 'no log')),
    });
    expect(await ask(lost)).toEqual({ ...moving, said: 'STANDBY_LAG_UNKNOWN' });
  });

  it('that was passed on is never passed on again: no circle, whatever the processes believe', async () => {
    const addresses: string[] = [];
    const first = await serve('none', addresses);
    const second = await serve('none', [first.url]);
    addresses.push(second.url);
    expect(await ask(first)).toEqual(moving);
    expect([first.asked(), second.asked()]).toEqual([1, 1]);
    expect(await ask(first, true)).toEqual({
      status: 409,
      lag: null,
      retryAfter: null,
      said: 'NOT_THE_OWNER',
    });
  });
});

describe('the address that a process tells the others', () => {
  const address = (ip: string, internal: boolean, family: 'IPv4' | 'IPv6' = 'IPv4') =>
    ({ address: ip, internal, family, netmask: '', mac: '', cidr: null, scopeid: 0 }) as never;

  it('is what it listens on, or the first that is not local where it listens on all', () => {
    expect(advertisedUrl('127.0.0.1', 8080)).toBe('http://127.0.0.1:8080');
    expect(advertisedUrl('::1', 8080)).toBe('http://[::1]:8080');
    const pod = {
      lo: [address('127.0.0.1', true)],
      eth0: [address('fe80::1', false, 'IPv6'), address('10.0.3.17', false)],
    };
    expect(advertisedUrl('0.0.0.0', 80, pod)).toBe('http://10.0.3.17:80');
    expect(advertisedUrl('::', 80, { eth0: [address('fd00::7', false, 'IPv6')] })).toBe(
      'http://[fd00::7]:80',
    );
    expect(advertisedUrl('0.0.0.0', 80, {})).toMatch(/^http:\/\/[^:]+:80$/);
  });
});
