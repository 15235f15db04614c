import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import avsc from 'avsc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkRegistry } from '../../src/cli/doctor/registry.js';
import { RegistrySchemas } from '../../src/serde/registry.js';
import { readSchema } from '../../src/serde/schemas.js';
import { Serde } from '../../src/serde/serde.js';
import { frame } from '../../src/serde/wire.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { createTopics, startService, testConfig, until } from '../support/service.js';
import { Apicurio, apicurioFolder } from './support/apicurio.js';

const found = await apicurioFolder();
if (typeof found === 'string') console.warn(`not tested against a real registry: ${found}`);

const EVENT = {
  userId: 'u',
  itemId: 'i',
  domain: 'books',
  action: 'purchase',
  value: null,
  occurredAtMs: 1_700_000_000_000,
  eventId: null,
};

/** Passes requests on to the registry, until it is told to hang up on everybody. */
class Between {
  away = false;
  asked: string[] = [];
  readonly #server: Server;

  private constructor(target: string) {
    this.#server = createServer(async (request, response) => {
      this.asked.push(`${request.method} ${request.url}`);
      if (this.away) return void request.socket.destroy();
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = await fetch(target + request.url, {
        method: request.method ?? 'GET',
        headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
        ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      });
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? 'application/json',
      });
      response.end(await answer.text());
    });
  }

  static async before(target: string): Promise<Between> {
    const between = new Between(target);
    await new Promise<void>((done) => between.#server.listen(0, '127.0.0.1', done));
    return between;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe.skipIf(typeof found === 'string')('against a real registry', () => {
  let registry: Apicurio;

  beforeAll(async () => {
    registry = await Apicurio.start((found as { folder: string }).folder);
  });
  afterAll(() => registry?.stop());

  /** As any client would register a schema. */
  async function register(subject: string, schema: unknown): Promise<number> {
    const answer = await fetch(`${registry.url}/subjects/${subject}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: JSON.stringify(schema) }),
    });
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { id: number }).id;
  }

  /** The event's schema with a field more, as a producer may have it that was upgraded. */
  function later(field: string) {
    const schema = readSchema('BehaviorEvent');
    const more = { name: field, type: ['null', 'string'], default: null };
    return { ...schema, fields: [...schema.fields, more] };
  }

  test('ids and schemas go there and come back; an unknown id is unknown', async () => {
    const source = new RegistrySchemas({ timeoutMs: 20_000, url: registry.url });
    const id = await source.idFor('a.lists', 'RecommendationList');
    expect(await source.idFor('a.lists', 'RecommendationList')).toBe(id);
    expect(await source.schema(id)).toEqual(readSchema('RecommendationList'));
    expect(await source.schema(1_000_000)).toBeNull();
  });

  test('compatibility is set, told, and kept: what breaks it is refused by name', async () => {
    const source = new RegistrySchemas({
      timeoutMs: 20_000,
      url: registry.url,
      compatibility: 'BACKWARD',
    });
    await register('b.lists-value', { ...readSchema('RecommendationList'), fields: [] });
    await expect(source.idFor('b.lists', 'RecommendationList')).rejects.toMatchObject({
      code: 'SCHEMA_REJECTED',
      disposition: 'fatal',
      message: expect.stringMatching(/b\.lists-value.*relax the subject's compatibility/s),
    });
    expect(await source.compatibilityOf('b.lists')).toBe('BACKWARD');
  });

  test('without registering, the schema has to be there', async () => {
    const source = new RegistrySchemas({ timeoutMs: 20_000, url: registry.url, register: false });
    await expect(source.idFor('c.lists', 'RecommendationList')).rejects.toMatchObject({
      code: 'SCHEMA_NOT_REGISTERED',
      message: expect.stringContaining('schemas/RecommendationList.avsc'),
    });
    const id = await register('c.lists-value', readSchema('RecommendationList'));
    expect(await source.idFor('c.lists', 'RecommendationList')).toBe(id);
    await register('d.lists-value', { type: 'record', name: 'Other', fields: [] });
    await expect(source.idFor('d.lists', 'RecommendationList')).rejects.toMatchObject({
      code: 'SCHEMA_NOT_REGISTERED',
    });
  });

  test('doctor tells that nothing guards a subject', async () => {
    const env = { SCHEMA_REGISTRY_URL: registry.url, ISTHMUS_RECOMMENDATIONS_TOPIC: 'b.lists' };
    expect(await checkRegistry(testConfig(env))).toMatchObject({ verdict: 'ok' });
    const bare = testConfig({ ...env, ISTHMUS_RECOMMENDATIONS_TOPIC: 'none.lists' });
    expect(await checkRegistry(bare)).toMatchObject({
      verdict: 'warn',
      remedy: expect.stringContaining('ISTHMUS_SCHEMA_COMPATIBILITY'),
    });
  });

  test('a service waits for it at the start, and for ids that it has not met; those it knows go on', async () => {
    const between = await Between.before(registry.url);
    const config = testConfig({
      SCHEMA_REGISTRY_URL: between.url,
      ISTHMUS_INPUT_TOPIC: 's.events',
      ISTHMUS_RECOMMENDATIONS_TOPIC: 's.lists',
    });
    const first = await register('s.events-value', readSchema('BehaviorEvent'));
    const second = await register('s.events-value', later('device'));
    const body = new Serde().events.encode(EVENT).subarray(5);
    const withDevice = avsc.Type.forSchema(later('device') as avsc.Schema).toBuffer({
      ...EVENT,
      occurredAt: EVENT.occurredAtMs,
      context: null,
      device: 'phone',
    });
    const transport = new MemoryTransport(new MemoryLog());
    await createTopics(transport, config, 1);
    const producer = await transport.producer();
    const send = (value: Buffer) => producer.send([{ topic: 's.events', key: 'u', value }]);
    const admin = await transport.admin();
    const dead = async () => Number((await admin.watermarks(config.deadLetterTopic))[0]?.high);

    between.away = true;
    const service = await startService(transport, config);
    try {
      await until(
        () => service.readiness().reason.includes('registry'),
        'it says whom it waits for',
      );
      between.away = false;
      await until(() => service.readiness().ok, 'it is ready');
      await send(frame(first, body));
      await until(() => service.trainedEvents() === 1, 'the first schema is known');

      between.away = true;
      await send(frame(first, body));
      await until(() => service.trainedEvents() === 2, 'a known id goes on');
      const before = between.asked.length;
      await send(frame(second, withDevice));
      await until(
        () => between.asked.length > before + 1,
        'the new id is asked for again and again',
      );
      expect(service.trainedEvents()).toBe(2);
      expect(await dead()).toBe(0);

      between.away = false;
      await until(() => service.trainedEvents() === 3, 'it is learned');
      expect(await dead()).toBe(0);
      await send(frame(987_654, body));
      await until(
        async () => (await dead()) > 0,
        'an id that the registry denies is a dead letter',
      );
    } finally {
      await service.close();
      await transport.close();
      between.close();
    }
  });
});
