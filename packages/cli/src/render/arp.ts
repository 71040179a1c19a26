import type { NeighboursSnapshot, NeighbourSnapshot } from '../snapshot/neighbours.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

/** Source: FreeBSD arp/arp.c, print_entry(). */
function row(n: NeighbourSnapshot): string {
  const life = n.expire === null ? ' permanent' : n.expire > 0 ? ` expires in ${n.expire} seconds` : ' expired';
  return `? (${n.address}) at ${n.ether ?? '(incomplete)'} on ${vis(n.netif)}${life}${n.published ? ' published' : ''} [ethernet]\n`;
}

/** Neighbours as arp(8) shows them. There is no resolver here, so every name is `?`. @public */
export function renderArp(s: NeighboursSnapshot): string {
  checkSnapshot('arp', s);
  return s.neighbours.map(row).join('');
}
