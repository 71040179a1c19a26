import type { ModuleDecl } from '@ns/kern';
import { INET } from './inet.ts';
import { PORTRANGE } from './portrange.ts';

/**
 * Module `inpcb`: the protocol table of each vnet and the port ranges (sysctl net.inet.ip.portrange).
 * @public
 */
export function inpcb(): ModuleDecl {
  return { name: 'inpcb', version: 1, vnetVars: [INET, PORTRANGE] };
}
