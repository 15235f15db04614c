import type { FastifyInstance } from 'fastify';
import { answer } from './app.js';
import { CHALLENGES, tokenCheck } from './auth.js';
import { problem } from './problem.js';

/** On routes for probes: they need no token, and are answered however much else is asked. */
export const OPEN = { open: true } as const;

export interface GuardOptions {
  /** Who does not carry it gets 401. Null: everybody may ask. */
  readonly token: string | null;
  /** So many requests may be under way at once; those beyond get 503. 0: any number. */
  readonly maxRequests: number;
}

/** Lets only those in who may ask, and no more at once than may be. Call it before the routes. */
export function guard(app: FastifyInstance, { token, maxRequests }: GuardOptions): void {
  const isOpen = (config: object): boolean => (config as { open?: boolean }).open === true;
  if (token !== null) {
    const carries = tokenCheck(token);
    app.addHook('onRequest', async (request, reply) => {
      if (isOpen(request.routeOptions.config) || carries(request.headers.authorization)) return;
      reply.header('www-authenticate', [...CHALLENGES]);
      return answer(
        reply,
        problem(
          401,
          'UNAUTHORIZED',
          'This service wants `Authorization: Bearer TOKEN`, with the token of ISTHMUS_HTTP_TOKEN.',
        ),
      );
    });
  }
  if (maxRequests === 0) return;
  let underWay = 0;
  app.addHook('onRequest', async (request, reply) => {
    if (isOpen(request.routeOptions.config)) return;
    if (underWay >= maxRequests) {
      const busy = problem(503, 'OVERLOADED', 'Too many requests are under way; ask again.');
      return answer(reply, { ...busy, retryAfterSeconds: 1 });
    }
    underWay++;
    // Also where the client hangs up before its answer.
    reply.raw.once('close', () => {
      underWay--;
    });
  });
}
