import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/http/app.js';
import { authorization, tokenCheck } from '../../src/http/auth.js';
import { type HttpServerOptions, startHttpServer } from '../../src/http/server.js';
import type { ServiceView } from '../../src/http/view.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { fakeView } from './fake-view.js';

const TOKEN = 'correct-horse-battery';
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(
  options: Partial<HttpServerOptions> = {},
  overrides: Partial<ServiceView> = {},
) {
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    view: fakeView(overrides),
    registry: { contentType: 'text/plain', metrics: async () => 'isthmus_up 1\n' },
    logger: silentLogger,
    ...options,
  });
  closers.push(() => server.close());
  return server;
}

const basic = (password: string) => `Basic ${Buffer.from(`ops:${password}`).toString('base64')}`;

describe('the token', () => {
  const carries = tokenCheck(TOKEN);

  it.each([`Bearer ${TOKEN}`, `bearer   ${TOKEN}`, basic(TOKEN)])('is carried by %s', (header) => {
    expect(carries(header)).toBe(true);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    TOKEN,
    `Digest ${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    basic('wrong'),
    `Basic ${TOKEN}`,
    'Basic \u0000',
  ])('is not carried by %s', (header) => {
    expect(carries(header)).toBe(false);
  });
});

describe('a service with a token', () => {
  const closed = ['/', '/metrics', '/model', '/tasks', '/status', '/openapi.json', '/nothing'];
  closed.push('/users/u1/recommendations', '/users/u1/recommendations?n=0');

  it('answers nobody without it, not even what there is not, and says what it wants', async () => {
    const { url } = await serve({ token: TOKEN });
    for (const path of closed) {
      const response = await fetch(url + path);
      expect(response.status, path).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
      expect(await response.json()).toMatchObject({ code: 'UNAUTHORIZED' });
    }
    const wrong = { headers: { authorization: `Bearer ${TOKEN}!` } };
    expect((await fetch(`${url}/model`, wrong)).status).toBe(401);
    expect((await fetch(`${url}/model`, { method: 'POST' })).status).toBe(401);
  });

  it('answers with it', async () => {
    const { url } = await serve({ token: TOKEN });
    for (const path of closed) {
      const { status } = await fetch(url + path, { headers: authorization(TOKEN) });
      expect(status, path).toBe(path === '/nothing' ? 404 : path.endsWith('n=0') ? 400 : 200);
    }
  });

  it('answers probes without it', async () => {
    const { url } = await serve({ token: TOKEN });
    for (const path of ['/healthz', '/readyz']) {
      expect((await fetch(url + path)).status, path).toBe(200);
    }
  });

  it('asks the other processes with it', async () => {
    const owner = await serve({ token: TOKEN });
    const elsewhere = {
      place: () => ({ partition: 0, role: 'none' as const, others: [owner.url] }),
      instances: () => [{ id: 'a', url: owner.url, self: false, partitions: [] }],
    };
    const asked = await serve({ token: TOKEN }, elsewhere);
    const get = async (path: string) =>
      (await fetch(asked.url + path, { headers: authorization(TOKEN) })).json();
    expect(await get('/users/u1/recommendations')).toMatchObject({ userId: 'u1' });
    const { instances } = (await get('/tasks')) as { instances: { partitions: unknown[] }[] };
    expect(instances[0]?.partitions).toEqual([
      { topic: 'behavior-events', partition: 0, state: 'running' },
    ]);
  });
});

describe('metrics', () => {
  it('have a port of their own where one is set, without the token', async () => {
    const { url, metricsUrl } = await serve({ token: TOKEN, metricsPort: 0 });
    expect(new URL(metricsUrl).port).not.toBe(new URL(url).port);
    expect(await (await fetch(metricsUrl)).text()).toBe('isthmus_up 1\n');
    const other = await fetch(`${url}/metrics`, { headers: authorization(TOKEN) });
    expect(other.status).toBe(404);
    expect((await fetch(new URL('/model', metricsUrl))).status).toBe(404);
  });

  it('leave no server behind where their port is taken', async () => {
    const taken = await serve();
    const { port, close } = await serve();
    await close();
    const both = { port, metricsPort: taken.port };
    await expect(serve(both)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    expect((await serve({ port })).port).toBe(port);
  });
});

describe('limits', () => {
  it('refuse what is more than may be under way at once, but no probe, and then go on', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let waiting = 0;
    const { url } = await serve(
      { maxRequests: 2 },
      {
        recommendations: async () => {
          waiting++;
          await held;
          return [];
        },
      },
    );
    const ask = () => fetch(`${url}/users/u1/recommendations`);
    const first = [ask(), ask()];
    await expect.poll(() => waiting, { timeout: 25_000 }).toBe(2);
    const refused = await ask();
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'OVERLOADED' });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    release();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    await expect.poll(async () => (await ask()).status, { timeout: 25_000 }).toBe(200);
  });

  it('count a request no more whose client has hung up', async () => {
    let waiting = 0;
    const { url } = await serve(
      { maxRequests: 1 },
      {
        recommendations: () => {
          waiting++;
          return waiting === 1 ? new Promise(() => undefined) : [];
        },
      },
    );
    const hangUp = new AbortController();
    const gone = fetch(`${url}/users/u1/recommendations`, { signal: hangUp.signal });
    await expect.poll(() => waiting, { timeout: 25_000 }).toBe(1);
    hangUp.abort();
    await expect(gone).rejects.toThrow();
    const status = async () => (await fetch(`${url}/users/u1/recommendations`)).status;
    await expect.poll(status, { timeout: 25_000 }).toBe(200);
  });

  it('end an answer that takes too long with 503', async () => {
    const { url } = await serve(
      { limits: { ...LIMITS, answerMs: 50 } },
      { model: () => new Promise(() => undefined) },
    );
    const response = await fetch(`${url}/model`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'TIMED_OUT' });
  });

  /** What a server says to bytes, until it hangs up. */
  async function say(port: number, bytes: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.toString();
    });
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
    return heard;
  }

  it('hang up on who does not come to an end of the request', async () => {
    const { port } = await serve({ limits: { ...LIMITS, requestMs: 200 } });
    const heard = await say(port, 'GET /model HTTP/1.1\r\nhost: x\r\n');
    expect(heard).toContain('HTTP/1.1 408');
    expect(heard).toContain('"code":"INVALID_REQUEST"');
  });

  it('refuse long headers, long bodies, and what is no HTTP', async () => {
    const { port, url } = await serve();
    const long = `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await say(port, long)).toMatch(/^HTTP\/1.1 431 [\s\S]*"code":"INVALID_REQUEST"/);
    expect(await say(port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*no HTTP request/);
    const body = 'x'.repeat(2000);
    const { status } = await fetch(`${url}/model`, { method: 'POST', body });
    expect([404, 413]).toContain(status);
  });
});
