/**
 * When in the interval, as a part of it, the cycles of a partition begin: the digits of its number in base 2
 * behind the point, the last one first. So those of the tasks of one process are spread evenly, whichever
 * it has: 0, 1/2, 1/4, 3/4 ... (van der Corput's sequence).
 */
export function phaseOf(partition: number): number {
  let phase = 0;
  let digit = 0.5;
  for (let rest = partition; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) phase += digit;
    digit /= 2;
  }
  return phase;
}

/**
 * The next time of the phase, at least half an interval after the last cycle began; in the past for who has
 * had nothing to do for long. Times in milliseconds.
 */
export function nextCycleMs(lastMs: number, intervalMs: number, phase: number): number {
  if (intervalMs === 0 || !Number.isFinite(lastMs)) return lastMs;
  const offset = phase * intervalMs;
  const earliest = lastMs + intervalMs / 2;
  return Math.ceil((earliest - offset) / intervalMs) * intervalMs + offset;
}
