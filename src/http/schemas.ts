import { z } from 'zod';
import { DEFAULT_N, MAX_ID_BYTES, MAX_N } from './query.js';

/** The answers of the routes, for /openapi.json; tests hold the answers to them, field by field. */

const whole = () => z.int().min(0);
const offset = () => whole().describe('An offset in the log.');
const share = () => z.number().min(0).max(1);

export const problemAnswer = z.strictObject({
  error: z.string().describe('The status in words.'),
  code: z.string().describe('For machines: docs/errors.md lists them.'),
  message: z.string().describe('For people.'),
});

export const probeAnswer = z.strictObject({ status: z.literal('ok') });

export const documentAnswer = z.record(z.string(), z.unknown()).describe('OpenAPI 3.1');

export const modelAnswer = z.strictObject({
  trainedEvents: whole().describe('The version of the committed model.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Of its rows, sorted by key: the same at all replicas at the same offsets.'),
  deltaOffsets: z.array(offset()).describe('By partition of the delta topic: the next to be read.'),
});

export const recommendationsAnswer = z.strictObject({
  userId: z.string(),
  modelVersion: whole(),
  recommendations: z.array(
    z.strictObject({
      domain: z.string(),
      items: z
        .array(
          z.strictObject({
            itemId: z.string(),
            score: z.number(),
            title: z.string().optional(),
            because: z
              .array(
                z.strictObject({
                  itemId: z.string(),
                  domain: z.string(),
                  title: z.string().optional(),
                }),
              )
              .describe('What the user has touched that weighed most, that first.'),
          }),
        )
        .describe('Best first.'),
      transfer: z
        .array(z.strictObject({ fromDomain: z.string(), weight: share() }))
        .describe('Where the interest comes from, largest first; empty: from popularity alone.'),
    }),
  ),
});

const place = { topic: z.string(), partition: whole() };
const standby = z.strictObject({
  partition: whole(),
  position: offset(),
  lagRecords: whole(),
  users: whole(),
});
const task = z.strictObject({
  ...place,
  state: z.string().describe('created, fencing, restoring, running, closing or closed.'),
  position: offset().nullable(),
  lagRecords: whole().nullable(),
  users: whole(),
});

export const tasksAnswer = z.strictObject({
  app: z.string(),
  tasks: z.array(task).describe('Of this process.'),
  standbys: z.array(standby).describe('The partitions that this process follows.'),
  instances: z
    .array(
      z.strictObject({
        id: z.string(),
        url: z.string(),
        self: z.boolean(),
        partitions: z.array(
          z.strictObject({
            ...place,
            state: z.string().describe('As of a task, or moving, or unreachable.'),
          }),
        ),
        standbys: z.array(standby),
      }),
    )
    .optional()
    .describe('All processes of the application; left out with scope=own.'),
});

const freshness = z.strictObject({
  lists: whole(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
});

export const statusAnswer = z.strictObject({
  app: z.string(),
  version: z.string(),
  ready: z.boolean(),
  reason: z.string().describe('Why it is not ready; empty where it is.'),
  uptimeSeconds: whole(),
  backend: z.string(),
  trainedEvents: whole(),
  domains: z.array(z.string()),
  users: whole(),
  items: whole(),
  tableBytes: whole(),
  figures: z.strictObject({
    eventsPerSecond: z.number(),
    listsPerSecond: z.number(),
    lagRecords: whole(),
    totals: z.strictObject({
      events: whole(),
      lists: whole(),
      refused: whole(),
      deadLetters: whole(),
      committed: whole(),
      aborted: whole(),
      fenced: whole(),
    }),
    freshness,
    freshnessOverall: freshness,
    loss: z.number().nullable(),
    quality: z.array(
      z.strictObject({
        domain: z.string(),
        events: whole(),
        hr10: share(),
        ndcg10: share(),
        popularityHr10: share(),
        popularityNdcg10: share(),
        recentHr10: share(),
        recentPopularityHr10: share(),
      }),
    ),
  }),
  tasks: z.array(task),
});

export const recommendationParams = z.object({
  id: z.string().describe(`The user; ${MAX_ID_BYTES} bytes of UTF-8 at most.`),
});

export const recommendationQuery = z.strictObject({
  domain: z.string().optional().describe('In this domain only; otherwise a list for each.'),
  n: z.int().min(1).max(MAX_N).default(DEFAULT_N).describe('The most items of a list.'),
});

export const tasksQuery = z.object({
  scope: z.enum(['own']).optional().describe('own: this process alone; nobody else is asked.'),
});

/** The JSON schema of what comes in or goes out. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output' = 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
