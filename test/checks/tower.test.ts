import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { BlockTable } from '../../src/online/blocks.js';
import { encoderNamed } from '../../src/online/encoders/index.js';
import { type BackendName, createTower } from '../../src/online/tower/backend.js';
import { calibrate, type TypicalWork } from '../../src/online/tower/calibrate.js';
import { PHIS, type Phi } from '../../src/online/tower/phi.js';
import { plainForward, plainTower } from '../../src/online/tower/plain.js';
import type { Tower } from '../../src/online/types.js';
import { availableTowers, skipped } from './backends.js';
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

const towers: { name: BackendName; phi: Phi; tower: Tower }[] = [];
for (const { name } of availableTowers) {
  for (const phi of PHIS) towers.push({ name, phi, tower: (await createTower(name, phi)).tower });
}

describe('every tower', () => {
  it('is there, but for tfjs-node, whose native half is built apart', () => {
    const names = availableTowers.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['wasm', 'cpu', 'simd', 'plain']));
    expect([...skipped.keys()].filter((name) => name !== 'tensorflow')).toEqual([]);
  });

  for (const { name, phi, tower } of towers) {
    for (const [examples, domains, d] of [
      [1, 1, 4],
      [9, 3, 8],
      [40, 6, 7],
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
      second.dispose();
      expect(tf.memory().numTensors).toBe(before);
      expect(first.query).toEqual(kept);
    });

    it(`lets passes stand beside each other: ${name}, ${phi}`, () => {
      const small = inFloat32(towerCase(6, 20, 2, 8));
      const large = inFloat32(towerCase(7, 400, 3, 8));
      const first = tower.forward(small.input, small.parameters);
      const second = tower.forward(large.input, large.parameters);
      const dQuery = Float32Array.from(normals('dQuery', 160));
      const { dx } = first.backward(dQuery);
      second.dispose();
      first.dispose();
      const again = tower.forward(small.input, small.parameters);
      expect(again.backward(dQuery).dx).toEqual(dx);
      again.dispose();
    });
  }
});

/** Work in which a clock of ours decides who is the fastest. */
function work(now: () => number): TypicalWork {
  const blocks = new BlockTable(8, 1);
  return {
    dimension: 8,
    encoder: encoderNamed('mean'),
    examples: 16,
    domains: 3,
    initialBlock: (key) => blocks.get(key).values,
    now,
  };
}

describe('choosing a backend', () => {
  it('by measurement takes the fastest of those that there are, loops left out, and says what each took', async () => {
    // So slow that one alone is not enough.
    const now = (): number => 200 * performance.now();
    const { tower, backend, reason } = await createTower('auto', 'identity', work(now));
    expect(tower.backend).toBe(backend);
    const slow = ['cpu', 'plain'];
    for (const { name } of availableTowers) {
      if (!slow.includes(name)) expect(reason).toContain(`${name} takes`);
    }
    expect(reason).not.toContain('plain takes');
    expect(reason).toContain('ms a mini-batch');
  });

  it('loads no other where the first is fast enough', async () => {
    let clock = 0;
    const now = (): number => (clock += 1);
    const { backend, reason } = await createTower('auto', 'identity', work(now));
    const [first] = ['simd', 'wasm'].filter((name) =>
      availableTowers.some((available) => available.name === name),
    );
    expect(backend).toBe(first);
    expect(reason).toBe(`${first} takes 1.00 ms a mini-batch, and no more than 4 is enough`);
  });

  it('by measurement runs nothing more than twice once its time is over', () => {
    let clock = 0;
    const runs = [0, 0, 0];
    const contenders = runs.map((_, i) => ({
      tower: {
        ...plainTower(),
        forward: (...given: Parameters<Tower['forward']>) => {
          runs[i]!++;
          clock += 500;
          return plainTower().forward(...given);
        },
      },
    }));
    const ranked = calibrate(
      contenders,
      work(() => clock),
    );
    expect(ranked.every(({ whole }) => !whole)).toBe(true);
    expect(runs).toEqual([2, 2, 2]);
  });

  it('by measurement ranks by time, and gives up on what is hopeless early', () => {
    let clock = 0;
    const slowed = (name: string, costMs: number, runs = { count: 0 }) => ({
      name,
      runs,
      tower: {
        ...plainTower(),
        forward: (...given: Parameters<Tower['forward']>) => {
          runs.count++;
          clock += (costMs * given[0].examples) / 16;
          return plainTower().forward(...given);
        },
      },
    });
    const ranked = calibrate(
      [slowed('slow', 8), slowed('fast', 4), slowed('hopeless', 80)],
      work(() => clock),
    );
    expect(ranked.map(({ name, whole }) => [name, whole])).toEqual([
      ['fast', true],
      ['slow', true],
      ['hopeless', false],
    ]);
    expect(ranked.map(({ milliseconds }) => Math.round(milliseconds))).toEqual([4, 8, 80]);
  });

  it('unmeasured takes the same one every time', async () => {
    const choices = await Promise.all([1, 2, 3].map(() => createTower('auto')));
    expect(new Set(choices.map(({ backend }) => backend)).size).toBe(1);
    expect(choices[0]!.reason).not.toBe('');
  });

  it('takes the one that is named', async () => {
    for (const { name } of availableTowers) expect((await createTower(name)).backend).toBe(name);
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
