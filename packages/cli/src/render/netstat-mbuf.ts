import type { MbufSnapshot } from '../snapshot/mbufs.ts';
import { checkSnapshot } from '../snapshot/version.ts';

/**
 * Memory of packets as `netstat -m` shows it. What this stack has no counterpart for (delayed requests, 9k clusters, sendfile) is left out or 0.
 * Source: FreeBSD netstat/mbuf.c.
 * @public
 */
export function renderNetstatMbuf(s: MbufSnapshot): string {
  checkSnapshot('netstat -m', s);
  const { mbufs: m, headers: h, clusters: c, jumbop: p, jumbo16: x } = s;
  const total = (z: { current: number; cache: number }): number => z.current + z.cache;
  const cur = [h, c, p, x].reduce((n, z) => n + z.current * z.size, 0);
  const cache = [h, c, p, x].reduce((n, z) => n + z.cache * z.size, 0);
  const k = (n: number): string => `${Math.floor(n / 1024)}K`;
  const page = Math.floor(p.size / 1024);
  return [
    `${m.current}/${m.cache}/${total(m)} mbufs in use (current/cache/total)`,
    `${c.current}/${c.cache}/${total(c)}/${c.max} mbuf clusters in use (current/cache/total/max)`,
    `${h.current}/${h.cache} mbuf+clusters out of packet secondary zone in use (current/cache)`,
    `${p.current}/${p.cache}/${total(p)}/${p.max} ${page}k (page size) jumbo clusters in use (current/cache/total/max)`,
    '0/0/0/0 9k jumbo clusters in use (current/cache/total/max)',
    `${x.current}/${x.cache}/${total(x)}/${x.max} 16k jumbo clusters in use (current/cache/total/max)`,
    `${k(cur)}/${k(cache)}/${k(cur + cache)} bytes allocated to network (current/cache/total)`,
    `${m.denied}/${c.denied}/${h.denied} requests for mbufs denied (mbufs/clusters/mbuf+clusters)`,
    '0/0/0 requests for mbufs delayed (mbufs/clusters/mbuf+clusters)',
    `0/0/0 requests for jumbo clusters delayed (${page}k/9k/16k)`,
    `${p.denied}/0/${x.denied} requests for jumbo clusters denied (${page}k/9k/16k)`,
    `${s.external} pieces of application memory in use`,
  ]
    .map((l) => `${l}\n`)
    .join('');
}
