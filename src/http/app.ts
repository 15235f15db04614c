import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { IsthmusError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';
import { type Problem, problem, problemOf } from './problem.js';

/** What a client may ask of us, at most. */
export interface Limits {
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
  /** Without a byte in either direction: a client that does not read its answer, say. */
  readonly idleMs: number;
  /** The longest work on an answer; then 503. The hash of a big model takes its seconds. */
  readonly answerMs: number;
  readonly connections: number;
}

export const LIMITS: Limits = {
  requestMs: 5_000,
  idleMs: 60_000,
  answerMs: 30_000,
  connections: 1024,
};

const CLOSE_WITHIN_MS = 1000;

/** A server without routes, which answers every error with a Problem and keeps to the limits. */
export function createApp(logger: Logger, limits: Limits): FastifyInstance {
  const app = fastify({
    // Idle connections (a scraper's) do not hold a shutdown up.
    forceCloseConnections: 'idle',
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.idleMs,
    handlerTimeout: limits.answerMs,
    http: {
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.ceil(limits.requestMs / 5),
    },
    bodyLimit: 1024,
    routerOptions: { maxParamLength: 4096 },
    clientErrorHandler: refuse,
    // What is wrong before there is a route: a broken escape in the path, say.
    frameworkErrors: (error, _, reply) => {
      // Its type is generic over a route that does not exist here.
      answer(reply as unknown as FastifyReply, problemOf(error));
    },
  });
  app.server.maxConnections = limits.connections;
  // Schemas describe the routes; query.ts checks, and says what is wrong in words.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
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
  return app;
}

export function answer(
  reply: FastifyReply,
  { status, body, retryAfterSeconds }: Problem,
): FastifyReply {
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  return reply.code(status).send(body);
}

/** Answers what is no HTTP, or comes too slowly, and hangs up. */
function refuse(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const { status, body } =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? problem(408, 'INVALID_REQUEST', 'The request did not come to its end in time.')
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? problem(431, 'INVALID_REQUEST', 'The headers are too long.')
        : problem(400, 'INVALID_REQUEST', 'This is no HTTP request.');
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${body.error}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}

/**
 * Listens; closes the server where it cannot.
 *
 * Errors: PORT_IN_USE (usage); HTTP_LISTEN_FAILED (usage) where the host is not this machine's or
 * the port is not ours to take.
 */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error, host, port);
  }
}

/** Takes no new requests, finishes the running ones (for a second at most), and is gone. */
export async function closeWithin(app: FastifyInstance): Promise<void> {
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
