import type { FastifyInstance } from 'fastify';
import type { Recommendation } from '../online/types.js';
import type { LiveSnapshot } from '../telemetry/live.js';
import type { ModelDigest } from './digest.js';
import { modelJson, statusJson } from './json.js';
import { PAGE, PAGE_HEADERS } from './page.js';
import { problem, RequestError } from './problem.js';
import { parseRecommendationQuery } from './query.js';
import { answerQuestion, FORWARDED_HEADER } from './questions.js';
import { allTasks, ownTasks } from './tasks.js';
import type { Readiness, ServiceView } from './view.js';

export interface RouteContext {
  readonly view: ServiceView;
  readonly registry: { readonly contentType: string; metrics(): Promise<string> };
  readonly digest: ModelDigest;
  readonly live: { snapshot(): LiveSnapshot };
}

/** All that can be asked. Everything is GET, nothing changes anything. */
export function addRoutes(app: FastifyInstance, context: RouteContext): void {
  const { view, registry, digest, live } = context;

  app.get('/', (_, reply) => reply.headers(PAGE_HEADERS).send(PAGE));

  app.get('/healthz', (_, reply) => {
    const { status, body } = probe(view.health(), 'NOT_HEALTHY');
    return reply.code(status).send(body);
  });

  app.get('/readyz', (_, reply) => {
    const { status, body } = probe(view.readiness(), 'NOT_READY');
    return reply.code(status).send(body);
  });

  app.get('/metrics', async (_, reply) => {
    const text = await registry.metrics();
    return reply.header('content-type', registry.contentType).send(text);
  });

  app.get('/model', async () => modelJson(await digest.get()));

  app.get<{ Querystring: Record<string, unknown> }>('/tasks', ({ query }) =>
    query.scope === 'own' ? ownTasks(view) : allTasks(view),
  );

  app.get('/status', () => statusJson(view, live.snapshot(), Date.now()));

  app.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
    '/users/:id/recommendations',
    async ({ params, query, url, headers }, reply) => {
      const { userId, domain, n } = parseRecommendationQuery(params.id, query);
      if (domain !== undefined) checkDomain(view, domain);
      const answer = await answerQuestion(view, {
        userId,
        path: url,
        forwarded: headers[FORWARDED_HEADER] !== undefined,
        here: async () => {
          const lists = await view.recommendations(userId, domain, n);
          return {
            userId,
            modelVersion: view.trainedEvents(),
            recommendations: lists.map((list) => listJson(view, list)),
          };
        },
      });
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    },
  );
}

function probe({ ok, reason }: Readiness, code: string): { status: number; body: object } {
  return ok ? { status: 200, body: { status: 'ok' } } : problem(503, code, reason);
}

function checkDomain(view: ServiceView, domain: string): void {
  const domains = view.domains();
  if (domains.includes(domain)) return;
  const known = domains.length === 0 ? 'none yet' : domains.slice(0, 50).join(', ');
  throw new RequestError(
    404,
    'UNKNOWN_DOMAIN',
    `No event of domain "${domain}" has been seen; known domains: ${known}.`,
  );
}

function listJson(view: ServiceView, list: Recommendation): object {
  const { domain, items, transfer } = list;
  return {
    domain,
    items: items.map(({ itemId, score }) => {
      const title = view.title?.(domain, itemId);
      return { itemId, score, ...(title === undefined ? {} : { title }) };
    }),
    transfer,
  };
}
