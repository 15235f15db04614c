import { HeapWorkspace, type Multiply, multiplyInLoops, type Products } from './products.js';

/** The part of TensorFlow.js that is used. */
export type TensorFlow = Pick<
  typeof import('@tensorflow/tfjs-core'),
  'tensor2d' | 'matMul' | 'getBackend' | 'setBackend'
>;

/**
 * Products smaller than this (multiplications) are done in loops: a call to a backend costs some 17 µs
 * whatever the size, which is what loops need for 16 rows of d = 32.
 */
const LEAST_WORK = 16 * 32 * 32;

/**
 * Products by TensorFlow.js. `name` is the backend's name there; it must have been initialised. No
 * tensor outlives a product.
 */
export function tensorProducts(tf: TensorFlow, name: string): Products {
  const into = (out: Float32Array, ...product: Parameters<Multiply<Float32Array>>): void => {
    const [a, aRows, aColumns, b, bRows, bColumns, transposeA, transposeB] = product;
    if (aRows * aColumns * (transposeB ? bRows : bColumns) < LEAST_WORK) {
      multiplyInLoops(out, ...product);
      return;
    }
    const left = tf.tensor2d(sized(a, aRows * aColumns), [aRows, aColumns], 'float32');
    const right = tf.tensor2d(sized(b, bRows * bColumns), [bRows, bColumns], 'float32');
    const result = tf.matMul(left, right, transposeA, transposeB);
    out.set(result.dataSync<'float32'>());
    left.dispose();
    right.dispose();
    result.dispose();
  };
  return {
    // TensorFlow.js has one current backend; switching to one that is initialised is synchronous.
    enter: () => {
      if (tf.getBackend() !== name) void tf.setBackend(name);
    },
    workspace: () => new HeapWorkspace(into),
    multiply: (...product) => {
      const [, aRows, aColumns, , bRows, bColumns, transposeA, transposeB] = product;
      const rows = transposeA ? aColumns : aRows;
      const out = new Float32Array(rows * (transposeB ? bRows : bColumns));
      into(out, ...product);
      return out;
    },
  };
}

function sized(values: Float32Array, length: number): Float32Array {
  return values.length === length ? values : values.subarray(0, length);
}
