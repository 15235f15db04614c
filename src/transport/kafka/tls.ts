import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext, type SecureContextOptions } from 'node:tls';
import { describeError, IsthmusError } from '../../errors.js';
import type { TransportLogger } from './logging.js';

/** Paths of PEM files; null where there is none. */
export interface TlsFiles {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** Called each time that the key is read; null where it is not encrypted. */
  readonly passphrase: () => string | null;
}

const SETTINGS = {
  ca: 'KAFKA_TLS_CA_FILE',
  cert: 'KAFKA_TLS_CERT_FILE',
  key: 'KAFKA_TLS_KEY_FILE',
} as const;

/**
 * Returns what makes the options of each new connection. The files are looked at each time, so that
 * renewed certificates are used without a restart; while what stands there is no good (half of it
 * written, say), the last that was goes on being used, with a warning.
 *
 * Errors: SETTING_INVALID (usage), which names the setting, where the files are no good now.
 */
export function tlsFromFiles(files: TlsFiles, logger: TransportLogger): () => ConnectionOptions {
  let texts = read(files);
  let options = optionsOf(files, texts);
  return () => {
    try {
      const now = read(files);
      if (JSON.stringify(now) === JSON.stringify(texts)) return options;
      options = optionsOf(files, now);
      texts = now;
      logger.info({}, 'the TLS files have changed: new connections use what is there now');
    } catch (error) {
      const fields = { error: describeError(error) };
      logger.warn(
        fields,
        'the TLS files have changed and are no good: the former go on being used',
      );
    }
    return options;
  };
}

type Texts = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'passphrase'>;

function read(files: TlsFiles): Texts {
  const texts: Texts = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = files[name];
    if (path === null) continue;
    try {
      texts[name] = readFileSync(path, 'utf8');
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw invalid(`${SETTINGS[name]} is "${path}": wants a file that can be read (${reason})`);
    }
  }
  const passphrase = files.passphrase();
  if (passphrase !== null) texts.passphrase = passphrase;
  return texts;
}

function optionsOf(files: TlsFiles, texts: Texts): ConnectionOptions {
  for (const name of ['ca', 'cert'] as const) {
    const text = texts[name];
    if (text !== undefined) checkCertificate(name, `${files[name]}`, String(text));
  }
  try {
    return { secureContext: createSecureContext(texts) };
  } catch (error) {
    const setting = texts.key === undefined ? SETTINGS.ca : SETTINGS.key;
    const path = texts.key === undefined ? files.ca : files.key;
    const wants =
      texts.key === undefined
        ? 'certificates in PEM'
        : 'the key of the certificate in KAFKA_TLS_CERT_FILE, in PEM, and KAFKA_TLS_KEY_PASSPHRASE where it is encrypted';
    throw invalid(`${setting} is "${path}": wants ${wants} (${describeError(error)})`);
  }
}

function checkCertificate(name: 'ca' | 'cert', path: string, text: string): void {
  const where = `${SETTINGS[name]} is "${path}": wants`;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(text);
  } catch (error) {
    throw invalid(`${where} a certificate in PEM (${describeError(error)})`);
  }
  if (name === 'cert' && Date.parse(certificate.validTo) < Date.now()) {
    throw invalid(`${where} a certificate in force; this one expired at ${certificate.validTo}`);
  }
}

function invalid(message: string): IsthmusError {
  return new IsthmusError('SETTING_INVALID', 'usage', message);
}
