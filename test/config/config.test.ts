import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeConfig, loadConfig, requireBrokers, settingsTable } from '../../src/config.js';
import { DEFAULT_LEARNER_OPTIONS } from '../../src/online/options.js';
import {
  DEFAULT_PREPROCESS_OPTIONS,
  Preprocessor,
} from '../../src/online/preprocess/preprocessor.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, `${Math.abs(JSON.stringify(content).length)}-${settingsCount++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
let settingsCount = 0;

function failure(run: () => unknown): { code: string; disposition: string; message: string } {
  try {
    run();
  } catch (error) {
    return error as { code: string; disposition: string; message: string };
  }
  throw new Error('nothing was thrown');
}

describe('settings', () => {
  it('have their defaults where nothing is set', () => {
    expect(loadConfig({})).toMatchObject({
      brokers: [],
      appId: 'isthmus',
      inputTopic: 'behavior-events',
      deadLetterTopic: 'behavior-events.dlq',
      userStateTopic: 'isthmus.user-state',
      commitIntervalMs: 100,
      maxTransactionEvents: 4000,
      targetDomains: ['all'],
      delivery: 'exactly-once',
    });
  });

  it('of the learner and of preprocessing have the defaults of those who use them', () => {
    const { learner } = loadConfig({});
    const { seed, ...options } = learner;
    expect(options).toEqual(DEFAULT_LEARNER_OPTIONS);
    expect(seed).toBe(1);
    expect(loadConfig({})).toMatchObject(DEFAULT_PREPROCESS_OPTIONS);
    expect(new Preprocessor(loadConfig({})).options).toMatchObject(DEFAULT_PREPROCESS_OPTIONS);
  });

  it('are taken from the environment before the file before the default', () => {
    const path = file({ topN: 5, listIntervalMs: 7, learner: { phi: 'tanh', dimension: 16 } });
    const config = loadConfig({ ISTHMUS_TOP_N: '6', ISTHMUS_LEARNER_DIMENSION: '8' }, path);
    expect(config).toMatchObject({
      topN: 6,
      listIntervalMs: 7,
      learner: { phi: 'tanh', dimension: 8 },
    });
    expect(config.sources).toMatchObject({
      topN: 'environment',
      listIntervalMs: 'file',
      httpPort: 'default',
      'learner.phi': 'file',
    });
    expect(loadConfig({ ISTHMUS_CONFIG: path }).topN).toBe(5);
  });

  it('that are empty count as not set', () => {
    expect(loadConfig({ ISTHMUS_TOP_N: '', ISTHMUS_CONFIG: '' }).topN).toBe(10);
  });

  it('name topics after the application and the input', () => {
    const config = loadConfig({ ISTHMUS_APP_ID: 'shop', ISTHMUS_INPUT_TOPIC: 'clicks' });
    expect(config.modelDeltasTopic).toBe('shop.model-deltas');
    expect(config.deadLetterTopic).toBe('clicks.dlq');
  });

  it('cannot be changed', () => {
    const config = loadConfig({});
    for (const part of [config, config.learner, config.targetDomains, config.actionWeights]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('for action weights replace the actions that they name', () => {
    const given = '{"view":{"weight":0.1},"stars":{"weight":1,"min":1,"max":10,"positiveFrom":7}}';
    const { actionWeights } = loadConfig({ ISTHMUS_ACTION_WEIGHTS: given });
    expect(actionWeights).toMatchObject({
      view: { weight: 0.1 },
      stars: { max: 10 },
      like: { weight: 1 },
    });
  });

  const valid: [env: string, text: string, property: string, value: unknown][] = [
    ['KAFKA_BROKERS', 'a:9092, b.example:9093,', 'brokers', ['a:9092', 'b.example:9093']],
    ['KAFKA_BROKERS', '[::1]:9092', 'brokers', ['[::1]:9092']],
    ['SCHEMA_REGISTRY_URL', 'http://r:8081', 'schemaRegistryUrl', 'http://r:8081'],
    ['ISTHMUS_TARGET_DOMAINS', 'books,films', 'targetDomains', ['books', 'films']],
    ['ISTHMUS_PREQUENTIAL_SAMPLE', '1e-2', 'prequentialSample', 0.01],
    ['ISTHMUS_HTTP_PORT', '0', 'httpPort', 0],
    ['ISTHMUS_CATCH_UP_LAG', ' 5 ', 'catchUpLagRecords', 5],
    ['KAFKA_TLS', 'true', 'tls', true],
  ];
  for (const [env, given, property, value] of valid) {
    it(`accept ${env}=${given}`, () => {
      expect(loadConfig({ [env]: given })).toMatchObject({ [property]: value });
    });
  }
});

describe('a wrong setting stops the start and says what it wants', () => {
  const invalid: [env: string, text: string, wants: string][] = [
    ['KAFKA_BROKERS', 'localhost', 'host:port'],
    ['KAFKA_BROKERS', ',', 'host:port'],
    ['ISTHMUS_ADVERTISED_URL', 'host:8081', 'http://'],
    ['ISTHMUS_HTTP_PORT', '80a', 'a whole number from 0 to 65535'],
    ['ISTHMUS_HTTP_PORT', '65536', 'a whole number from 0 to 65535'],
    ['ISTHMUS_TOP_N', '1.5', 'a whole number from 1 to 1000'],
    ['ISTHMUS_TOP_N', 'NaN', 'a whole number from 1 to 1000'],
    ['ISTHMUS_TOP_N', '0x10', 'a whole number from 1 to 1000'],
    ['ISTHMUS_DELIVERY', 'twice', 'one of exactly-once, at-least-once'],
    ['ISTHMUS_INPUT_TOPIC', 'a b', 'the name of a topic'],
    ['ISTHMUS_INPUT_TOPIC', '..', 'the name of a topic'],
    ['ISTHMUS_APP_ID', 'my/app', '1 to 100 of the characters'],
    ['ISTHMUS_ACTION_WEIGHTS', '{"view":', 'a JSON object'],
    ['ISTHMUS_ACTION_WEIGHTS', '{"view":{"weight":2}}', 'a JSON object'],
    ['ISTHMUS_ACTION_WEIGHTS', '{"view":{"wait":1}}', 'a JSON object'],
    ['ISTHMUS_ACTION_WEIGHTS', '{"rate":{"weight":1,"min":5,"max":1}}', 'min below max'],
    ['ISTHMUS_LEARNER_PHI', 'relu', 'one of identity, tanh, sign'],
    ['ISTHMUS_RECOMMENDATIONS_TOPIC', 'behavior-events', 'another topic than ISTHMUS_INPUT_TOPIC'],
    ['ISTHMUS_MINI_BATCH', '4096', 'no more than ISTHMUS_MAX_TRANSACTION_EVENTS'],
    ['ISTHMUS_TRANSACTION_TIMEOUT_MS', '1000000', 'a whole number from 1000 to 900000'],
  ];
  for (const [env, given, wants] of invalid) {
    it(`${env}=${given}`, () => {
      const others = env === 'ISTHMUS_MINI_BATCH' ? { ISTHMUS_MAX_TRANSACTION_EVENTS: '100' } : {};
      const error = failure(() => loadConfig({ ...others, [env]: given }));
      expect(error).toMatchObject({ code: 'SETTING_INVALID', disposition: 'usage' });
      expect(error.message).toContain(env);
      expect(error.message).toContain(given.startsWith('{') ? 'is' : given);
      expect(error.message).toContain(wants);
    });
  }

  it('all wrong ones are named at once', () => {
    const { message } = failure(() => loadConfig({ ISTHMUS_TOP_N: 'x', ISTHMUS_HTTP_PORT: 'y' }));
    expect(message).toMatch(/ISTHMUS_HTTP_PORT.*ISTHMUS_TOP_N|ISTHMUS_TOP_N.*ISTHMUS_HTTP_PORT/s);
  });

  it('an unknown name with our prefix, with the one that was meant', () => {
    const error = failure(() => loadConfig({ ISTHMUS_COMMIT_INTERVALL_MS: '5' }));
    expect(error).toMatchObject({ code: 'SETTING_UNKNOWN', disposition: 'usage' });
    expect(error.message).toContain('did you mean ISTHMUS_COMMIT_INTERVAL_MS?');
    expect(failure(() => loadConfig({ ISTHMUS_X: '' })).message).not.toContain('did you mean');
  });

  it('names of others are none of our business', () => {
    expect(() => loadConfig({ PATH: '/bin', KAFKA_OPTS: 'x' })).not.toThrow();
  });

  const files: [content: unknown, code: string, part: string][] = [
    ['{"topN": ', 'SETTING_INVALID', 'cannot be read'],
    [[], 'SETTING_INVALID', 'wants a JSON object'],
    [{ topM: 5 }, 'SETTING_UNKNOWN', 'did you mean topN?'],
    [{ learner: { fi: 1 } }, 'SETTING_UNKNOWN', 'learner.fi'],
    [{ learner: 5 }, 'SETTING_UNKNOWN', 'learner'],
    [{ topN: '5' }, 'SETTING_INVALID', 'ISTHMUS_TOP_N'],
  ];
  for (const [content, code, part] of files) {
    it(`a file with ${JSON.stringify(content)}`, () => {
      const error = failure(() => loadConfig({}, file(content)));
      expect(error.code).toBe(code);
      expect(error.message).toContain(part);
    });
  }

  it('a file that is not there', () => {
    expect(failure(() => loadConfig({}, join(folder, 'none.json'))).code).toBe('SETTING_INVALID');
  });

  it('no brokers, for a command that speaks to Kafka', () => {
    expect(failure(() => requireBrokers(loadConfig({}))).message).toContain('KAFKA_BROKERS');
    expect(() => requireBrokers(loadConfig({ ISTHMUS_TRANSPORT: 'memory' }))).not.toThrow();
    expect(() => requireBrokers(loadConfig({ KAFKA_BROKERS: 'a:1' }))).not.toThrow();
  });
});

describe('what is in force', () => {
  it('is shown without credentials', () => {
    const config = loadConfig({ SCHEMA_REGISTRY_URL: 'https://me:hush-hush@r.example/x' });
    const shown = describeConfig(config);
    expect(JSON.stringify(shown)).not.toContain('hush-hush');
    expect(shown.find((row) => row.name === 'SCHEMA_REGISTRY_URL')).toMatchObject({
      value: 'https://***@r.example/x',
      source: 'environment',
    });
  });

  it('never says a secret, right or wrong', () => {
    const config = loadConfig({ ISTHMUS_HTTP_TOKEN: 'correct-horse-battery' });
    expect(config.httpToken).toBe('correct-horse-battery');
    expect(JSON.stringify(describeConfig(config))).not.toContain('correct-horse');
    const { message } = failure(() => loadConfig({ ISTHMUS_HTTP_TOKEN: 'too short' }));
    expect(message).toMatch(/^ISTHMUS_HTTP_TOKEN is "\*\*\*": wants 16 to 512/);
  });

  it('has every row of the table once', () => {
    const names = describeConfig(loadConfig({})).map((row) => row.name);
    expect(names).toEqual(settingsTable.map((row) => row.env));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('secrets', () => {
  const user = { KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_SASL_USERNAME: 'shop' };
  const secretFile = (text: string): string => file(text);

  it('are read from a file, which is remembered, and without the white space around them', () => {
    const path = secretFile(' s3cret\n');
    const config = loadConfig({ ...user, KAFKA_SASL_PASSWORD_FILE: path });
    expect(config.saslPassword).toBe('s3cret');
    expect(config.sources.saslPassword).toBe('secret file');
    expect(config.secretFiles).toEqual({ saslPassword: path });
    const url = secretFile('https://me:word@r.example/');
    expect(loadConfig({ SCHEMA_REGISTRY_URL_FILE: url }).schemaRegistryUrl).toContain('me:word');
  });

  it.each(settingsTable.filter((row) => row.secret).map((row) => row.env))(
    '%s is had from a file that is not there, empty, or beside the variable: the start stops',
    (name) => {
      const cases: [env: Record<string, string>, said: string][] = [
        [
          { [`${name}_FILE`]: '/nowhere/secret' },
          `${name}_FILE is "/nowhere/secret": wants a file that can be read (ENOENT)`,
        ],
        [{ [`${name}_FILE`]: secretFile(' \n') }, 'wants a file that is not empty'],
        [
          { [`${name}_FILE`]: secretFile('x'), [name]: 'x' },
          `${name} and ${name}_FILE are both set`,
        ],
      ];
      for (const [env, said] of cases) {
        const error = failure(() => loadConfig(env));
        expect(error).toMatchObject({ code: 'SETTING_INVALID', disposition: 'usage' });
        expect(error.message).toContain(said);
      }
    },
  );

  it('are never shown, neither in force nor wrong', () => {
    const config = loadConfig({ ...user, KAFKA_SASL_PASSWORD: 's3cret' });
    expect(JSON.stringify(describeConfig(config))).not.toContain('s3cret');
    const wrong = failure(() => loadConfig({ SCHEMA_REGISTRY_URL: 'me:s3cret@r.example' }));
    expect(wrong.message).not.toContain('s3cret');
    expect(wrong.message).toContain('SCHEMA_REGISTRY_URL is "***": wants an address');
  });
});

describe('settings of a secured Kafka that do not go together', () => {
  const plain = {
    KAFKA_SASL_MECHANISM: 'PLAIN',
    KAFKA_SASL_USERNAME: 'u',
    KAFKA_SASL_PASSWORD: 'p',
  };
  const bearer = { KAFKA_SASL_MECHANISM: 'OAUTHBEARER' };
  const url = { KAFKA_SASL_TOKEN_URL: 'https://id.example/token' };
  const cert = { KAFKA_TLS: 'true', KAFKA_TLS_CERT_FILE: 'c.pem', KAFKA_TLS_KEY_FILE: 'k.pem' };

  it.each<[Record<string, string>, string]>([
    [{ KAFKA_SASL_USERNAME: 'u' }, 'KAFKA_SASL_USERNAME is set: wants KAFKA_SASL_MECHANISM'],
    [{ KAFKA_SASL_TOKEN_FILE: 't' }, 'KAFKA_SASL_TOKEN_FILE is set: wants KAFKA_SASL_MECHANISM'],
    [{ ...plain, KAFKA_SASL_PASSWORD: '' }, 'KAFKA_SASL_PASSWORD is not set: PLAIN wants it'],
    [{ ...plain, KAFKA_SASL_USERNAME: '' }, 'KAFKA_SASL_USERNAME is not set: PLAIN wants it'],
    [{ ...plain, ...url }, 'KAFKA_SASL_TOKEN_URL is set: wants KAFKA_SASL_MECHANISM=OAUTHBEARER'],
    [{ ...plain, KAFKA_SASL_MECHANISM: 'plain' }, 'KAFKA_SASL_MECHANISM is "plain": wants one of'],
    [bearer, 'wants one of them, and neither is set'],
    [{ ...bearer, ...url, KAFKA_SASL_TOKEN_FILE: 't' }, 'wants one of them, and both are set'],
    [{ ...bearer, ...url }, 'KAFKA_SASL_USERNAME is not set: OAUTHBEARER with'],
    [
      { ...bearer, KAFKA_SASL_TOKEN_FILE: 't', KAFKA_SASL_USERNAME: 'u' },
      'KAFKA_SASL_USERNAME is set: a token from KAFKA_SASL_TOKEN_FILE wants none',
    ],
    [{ KAFKA_TLS_CA_FILE: 'ca.pem' }, 'KAFKA_TLS_CA_FILE is set: wants KAFKA_TLS=true'],
    [{ ...cert, KAFKA_TLS_KEY_FILE: '' }, 'KAFKA_TLS_CERT_FILE is set: wants KAFKA_TLS_KEY_FILE'],
    [{ ...cert, KAFKA_TLS_CERT_FILE: '' }, 'KAFKA_TLS_KEY_FILE is set: wants KAFKA_TLS_CERT_FILE'],
    [
      { KAFKA_TLS: 'true', KAFKA_TLS_KEY_PASSPHRASE: 'x' },
      'KAFKA_TLS_KEY_PASSPHRASE is set: wants KAFKA_TLS_KEY_FILE',
    ],
  ])('%j stop the start', (env, said) => {
    const error = failure(() => loadConfig(env));
    expect(error).toMatchObject({ code: 'SETTING_INVALID', disposition: 'usage' });
    expect(error.message).toContain(said);
  });

  it('and those that do, do', () => {
    for (const env of [
      plain,
      cert,
      { ...bearer, KAFKA_SASL_TOKEN_FILE: 't' },
      { ...plain, ...bearer, ...url, KAFKA_SASL_TOKEN_SCOPE: 'kafka' },
    ]) {
      expect(loadConfig(env).sources).toBeDefined();
    }
  });

  it('are found when misspelt, while variables that Kubernetes makes are not ours', () => {
    const error = failure(() => loadConfig({ KAFKA_SASL_PASWORD: 'x' }));
    expect(error.message).toContain('did you mean KAFKA_SASL_PASSWORD?');
    loadConfig({ KAFKA_TLS_SERVICE_HOST: '10.0.0.1', KAFKA_TLS_PORT_9093_TCP_PROTO: 'tcp' });
  });
});
