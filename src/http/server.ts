import type { AddressInfo } from 'node:net';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { IsthmusError } from '../errors.js';
import { LiveFigures, type LiveSnapshot } from '../telemetry/live.js';
import type { Logger } from '../telemetry/logger.js';
import { ModelDigest } from './digest.js';
import { type Problem, problem, problemOf } from './problem.js';
import { addRoutes } from './routes.js';
import type { ServiceView } from './view.js';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly view: ServiceView;
  /** What `/metrics` answers; a prom-client Registry. */
  readonly registry: { readonly contentType: string; metrics(): Promise<string> };
  readonly logger: Logger;
  /** Figures for `/status`; left out, the server keeps its own from its start on. */
  readonly live?: { snapshot(): LiveSnapshot };
}

export interface HttpServer {
  /** As a person would type it. */
  readonly url: string;
  readonly port: number;
  /** Takes no new requests, finishes the running ones (for two seconds at most), and is gone. */
  close(): Promise<void>;
}

const CLOSE_WITHIN_MS = 2000;

/**
 * A server that listens.
 *
 * Errors: PORT_IN_USE (usage); HTTP_LISTEN_FAILED (usage) where the host is not this machine's or
 * the port is not ours to take.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, view, registry, logger } = options;
  const { live, closeLive } = liveFigures(options);
  const app = fastify({
    // Idle connections (a scraper's) do not hold a shutdown up.
    forceCloseConnections: 'idle',
    requestTimeout: 10_000,
    bodyLimit: 1024,
    routerOptions: { maxParamLength: 4096 },
    // What is wrong before there is a route: a broken escape in the path, say.
    frameworkErrors: (error, _, reply) => {
      // Its type is generic over a route that does not exist here.
      answer(reply as unknown as FastifyReply, problemOf(error));
    },
  });
  app.addHook('onClose', async () => closeLive());
  answerProblems(app, logger);
  addRoutes(app, {
    view,
    registry,
    digest: new ModelDigest(view),
    live,
  });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error, host, port);
  }
  const address = app.server.address() as AddressInfo;
  return {
    url: `http://${reachable(host)}:${address.port}`,
    port: address.port,
    close: () => closeWithin(app),
  };
}

function liveFigures({ live, view }: HttpServerOptions) {
  if (live !== undefined) return { live, closeLive: () => undefined };
  const own = new LiveFigures(view.app);
  return { live: own, closeLive: () => own.close() };
}

function answerProblems(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const found = problemOf(error);
    if (found.status === 500) {
      logger.error('A request failed.', { method: request.method, url: request.url, error });
    }
    return answer(reply, found);
  });
  app.setNotFoundHandler((request, reply) => {
    const asked = `${request.method} ${request.url.slice(0, 200)}`;
    return answer(
      reply,
      problem(404, 'NOT_FOUND', `There is no ${asked} here; see the page at /.`),
    );
  });
}

function answer(reply: FastifyReply, { status, body, retryAfterSeconds }: Problem): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  return reply.code(status).send(body);
}

async function closeWithin(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_WITHIN_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

function listenError(error: unknown, host: string, port: number): IsthmusError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new IsthmusError(
      'PORT_IN_USE',
      'usage',
      `Port ${port} on ${host} is in use by another process; stop it or choose another port (0 takes any free one).`,
      { cause: error },
    );
  }
  return new IsthmusError(
    'HTTP_LISTEN_FAILED',
    'usage',
    `Cannot listen on ${host}:${port}; check that the address is this machine's and the port is allowed.`,
    { cause: error },
  );
}

/** The address to reach it at, from here. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
