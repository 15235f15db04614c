import type { Config } from '../../config.js';
import { BACKENDS, createTower } from '../../online/tower/backend.js';
import { type Finding, found, ok } from './report.js';

/** As `engines` of package.json has it. */
export const NEEDED_NODE = [20, 19] as const;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needed, least] = NEEDED_NODE;
  if (major > needed || (major === needed && minor >= least)) return ok('node', `Node ${version}.`);
  return found(
    'node',
    'fail',
    `Node ${version} is too old.`,
    `Install Node ${needed}.${least} or later.`,
  );
}

/** Tries each backend at a small product. */
export async function checkBackends({ backend, learner }: Config): Promise<Finding> {
  const usable: string[] = [];
  const missing: string[] = [];
  for (const name of BACKENDS) {
    try {
      await createTower(name, learner.phi);
      usable.push(name);
    } catch (error) {
      missing.push(error instanceof Error ? error.message : String(error));
    }
  }
  const detail = [`There are ${usable.join(', ')}.`, ...missing.map((one) => `${one}.`)].join(' ');
  if (backend !== 'auto' && !usable.includes(backend)) {
    return found(
      'backends',
      'fail',
      detail,
      'Set ISTHMUS_BACKEND to auto, or `npm run tfjs-node:install` for tensorflow.',
    );
  }
  return ok('backends', detail);
}
