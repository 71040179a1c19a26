import { EEXIST, EINVAL, EOPNOTSUPP, ESRCH } from '@ns/errno';
import { AF_INET, type InAddr, parseInAddr } from '@ns/wire';
import { expect, it } from 'vitest';
import { ribAdd, ribLookup, ROUTE, routeDump, RT_DEFAULT_FIB, rtalloc1, RTF_DYNAMIC, RTF_GATEWAY, RTF_STATIC, RTM_ADD, RTM_CHANGE, RTM_DELETE, RTM_GET, rtredirect, rtrequest1 } from '../src/index.ts';
import { Lab } from '../../ip/test/lab.ts';

const A = (text: string): InAddr => parseInAddr(text)!;

it('T36 the interface without tables still works, on the default one, and says the same as the one with', () => {
  const lab = new Lab({ tunables: { 'net.fibs': '3' } });
  const rv = ROUTE.get(lab.vnet);
  rv.addAddrAllfibs = true;
  const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
  const gateway = (text: string, gw: string): Parameters<typeof rtrequest1>[2] => ({ dst: A(text), prefixlen: 16, flags: RTF_GATEWAY | RTF_STATIC, gw: A(gw) });
  expect(rtrequest1(lab.vnet, RTM_ADD, gateway('172.16.0.0', '10.0.0.9'))).toBe(0);
  expect(rtrequest1(lab.vnet, RTM_ADD, gateway('172.16.0.0', '10.0.0.9'))).toBe(EEXIST);
  const has = (fib: number): boolean => routeDump(lab.vnet, fib, AF_INET).some((r) => `${r.dst}` === '172.16.0.0');
  expect([0, 1, 2].map(has)).toEqual([true, false, false]);
  expect(rtalloc1(lab.vnet, A('172.16.1.1'))).toBe(ribLookup(rv.inet(RT_DEFAULT_FIB), A('172.16.1.1')));
  expect(`${rtalloc1(lab.vnet, A('172.16.1.1'))?.gw}`).toBe('10.0.0.9');
  expect(rtrequest1(lab.vnet, RTM_CHANGE, gateway('172.16.0.0', '10.0.0.8'))).toBe(0);
  expect(`${rtalloc1(lab.vnet, A('172.16.1.1'))?.gw}`).toBe('10.0.0.8');
  // A redirect goes into table 0, though another table has the same gateway.
  expect(ribAdd(rv.inet(1), gateway('172.16.0.0', '10.0.0.8'))).toBe(0);
  expect(rtredirect(lab.vnet, A('172.16.5.5'), A('10.0.0.7'), A('10.0.0.8'), em.ifp)).toBe(0);
  expect(rtredirect(lab.vnet, A('172.16.5.6'), A('10.0.0.7'), A('10.0.0.99'), em.ifp)).toBe(EINVAL);
  expect([0, 1].map((fib) => routeDump(lab.vnet, fib, AF_INET).filter((r) => (r.flags & RTF_DYNAMIC) !== 0).length)).toEqual([1, 0]);
  expect(rtrequest1(lab.vnet, RTM_DELETE, gateway('172.16.0.0', '10.0.0.8'))).toBe(0);
  expect(rtrequest1(lab.vnet, RTM_DELETE, gateway('172.16.0.0', '10.0.0.8'))).toBe(ESRCH);
  expect(rtrequest1(lab.vnet, RTM_GET, gateway('172.16.0.0', '10.0.0.8'))).toBe(EOPNOTSUPP);
  expect(rtalloc1(lab.vnet, A('172.16.1.1'))).toBe(null);
});
