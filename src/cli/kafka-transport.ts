import { type Config, readSecret } from '../config.js';
import { fieldsFirst, type Logger } from '../telemetry/logger.js';
import type { KafkaTransport, Sasl } from '../transport/kafka/index.js';

/**
 * Returns the transport to the Kafka that the settings name, as they say. Nothing is connected yet.
 *
 * Errors (usage): CODEC_MISSING; SETTING_INVALID where a file for TLS or a token is no good.
 *
 * @param adminTimeoutMs How long a question to the broker may take before BROKER_UNREACHABLE.
 */
export async function openKafka(
  config: Config,
  logger: Logger,
  adminTimeoutMs = 10_000,
): Promise<KafkaTransport> {
  const { codecOf, KafkaTransport, tlsFromFiles } = await import('../transport/kafka/index.js');
  await codecOf(config.compression);
  const files = {
    ca: config.tlsCaFile,
    cert: config.tlsCertFile,
    key: config.tlsKeyFile,
    passphrase: () => secretNow(config, 'tlsKeyPassphrase', 'KAFKA_TLS_KEY_PASSPHRASE'),
  };
  const log = fieldsFirst(logger);
  const sasl = await saslOf(config);
  return new KafkaTransport({
    brokers: config.brokers,
    clientId: config.appId,
    logger: log,
    compression: config.compression,
    maxBatchBytes: config.maxRecordBytes,
    adminTimeoutMs,
    ...(config.tls ? { tls: tlsFromFiles(files, log) } : {}),
    ...(sasl === null ? {} : { sasl }),
  });
}

/** loadConfig has seen to it that what a mechanism needs is there. */
async function saslOf(config: Config): Promise<Sasl | null> {
  const mechanism = config.saslMechanism;
  if (mechanism === 'none') return null;
  const username = config.saslUsername ?? '';
  const password = (): string => secretNow(config, 'saslPassword', 'KAFKA_SASL_PASSWORD') ?? '';
  if (mechanism !== 'OAUTHBEARER') return { mechanism, username, password };
  const { tokensOfEndpoint, tokensOfFile } = await import('../transport/kafka/index.js');
  if (config.saslTokenFile !== null) {
    readSecret('KAFKA_SASL_TOKEN_FILE', config.saslTokenFile);
    return { mechanism, token: tokensOfFile(config.saslTokenFile) };
  }
  const endpoint = {
    url: config.saslTokenUrl ?? '',
    clientId: username,
    clientSecret: password,
    scope: config.saslTokenScope,
  };
  return { mechanism, token: tokensOfEndpoint(endpoint) };
}

/** A secret as its file has it now, where it came from one: it may have been changed since the start. */
function secretNow(
  config: Config,
  property: 'saslPassword' | 'tlsKeyPassphrase',
  variable: string,
): string | null {
  const file = config.secretFiles[property];
  return file === undefined ? config[property] : readSecret(`${variable}_FILE`, file);
}
