import { createServer } from 'node:net';
import { portInUse } from './errors.js';

/** Returns a port of 127.0.0.1 that nobody listens on: `wanted`, or any. Errors: PORT_IN_USE (usage). */
export function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(portInUse(wanted, error)));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : wanted;
      server.close(() => resolve(port));
    });
  });
}
