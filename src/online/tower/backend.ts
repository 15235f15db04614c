import type { Tower } from '../types.js';
import type { Phi } from './phi.js';
import { plainTower } from './plain.js';
import { type TensorFlow, TensorTower } from './tensor.js';

/** `tensorflow` is tfjs-node, `plain` typed arrays without TensorFlow.js. */
export type BackendName = 'tensorflow' | 'wasm' | 'cpu' | 'plain';

/** What `auto` tries, in this order. */
export const BACKENDS_IN_ORDER: readonly BackendName[] = ['tensorflow', 'wasm', 'cpu'];

export interface ChosenTower {
  readonly tower: Tower;
  readonly backend: BackendName;
  /** Why this one, for the log: a sentence without a full stop. */
  readonly reason: string;
}

/** A backend was asked for by name and cannot be had here. */
export class BackendUnavailable extends Error {
  readonly backend: BackendName;

  constructor(backend: BackendName, cause: unknown) {
    super(`The backend '${backend}' cannot be used: ${firstLine(cause)}`, { cause });
    this.name = 'BackendUnavailable';
    this.backend = backend;
  }
}

/**
 * A tower on the named backend, or, for `auto`, on the first one that works: tfjs-node (an optional
 * dependency that may be absent or lack its native half), wasm, cpu. Loads nothing over the network.
 *
 * @throws BackendUnavailable if the one named does not work; never for `auto`, which ends at `plain`.
 */
export async function createTower(
  backend: BackendName | 'auto' = 'auto',
  phi: Phi = 'identity',
): Promise<ChosenTower> {
  if (backend !== 'auto') {
    try {
      return { tower: await load(backend, phi), backend, reason: 'it is the one that was named' };
    } catch (cause) {
      throw new BackendUnavailable(backend, cause);
    }
  }
  const missing: string[] = [];
  for (const name of BACKENDS_IN_ORDER) {
    try {
      const tower = await load(name, phi);
      const reason = missing.length === 0 ? 'it is the first choice' : missing.join('; ');
      return { tower, backend: name, reason };
    } catch (cause) {
      missing.push(`${name} does not work here (${firstLine(cause)})`);
    }
  }
  return { tower: plainTower(phi), backend: 'plain', reason: missing.join('; ') };
}

async function load(backend: BackendName, phi: Phi): Promise<Tower> {
  if (backend === 'plain') return plainTower(phi);
  const tf = await import('@tensorflow/tfjs-core');
  // Production mode is the switch that keeps TensorFlow.js from printing banners and warnings.
  tf.env().set('PROD', true);
  if (backend === 'wasm') {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    // Matrices this small gain nothing from threads, and others want the cores.
    wasm.setThreadsCount(1);
  } else if (backend === 'cpu') {
    await import('@tensorflow/tfjs-backend-cpu');
  } else {
    // A name that the compiler does not follow: the package may be absent.
    const optional: string = '@tensorflow/tfjs-node';
    await import(optional);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js refuses '${backend}'`);
  probe(tf, backend);
  return new TensorTower(backend, tf, backend, phi);
}

/** One product, since some backends load and only then fail. */
function probe(tf: TensorFlow, backend: string): void {
  const a = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  const product = tf.matMul(a, a);
  const values = Array.from(product.dataSync());
  a.dispose();
  product.dispose();
  if (values.join() !== '7,10,15,22') throw new Error(`'${backend}' gives wrong products`);
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const line = message.split('\n', 1)[0]!.trim();
  // The place where a file is missing helps nobody, and differs from machine to machine.
  return line.replace(/ (at path:|imported from) .*$/, '');
}
