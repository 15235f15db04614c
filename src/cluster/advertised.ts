import { hostname, networkInterfaces } from 'node:os';

const WILDCARDS = new Set(['0.0.0.0', '::', '']);

/**
 * Returns the address at which other processes reach this one, from what it listens on: the host
 * itself, or where it listens on all of them the machine's first address that is not local (a pod's
 * own, in Kubernetes), or its name where there is none.
 *
 *     advertisedUrl('127.0.0.1', 8080)  ->  http://127.0.0.1:8080
 *     advertisedUrl('0.0.0.0', 8080)    ->  http://10.0.3.17:8080
 */
export function advertisedUrl(
  host: string,
  port: number,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): string {
  const reachable = WILDCARDS.has(host) ? outward(interfaces) : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function outward(interfaces: ReturnType<typeof networkInterfaces>): string {
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const outer = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const first = outer.find(({ family }) => family === 'IPv4') ?? outer[0];
  return first?.address ?? hostname();
}
