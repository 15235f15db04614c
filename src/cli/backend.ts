import { IsthmusError } from '../errors.js';

/**
 * Does `work`; where the backend that a setting names cannot be had here, that is a wrong setting
 * (BACKEND_UNAVAILABLE, usage), and the message names it.
 */
export async function withBackend<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { BackendUnavailable } = await import('../online/tower/backend.js');
    if (!(error instanceof BackendUnavailable)) throw error;
    throw new IsthmusError(
      'BACKEND_UNAVAILABLE',
      'usage',
      `ISTHMUS_BACKEND is "${error.backend}", which does not work here: wants auto, or another one (\`npm run tfjs-node:install\` builds tensorflow)`,
      { cause: error.cause },
    );
  }
}
