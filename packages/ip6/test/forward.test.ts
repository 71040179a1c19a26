/* Packets for others: RFC 8200 §3, RFC 4007 §9, RFC 4443 §3. */
import type { Nd6Hook } from '@ns/ip6';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { LOG_DEBUG } from '@ns/kern';
import { RTF_BLACKHOLE, RTF_REJECT } from '@ns/route';
import { PFIL, pfil } from '@ns/pfil';
import { PFIL_DROPPED, PFIL_IN, PFIL_OUT, PFIL_PASS, PFIL_TYPE_IP6 } from '@ns/pfil-kpi';
import { describe, expect, it } from 'vitest';
import { addrsOf, bytes, etherFrame, hex, ip6Packet, Lab, type TestIf } from './lab.ts';

interface Router {
  readonly l: Lab;
  readonly a: TestIf;
  readonly b: TestIf;
}

function router(mtuB = 1500): Router {
  const l = new Lab();
  const a = l.ether('02:00:00:00:00:01', '2001:db8:a::1/64');
  const b = l.ether('02:00:00:00:00:02', '2001:db8:b::1/64', { mtu: mtuB });
  l.neighbour(a, '2001:db8:a::2', '02:00:00:00:00:0a');
  l.neighbour(b, '2001:db8:b::2', '02:00:00:00:00:0b');
  l.ip6.forwarding = true;
  return { l, a, b };
}

const packet = (over: { src?: string; dst?: string; hlim?: number; n?: number } = {}): Uint8Array =>
  ip6Packet({ src: over.src ?? '2001:db8:a::2', dst: over.dst ?? '2001:db8:b::2', nxt: 17, payload: bytes(over.n ?? 40), hlim: over.hlim ?? 64 });

/** Type, code and second word of an ICMPv6 error. */
const errorOf = (p: Uint8Array): string => `${p[40]}/${p[41]} ${Number.parseInt(hex(p, 44, 48), 16)}`;

describe('forwarding', () => {
  it('lowers the hop limit and changes nothing else; the second packet takes the cached way', () => {
    const { l, a, b } = router();
    l.in6(a, packet());
    l.in6(a, packet());
    const out = l.out6(b);
    expect(out).toEqual([packet({ hlim: 63 }), packet({ hlim: 63 })]);
    expect([l.ip6.stat.forward, l.ip6.stat.forward_cachehit, l.ip6.stat.forward_cachemiss]).toEqual([2, 1, 1]);
    expect(l.outstanding).toBe(0);
  });

  it('only where net.inet6.ip6.forwarding says so, in each vnet', () => {
    const { l, a, b } = router();
    l.ip6.forwarding = false;
    l.in6(a, packet());
    expect([l.out6(a).length, l.out6(b).length, l.ip6.stat.cantforward]).toEqual([0, 0, 1]);
    expect(l.outstanding).toBe(0);
  });

  const refused: readonly [string, Uint8Array, string | null][] = [
    ['hop limit 1', packet({ hlim: 1 }), '3/0 0'],
    ['hop limit 0', packet({ hlim: 0 }), '3/0 0'],
    ['no route', packet({ dst: '2001:db8:c::1' }), '1/0 0'],
    ['no sender', packet({ src: '::' }), null],
    ['a link-local destination that nobody on its link has', packet({ dst: 'fe80::77' }), '1/3 0'],
  ];
  it.each(refused)('%s', (_name, p, answer) => {
    const { l, a, b } = router();
    l.in6(a, p);
    expect(l.out6(b)).toEqual([]);
    const back = l.out6(a);
    expect(back.map(errorOf)).toEqual(answer === null ? [] : [answer]);
    expect(l.ip6.stat.cantforward).toBe(1);
    expect(l.outstanding).toBe(0);
  });

  it('a link-local sender stays on its link: beyond scope (RFC 4007 §9)', () => {
    const { l, a, b } = router();
    l.neighbour(a, 'fe80::99', '02:00:00:00:00:99');
    l.in6(a, packet({ src: 'fe80::99' }));
    expect(l.out6(b)).toEqual([]);
    const [p] = l.out6(a);
    expect([errorOf(p!), ...addrsOf(p!)]).toEqual(['1/2 0', 'fe80::ff:fe00:1', 'fe80::99']);
    expect(l.outstanding).toBe(0);
  });

  it('tells the sender what the next link takes, and does not fragment', () => {
    const { l, a, b } = router(1280);
    l.in6(a, packet({ n: 1300 }));
    expect(l.out6(b)).toEqual([]);
    const [p] = l.out6(a);
    expect([errorOf(p!), p!.length]).toEqual(['2/0 1280', 1280]);
    expect(l.outstanding).toBe(0);
  });

  it('routes that reject say so, blackholes do not', () => {
    const { l, a } = router();
    expect(l.route('2001:db8:d::/48', '2001:db8:b::2', { flags: RTF_REJECT })).toBe(0);
    expect(l.route('2001:db8:e::/48', '2001:db8:b::2', { flags: RTF_BLACKHOLE })).toBe(0);
    l.in6(a, packet({ dst: '2001:db8:d::1' }));
    l.in6(a, packet({ dst: '2001:db8:e::1' }));
    expect(l.out6(a).map(errorOf)).toEqual(['1/6 0']);
    expect(l.outstanding).toBe(0);
  });

  it('asks neighbour discovery for a redirect when the packet leaves where it came in', () => {
    const { l, a } = router();
    l.neighbour(a, '2001:db8:a::3', '02:00:00:00:00:0c');
    const asked: string[] = [];
    const hook: Nd6Hook = {
      input() {},
      ifaArrived() {},
      ifaReady() {},
      ifaGone() {},
      confirm() {},
      redirect(m: Mbuf, ifp) {
        asked.push(`${ifp.name} ${m.dv.getUint8(m.off + 7)}`);
        mFreem(m);
      },
    };
    l.ip6.nd = hook;
    l.in6(a, packet({ dst: '2001:db8:a::3' }));
    expect(asked).toEqual([`${a.ifp.name} 64`]);
    expect(l.out6(a).map((p) => p[7])).toEqual([63]);
    l.ip6.sendRedirects = false;
    l.in6(a, packet({ dst: '2001:db8:a::3' }));
    expect(asked).toHaveLength(1);
    expect(l.outstanding).toBe(0);
  });

  it('does not send back into a point-to-point link what came from it (RFC 4443 §3.1)', () => {
    const l = new Lab();
    const t = l.p2p('2001:db8:a::1/64');
    l.ip6.forwarding = true;
    l.in6(t, packet({ dst: '2001:db8:a::77' }));
    expect(l.out6(t).map(errorOf)).toEqual(['1/3 0']);
    expect(l.outstanding).toBe(0);
  });

  it('allocates nothing for a packet on a known way', () => {
    const { l, a, b } = router();
    const frame = etherFrame(a.mac, Uint8Array.of(2, 0, 0, 0, 0, 0x0a), packet());
    b.wire.keep = false;
    const pool = l.kernel.mbufs;
    pool.poison = false;
    const run = (n: number): void => {
      for (let i = 0; i < n; i++) {
        const m = pool.getCl(2048, 64)!;
        m.buf.set(frame, m.off);
        m.len = frame.length;
        m.pktlen = frame.length;
        l.kpi.ifInput(a.ifp.handle, m);
      }
    };
    run(100000); // until the code is compiled
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    run(100000);
    const perPacket = (process.memoryUsage().heapUsed - before) / 100000;
    expect(l.ip6.stat.forward_cachehit).toBeGreaterThan(199000);
    expect(perPacket).toBeLessThan(8);
    expect(l.outstanding).toBe(0);
  });

  it('tells the sender when the neighbour cannot be found', () => {
    const { l, a } = router();
    l.in6(a, packet({ dst: '2001:db8:b::77' }));
    expect(l.out6(a).map(errorOf)).toEqual(['1/3 0']);
    expect(l.outstanding).toBe(0);
  });
});

describe('packet filters', () => {
  it('see packets come in, pass through and go out', () => {
    const { l, a, b } = router();
    l.kernel.kldload(pfil());
    const pf = PFIL.get(l.vnet);
    const seen: string[] = [];
    let verdict = PFIL_PASS;
    pf.addHook({
      modname: 'spy',
      rulname: 'r',
      type: PFIL_TYPE_IP6,
      mbufChk: (m, _ifp, flags) => {
        seen.push(`${(flags & PFIL_IN) !== 0 ? 'in' : 'out'} ${m.dv.getUint8(m.off + 7)}`);
        return verdict;
      },
    });
    expect(pf.link('inet6', 'spy:r', PFIL_IN | PFIL_OUT)).toBe(0);
    l.in6(a, packet());
    expect(seen).toEqual(['in 64', 'out 63']);
    expect(l.out6(b)).toHaveLength(1);
    verdict = PFIL_DROPPED;
    l.in6(a, packet());
    expect(l.out6(b)).toEqual([]);
    expect(l.outstanding).toBe(0);
  });

  it('says which packets it cannot pass on, one in log_interval seconds, or none', () => {
    const { l, a } = router();
    l.kernel.log.setLevel('ip6', LOG_DEBUG);
    const lines = (): string[] => l.host.logged.map((x) => x.text).filter((t) => t.includes('cannot forward'));
    for (let i = 0; i < 7; i++) {
      l.in6(a, packet({ src: 'fe80::9' }));
      l.host.advance(1e6);
    }
    expect(lines().length).toBe(2);
    expect(lines()[0]).toContain(`cannot forward src fe80::9, dst 2001:db8:b::2, nxt 17, rcvif ${a.ifp.name}, outif `);
    l.ip6.logCannotForward = false;
    l.host.advance(10e6);
    l.in6(a, packet({ src: '::' }));
    expect(lines().length).toBe(2);
    l.ip6.logCannotForward = true;
    l.in6(a, packet({ src: '::' }));
    expect(lines()[2]).toMatch(/cannot forward src ::, dst 2001:db8:b::2, nxt 17, rcvif [a-z0-9]+$/);
  });
});
