import fc from 'fast-check';

// Properties are the same in every run, so that a red run is red again; NS_SEED=<n> tries other cases, NS_SEED=random new ones each time.
const seed = process.env.NS_SEED ?? '1';
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) | 0 });
