import { ENXIO } from '@ns/errno';
import { type Netstack, NETSTACK_VERSION } from './netstack.ts';

/**
 * The stack that is there when none is: every method has a safe result. In particular validFib is true for table 0 only; a missing method that answers ENXIO would
 * read as true.
 * @public
 */
export const nullNetstack: Netstack = Object.freeze<Netstack>({
  name: 'null',
  version: NETSTACK_VERSION,
  socreate: () => {},
  vfsExport: () => ENXIO,
  vfsFreeExports: () => {},
  vfsCheckExport: () => ENXIO,
  capabilities: () => 0,
  validFib: (_so, fib) => fib === 0,
});
