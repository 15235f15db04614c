import { expect, it } from 'vitest';
import { Random } from '../../src/online/random.js';
import { HeapWorkspace, multiplyInLoops, type Workspace } from '../../src/online/tower/products.js';
import { simdProducts } from '../../src/online/tower/simd.js';
import { fc } from '../support/properties.js';

const products = simdProducts();
if (products === null) throw new Error('This Node has no WebAssembly with SIMD');
const workspaces: readonly Workspace[] = [new HeapWorkspace(multiplyInLoops), products.workspace()];

/** All that is done with rows of made-up slots and examples, one after the other. */
function results(workspace: Workspace, seed: number, slots: number, examples: number, d: number) {
  const random = Random.of('rows', seed);
  const normals = (length: number): Float32Array =>
    Float32Array.from({ length }, () => random.normal());
  workspace.begin((3 * slots + 2 * examples) * d, 5, (slots + examples + 3 * d + 4) * (d + 4));
  const [x, dy, y] = [slots, slots, slots].map((n) => workspace.floats(n * d));
  const [z, dz] = [examples, examples].map((n) => workspace.floats(n * d));
  const order = Array.from({ length: slots }, (_, i) => ({ i, at: random.float() }));
  order.sort((a, b) => a.at - b.at);
  const places = Int32Array.from(order, ({ i }) => i);
  const slotExample = Int32Array.from({ length: slots }, () => random.below(examples));
  const mixture = { places, slotExample, gate: normals(slots) };
  for (const array of [y!, z!, dz!]) array.set(normals(array.length));

  const rows = workspace.rowsOf(d);
  const [sum, gathered] = [new Float32Array(d), new Float32Array(slots * d)];
  rows.scatterRows(normals(slots * d), places, x!, d);
  rows.addToRows(x!, normals(d), d);
  rows.sumRows(x!, sum, d);
  rows.mixRows(mixture, y!, z!, d);
  const dGate = rows.unmixRows(mixture, y!, dz!, dy!, d);
  rows.gatherRows(dy!, places, gathered, d);
  return [x!.slice(), sum, z!.slice(), dGate, gathered];
}

it('kernels do with rows what the loops do, to the last bit', () => {
  const size = fc.integer({ min: 1, max: 40 });
  const dimension = fc.constantFrom(3, 4, 8, 12, 32);
  fc.assert(
    fc.property(fc.nat(), size, size, dimension, (seed, slots, examples, d) => {
      const [loops, kernels] = workspaces.map((w) => results(w, seed, slots, examples, d));
      expect(kernels).toEqual(loops);
    }),
    { numRuns: 100 },
  );
});
