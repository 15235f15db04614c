import type { Tower } from '../types.js';
import { type Calibrated, calibrate, type TypicalWork } from './calibrate.js';
import { GroupedTower } from './grouped.js';
import type { Phi } from './phi.js';
import { loopProducts, type Products } from './products.js';
import { simdProducts } from './simd.js';
import { type TensorFlow, tensorProducts } from './tensor.js';

/** `tensorflow` is tfjs-node; `simd` (our own kernels) and `plain` (loops) do without TensorFlow.js. */
export type BackendName = 'tensorflow' | 'wasm' | 'cpu' | 'simd' | 'plain';

export const BACKENDS: readonly BackendName[] = ['tensorflow', 'wasm', 'cpu', 'simd', 'plain'];

/**
 * What `auto` measures, in this order. Not `cpu`: it multiplies in loops too, less well than `plain`,
 * and takes a second to show it where an encoder convolves.
 */
const CALIBRATED: readonly BackendName[] = ['simd', 'wasm', 'tensorflow', 'plain'];

/**
 * Where the first one takes no longer than this for a mini-batch, the others are not even loaded: what
 * is left to be gained is little beside the rest of learning, and TensorFlow's library takes 150 MB and
 * half a second.
 */
const ENOUGH_MS = 4;

/** What `auto` takes unmeasured: the same on every machine with the same Node, whatever is installed. */
const UNMEASURED: readonly BackendName[] = ['simd', 'plain'];

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
 * A tower on the named backend. For `auto` with a description of the work, on our kernels where they
 * are fast enough at it here and now, else on the one that is fastest (calibrate.ts); which one that is may differ from start to start, and with it the
 * last bits of what is learned. For `auto` without, on the one that is the same everywhere: that is for
 * whom the same input must give the same bits. Loads nothing over the network.
 *
 * @throws BackendUnavailable if the one named does not work; never for `auto`.
 */
export async function createTower(
  backend: BackendName | 'auto' = 'auto',
  phi: Phi = 'identity',
  work?: TypicalWork,
): Promise<ChosenTower> {
  if (backend !== 'auto') {
    try {
      return { tower: await load(backend, phi), backend, reason: 'it is the one that was named' };
    } catch (cause) {
      throw new BackendUnavailable(backend, cause);
    }
  }
  const found: { backend: BackendName; tower: Tower }[] = [];
  const missing: string[] = [];
  for (const name of work === undefined ? UNMEASURED : CALIBRATED) {
    // Loops are for where nothing else works: a busy moment must not make them look fast.
    if (name === 'plain' && found.length > 0) break;
    try {
      found.push({ backend: name, tower: await load(name, phi) });
      if (work === undefined) break;
      const [first] = found.length === 1 ? calibrate(found, work) : [];
      if (first?.whole && first.milliseconds <= ENOUGH_MS) {
        return { ...first, reason: `${figureOf(first)}, and no more than ${ENOUGH_MS} is enough` };
      }
    } catch (cause) {
      missing.push(`${name} does not work here (${firstLine(cause)})`);
    }
  }
  if (work === undefined) {
    const reason = ['it is the one that gives the same bits everywhere', ...missing].join('; ');
    return { ...found[0]!, reason };
  }
  const ranked = calibrate(found, work);
  return { ...ranked[0]!, reason: [...ranked.map(figureOf), ...missing].join('; ') };
}

function figureOf({ backend, milliseconds, whole }: Calibrated<{ backend: BackendName }>): string {
  return `${backend} takes ${whole ? '' : 'about '}${milliseconds.toFixed(2)} ms a mini-batch`;
}

async function load(backend: BackendName, phi: Phi): Promise<Tower> {
  return new GroupedTower(backend, await productsOf(backend), phi);
}

async function productsOf(backend: BackendName): Promise<Products> {
  if (backend === 'plain') return loopProducts;
  if (backend === 'simd') {
    const products = simdProducts();
    if (products === null) throw new Error('this Node has no WebAssembly with SIMD');
    return products;
  }
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
    // The library reads it when it is loaded; its notes on the processor are not for our log.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
    // A name that the compiler does not follow: the package may be absent.
    const optional: string = '@tensorflow/tfjs-node';
    await import(optional);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js refuses '${backend}'`);
  probe(tf, backend);
  return tensorProducts(tf, backend);
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
  return line.replace(/ (at path:|imported from) .*$/, '').replace(/ '\/[^']*'/g, '');
}
