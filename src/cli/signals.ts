/** Exit code of a command that Ctrl-C has ended before its end. */
export const EXIT_INTERRUPTED = 130;

/**
 * Returns a signal that the first SIGINT or SIGTERM aborts, so that the command can come to a clean
 * end. The second one ends the process at once.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const take = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(name === 'SIGINT' ? EXIT_INTERRUPTED : 143);
    stop.abort(new Error(`${name} was received`));
  };
  process.on('SIGINT', take);
  process.on('SIGTERM', take);
  return stop.signal;
}

/** Fulfilled when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
