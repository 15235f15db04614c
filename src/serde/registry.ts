import { IsthmusError } from '../errors.js';
import { registryUnavailable } from './errors.js';
import type { RecordName, SchemaJson } from './schemas.js';
import { readSchema } from './schemas.js';
import type { SchemaSource } from './source.js';

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

export interface RegistryOptions {
  /** May hold `user:password@`, which is sent as basic authentication. */
  readonly url: string;
  /** Whether our schemas are registered where they are not; otherwise they have to be there. */
  readonly register?: boolean;
  /** What a subject gets before our schema is registered in it; `as-is`: what it has. */
  readonly compatibility?: string;
  /** How long one request may take. */
  readonly timeoutMs?: number;
  /** For tests. */
  readonly fetch?: typeof fetch;
}

interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

interface Answer {
  readonly id?: number;
  readonly schema?: string;
  readonly schemaType?: string;
  readonly references?: readonly Reference[];
  readonly error_code?: number;
  /** Of GET /config: Confluent's word, and the one that is used for PUT. */
  readonly compatibilityLevel?: string;
  readonly compatibility?: string;
}

/**
 * A Confluent-compatible schema registry over HTTP. Subjects are `<topic>-value`.
 *
 * An answer 404 with an error code of the registry (404xx) means that the id is unknown. No answer, or
 * 5xx, 401, 403, 408, 429, or a 404 of somebody in between, is SCHEMA_REGISTRY_UNAVAILABLE (retry): it
 * says nothing of the record. A schema that the subject's rules of compatibility refuse (409, 422) is
 * SCHEMA_REJECTED (fatal); one that is not there and must not be registered is SCHEMA_NOT_REGISTERED
 * (usage).
 */
export class RegistrySchemas implements SchemaSource {
  readonly name = 'registry';
  readonly #base: string;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;
  readonly #register: boolean;
  readonly #compatibility: string;
  readonly #fetch: typeof fetch;

  constructor(options: RegistryOptions) {
    const url = new URL(options.url);
    this.#headers = { accept: MEDIA_TYPE, 'content-type': MEDIA_TYPE };
    if (url.username !== '') {
      const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      this.#headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
      url.username = '';
      url.password = '';
    }
    this.#base = url.href.replace(/\/+$/, '');
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    this.#register = options.register ?? true;
    this.#compatibility = options.compatibility ?? 'as-is';
    this.#fetch = options.fetch ?? fetch;
  }

  async schema(id: number): Promise<SchemaJson | null> {
    const answer = await this.#request('GET', `/schemas/ids/${id}`);
    if (answer === null || answer.schema === undefined) return null;
    if ((answer.schemaType ?? 'AVRO') !== 'AVRO') return null;
    return this.#inline(answer);
  }

  async idFor(topic: string, name: RecordName): Promise<number> {
    const subject = `${topic}-value`;
    const path = `/subjects/${encodeURIComponent(subject)}`;
    const schema = JSON.stringify({ schema: JSON.stringify(readSchema(name)) });
    if (!this.#register) {
      const found = await this.#request('POST', path, schema);
      if (found?.id === undefined) throw notRegistered(subject, name);
      return found.id;
    }
    if (this.#compatibility !== 'as-is') {
      const level = JSON.stringify({ compatibility: this.#compatibility });
      await this.#request('PUT', `/config/${encodeURIComponent(subject)}`, level);
    }
    const answer = await this.#request('POST', `${path}/versions`, schema);
    if (answer?.id === undefined) throw registryUnavailable(`POST ${path}/versions`);
    return answer.id;
  }

  /** The rules of compatibility that hold for the topic's subject, or for all where it has none. */
  async compatibilityOf(topic: string): Promise<string> {
    const subject = encodeURIComponent(`${topic}-value`);
    const answer =
      (await this.#request('GET', `/config/${subject}`)) ?? (await this.#request('GET', '/config'));
    return answer?.compatibilityLevel ?? answer?.compatibility ?? 'unknown';
  }

  /** Puts referenced schemas where their names are first used. */
  async #inline(answer: Answer): Promise<SchemaJson> {
    const schema = JSON.parse(answer.schema ?? 'null') as SchemaJson;
    if ((answer.references ?? []).length === 0) return schema;
    const named = new Map<string, SchemaJson>();
    for (const reference of answer.references ?? []) {
      const path = `/subjects/${encodeURIComponent(reference.subject)}/versions/${reference.version}`;
      const found = await this.#request('GET', path);
      if (found !== null) named.set(reference.name, await this.#inline(found));
    }
    return substitute(schema, named);
  }

  async #request(method: string, path: string, body?: string): Promise<Answer | null> {
    const what = `${method} ${path}`;
    let response: Response;
    let text: string;
    try {
      response = await this.#fetch(`${this.#base}${path}`, {
        method,
        headers: this.#headers,
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body }),
      });
      text = await response.text();
    } catch (cause) {
      throw registryUnavailable(what, cause);
    }
    if (response.status === 404 && isOfRegistry(text)) return null;
    if (response.status === 409 || response.status === 422) {
      throw new IsthmusError(
        'SCHEMA_REJECTED',
        'fatal',
        `The schema registry refused ${what}: ${text.slice(0, 500)}. Write to another topic, or relax the subject's compatibility`,
      );
    }
    if (response.status === 401 || response.status === 403) {
      throw registryUnavailable(what, new Error(`HTTP ${response.status}`), CREDENTIALS);
    }
    if (!response.ok) {
      throw registryUnavailable(what, new Error(`HTTP ${response.status}: ${text.slice(0, 200)}`));
    }
    try {
      return JSON.parse(text) as Answer;
    } catch (cause) {
      throw registryUnavailable(what, cause);
    }
  }
}

const CREDENTIALS =
  'The credentials in SCHEMA_REGISTRY_URL (http://user:password@host) are missing, wrong, or lack the right';

/** Whether a 404 is the registry's own, and not that of a proxy before it. */
function isOfRegistry(text: string): boolean {
  try {
    const { error_code: code } = JSON.parse(text) as Answer;
    return code !== undefined && String(code).startsWith('404');
  } catch {
    return false;
  }
}

function notRegistered(subject: string, name: RecordName): IsthmusError {
  return new IsthmusError(
    'SCHEMA_NOT_REGISTERED',
    'usage',
    `Subject ${subject} of the schema registry has no version with our schema: register schemas/${name}.avsc in it, or set ISTHMUS_SCHEMA_AUTO_REGISTER=true`,
  );
}

/** Replaces the first use of each name by its schema (Avro wants a definition before its uses). */
function substitute(schema: SchemaJson, named: Map<string, SchemaJson>): SchemaJson {
  if (typeof schema === 'string') {
    const found = named.get(schema);
    if (found === undefined) return schema;
    named.delete(schema);
    return substitute(found, named);
  }
  if (Array.isArray(schema)) return schema.map((branch) => substitute(branch, named));
  const node = schema as Exclude<SchemaJson, string | readonly SchemaJson[]>;
  if (node.fields !== undefined) {
    const fields = node.fields.map((field) => ({ ...field, type: substitute(field.type, named) }));
    return { ...node, fields };
  }
  if (node.items !== undefined) return { ...node, items: substitute(node.items, named) };
  if (node.values !== undefined) return { ...node, values: substitute(node.values, named) };
  return typeof node.type === 'string' ? node : substitute(node.type, named);
}
