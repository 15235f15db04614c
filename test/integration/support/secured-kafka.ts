import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs';
import { EmbeddedKafka } from '../../../src/broker/embedded.js';
import { freePort } from '../../../src/broker/ports.js';
import { Authority, type Issued } from '../../support/certificates.js';
import { STEADY } from './steady.js';

export interface Acl {
  readonly resource: string;
  readonly name: string;
  readonly operation: string;
}

const GRANTED_WITHIN_MS = 20_000;
export const PASSWORD = 'word of isthmus';

/**
 * A broker as companies have it, with StandardAuthorizer and four listeners: SASL_SSL with every
 * mechanism, SSL that asks for the client's certificate, SSL with a certificate that has expired, and
 * one in the clear (`open`) whose anonymous user may do everything.
 */
export class SecuredKafka {
  readonly authority: Authority;
  readonly client: Issued;
  readonly open: string;
  readonly sasl: string;
  readonly mutual: string;
  readonly expired: string;
  readonly #kafka: EmbeddedKafka;
  readonly #admin: Admin;

  private constructor(
    kafka: EmbeddedKafka,
    authority: Authority,
    ports: readonly [sasl: number, mutual: number, expired: number],
  ) {
    const [sasl, mutual, expired] = ports.map((port) => `127.0.0.1:${port}`);
    this.#kafka = kafka;
    this.authority = authority;
    this.client = authority.issue('isthmus');
    this.open = kafka.bootstrap;
    this.sasl = sasl!;
    this.mutual = mutual!;
    this.expired = expired!;
    const brokers = [kafka.bootstrap];
    this.#admin = new Kafka({ brokers, clientId: 'super', logLevel: logLevel.NOTHING }).admin();
  }

  /** @param users Names that PLAIN and both SCRAM know; all have the same password. */
  static async start(folder: string, users: readonly string[]): Promise<SecuredKafka> {
    const authority = new Authority(join(folder, 'authority'));
    const server = authority.issue('broker');
    const old = authority.issue('old-broker', { days: -1 });
    const ports = [await freePort(), await freePort(), await freePort()] as const;
    const plain = users.map((name) => `user_${name}="${PASSWORD}"`).join(' ');
    const kafka = await EmbeddedKafka.start({
      scramUsers: users.flatMap((name) =>
        ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
          (mechanism) => `${mechanism}=[name=${name},password=${PASSWORD}]`,
        ),
      ),
      properties: (own) => ({
        ...STEADY,
        listeners: [
          `BROKER://127.0.0.1:${own.broker}`,
          `CONTROLLER://127.0.0.1:${own.controller}`,
          `SASL://127.0.0.1:${ports[0]}`,
          `MUTUAL://127.0.0.1:${ports[1]}`,
          `EXPIRED://127.0.0.1:${ports[2]}`,
        ].join(),
        'advertised.listeners': [
          `BROKER://127.0.0.1:${own.broker}`,
          `SASL://127.0.0.1:${ports[0]}`,
          `MUTUAL://127.0.0.1:${ports[1]}`,
          `EXPIRED://127.0.0.1:${ports[2]}`,
        ].join(),
        'listener.security.protocol.map':
          'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL',
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
        ...keyStore('sasl', server),
        ...keyStore('mutual', server),
        ...keyStore('expired', old),
        'listener.name.mutual.ssl.client.auth': 'required',
        'listener.name.mutual.ssl.truststore.type': 'PEM',
        'listener.name.mutual.ssl.truststore.location': authority.cert,
        'listener.name.mutual.ssl.principal.mapping.rules': 'RULE:^CN=(.*)$/$1/',
        'listener.name.sasl.sasl.enabled.mechanisms':
          'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
        ...login('plain', `plain.PlainLoginModule required ${plain}`),
        ...login('scram-sha-256', 'scram.ScramLoginModule required'),
        ...login('scram-sha-512', 'scram.ScramLoginModule required'),
        // Takes any token that is not signed: who it is for stands in it.
        ...login('oauthbearer', 'oauthbearer.OAuthBearerLoginModule required'),
      }),
    });
    const secured = new SecuredKafka(kafka, authority, ports);
    await secured.#admin.connect();
    return secured;
  }

  /** Returns when the broker knows them: it is told after they were written. */
  async grant(user: string, acls: readonly Acl[]): Promise<void> {
    const before = await this.#countOf(user);
    await this.#admin.createAcls({
      acl: acls.map(({ resource, name, operation }) => ({
        principal: `User:${user}`,
        host: '*',
        operation: AclOperationTypes[operation.toUpperCase() as 'READ'],
        permissionType: AclPermissionTypes.ALLOW,
        resourceName: name,
        resourcePatternType: resource.endsWith(', prefixed')
          ? ResourcePatternTypes.PREFIXED
          : ResourcePatternTypes.LITERAL,
        resourceType: {
          topic: AclResourceTypes.TOPIC,
          group: AclResourceTypes.GROUP,
          'transactional id': AclResourceTypes.TRANSACTIONAL_ID,
        }[resource.replace(', prefixed', '') as 'topic'],
      })),
    });
    for (const end = Date.now() + GRANTED_WITHIN_MS; Date.now() < end; await sleep(20)) {
      if ((await this.#countOf(user)) >= before + acls.length) return;
    }
    throw new Error(`the broker does not know what ${user} was granted`);
  }

  async #countOf(user: string): Promise<number> {
    const { resources } = await this.#admin.describeAcls({
      principal: `User:${user}`,
      resourceType: AclResourceTypes.ANY,
      resourcePatternType: ResourcePatternTypes.ANY,
      operation: AclOperationTypes.ANY,
      permissionType: AclPermissionTypes.ANY,
    });
    return resources.reduce((sum, resource) => sum + resource.acls.length, 0);
  }

  async stop(): Promise<void> {
    await this.#admin.disconnect();
    await this.#kafka.stop();
  }
}

function keyStore(listener: string, { both }: Issued): Record<string, string> {
  return {
    [`listener.name.${listener}.ssl.keystore.type`]: 'PEM',
    [`listener.name.${listener}.ssl.keystore.location`]: both,
  };
}

function login(mechanism: string, module: string): Record<string, string> {
  const name = `listener.name.sasl.${mechanism}.sasl.jaas.config`;
  return { [name]: `org.apache.kafka.common.security.${module};` };
}

/** A token that is not signed, for `user`. */
export function tokenFor(user: string): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: user, iat: nowSeconds, exp: nowSeconds + 3_600 };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}
