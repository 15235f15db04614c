import { afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { publish } from '../../src/diagnostics.js';
import { MAX_N } from '../../src/http/query.js';
import * as schemas from '../../src/http/schemas.js';
import { type HttpServerOptions, startHttpServer } from '../../src/http/server.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { fakeView } from './fake-view.js';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(options: Partial<HttpServerOptions> = {}) {
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    view: fakeView({
      standbys: () => [{ partition: 1, position: 4n, lagRecords: 0, users: 2 }],
      instances: () => [
        { id: 'a', url: 'http://x', self: true, partitions: [{ topic: 't', partition: 0 }] },
      ],
      title: () => 'Emma',
    }),
    registry: { contentType: 'text/plain', metrics: async () => '' },
    logger: silentLogger,
    ...options,
  });
  closers.push(() => server.close());
  return server.url;
}

interface Operation {
  readonly security?: unknown[];
  readonly parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  readonly responses: Record<string, { description: string; content: Record<string, unknown> }>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, { get: Operation }>;
  readonly security?: unknown[];
}

const documentOf = async (url: string, headers = {}): Promise<Document> =>
  (await fetch(`${url}/openapi.json`, { headers })).json() as Promise<Document>;

describe('/openapi.json', () => {
  it('has every route, with what it answers', async () => {
    const { openapi, paths } = await documentOf(await serve());
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths).sort()).toEqual([
      '/',
      '/healthz',
      '/metrics',
      '/model',
      '/openapi.json',
      '/readyz',
      '/status',
      '/tasks',
      '/users/{id}/recommendations',
    ]);
    for (const [path, { get }] of Object.entries(paths)) {
      const { content } = get.responses['200']!;
      const [type = ''] = Object.keys(content);
      const { headers } = await fetch((await serve()) + path.replace('{id}', 'u1'));
      expect(headers.get('content-type'), path).toContain(type);
    }
  });

  it('has the parameters of a question, with the bounds that are kept', async () => {
    const url = await serve();
    const { paths } = await documentOf(url);
    const { parameters, responses } = paths['/users/{id}/recommendations']!.get;
    expect(parameters?.map((one) => [one.in, one.name, one.required ?? false])).toEqual([
      ['query', 'domain', false],
      ['query', 'n', false],
      ['path', 'id', true],
    ]);
    expect(parameters?.[1]?.schema).toMatchObject({ minimum: 1, maximum: MAX_N, default: 10 });
    const ask = async (n: number) => (await fetch(`${url}/users/u1/recommendations?n=${n}`)).status;
    expect([await ask(0), await ask(1), await ask(MAX_N), await ask(MAX_N + 1)]).toEqual([
      400, 200, 200, 400,
    ]);
    expect(Object.keys(responses)).toEqual(['200', '400', '404', '409', '503']);
  });

  it('says that a token is wanted where one is, and not by probes', async () => {
    const token = 'correct-horse-battery';
    const headers = { authorization: `Bearer ${token}` };
    const guarded = await documentOf(await serve({ token }), headers);
    expect(guarded.security).toEqual([{ bearer: [] }]);
    expect(guarded.paths['/readyz']?.get.security).toEqual([]);
    expect(guarded.paths['/model']?.get.security).toBeUndefined();
    expect((await documentOf(await serve())).security).toBeUndefined();
  });
});

describe('what the routes answer', () => {
  const answers: [string, z.ZodType][] = [
    ['/healthz', schemas.probeAnswer],
    ['/readyz', schemas.probeAnswer],
    ['/model', schemas.modelAnswer],
    ['/tasks', schemas.tasksAnswer],
    ['/tasks?scope=own', schemas.tasksAnswer],
    ['/status', schemas.statusAnswer],
    ['/users/u1/recommendations', schemas.recommendationsAnswer],
    ['/users/nobody/recommendations?domain=books&n=3', schemas.recommendationsAnswer],
    ['/users/u1/recommendations?domain=shoes', schemas.problemAnswer],
    ['/nothing', schemas.problemAnswer],
  ];

  it.each(answers)('%s is as described, field by field', async (path, schema) => {
    const url = await serve();
    const sample = { domain: 'books', rank: 3, popularityRank: 20, candidates: 1000 };
    publish('isthmus:prequential', {
      app: 'shop',
      samples: [{ ...sample, bucket: '0', itemBucket: '0', logLoss: 0.5, auc: 0.9 }],
    });
    const body: unknown = await (await fetch(url + path)).json();
    expect(schema.safeParse(body).error).toBeUndefined();
    expect(schema.safeParse({ ...(body as object), more: 1 }).success).toBe(false);
  });
});
