import { describe, expect, it } from 'vitest';
import { RegistrySchemas } from '../../src/serde/registry.js';
import { readSchema } from '../../src/serde/schemas.js';
import { Serde } from '../../src/serde/serde.js';
import { EMBEDDED_IDS, EmbeddedSchemas } from '../../src/serde/source.js';
import { frame } from '../../src/serde/wire.js';

const EVENT = {
  userId: 'u',
  itemId: 'i',
  domain: 'd',
  action: 'view',
  value: 1,
  occurredAtMs: 5,
  eventId: 'e',
};

type Route = (request: {
  method: string;
  path: string;
  body: string;
  headers: Headers;
}) => Response;

/** A registry in memory that counts its requests. */
function registry(route: Route, url = 'http://registry.test') {
  const requests: string[] = [];
  const source = new RegistrySchemas({
    url,
    fetch: async (input, init) => {
      const { pathname } = new URL(String(input));
      requests.push(`${init?.method} ${pathname}`);
      const headers = new Headers(init?.headers);
      return route({
        method: init?.method ?? 'GET',
        path: pathname,
        body: String(init?.body),
        headers,
      });
    },
  });
  return { source, requests };
}

const json = (content: unknown, status = 200) => new Response(JSON.stringify(content), { status });
const known: Route = ({ path }) =>
  path === '/schemas/ids/5'
    ? json({ schema: JSON.stringify(readSchema('BehaviorEvent')) })
    : json({ error_code: 40403 }, 404);
const bytes = (id: number) => frame(id, new Serde().events.encode(EVENT).subarray(5));

describe('with a registry', () => {
  it("writers' schemas come from it, once for each id", async () => {
    const { source, requests } = registry(known);
    const serde = new Serde({ source });
    await serde.load([bytes(5), null, Buffer.from('junk'), bytes(5)]);
    expect(serde.load([bytes(5)])).toBeUndefined();
    expect(serde.events.decode(bytes(5))).toEqual(EVENT);
    expect(requests).toEqual(['GET /schemas/ids/5']);
  });

  it('an id that it does not know is a dead letter, and asked for again later', async () => {
    let nowMs = 0;
    const { source, requests } = registry(known);
    const serde = new Serde({ source, now: () => nowMs });
    await serde.load([bytes(9)]);
    await serde.load([bytes(9)]);
    expect(serde.events.tryDecode(bytes(9))).toMatchObject({ reason: 'unknown-schema-id' });
    expect(requests).toHaveLength(1);
    nowMs = 60_000;
    await serde.load([bytes(9)]);
    expect(requests).toHaveLength(2);
  });

  it('an id that is unknown while it is away is tried again, never a dead letter', async () => {
    const down = registry(() => json({}, 503)).source;
    const gone = registry(() => {
      throw new TypeError('fetch failed');
    }).source;
    for (const source of [down, gone]) {
      const serde = new Serde({ source });
      const outcome = expect(serde.load([bytes(5)])).rejects;
      await outcome.toMatchObject({ code: 'SCHEMA_REGISTRY_UNAVAILABLE', disposition: 'retry' });
    }
  });

  it('a 404 that is not its own is no answer: a proxy stands before it', async () => {
    for (const body of ['<h1>Not Found</h1>', '{"error":"no route"}', '']) {
      const { source } = registry(() => new Response(body, { status: 404 }));
      const outcome = expect(new Serde({ source }).load([bytes(9)])).rejects;
      await outcome.toMatchObject({ code: 'SCHEMA_REGISTRY_UNAVAILABLE', disposition: 'retry' });
    }
  });

  it('refused credentials are named', async () => {
    const { source } = registry(
      () => json({ error_code: 401 }, 401),
      'http://me:hush@registry.test',
    );
    const { message } = await source.schema(1).then(
      () => new Error('it answers'),
      (error: Error) => error,
    );
    expect(message).toMatch(/credentials in SCHEMA_REGISTRY_URL/);
    expect(message).not.toContain('hush');
  });

  it('ids of the embedded schemas are never asked for', () => {
    const serde = new Serde({ source: registry(known).source });
    expect(serde.load([bytes(EMBEDDED_IDS.BehaviorEvent)])).toBeUndefined();
    expect(serde.events.decode(bytes(EMBEDDED_IDS.BehaviorEvent))).toEqual(EVENT);
  });

  it('records are registered under their topic, with the credentials of the address', async () => {
    const seen: string[] = [];
    const { source } = registry(({ method, path, headers }) => {
      seen.push(`${method} ${path} ${headers.get('authorization')}`);
      return json({ id: 12 });
    }, 'http://me:secret@registry.test/');
    expect(await source.idFor('lists', 'RecommendationList')).toBe(12);
    const credentials = Buffer.from('me:secret').toString('base64');
    expect(seen).toEqual([`POST /subjects/lists-value/versions Basic ${credentials}`]);
  });

  it('records are written under its ids once they are registered, and read under both', async () => {
    const { source } = registry(() => json({ id: 12 }));
    const serde = new Serde({ source });
    const before = serde.events.encode(EVENT);
    await serde.register({ BehaviorEvent: 'events' });
    const after = serde.events.encode(EVENT);
    expect([before.readInt32BE(1), after.readInt32BE(1)]).toEqual([EMBEDDED_IDS.BehaviorEvent, 12]);
    for (const value of [before, after]) expect(serde.events.decode(value)).toEqual(EVENT);
    expect(serde.lists.id).toBe(EMBEDDED_IDS.RecommendationList);
  });

  it('compatibility is set before a schema is registered, where it is to be', async () => {
    const asked: string[] = [];
    const source = new RegistrySchemas({
      url: 'http://registry.test',
      compatibility: 'FULL',
      fetch: async (input, init) => {
        asked.push(
          `${init?.method} ${new URL(String(input)).pathname} ${String(init?.body).slice(0, 24)}`,
        );
        return json({ id: 3 });
      },
    });
    await source.idFor('lists', 'RecommendationList');
    expect(asked).toEqual([
      'PUT /config/lists-value {"compatibility":"FULL"}',
      expect.stringMatching(/^POST \/subjects\/lists-value\/versions /),
    ]);
  });

  it('a schema that it refuses stops the start', async () => {
    const { source } = registry(() => json({ message: 'incompatible' }, 409));
    await expect(source.idFor('lists', 'RecommendationList')).rejects.toMatchObject({
      code: 'SCHEMA_REJECTED',
      disposition: 'fatal',
    });
  });

  it('a schema that refers to another is read with it', async () => {
    const { source } = registry(({ path }) =>
      path === '/schemas/ids/5'
        ? json({
            schema: JSON.stringify({
              type: 'record',
              name: 'R',
              fields: [
                { name: 'a', type: 'x.Word' },
                { name: 'b', type: 'x.Word' },
              ],
            }),
            references: [{ name: 'x.Word', subject: 'word', version: 1 }],
          })
        : json({
            schema: JSON.stringify({ type: 'enum', name: 'Word', namespace: 'x', symbols: ['A'] }),
          }),
    );
    expect(JSON.stringify(await source.schema(5))).toMatch(/"symbols":\["A"\].*"type":"x.Word"/);
  });
});

it('without a registry, the embedded schemas answer for their ids alone', async () => {
  const embedded = new EmbeddedSchemas();
  expect(await embedded.schema(EMBEDDED_IDS.Item)).toMatchObject({ name: 'Item' });
  expect(await embedded.schema(1)).toBeNull();
  expect(await embedded.idFor('any', 'Item')).toBe(EMBEDDED_IDS.Item);
});
