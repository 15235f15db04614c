import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type BackendName, createTower } from '../../src/online/tower/backend.js';
import { PHIS } from '../../src/online/tower/phi.js';
import { plainForward, plainTower } from '../../src/online/tower/plain.js';
import type { Tower } from '../../src/online/types.js';
import { gradientError, inFloat32, normals, towerCase } from './tower-cases.js';

const zeros = (length: number): Float64Array => new Float64Array(length);

describe('the plain tower, the oracle of the others', () => {
  for (const phi of ['identity', 'tanh'] as const) {
    it(`has the gradients of central differences in float64, phi = ${phi}`, () => {
      const { input, parameters } = towerCase(1, 7, 3, 4);
      const dQuery = normals('dQuery', input.examples * 4);
      const loss = (): number => {
        const { query } = plainForward(input, parameters, phi, zeros);
        return query.reduce((sum, value, i) => sum + value * dQuery[i]!, 0);
      };
      const pass = plainForward(input, parameters, phi, zeros);
      const { dx, blocks } = pass.backward(dQuery);
      expect([...blocks.keys()].sort()).toEqual([...parameters.blocks.keys()].sort());
      const kinds = new Set([...blocks.keys()].map((key) => key.split('/')[0]));
      expect([...kinds].sort()).toEqual(['A', 'R', 'W', 'gate']);
      expect(gradientError(input.x, dx, loss, 40)).toBeLessThan(1e-7);
      for (const [key, gradient] of blocks) {
        const error = gradientError(parameters.block(key), gradient, loss);
        expect(error, `dLoss/d${key}`).toBeLessThan(1e-7);
      }
    });
  }

  it('passes gradients straight through sign', () => {
    const { input, parameters } = towerCase(2, 5, 2, 4);
    const pass = plainForward(input, parameters, 'sign', zeros);
    const ones = zeros(input.examples * 4).fill(1);
    const { dx } = pass.backward(ones);
    expect(dx.some((value) => value !== 0)).toBe(true);
  });

  it('gives an example without history the bias of the reading', () => {
    const { input, parameters } = towerCase(3, 4, 2, 3);
    const { query } = plainForward(
      { ...input, slots: 0, slotExample: new Int32Array(0), slotSource: new Int32Array(0) },
      parameters,
      'identity',
      zeros,
    );
    const bias = parameters.block('R').subarray(9);
    for (let e = 0; e < input.examples; e++) {
      expect([...query.subarray(e * 3, e * 3 + 3)]).toEqual([...bias]);
    }
  });

  it('has gate weights that sum to one over the slots of an example', () => {
    const { input, parameters } = towerCase(4, 30, 4, 3);
    const { gate } = plainForward(input, parameters, 'identity', zeros);
    const sums = zeros(input.examples);
    for (let i = 0; i < input.slots; i++) sums[input.slotExample[i]!]! += gate[i]!;
    for (const e of new Set(input.slotExample)) expect(sums[e]).toBeCloseTo(1, 12);
  });
});

const towers: { name: BackendName; phi: (typeof PHIS)[number]; tower: Tower }[] = [];
for (const name of ['tensorflow', 'wasm', 'cpu'] as const) {
  for (const phi of PHIS) {
    try {
      towers.push({ name, phi, tower: (await createTower(name, phi)).tower });
    } catch {
      // Not to be had on this machine; wasm and cpu are, which the first test holds.
    }
  }
}

describe('every tower', () => {
  it('is there on wasm and on cpu', () => {
    const names = towers.map(({ name }) => name);
    expect(names).toContain('wasm');
    expect(names).toContain('cpu');
  });

  for (const { name, phi, tower } of towers) {
    for (const [examples, domains, d] of [
      [1, 1, 4],
      [9, 3, 8],
      [150, 2, 32],
      [0, 1, 4],
    ] as const) {
      it(`equals the plain one in float32: ${name}, ${phi}, ${examples} examples, d = ${d}`, () => {
        const { input, parameters } = inFloat32(towerCase(examples, examples, domains, d));
        const dQuery = Float32Array.from(normals('dQuery', examples * d));
        const mine = tower.forward(input, parameters);
        const theirs = plainTower(phi).forward(input, parameters);
        close(mine.query, theirs.query, 'query');
        close(mine.gate, theirs.gate, 'gate');
        const back = mine.backward(dQuery);
        const oracle = theirs.backward(dQuery);
        close(back.dx, oracle.dx, 'dx');
        expect([...back.blocks.keys()].sort()).toEqual([...oracle.blocks.keys()].sort());
        for (const [key, gradient] of oracle.blocks) close(back.blocks.get(key)!, gradient, key);
        mine.dispose();
      });
    }

    it(`holds no tensors after dispose, and gives arrays of its own: ${name}, ${phi}`, () => {
      const { input, parameters } = inFloat32(towerCase(5, 100, 2, 8));
      const before = tf.memory().numTensors;
      const first = tower.forward(input, parameters);
      const kept = first.query.slice();
      first.backward(Float32Array.from(normals('dQuery', 800)));
      first.dispose();
      const second = tower.forward({ ...input, x: input.x.map((x) => -x) }, parameters);
      second.dispose();
      expect(tf.memory().numTensors).toBe(before);
      expect(first.query).toEqual(kept);
    });
  }
});

describe('choosing a backend', () => {
  it('takes the first that works and says why', async () => {
    const { tower, backend, reason } = await createTower('auto');
    expect(tower.backend).toBe(backend);
    expect(['tensorflow', 'wasm']).toContain(backend);
    expect(reason).not.toBe('');
  });

  it('takes the one that is named', async () => {
    for (const name of ['wasm', 'cpu', 'plain'] as const) {
      expect((await createTower(name)).backend).toBe(name);
    }
  });
});

/** Float32 sums of some hundred products, in another order. */
function close(mine: Float32Array, theirs: Float32Array, what: string): void {
  expect(mine.length, what).toBe(theirs.length);
  let scale = 1;
  for (const value of theirs) scale = Math.max(scale, Math.abs(value));
  for (let i = 0; i < mine.length; i++) {
    const error = Math.abs(mine[i]! - theirs[i]!) / scale;
    if (!(error < 1e-5)) expect.fail(`${what}[${i}] is ${mine[i]}, not ${theirs[i]}`);
  }
}
