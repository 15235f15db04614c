import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Issued {
  readonly cert: string;
  readonly key: string;
  /** Key and certificate in one file, as Kafka takes a PEM key store. */
  readonly both: string;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** An authority of a test's own, made by openssl. All that it returns are paths. */
export class Authority {
  readonly cert: string;
  readonly #folder: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
    this.cert = join(folder, 'ca.pem');
    openssl(
      ...['req', '-x509', ...EC, '-keyout', this.#file('ca.key'), '-out', this.cert],
      ...['-days', '2', '-subj', '/CN=isthmus test authority'],
    );
  }

  /** Signs a certificate for `name`; `days` below 0: one that has expired. */
  issue(name: string, options: { san?: string; days?: number } = {}): Issued {
    const { san = 'IP:127.0.0.1', days = 2 } = options;
    const [key, request, cert] = [`${name}.key`, `${name}.csr`, `${name}.crt`].map((file) =>
      this.#file(file),
    ) as [string, string, string];
    openssl(
      ...['req', '-new', ...EC, '-keyout', key, '-out', request, '-subj', `/CN=${name}`],
      ...['-addext', `subjectAltName=${san}`],
    );
    openssl(
      ...['x509', '-req', '-in', request, '-CA', this.cert, '-CAkey', this.#file('ca.key')],
      ...['-days', String(days), '-copy_extensions', 'copy', '-out', cert],
    );
    const both = this.#file(`${name}.pem`);
    writeFileSync(both, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
    return { key, cert, both };
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
