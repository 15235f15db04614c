import { address, choice, flag, optionalText, secret } from './setting.js';

const ANY_TEXT = { pattern: /./s, wants: 'text that is not empty' };

/** How this process shows Kafka who it is, and how it knows that it is Kafka. See docs/security.md. */
export const SECURITY_SETTINGS = {
  tls: flag({
    env: 'KAFKA_TLS',
    fallback: false,
    description: "Whether Kafka's listener speaks TLS. The broker's name is always checked.",
  }),
  tlsCaFile: optionalText({
    env: 'KAFKA_TLS_CA_FILE',
    wants: 'the path of a PEM file',
    description:
      'Certificates of the authorities that sign the brokers. None: those that Node.js brings.',
  }),
  tlsCertFile: optionalText({
    env: 'KAFKA_TLS_CERT_FILE',
    wants: 'the path of a PEM file',
    description: 'The certificate of this client and the chain above it. None: without one.',
  }),
  tlsKeyFile: optionalText({
    env: 'KAFKA_TLS_KEY_FILE',
    wants: 'the path of a PEM file',
    description: 'The private key of that certificate.',
  }),
  tlsKeyPassphrase: secret({
    env: 'KAFKA_TLS_KEY_PASSPHRASE',
    ...ANY_TEXT,
    description: 'Opens the private key, where that is encrypted.',
  }),
  saslMechanism: choice({
    env: 'KAFKA_SASL_MECHANISM',
    words: ['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    fallback: 'none',
    description: 'How the client authenticates.',
  }),
  saslUsername: optionalText({
    env: 'KAFKA_SASL_USERNAME',
    wants: 'a name',
    description: 'The user; the client id where tokens come from KAFKA_SASL_TOKEN_URL.',
  }),
  saslPassword: secret({
    env: 'KAFKA_SASL_PASSWORD',
    ...ANY_TEXT,
    description: "The user's password; the client secret where tokens come from an address.",
  }),
  saslTokenFile: optionalText({
    env: 'KAFKA_SASL_TOKEN_FILE',
    wants: 'the path of a file',
    description: 'OAUTHBEARER: a file that holds the token; read for each connection.',
  }),
  saslTokenUrl: address({
    env: 'KAFKA_SASL_TOKEN_URL',
    description: 'OAUTHBEARER: where a token is had for client credentials (RFC 6749, 4.4).',
  }),
  saslTokenScope: optionalText({
    env: 'KAFKA_SASL_TOKEN_SCOPE',
    wants: 'scopes between spaces',
    description: 'The scope that is asked for there.',
  }),
} as const;

type Property = keyof typeof SECURITY_SETTINGS;
type Values = Readonly<Record<string, unknown>>;

const MECHANISM = SECURITY_SETTINGS.saslMechanism.env;

/** What is wrong with the settings together; each sentence names the setting at fault. */
export function securityContradictions(values: Values): string[] {
  return [...tlsProblems(values), ...saslProblems(values)];
}

function tlsProblems(values: Values): string[] {
  const problems: string[] = [];
  for (const property of given(values, 'tlsCaFile', 'tlsCertFile', 'tlsKeyFile')) {
    if (values.tls === false)
      problems.push(`${env(property)} is set: wants KAFKA_TLS=true as well`);
  }
  const pairs = [
    ['tlsCertFile', 'tlsKeyFile'],
    ['tlsKeyFile', 'tlsCertFile'],
    ['tlsKeyPassphrase', 'tlsKeyFile'],
  ] as const;
  for (const [one, other] of pairs) {
    if (values[one] === null || values[other] !== null) continue;
    problems.push(`${env(one)} is set: wants ${env(other)} as well`);
  }
  return problems;
}

function saslProblems(values: Values): string[] {
  const mechanism = String(values.saslMechanism);
  const credentials: Property[] = ['saslUsername', 'saslPassword'];
  const tokens: Property[] = ['saslTokenFile', 'saslTokenUrl', 'saslTokenScope'];
  if (mechanism === 'none') {
    return given(values, ...credentials, ...tokens).map(
      (property) => `${env(property)} is set: wants ${MECHANISM} as well`,
    );
  }
  if (mechanism !== 'OAUTHBEARER') {
    return [
      ...missing(values, credentials, mechanism),
      ...given(values, ...tokens).map(
        (property) => `${env(property)} is set: wants ${MECHANISM}=OAUTHBEARER, not ${mechanism}`,
      ),
    ];
  }
  const { saslTokenFile: file, saslTokenUrl: url } = values;
  if ((file === null) === (url === null)) {
    const both = file === null ? 'neither is' : 'both are';
    return [
      `${env('saslTokenFile')} or ${env('saslTokenUrl')}: ${MECHANISM}=OAUTHBEARER wants one of them, and ${both} set`,
    ];
  }
  if (url !== null) return missing(values, credentials, `OAUTHBEARER with ${env('saslTokenUrl')}`);
  return given(values, ...credentials, 'saslTokenScope').map(
    (property) => `${env(property)} is set: a token from ${env('saslTokenFile')} wants none`,
  );
}

function missing(values: Values, properties: readonly Property[], whose: string): string[] {
  return properties
    .filter((property) => values[property] === null)
    .map((property) => `${env(property)} is not set: ${whose} wants it`);
}

function given(values: Values, ...properties: Property[]): Property[] {
  return properties.filter((property) => values[property] !== null);
}

function env(property: Property): string {
  return SECURITY_SETTINGS[property].env;
}
