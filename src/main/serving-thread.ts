import { availableParallelism } from 'node:os';
import { type Clock, systemClock } from '../clock.js';
import type { Config } from '../config.js';
import type { BackendName } from '../online/tower/backend.js';

/** Of TensorFlow.js a thread would load a second copy. */
const LIGHT: readonly BackendName[] = ['simd', 'plain'];

/**
 * Whether a thread is to make the lists of cycles. With `auto` never on a clock that is not the machine's, which a
 * thread cannot see, nor out of sources: there is no file then that a thread could load.
 */
export function wantsServingThread(
  { servingThread }: Pick<Config, 'servingThread'>,
  { backend, clock }: { readonly backend: BackendName; readonly clock: Clock },
  { cores = availableParallelism(), compiled = import.meta.url.endsWith('.js') } = {},
): boolean {
  if (servingThread !== 'auto') return servingThread === 'true';
  return compiled && cores > 1 && clock === systemClock && LIGHT.includes(backend);
}
