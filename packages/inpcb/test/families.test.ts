/* What holds for both families alike. */
import fc from 'fast-check';
import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH } from '@ns/errno';
import {
  INP_CONNECTED,
  INP_INHASHLIST,
  INP_IPV4,
  INP_IPV6,
  INP_IPV6PROTO,
  type Inpcb,
  inPcbBind,
  inPcbConnect,
  inPcbCtloutput6,
  inPcbDetach,
  inPcbDisconnect,
  inPcbFree,
  inPcbLookupExact,
  inPcbSetTuple,
  inPcbSockaddr,
  inPcbUnbindAddr,
  IPV6_V6ONLY,
  SOCK_STREAM,
  Sockopt,
  SOPT_SET,
} from '@ns/inpcb';
import { AF_INET, AF_INET6, IPPROTO_IPV6 } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { addr, alloc, bench, info, sa, TestSocket } from './harness.ts';

const ADDRS = ['10.0.0.1', '10.0.0.2', '127.0.0.1', '2001:db8::1', '2001:db8::2', '::1'];

interface Family {
  readonly name: string;
  readonly af: number;
  readonly any: string;
  readonly far: string;
  readonly other: string;
  host(n: number): string;
}

const FAMILIES: readonly Family[] = [
  { name: 'IPv4', af: AF_INET, any: '0.0.0.0', far: '192.0.2.1', other: '2001:db8::9', host: (n) => `10.0.0.${n}` },
  { name: 'IPv6', af: AF_INET6, any: '::', far: '2001:db8:7::1', other: '10.0.0.9', host: (n) => `2001:db8::${n}` },
];

interface Row {
  readonly name: string;
  readonly bind?: (f: Family) => readonly [address: string, port: number];
  to(f: Family): string;
  readonly port?: number;
  readonly want?: number;
  /** Local address and peer afterwards. */
  readonly then: (f: Family) => readonly [local: string, peer: string];
}

const unchanged: Row['then'] = (f) => [f.any, f.any];
const ROWS: readonly Row[] = [
  { name: 'a neighbour', to: (f) => f.host(9), then: (f) => [f.host(1), f.host(9)] },
  { name: 'an own address, from that address', to: (f) => f.host(2), then: (f) => [f.host(2), f.host(2)] },
  { name: 'the unspecified address, which is this host', to: (f) => f.any, then: (f) => [f.host(1), f.host(1)] },
  { name: 'a neighbour, from a bound address', bind: (f) => [f.host(2), 7000], to: (f) => f.host(9), then: (f) => [f.host(2), f.host(9)] },
  { name: 'a neighbour, from a bound port', bind: (f) => [f.any, 7000], to: (f) => f.host(9), then: (f) => [f.host(1), f.host(9)] },
  { name: 'port 0', to: (f) => f.host(9), port: 0, want: EADDRNOTAVAIL, then: unchanged },
  { name: 'where no route leads', to: (f) => f.far, want: ENETUNREACH, then: unchanged },
  { name: 'another family', to: (f) => f.other, want: EAFNOSUPPORT, then: unchanged },
  { name: 'a tuple that exists', bind: (f) => [f.host(1), 7999], to: (f) => f.host(9), port: 79, want: EADDRINUSE, then: (f) => [f.host(1), f.any] },
];

describe.each(FAMILIES)('T67 connect of $name, by one table for both families', (f) => {
  it.each(ROWS)('to $name', (row) => {
    const b = bench(1, ADDRS);
    const i = info(b);
    const so = (): TestSocket => new TestSocket(b.root, 0x200, f.af, SOCK_STREAM);
    const taken = alloc(i, so());
    expect(inPcbSetTuple(taken, addr(f.host(1)), 7999, addr(f.host(9)), 79)).toBe(0);
    const inp = alloc(i, so());
    const bound = row.bind?.(f);
    if (bound !== undefined) expect(inPcbBind(inp, sa(...bound), b.root)).toBe(0);
    const want = row.want ?? 0;
    const port = row.port ?? 80;
    expect(inPcbConnect(inp, sa(row.to(f), port), b.root)).toBe(want);
    expect([inp.laddr.toString(), inp.faddr.toString()]).toEqual(row.then(f));
    expect(inp.lport).toBe(bound !== undefined ? bound[1] : want === 0 ? inp.lport || -1 : 0);
    expect((inp.flags2 & INP_CONNECTED) !== 0).toBe(want === 0);
    if (want !== 0) return;
    expect(inp.vflag & (INP_IPV4 | INP_IPV6)).toBe(f.af === AF_INET ? INP_IPV4 : INP_IPV6);
    expect(inPcbLookupExact(i, inp.faddr, port, inp.laddr, inp.lport)).toBe(inp);
    expect(inPcbConnect(alloc(i, so()), sa(row.to(f), port), b.root)).toBe(0); // by another port
    inPcbDisconnect(inp);
    expect(inPcbLookupExact(i, addr(f.host(9)), port, inp.laddr, inp.lport)).toBeNull();
    expect(inPcbSockaddr(inp).port).toBe(inp.lport);
  });
});

/** Lets the flags of `inp` be changed only while no lookup can find it. */
function freeze(inp: Inpcb): void {
  let vflag = inp.vflag;
  Object.defineProperty(inp, 'vflag', {
    get: () => vflag,
    set: (v: number) => {
      if (v !== vflag && (inp.flags & INP_INHASHLIST) !== 0) throw new Error(`vflag ${vflag} -> ${v} in the tables`);
      vflag = v;
    },
  });
}

describe('T70 the families that a pcb speaks', () => {
  it('do not change while it can be found, whatever is done with it', () => {
    const op = fc.constantFrom('bind', 'bindMapped', 'connect6', 'connect4', 'v6only', 'both', 'disconnect', 'unbind', 'tuple4', 'tuple6');
    fc.assert(
      fc.property(fc.array(op, { maxLength: 12 }), fc.boolean(), (ops, dual) => {
        const b = bench(1, ADDRS);
        const i = info(b);
        const inp = alloc(i, new TestSocket(b.root, 0x200, AF_INET6));
        freeze(inp);
        const v6only = (v: number): number => inPcbCtloutput6(inp, new Sockopt(SOPT_SET, IPPROTO_IPV6, IPV6_V6ONLY, v));
        expect(v6only(dual ? 0 : 1)).toBe(0);
        let n = 0;
        for (const o of ops) {
          const before = inp.vflag;
          n++;
          switch (o) {
            case 'bind':
              inPcbBind(inp, sa('::', 6000 + n), b.root);
              break;
            case 'bindMapped':
              inPcbBind(inp, sa('::ffff:10.0.0.1', 6000 + n), b.root);
              break;
            case 'connect6':
              inPcbConnect(inp, sa('2001:db8::9', 80), b.root);
              break;
            case 'connect4':
              inPcbConnect(inp, sa('::ffff:10.0.0.9', 80), b.root);
              break;
            case 'v6only':
            case 'both': {
              const bound = inp.lport !== 0;
              const errno = v6only(o === 'both' ? 0 : 1);
              if (bound) expect([errno, inp.vflag]).toEqual([EINVAL, before]);
              break;
            }
            case 'disconnect':
              if ((inp.flags2 & INP_CONNECTED) !== 0) inPcbDisconnect(inp);
              break;
            case 'unbind':
              if (inp.lport !== 0 && (inp.flags2 & INP_CONNECTED) === 0) inPcbUnbindAddr(inp);
              break;
            case 'tuple4':
              inPcbSetTuple(inp, addr('10.0.0.1'), 9000 + n, addr('10.0.0.9'), 9);
              break;
            default:
              inPcbSetTuple(inp, addr('2001:db8::1'), 9000 + n, addr('2001:db8::9'), 9);
          }
          // A socket of IPv6 stays one, and speaks at least one family.
          expect(inp.vflag & INP_IPV6PROTO).toBe(INP_IPV6PROTO);
          expect(inp.vflag & (INP_IPV4 | INP_IPV6)).not.toBe(0);
        }
        inPcbDetach(inp);
        inPcbFree(inp);
      }),
    );
  });
});
