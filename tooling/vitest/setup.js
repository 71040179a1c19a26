import { setImmediate } from 'node:timers';
import fc from 'fast-check';
import { afterEach } from 'vitest';

// Properties are the same in every run, so that a red run is red again; NS_SEED=<n> tries other cases, NS_SEED=random new ones each time.
const seed = process.env.NS_SEED ?? '1';
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) | 0 });

// Tests in virtual time never wait. Between two of them the runner is given a turn, or it takes a file of many for hung after a minute.
afterEach(() => new Promise((resolve) => setImmediate(resolve)));
