import { readFileSync } from 'node:fs';

/** Returns the middle value (the mean of the middle two); NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Returns the smallest value that at least `share` of the values do not exceed; NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = Math.max(0, Math.ceil(share * sorted.length) - 1);
  return sorted[place] ?? Number.NaN;
}

/**
 * Returns the mean of the ratios own[i] / peers[i] and its standard error, σ / √n; NaN for none, an error of NaN
 * for one. Both of a pair were measured one after the other or at the same time, so that what the machine did
 * then is in both.
 *
 *     ratioOf([11, 12, 26], [10, 10, 20]); // ratio 1.2, error 0.0577
 */
export function ratioOf(
  own: readonly number[],
  peers: readonly number[],
): { readonly ratio: number; readonly error: number } {
  const n = own.length;
  const ratios = own.map((value, i) => value / peers[i]!);
  const ratio = ratios.reduce((sum, one) => sum + one, 0) / n;
  const squares = ratios.reduce((sum, one) => sum + (one - ratio) ** 2, 0);
  return { ratio, error: Math.sqrt(squares / (n - 1) / n) };
}

/** Returns how long the work took by the clock, in seconds. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** Returns the CPU time of this process so far, all its threads together, in seconds. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Returns the CPU time of the thread that JavaScript runs on; null where the system does not tell. */
export function mainThreadCpuSeconds(): number | null {
  try {
    // The first figure is the time on a core, in nanoseconds.
    const [nanoseconds] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ');
    return Number(nanoseconds) / 1e9;
  } catch {
    return null;
  }
}

/** Of Linux on every platform that Node runs on: a clock tick in /proc is 10 ms. */
const TICKS_PER_SECOND = 100;

/** Returns the CPU time of another process so far, in seconds; null where the system does not tell. */
export function cpuSecondsOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces; utime and stime are the fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

export interface Contender {
  readonly name: string;
  /** Does the work once; returns how many units it did. */
  readonly run: () => number;
}

/**
 * Returns seconds of CPU per unit of work by name: the median over rounds in which the contenders
 * take turns, so that whatever else the machine does meets all of them alike. The first round warms
 * up and does not count. A round of one contender lasts at least `leastMs`.
 */
export function takeTurns(
  contenders: readonly Contender[],
  { rounds = 5, leastMs = 250 }: { rounds?: number; leastMs?: number } = {},
): Map<string, number> {
  const found = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const { name, run } of contenders) {
      const begin = performance.now();
      const cpu = ownCpuSeconds();
      let units = 0;
      do units += run();
      while (performance.now() - begin < leastMs);
      if (round > 0) found.get(name)!.push((ownCpuSeconds() - cpu) / units);
    }
  }
  return new Map([...found].map(([name, values]) => [name, median(values)]));
}
