import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { publish } from '../../src/diagnostics.js';
import { IsthmusError } from '../../src/errors.js';
import { type HttpServer, startHttpServer } from '../../src/http/server.js';
import type { ServiceView } from '../../src/http/view.js';
import { createMetrics } from '../../src/metrics/metrics.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { fakeView } from './fake-view.js';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(overrides: Partial<ServiceView> = {}, logger = silentLogger) {
  const view = fakeView(overrides);
  const metrics = createMetrics(view, { processMetrics: false });
  closers.push(() => metrics.close());
  const server: HttpServer = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    view,
    registry: metrics.registry,
    logger,
  });
  closers.push(() => server.close());
  return async (path: string) => {
    const response = await fetch(server.url + path);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return { response, status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
  };
}

describe('GET /users/:id/recommendations', () => {
  it('answers with the lists, their transfer and the version of the model', async () => {
    const get = await serve({ title: (_, itemId) => (itemId === 'liked-0' ? 'Emma' : undefined) });
    const { status, json } = await get('/users/u1/recommendations?domain=books&n=2');
    expect(status).toBe(200);
    expect(json).toEqual({
      userId: 'u1',
      modelVersion: 1234,
      recommendations: [
        {
          domain: 'books',
          items: [
            {
              itemId: 'liked-0',
              score: 1,
              title: 'Emma',
              because: [{ itemId: 'liked-0', domain: 'films', title: 'Emma' }],
            },
            { itemId: 'liked-1', score: 0.5, because: [] },
          ],
          transfer: [{ fromDomain: 'books', weight: 1 }],
        },
      ],
    });
  });

  it('has ten items, and all domains where none is named, for unknown users too', async () => {
    const get = await serve();
    const { status, json } = await get('/users/nobody/recommendations');
    expect(status).toBe(200);
    expect(json.recommendations.map((list: { domain: string }) => list.domain)).toEqual([
      'books',
      'films',
    ]);
    expect(json.recommendations[0].items).toHaveLength(10);
    expect(json.recommendations[0].items[0].itemId).toBe('popular-0');
  });

  it('passes ids on as they are, whatever is in them', async () => {
    const get = await serve();
    const id = 'a/b?c=d %E2 ü💡';
    const { json } = await get(`/users/${encodeURIComponent(id)}/recommendations`);
    expect(json.userId).toBe(id);
    expect((await get(`/users/${'x'.repeat(256)}/recommendations`)).status).toBe(200);
  });

  for (const [path, says] of [
    ['/users/u1/recommendations?n=0', 'n is "0"'],
    ['/users/u1/recommendations?n=1001', 'from 1 to 1000'],
    ['/users/u1/recommendations?n=ten', 'n is "ten"'],
    ['/users/u1/recommendations?n=1.5', 'n is "1.5"'],
    ['/users/u1/recommendations?n=', 'n is ""'],
    ['/users/u1/recommendations?n=1&n=2', 'more than once'],
    ['/users/u1/recommendations?domain=', 'domain is empty'],
    ['/users/u1/recommendations?domian=books', 'Unknown parameter "domian"'],
    ['/users/%20/recommendations', 'The user id is empty'],
    ['/users//recommendations', 'The user id is empty'],
    [`/users/${'x'.repeat(257)}/recommendations`, '257 bytes; 256 are allowed'],
    [`/users/${'ü'.repeat(129)}/recommendations`, '258 bytes'],
    [`/users/u1/recommendations?domain=${'x'.repeat(300)}`, '300 bytes'],
    ['/users/%/recommendations', ''],
  ] as const) {
    it(`refuses ${path.slice(0, 60)} with 400 and says why`, async () => {
      const get = await serve();
      const { status, json } = await get(path);
      expect(status).toBe(400);
      expect(json).toMatchObject({ error: 'Bad Request', code: 'INVALID_REQUEST' });
      expect(json.message).toContain(says);
    });
  }

  it('says 404 and names the known domains where the domain is not one', async () => {
    const get = await serve();
    const { status, json } = await get('/users/u1/recommendations?domain=shoes');
    expect(status).toBe(404);
    expect(json.code).toBe('UNKNOWN_DOMAIN');
    expect(json.message).toContain('books, films');
  });

  it('says 503 with Retry-After while the state is on the move', async () => {
    const get = await serve({
      recommendations: () => {
        throw new IsthmusError('PARTITION_MOVING', 'retry', 'Partition 3 is being restored.');
      },
    });
    const { status, json, response } = await get('/users/u1/recommendations');
    expect(status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(json.code).toBe('PARTITION_MOVING');
  });

  it('keeps what went wrong inside to the log', async () => {
    const logged: unknown[] = [];
    const get = await serve(
      { recommendations: () => Promise.reject(new Error('secret at line 7')) },
      { ...silentLogger, error: (message, fields) => void logged.push(message, fields) },
    );
    const { status, text, json } = await get('/users/u1/recommendations');
    expect(status).toBe(500);
    expect(json).toMatchObject({ error: 'Internal Server Error', code: 'INTERNAL' });
    expect(text).not.toContain('secret');
    expect(logged[1]).toMatchObject({ error: { message: 'secret at line 7' } });
  });
});

describe('the other routes', () => {
  it('tell whether it is alive and ready, with the reason where not', async () => {
    const well = await serve();
    expect((await well('/healthz')).status).toBe(200);
    expect((await well('/readyz')).json).toEqual({ status: 'ok' });
    const ill = await serve({ readiness: () => ({ ok: false, reason: 'Restoring partition 2.' }) });
    expect((await ill('/healthz')).status).toBe(200);
    const { status, json } = await ill('/readyz');
    expect(status).toBe(503);
    expect(json).toMatchObject({ code: 'NOT_READY', message: 'Restoring partition 2.' });
  });

  it('give the metrics as Prometheus reads them', async () => {
    const get = await serve();
    const { text, response } = await get('/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(text).toContain('isthmus_model_trained_events 1234');
  });

  it('give the model as the digest command does, offsets by partition', async () => {
    const get = await serve();
    expect((await get('/model')).json).toEqual({
      trainedEvents: 1230,
      sha256: 'ab'.repeat(32),
      deltaOffsets: [10, 20],
    });
  });

  it('give the tasks and live figures as JSON', async () => {
    const get = await serve();
    publish('isthmus:transaction', {
      app: 'shop',
      partition: 0,
      outcome: 'committed',
      events: 42,
      seconds: 0.01,
      deltaBytes: 0,
    });
    expect((await get('/tasks')).json.tasks[0]).toMatchObject({ state: 'running', position: 99 });
    const { json } = await get('/status');
    expect(json).toMatchObject({ app: 'shop', ready: true, backend: 'wasm', items: 150, users: 7 });
    expect(json.figures.totals).toMatchObject({ events: 42, committed: 1 });
  });

  it('show a page that loads nothing from elsewhere', async () => {
    const get = await serve();
    const { text, response } = await get('/');
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    const script = /<script>([\s\S]*)<\/script>/.exec(text)?.[1] ?? '';
    // Throws where the script does not parse.
    expect(() => new Function(script)).not.toThrow();
    expect(script).not.toContain('innerHTML');
  });

  it('say 404 as JSON for what is not there', async () => {
    const get = await serve();
    const { status, json } = await get('/nothing');
    expect(status).toBe(404);
    expect(json).toMatchObject({ error: 'Not Found', code: 'NOT_FOUND' });
  });
});

describe('the server', () => {
  const start = (port: number, host = '127.0.0.1') => {
    const view = fakeView();
    const registry = { contentType: 'text/plain', metrics: async () => '' };
    return startHttpServer({ host, port, view, registry, logger: silentLogger });
  };

  it('says PORT_IN_USE, a usage error, where the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => other.close(resolve)));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(start(port)).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      disposition: 'usage',
      message: expect.stringContaining(`Port ${port}`),
    });
  });

  it('says HTTP_LISTEN_FAILED where the address is not of this machine', async () => {
    await expect(start(0, '192.0.2.1')).rejects.toMatchObject({
      code: 'HTTP_LISTEN_FAILED',
      disposition: 'usage',
    });
  });

  it('closes although a client keeps its connection open, and answers no more', async () => {
    const server = await start(0);
    await (await fetch(`${server.url}/healthz`)).text();
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });
});
