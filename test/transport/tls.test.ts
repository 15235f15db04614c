import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/transport/kafka/index.js';
import { type TlsFiles, tlsFromFiles } from '../../src/transport/kafka/tls.js';
import { Authority } from '../support/certificates.js';

let folder: string;
let authority: Authority;
let files: TlsFiles & { ca: string; cert: string; key: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-tls-'));
  authority = new Authority(join(folder, 'one'));
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  const first = authority.issue('first');
  files = {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'tls.crt'),
    key: join(folder, 'tls.key'),
    passphrase: () => null,
  };
  copyFileSync(authority.cert, files.ca);
  copyFileSync(first.cert, files.cert);
  copyFileSync(first.key, files.key);
});

describe('TLS from files', () => {
  let server: Server;
  const names: string[] = [];

  beforeAll(async () => {
    const { cert, key } = authority.issue('server');
    server = createServer({
      cert: readFileSync(cert),
      key: readFileSync(key),
      ca: readFileSync(authority.cert),
      requestCert: true,
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      names.push(String(socket.getPeerCertificate().subject.CN));
      socket.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => names.splice(0));
  afterAll(() => server.close());

  async function greet(options: ReturnType<ReturnType<typeof tlsFromFiles>>): Promise<void> {
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ...options });
      socket.on('error', reject).on('close', resolve).resume();
    });
  }

  it('shows the certificate that stands there when the connection is made', async () => {
    const options = tlsFromFiles(files, silentLogger);
    await greet(options());
    const renewed = authority.issue('renewed');
    copyFileSync(renewed.cert, files.cert);
    copyFileSync(renewed.key, files.key);
    await greet(options());
    expect(names).toEqual(['first', 'renewed']);
  });

  it('goes on with the former, and warns, while what stands there is no good', async () => {
    const warnings: string[] = [];
    const warn = (fields: object): unknown => warnings.push(JSON.stringify(fields));
    const options = tlsFromFiles(files, { ...silentLogger, warn });
    copyFileSync(authority.issue('other').cert, files.cert);
    await greet(options());
    rmSync(files.key);
    await greet(options());
    expect(names).toEqual(['first', 'first']);
    expect(warnings[0]).toContain('KAFKA_TLS_KEY_FILE');
    expect(warnings[1]).toContain('ENOENT');
  });

  it('trusts nobody but the authorities in the file', async () => {
    copyFileSync(new Authority(join(folder, 'two')).cert, files.ca);
    await expect(greet(tlsFromFiles(files, silentLogger)())).rejects.toMatchObject({
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
    });
  });
});

describe('a file that is no good stops the start, and the setting is named', () => {
  it.each<[what: string, spoil: () => void, said: string]>([
    ['is not there', () => rmSync(files.ca), 'KAFKA_TLS_CA_FILE'],
    ['is not there', () => rmSync(files.cert), 'KAFKA_TLS_CERT_FILE'],
    ['is not there', () => rmSync(files.key), 'KAFKA_TLS_KEY_FILE'],
    ['is no certificate', () => writeFileSync(files.ca, 'ca'), 'KAFKA_TLS_CA_FILE'],
    ['is no certificate', () => writeFileSync(files.cert, ''), 'KAFKA_TLS_CERT_FILE'],
    ['is no key', () => writeFileSync(files.key, 'key'), 'KAFKA_TLS_KEY_FILE'],
    [
      "is another certificate's key",
      () => copyFileSync(authority.issue('other').key, files.key),
      'KAFKA_TLS_KEY_FILE',
    ],
    [
      'has expired',
      () => copyFileSync(authority.issue('old', { days: -1 }).cert, files.cert),
      'KAFKA_TLS_CERT_FILE',
    ],
  ])('%s (case %#)', (_, spoil, said) => {
    spoil();
    expect(() => tlsFromFiles(files, silentLogger)).toThrow(
      expect.objectContaining({
        code: 'SETTING_INVALID',
        disposition: 'usage',
        message: expect.stringContaining(`${said} is "`),
      }),
    );
  });
});
