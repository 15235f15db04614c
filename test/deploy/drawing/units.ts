import type { UNITS } from '../../../deploy/grafana/panels.js';

type Unit = (typeof UNITS)[keyof typeof UNITS];

/** A figure as Grafana would show it in the unit, with three digits. */
export function inUnit(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '-';
  switch (unit as Unit) {
    case 'percentunit':
      return `${three(100 * value)} %`;
    case 's':
      return seconds(value);
    case 'bytes':
      return `${scaled(value, 1024, ['', 'Ki', 'Mi', 'Gi'])}B`;
    case 'Bps':
      return `${scaled(value, 1000, [' ', ' k', ' M', ' G'])}B/s`;
    case 'cps':
    case 'eps':
      return `${scaled(value, 1000, ['', ' k', ' M'])}/s`;
    case 'short':
      return scaled(value, 1000, ['', ' k', ' M', ' G']);
    default:
      return three(value);
  }
}

function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || size >= 1) return size < 600 ? `${three(value)} s` : `${three(value / 60)} min`;
  return size >= 0.001 ? `${three(value * 1000)} ms` : `${three(value * 1e6)} µs`;
}

function scaled(value: number, base: number, steps: readonly string[]): string {
  let [left, step] = [value, 0];
  while (Math.abs(left) >= base && step < steps.length - 1) {
    left /= base;
    step++;
  }
  return `${three(left)}${steps[step]!.startsWith(' ') ? '' : ' '}${steps[step]}`.trimEnd();
}

function three(value: number): string {
  return String(Number(value.toPrecision(3)));
}
