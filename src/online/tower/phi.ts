/**
 * The activation of the interest layer, h = phi(W x + b).
 *
 * The article writes u = sign(W x + b). tanh is a sign that gradients can pass; the identity leaves
 * the sign to the end, since r > 1/2 is exactly sign(logit) = +1.
 */
export type Phi = 'identity' | 'tanh' | 'sign';

export const PHIS: readonly Phi[] = ['identity', 'tanh', 'sign'];

/** Any array of floats that the mathematics can run on: float32 to serve, float64 to check. */
export type Floats = Float32Array | Float64Array;

/** Replaces the pre-activations by h = phi(pre), elementwise. */
export function applyPhi(phi: Phi, values: Floats, start = 0, end = values.length): void {
  if (phi === 'tanh') {
    for (let i = start; i < end; i++) values[i] = Math.tanh(values[i]!);
  } else if (phi === 'sign') {
    for (let i = start; i < end; i++) values[i] = Math.sign(values[i]!);
  }
}

/**
 * Replaces dLoss/dh by dLoss/dpre, elementwise: tanh' = 1 - h²; sign has no gradient of use, so it
 * passes straight through (Bengio, Léonard, Courville 2013, "straight-through").
 */
export function chainPhi(phi: Phi, h: Floats, gradient: Floats, start = 0, end = h.length): void {
  if (phi !== 'tanh') return;
  for (let i = start; i < end; i++) gradient[i]! *= 1 - h[i]! * h[i]!;
}
