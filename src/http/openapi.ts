import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import type { z } from 'zod';
import { jsonSchema, problemAnswer } from './schemas.js';

/** Makes the document of the routes that are added after it. `app.swagger()` returns it. */
export async function describeRoutes(
  app: FastifyInstance,
  { version, token }: { readonly version: string; readonly token: boolean },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'isthmus',
        description: 'Recommendations and the state of the stream. Everything is GET.',
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      ...(token
        ? {
            security: [{ bearer: [] }],
            components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
          }
        : {}),
    },
  });
}

export interface Described {
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  /** What 200 has; a media type where it is no JSON. */
  readonly answer: z.ZodType | string;
  /** The meaning of the other statuses that the route has. */
  readonly problems?: Readonly<Record<number, string>>;
  /** Asked without a token. */
  readonly open?: boolean;
}

/** The schema of a route, as fastify and the document want it. */
export function described(route: Described): FastifySchema {
  const { answer } = route;
  const ok =
    typeof answer === 'string'
      ? { description: 'OK', content: { [answer]: { schema: { type: 'string' } } } }
      : { description: 'OK', ...jsonSchema(answer) };
  const problems = Object.entries(route.problems ?? {}).map(([status, description]) => [
    status,
    { description, ...jsonSchema(problemAnswer) },
  ]);
  return {
    summary: route.summary,
    ...(route.params === undefined ? {} : { params: jsonSchema(route.params) }),
    ...(route.query === undefined ? {} : { querystring: jsonSchema(route.query, 'input') }),
    ...(route.open === true ? { security: [] } : {}),
    response: { 200: ok, ...Object.fromEntries(problems) },
  };
}
