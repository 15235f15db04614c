/**
 * fast-check with a seed of its own, so that a change is judged by itself and not by what is drawn that day.
 * Others are tried with `PROPERTY_SEED=$RANDOM npm run test:slow`.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 20_261_128) });

export { fc };
