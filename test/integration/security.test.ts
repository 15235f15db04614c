import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafka } from '../../src/cli/kafka-transport.js';
import { type Config, settingsTable } from '../../src/config.js';
import { Service } from '../../src/main.js';
import { createLogger, silentLogger } from '../../src/telemetry/logger.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { applicationTopics } from '../../src/topics.js';
import type { KafkaTransport } from '../../src/transport/kafka/index.js';
import { csvOf, eventRows } from '../cli/support/events.js';
import { isthmus } from '../cli/support/isthmus.js';
import { Authority } from '../support/certificates.js';
import { createTopics, eventRecord, readAll, readLists, testConfig } from '../support/service.js';
import { type Acl, PASSWORD, SecuredKafka, tokenFor } from './support/secured-kafka.js';

const USER = 'isthmus';
const needed = neededAcls();
const lacking = (index: number): string => `lacks-${index}`;
const OPERATOR = 'operator';

/** The table of docs/security.md, one row an operation. */
function neededAcls(): Acl[] {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `isthmus run`'));
  return rows.flatMap((row) => {
    const [, , resource = '', name = '', operations = ''] = row
      .split('|')
      .map((cell) => cell.trim());
    return operations
      .split(', ')
      .map((operation) => ({ resource, name: name.replaceAll('`', ''), operation }));
  });
}

let folder: string;
let kafka: SecuredKafka;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-security-'));
  kafka = await SecuredKafka.start(folder, [USER, OPERATOR, ...needed.map((_, i) => lacking(i))]);
  const admin = await (
    await openKafka(config({ KAFKA_BROKERS: kafka.open }), silentLogger)
  ).admin();
  await admin.createTopics([{ topic: 'seen', partitions: 1 }]);
  await admin.close();
  await kafka.grant(USER, [{ resource: 'topic', name: 'seen', operation: 'Describe' }]);
});

afterAll(async () => {
  await kafka?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function config(env: Record<string, string>) {
  return testConfig({ ISTHMUS_TRANSPORT: 'kafka', ...env });
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function saslEnv(mechanism: string): Record<string, string> {
  return {
    KAFKA_BROKERS: kafka.sasl,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: kafka.authority.cert,
    KAFKA_SASL_MECHANISM: mechanism,
    ...(mechanism === 'OAUTHBEARER'
      ? { KAFKA_SASL_TOKEN_FILE: file('token', tokenFor(USER)) }
      : { KAFKA_SASL_USERNAME: USER, KAFKA_SASL_PASSWORD_FILE: file('password', `${PASSWORD}\n`) }),
  };
}

/** Asks for the topics that the client may see, for so long. */
async function topicsSeen(env: Record<string, string>, withinMs = 20_000): Promise<string[]> {
  const transport = await openKafka(config(env), silentLogger, withinMs);
  try {
    const admin = await transport.admin();
    return (await admin.listTopics()).map(({ topic }) => topic);
  } finally {
    await transport.close();
  }
}

describe('a client is let in', () => {
  test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'])(
    'with %s',
    async (mechanism) => {
      expect(await topicsSeen(saslEnv(mechanism))).toEqual(['seen']);
    },
  );

  test('with a token that an authorization server gives', async () => {
    const server: Server = createServer((_, response) => {
      response.end(JSON.stringify({ access_token: tokenFor(USER), expires_in: 60 }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { KAFKA_SASL_TOKEN_FILE: _, ...env } = saslEnv('OAUTHBEARER');
    const port = (server.address() as AddressInfo).port;
    const seen = await topicsSeen({
      ...env,
      KAFKA_SASL_TOKEN_URL: `http://127.0.0.1:${port}/token`,
      KAFKA_SASL_USERNAME: 'client',
      KAFKA_SASL_PASSWORD: 'secret',
    });
    server.close();
    expect(seen).toEqual(['seen']);
  });

  test('with a certificate', async () => {
    expect(await topicsSeen(mutualEnv())).toEqual(['seen']);
  });
});

function mutualEnv(): Record<string, string> {
  return {
    KAFKA_BROKERS: kafka.mutual,
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: kafka.authority.cert,
    KAFKA_TLS_CERT_FILE: kafka.client.cert,
    KAFKA_TLS_KEY_FILE: kafka.client.key,
  };
}

describe('a client that is not let in hears why, and what to do', () => {
  let chatter: string;
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined).end('220 welcome\r\n');
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    chatter = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  const cases: [what: string, env: () => Record<string, string>, code: string, said: RegExp][] = [
    ...['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) =>
        [
          `a wrong password for ${mechanism}`,
          () => ({ ...saslEnv(mechanism), KAFKA_SASL_PASSWORD_FILE: file('wrong', 'another') }),
          'AUTHENTICATION_FAILED',
          /refused by the broker at 127.0.0.1:\d+: .*uthentication failed.*Check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD/,
        ] as [string, () => Record<string, string>, string, RegExp],
    ),
    [
      'a token that is none',
      () => ({ ...saslEnv('OAUTHBEARER'), KAFKA_SASL_TOKEN_FILE: file('bad-token', 'a.b.c') }),
      'AUTHENTICATION_FAILED',
      /invalid_token.*Check what KAFKA_SASL_TOKEN_FILE/,
    ],
    [
      'SASL at a listener without it',
      () => ({
        ...saslEnv('PLAIN'),
        KAFKA_TLS: 'false',
        KAFKA_TLS_CA_FILE: '',
        KAFKA_BROKERS: kafka.open,
      }),
      'AUTHENTICATION_FAILED',
      /does not offer PLAIN.*Check KAFKA_SASL_MECHANISM/,
    ],
    [
      'an authority that is not trusted',
      () => ({ ...saslEnv('PLAIN'), KAFKA_TLS_CA_FILE: new Authority(join(folder, 'other')).cert }),
      'TLS_FAILED',
      /Put the certificate of the authority .* KAFKA_TLS_CA_FILE/,
    ],
    [
      'a certificate of the broker that has expired',
      () => ({ ...saslEnv('PLAIN'), KAFKA_BROKERS: kafka.expired }),
      'TLS_FAILED',
      /certificate has expired. Renew the broker's certificate/,
    ],
    [
      'a broker of another name',
      () => ({ ...saslEnv('PLAIN'), KAFKA_BROKERS: kafka.sasl.replace('127.0.0.1', 'localhost') }),
      'TLS_FAILED',
      /localhost.*advertised.listeners/,
    ],
    [
      'no certificate where one is wanted',
      () => ({ ...mutualEnv(), KAFKA_TLS_CERT_FILE: '', KAFKA_TLS_KEY_FILE: '' }),
      'TLS_FAILED',
      /refused this client: check KAFKA_TLS_CERT_FILE/,
    ],
    [
      'TLS where something else is spoken',
      () => ({ KAFKA_BROKERS: chatter, KAFKA_TLS: 'true' }),
      'TLS_FAILED',
      /does not speak TLS/,
    ],
  ];

  test.each(cases)('%s', async (_, env, code, said) => {
    await expect(topicsSeen(env())).rejects.toMatchObject({
      code,
      disposition: 'usage',
      message: expect.stringMatching(said),
    });
  });

  test('a broker that hangs up, for the want of TLS or for TLS, counts as unreachable', async () => {
    const code = 'BROKER_UNREACHABLE';
    const bare = topicsSeen({ KAFKA_BROKERS: kafka.sasl }, 1_000);
    await expect(bare).rejects.toMatchObject({ code });
    const covered = topicsSeen({ KAFKA_BROKERS: kafka.open, KAFKA_TLS: 'true' }, 1_000);
    await expect(covered).rejects.toMatchObject({ code });
  });
});

test('a password and a certificate that are renewed are used by the next connection', async () => {
  const env = saslEnv('PLAIN');
  const { KAFKA_SASL_PASSWORD_FILE: password = '', KAFKA_TLS_CA_FILE: ca = '' } = env;
  const caFile = join(folder, 'rotated-ca.pem');
  copyFileSync(new Authority(join(folder, 'former')).cert, caFile);
  writeFileSync(password, 'former');
  const transport = await openKafka(
    config({ ...env, KAFKA_TLS_CA_FILE: caFile }),
    silentLogger,
    20_000,
  );
  const admin = await transport.admin();
  await expect(admin.listTopics()).rejects.toMatchObject({ code: 'TLS_FAILED' });
  writeFileSync(caFile, readFileSync(ca));
  await expect(admin.listTopics()).rejects.toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  writeFileSync(password, PASSWORD);
  expect((await admin.listTopics()).map(({ topic }) => topic)).toEqual(['seen']);
  await transport.close();
});

describe('the ACLs of docs/security.md', () => {
  let superuser: KafkaTransport;

  beforeAll(async () => {
    superuser = await openKafka(config({ KAFKA_BROKERS: kafka.open }), silentLogger);
  });
  afterAll(() => superuser.close());

  /** What the service of this user needs, by the names that its settings have. */
  function aclsOf(service: Config): Acl[] {
    const rows = new Map(settingsTable.map((row) => [row.env, row.path]));
    return needed.map((acl) => {
      const path = rows.get(acl.name) as keyof Config;
      const suffix = acl.resource.endsWith(', prefixed') ? '-' : '';
      return { ...acl, name: `${service[path]}${suffix}` };
    });
  }

  function serviceConfig(user: string): Config {
    return config({
      ...saslEnv('SCRAM-SHA-512'),
      KAFKA_SASL_USERNAME: user,
      ISTHMUS_APP_ID: user,
      ISTHMUS_INPUT_TOPIC: `${user}.events`,
      ISTHMUS_RECOMMENDATIONS_TOPIC: `${user}.lists`,
      ISTHMUS_ITEMS_TOPIC: `${user}.items`,
      ISTHMUS_SNAPSHOT_INTERVAL_MS: '400',
      ISTHMUS_SNAPSHOT_KEEP: '1',
      ISTHMUS_BACKEND: 'plain',
    });
  }

  /** Runs a service until `done`, or until it says that something is not allowed. */
  async function run(
    service: Config,
    done: (said: readonly string[]) => boolean | Promise<boolean>,
  ): Promise<string[]> {
    const said: string[] = [];
    const destination = { write: (line: string): unknown => said.push(line) };
    const logger = createLogger({ destination });
    const transport = await openKafka(service, logger);
    const begin = async (): Promise<Service> => {
      const started = await Service.create({
        config: service,
        transport,
        logger,
        tracing: noTracing,
      });
      started.ended.catch((error: Error) => said.push(error.message));
      await started.start();
      return started;
    };
    const started = await begin().catch((error: Error) => {
      said.push(error.message);
      return null;
    });
    const deadline = Date.now() + 40_000;
    const denied = (): boolean => said.some((line) => line.includes('Kafka does not allow'));
    for (let wave = 0; !denied() && !(await done(said)) && Date.now() < deadline; wave++) {
      await feed(service, wave);
      await sleep(100);
    }
    await started?.close().catch(() => undefined);
    await transport.close();
    return said;
  }

  async function feed(service: Config, wave: number): Promise<void> {
    const topic = service.inputTopic;
    const producer = await superuser.producer();
    await producer.send([
      ...['ann', 'bob'].map((userId) =>
        eventRecord(topic, { userId, itemId: `${userId}-${wave}` }),
      ),
      { topic, key: 'ann', value: Buffer.from('no event') },
    ]);
    await producer.close();
  }

  test('let the service do all that it does', async () => {
    const service = serviceConfig(USER);
    await createTopics(superuser, service, 1);
    await kafka.grant(USER, aclsOf(service));
    const said = await run(service, async (lines) => {
      const pruned = lines.some((line) => line.includes('superfluous snapshots and deltas'));
      return pruned && (await readLists(superuser, service)).length > 0;
    });
    expect(said.filter((line) => /does not allow|"level":"(error|fatal)"/.test(line))).toEqual([]);
    expect(said.join()).toContain('superfluous snapshots and deltas');
    expect(await readLists(superuser, service)).not.toEqual([]);
    expect(await readAll(superuser, service.deadLetterTopic)).not.toEqual([]);
  });

  test.each(needed.map((acl, index) => ({ ...acl, index })))(
    'are all needed: $operation on $name ($resource)',
    async ({ index, operation, resource }) => {
      const service = serviceConfig(lacking(index));
      await createTopics(superuser, service, 1);
      // Something to restore.
      const producer = await superuser.producer();
      await producer.send([{ topic: service.userStateTopic, key: 'carl', value: null }]);
      await producer.close();
      const acls = aclsOf(service);
      const [without] = acls.splice(index, 1);
      await kafka.grant(lacking(index), acls);
      const said = await run(service, () => false);
      const what = resource.replace(', prefixed', '');
      expect(said.join('\n')).toMatch(
        new RegExp(
          `does not allow this client (${operation}|Describe) on ${what} '${without!.name}`,
        ),
      );
    },
  );
});

describe('commands', () => {
  const env = (): Record<string, string> => ({
    ...saslEnv('SCRAM-SHA-512'),
    KAFKA_SASL_USERNAME: OPERATOR,
    ISTHMUS_APP_ID: OPERATOR,
    ISTHMUS_INPUT_TOPIC: `${OPERATOR}.events`,
    ISTHMUS_RECOMMENDATIONS_TOPIC: `${OPERATOR}.lists`,
    ISTHMUS_ITEMS_TOPIC: `${OPERATOR}.items`,
  });

  test('make topics and write events with no more than the ACLs of docs/security.md', async () => {
    const topics = applicationTopics(config(env()), 1).map(({ topic }) => topic);
    await kafka.grant(
      OPERATOR,
      topics.flatMap((name) =>
        ['Create', 'Describe'].map((operation) => ({ resource: 'topic', name, operation })),
      ),
    );
    const made = await isthmus(['topics', 'create', '--partitions', '1'], env());
    expect(made).toMatchObject({ code: 0 });

    const csv = file('events.csv', csvOf(eventRows(3, 2)));
    const refused = await isthmus(['produce', '--file', csv], env());
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(
      /NOT_AUTHORISED: Kafka does not allow this client IdempotentWrite .* or Write on the topic/,
    );

    await kafka.grant(OPERATOR, [
      { resource: 'topic', name: `${OPERATOR}.events`, operation: 'Write' },
    ]);
    expect(await isthmus(['produce', '--file', csv], env())).toMatchObject({ code: 0 });
  });

  test('show dead letters and send them back', async () => {
    const service = { ...env(), ISTHMUS_APP_ID: USER, ISTHMUS_INPUT_TOPIC: `${USER}.events` };
    const topic = (name: string, operation: string): Acl => ({
      resource: 'topic',
      name,
      operation,
    });
    await kafka.grant(OPERATOR, [topic(`${USER}.events.dlq`, 'Read')]);
    const list = await isthmus(['dlq', 'list', '--limit', '1'], service);
    expect(list).toMatchObject({ code: 0 });
    const [id = ''] = /\b0:\d+\b/.exec(list.stdout) ?? [];
    expect(await isthmus(['dlq', 'show', id], service)).toMatchObject({ code: 0 });

    await kafka.grant(OPERATOR, [
      topic(`${USER}.events.dlq`, 'Write'),
      topic(`${USER}.events`, 'Write'),
      { resource: 'transactional id', name: `${USER}/dlq-replay`, operation: 'Write' },
    ]);
    const replayed = await isthmus(['dlq', 'replay', '--all', '--json'], service);
    expect(replayed).toMatchObject({ code: 0 });
    expect(JSON.parse(replayed.stdout).replayed.length).toBeGreaterThan(0);
  });

  test('end with 2 where the password is wrong', async () => {
    const ended = await isthmus(['topics', 'list'], {
      ...env(),
      KAFKA_SASL_PASSWORD_FILE: file('no', 'no'),
    });
    expect(ended).toMatchObject({ code: 2 });
    expect(ended.stderr).toContain('AUTHENTICATION_FAILED: The credentials were refused by');
  });
});
