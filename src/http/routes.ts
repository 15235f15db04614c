import type { FastifyInstance } from 'fastify';
import type { Recommendation } from '../online/types.js';
import type { LiveSnapshot } from '../telemetry/live.js';
import type { ModelDigest } from './digest.js';
import { OPEN } from './guard.js';
import { modelJson, statusJson } from './json.js';
import { described } from './openapi.js';
import { PAGE, PAGE_HEADERS } from './page.js';
import { problem, RequestError } from './problem.js';
import { parseRecommendationQuery } from './query.js';
import { answerQuestion, FORWARDED_HEADER } from './questions.js';
import * as schemas from './schemas.js';
import { allTasks, ownTasks } from './tasks.js';
import type { Readiness, ServiceView } from './view.js';

export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface RouteContext {
  readonly view: ServiceView;
  readonly digest: ModelDigest;
  readonly live: { snapshot(): LiveSnapshot };
  /** What the other processes of the application are asked with. */
  readonly token: string | null;
}

export function addMetricsRoute(app: FastifyInstance, registry: MetricsSource): void {
  const schema = described({ summary: 'Metrics, as Prometheus reads them', answer: 'text/plain' });
  app.get('/metrics', { schema }, async (_, reply) => {
    const text = await registry.metrics();
    return reply.header('content-type', registry.contentType).send(text);
  });
}

/** All that can be asked. Everything is GET, nothing changes anything. */
export function addRoutes(app: FastifyInstance, context: RouteContext): void {
  const { view, digest, live, token } = context;

  app.get(
    '/',
    { schema: described({ summary: 'The status page', answer: 'text/html' }) },
    (_, reply) => reply.headers(PAGE_HEADERS).send(PAGE),
  );

  app.get(
    '/openapi.json',
    { schema: described({ summary: 'This document', answer: schemas.documentAnswer }) },
    () => app.swagger(),
  );

  const probeSchema = (summary: string) =>
    described({
      summary,
      answer: schemas.probeAnswer,
      problems: { 503: 'No; the message says why.' },
      open: true,
    });

  app.get(
    '/healthz',
    { config: OPEN, schema: probeSchema('Whether it should be left alive') },
    (_, reply) => {
      const { status, body } = probe(view.health(), 'NOT_HEALTHY');
      return reply.code(status).send(body);
    },
  );

  app.get('/readyz', { config: OPEN, schema: probeSchema('Whether it can serve') }, (_, reply) => {
    const { status, body } = probe(view.readiness(), 'NOT_READY');
    return reply.code(status).send(body);
  });

  app.get(
    '/model',
    { schema: described({ summary: 'The committed model', answer: schemas.modelAnswer }) },
    async () => modelJson(await digest.get()),
  );

  app.get<{ Querystring: Record<string, unknown> }>(
    '/tasks',
    {
      schema: described({
        summary: 'Which process has which partition',
        query: schemas.tasksQuery,
        answer: schemas.tasksAnswer,
      }),
    },
    ({ query }) => (query.scope === 'own' ? ownTasks(view) : allTasks(view, token)),
  );

  app.get(
    '/status',
    { schema: described({ summary: 'Live figures', answer: schemas.statusAnswer }) },
    () => statusJson(view, live.snapshot(), Date.now()),
  );

  app.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
    '/users/:id/recommendations',
    {
      schema: described({
        summary: 'What a user would like',
        params: schemas.recommendationParams,
        query: schemas.recommendationQuery,
        answer: schemas.recommendationsAnswer,
        problems: {
          400: 'A parameter is wrong.',
          404: 'The domain has not been seen.',
          409: "The user is another process's, which was asked for by one of them.",
          503: "The user's partition is moving; Retry-After says when to ask again.",
        },
      }),
    },
    async ({ params, query, url, headers }, reply) => {
      const { userId, domain, n } = parseRecommendationQuery(params.id, query);
      if (domain !== undefined) checkDomain(view, domain);
      const answer = await answerQuestion(view, {
        userId,
        path: url,
        forwarded: headers[FORWARDED_HEADER] !== undefined,
        token,
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
    items: items.map(({ itemId, score, because = [] }) => ({
      itemId,
      score,
      ...titleOf(view, domain, itemId),
      because: because.map((touched) => ({
        ...touched,
        ...titleOf(view, touched.domain, touched.itemId),
      })),
    })),
    transfer,
  };
}

function titleOf(view: ServiceView, domain: string, itemId: string): { title?: string } {
  const title = view.title?.(domain, itemId);
  return title === undefined ? {} : { title };
}
