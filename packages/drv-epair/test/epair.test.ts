import { EEXIST, ENXIO } from '@ns/errno';
import { EPAIR_DRIVER, epair } from '@ns/drv-epair';
import { ether } from '@ns/ether';
import {
  IFCAP_LRO,
  IFCAP_RXCSUM,
  IFCAP_RXCSUM_IPV6,
  IFCAP_TSO,
  IFCAP_TXCSUM,
  IFCAP_TXCSUM_IPV6,
  IFCOUNTER_IPACKETS,
  IFCOUNTER_IQDROPS,
  IFCOUNTER_OBYTES,
  IFCOUNTER_OPACKETS,
  IFCOUNTER_OQDROPS,
  IFF_DRV_RUNNING,
  IFNET_KPI,
  IFT_ETHER,
  LINK_STATE_DOWN,
  LINK_STATE_UP,
  SIOCIFCREATE,
  SIOCIFDESTROY,
  SIOCSIFCAP,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
  SIOCSIFVNET,
} from '@ns/ifnet-kpi';
import { ifioctl, IFNET, IFNET_LINK_EVENT, type Ifnet, ifnet, ifnetOf, ifTransmit, ifUp, ifunit } from '@ns/ifnet';
import { Kernel, type VirtualHost, virtualHost, type Vnet } from '@ns/kern';
import {
  CSUM_COALESCED,
  CSUM_IP,
  CSUM_IP6_TCP,
  CSUM_IP6_TSO,
  CSUM_IP_TCP,
  CSUM_IP_TSO,
  CSUM_L3_VALID,
  CSUM_L4_CALC,
  CSUM_L4_VALID,
  M_BCAST,
  M_VLANTAG,
  type Mbuf,
  mCopypacket,
  mFreem,
  mTagFind,
  mTagPrepend,
  mToBytes,
  TagKey,
} from '@ns/mbuf';
import { NETISR, netisr, NETISR_EPAIR } from '@ns/netisr';
import { crget, JAILS, vnet } from '@ns/vnet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sumsRight, tcpFrame } from '../../ifnet-kpi/test/frames.ts';

interface Rig {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly v: Vnet;
  readonly a: Ifnet;
  readonly b: Ifnet;
  /** What arrived at b, link header first. */
  readonly got: Mbuf[];
  ask(req: Parameters<typeof ifioctl>[2], where?: Vnet): number;
  caps(ifp: Ifnet, clear: number): void;
  /** A TCP frame that leaves its checksums to the link. */
  frame(v: 4 | 6, len: number, tsoSegsz?: number): Mbuf;
}

function kernel(seed = 1): { host: VirtualHost; kernel: Kernel } {
  const host = virtualHost({ seed });
  const k = new Kernel(host);
  for (const mod of [netisr(), vnet(), ifnet(), ether(), epair()]) expect(k.kldload(mod).message).toBe('');
  return { host, kernel: k };
}

function rig(up = true): Rig {
  const { host, kernel: k } = kernel();
  const v = k.vnets.vnet0;
  const root = crget(v);
  const ask = (req: Parameters<typeof ifioctl>[2], where = v): number => ifioctl(where, req.cmd, req, root);
  expect(ask({ cmd: SIOCIFCREATE, name: 'epair' })).toBe(0);
  const a = ifunit(v, 'epair0a') as Ifnet;
  const b = ifunit(v, 'epair0b') as Ifnet;
  const got: Mbuf[] = [];
  k.service(IFNET_KPI).ifPushOverlay(b.handle, { origin: 'capture', softc: null, ops: { input: (_ifp, m) => void got.push(m) } });
  if (up) [a, b].forEach(ifUp);
  return {
    host,
    kernel: k,
    v,
    a,
    b,
    got,
    ask,
    caps: (ifp, clear) => expect(ask({ cmd: SIOCSIFCAP, name: ifp.name, reqcap: ifp.capenable & ~clear })).toBe(0),
    frame(ver, len, tsoSegsz = 0) {
      const payload = Uint8Array.from({ length: len }, (_, i) => (i * 31) & 0xff);
      const m = k.mbufs.fromBytes(tcpFrame({ v: ver, payload, pseudo: true, seq: 5, id: 9 }));
      if (m === null) throw new Error('pool');
      m.csumFlags = ver === 4 ? CSUM_IP | CSUM_IP_TCP : CSUM_IP6_TCP;
      m.csumData = 16;
      if (tsoSegsz > 0) {
        m.csumFlags |= ver === 4 ? CSUM_IP_TSO : CSUM_IP6_TSO;
        m.tsoSegsz = tsoSegsz;
      }
      return m;
    },
  };
}

describe('a pair', () => {
  it('is two Ethernet interfaces with addresses of their own, grouped, everything on', () => {
    const { a, b } = rig(false);
    expect([a.type, b.type, a.drv, b.drv]).toEqual([IFT_ETHER, IFT_ETHER, EPAIR_DRIVER, EPAIR_DRIVER]);
    expect([a.groups, b.groups]).toEqual([['all', 'epair'], ['all', 'epair']]);
    expect([a.lladdr?.[0], a.lladdr?.[5], b.lladdr?.[5]]).toEqual([0x02, 0x0a, 0x0b]);
    expect([...(a.lladdr ?? [])].slice(1, 5)).toEqual([...(b.lladdr ?? [])].slice(1, 5));
    expect(a.capabilities).toBe(a.capenable);
    expect(a.capabilities).toBe(IFCAP_RXCSUM | IFCAP_TXCSUM | 0x8 | IFCAP_TSO | IFCAP_LRO | 0x80000 | IFCAP_RXCSUM_IPV6 | IFCAP_TXCSUM_IPV6);
    expect([a.mtu, a.baudrate, a.hdrlen]).toEqual([1500, 1e10, 14]);
  });

  it('no two addresses are the same, in one kernel or in two', () => {
    const seen = new Set<string>();
    for (const seed of [1, 2]) {
      const { kernel: k } = kernel(seed);
      for (let i = 0; i < 50; i++) ifioctl(k.vnets.vnet0, SIOCIFCREATE, { cmd: SIOCIFCREATE, name: 'epair' }, crget(k.vnets.vnet0));
      for (const ifp of IFNET.get(k.vnets.vnet0).list) seen.add(String(ifp.lladdr));
    }
    expect(seen.size).toBe(200);
  });

  it('the same seed gives the same addresses', () => {
    expect(rig().a.lladdr).toEqual(rig().a.lladdr);
  });

  it('is made by number or by an end, once; either end takes the other along', () => {
    const r = rig();
    const names = (): string[] => IFNET.get(r.v).list.map((i) => i.name);
    expect(r.ask({ cmd: SIOCIFCREATE, name: 'epair3' })).toBe(0);
    expect(r.ask({ cmd: SIOCIFCREATE, name: 'epair3a' })).toBe(EEXIST);
    expect(r.ask({ cmd: SIOCIFCREATE, name: 'epair5b' })).toBe(0);
    expect(names()).toEqual(['epair0a', 'epair0b', 'epair3a', 'epair3b', 'epair5a', 'epair5b']);
    expect(r.ask({ cmd: SIOCIFDESTROY, name: 'epair3b' })).toBe(0);
    expect(r.ask({ cmd: SIOCIFDESTROY, name: 'epair0a' })).toBe(0);
    expect(names()).toEqual(['epair5a', 'epair5b']);
    expect(r.ask({ cmd: SIOCIFCREATE, name: 'epair' })).toBe(0);
    expect(names().slice(2)).toEqual(['epair0a', 'epair0b']);
    expect(r.ask({ cmd: SIOCIFDESTROY, name: 'epair9a' })).toBe(ENXIO);
  });

  it('takes nothing half: a taken name undoes the other end', () => {
    const r = rig();
    const kpi = r.kernel.service(IFNET_KPI);
    kpi.ifAttach(r.v, { version: 2, drv: { name: 'x', type: 1, ops: { transmit: (_i, m) => (mFreem(m), 0) } }, softc: null, name: 'epair7b' });
    expect(r.ask({ cmd: SIOCIFCREATE, name: 'epair7' })).toBe(EEXIST);
    expect(ifunit(r.v, 'epair7a')).toBeNull();
  });

  it('the link is up when both ends are', () => {
    const r = rig(false);
    const log: string[] = [];
    r.kernel.events.register(IFNET_LINK_EVENT, (ifp, state) => void log.push(`${ifp.name} ${state}`));
    ifUp(r.a);
    r.host.settle();
    expect([r.a.linkState, r.b.linkState, log]).toEqual([LINK_STATE_DOWN, LINK_STATE_DOWN, []]);
    ifUp(r.b);
    r.host.settle();
    expect([r.a.linkState, r.b.linkState]).toEqual([LINK_STATE_UP, LINK_STATE_UP]);
    r.ask({ cmd: SIOCSIFFLAGS, name: 'epair0a', flags: 0 });
    r.host.settle();
    expect(log).toEqual(['epair0b 2', 'epair0a 2', 'epair0a 1', 'epair0b 1']);
    expect([r.a.flags & IFF_DRV_RUNNING, r.b.flags & IFF_DRV_RUNNING]).toEqual([0, IFF_DRV_RUNNING]);
  });

  it('takes any MTU', () => {
    const r = rig();
    expect(r.ask({ cmd: SIOCSIFMTU, name: 'epair0a', mtu: 9000 })).toBe(0);
    expect(r.a.mtu).toBe(9000);
  });
});

describe('crossing', () => {
  it('is by reference: the very mbuf and bytes, after the sender is done', () => {
    const r = rig();
    const m = r.frame(4, 1000);
    const [ext, bytes] = [m.ext, mToBytes(m)];
    expect(ifTransmit(r.a, m)).toBe(0);
    expect(r.got).toEqual([]);
    r.host.settle();
    expect(r.got[0]).toBe(m);
    expect(m.ext).toBe(ext);
    expect(mToBytes(m)).toEqual(bytes);
    expect(ifnetOf(m.rcvif as never)).toBe(r.b);
    expect([r.a.counters[IFCOUNTER_OPACKETS], r.a.counters[IFCOUNTER_OBYTES], r.b.counters[IFCOUNTER_IPACKETS]]).toEqual([1, bytes.length, 1]);
  });

  it('leaves behind what one stack knew: tags, flags, offsets; the flow hash and the VLAN tag go along', () => {
    const r = rig();
    const PF = new TagKey<string>('pf');
    const STAYS = new TagKey<string>('stays', true);
    const m = r.frame(4, 10);
    mTagPrepend(m, PF, 'state');
    mTagPrepend(m, STAYS, 'x');
    m.flags |= M_BCAST | M_VLANTAG | 0x2000;
    m.etherVtag = 7;
    m.l3hlen = 20;
    m.flowid = 99;
    m.rsstype = 0xbf;
    ifTransmit(r.a, m);
    r.host.settle();
    expect([mTagFind(m, PF), mTagFind(m, STAYS)]).toEqual([undefined, 'x']);
    expect([m.flags & (M_BCAST | 0x2000), m.flags & M_VLANTAG, m.etherVtag, m.l3hlen, m.flowid, m.rsstype]).toEqual([0, M_VLANTAG, 7, 0, 99, 0xbf]);
  });

  it.each([4, 6] as const)('vouches for IPv%i checksums that nobody computed', (v) => {
    const r = rig();
    ifTransmit(r.a, r.frame(v, 100));
    r.host.settle();
    const m = r.got[0] as Mbuf;
    expect(m.csumFlags & (CSUM_L4_VALID | CSUM_L4_CALC)).toBe(CSUM_L4_VALID | CSUM_L4_CALC);
    expect(m.csumFlags & CSUM_L3_VALID).toBe(v === 4 ? CSUM_L3_VALID : 0);
    expect(m.csumData).toBe(0xffff);
  });

  it.each([4, 6] as const)('computes IPv%i checksums for a receiver that verifies', (v) => {
    const r = rig();
    r.caps(r.b, v === 4 ? IFCAP_RXCSUM : IFCAP_RXCSUM_IPV6);
    ifTransmit(r.a, r.frame(v, 100));
    r.host.settle();
    const m = r.got[0] as Mbuf;
    expect(m.csumFlags).toBe(0);
    expect(sumsRight(mToBytes(m), v, 14, v === 4 ? 20 : 40)).toBe(true);
  });

  it('says nothing of a sum that the sender computed: the receiver verifies it', () => {
    const r = rig();
    const m = r.frame(4, 100);
    m.csumFlags = 0;
    ifTransmit(r.a, m);
    r.host.settle();
    expect(r.got[0]?.csumFlags).toBe(0);
  });

  it('does not write into a payload that the sender keeps for retransmission', () => {
    const r = rig();
    r.caps(r.b, IFCAP_RXCSUM);
    const m = r.frame(4, 300);
    const kept = mCopypacket(m) as Mbuf;
    const before = mToBytes(kept);
    ifTransmit(r.a, m);
    r.host.settle();
    expect(mToBytes(kept)).toEqual(before);
    expect(sumsRight(mToBytes(r.got[0] as Mbuf), 4, 14, 20)).toBe(true);
  });

  it.each([4, 6] as const)('carries an IPv%i super-segment whole to an end with LRO', (v) => {
    const r = rig();
    ifTransmit(r.a, r.frame(v, 14000, 1448));
    r.host.settle();
    expect(r.got.length).toBe(1);
    const m = r.got[0] as Mbuf;
    expect([m.csumFlags & CSUM_COALESCED, m.tsoSegsz]).toEqual([CSUM_COALESCED, 1448]);
    expect(m.csumFlags & CSUM_L4_VALID).toBe(CSUM_L4_VALID);
  });

  it.each([4, 6] as const)('cuts it for an end without LRO, as a card would (IPv%i)', (v) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 14000 }), fc.integer({ min: 200, max: v === 4 ? 1460 : 1440 }), fc.boolean(), (len, segsz, rxcsum) => {
        const r = rig();
        r.caps(r.b, IFCAP_LRO | (rxcsum ? 0 : IFCAP_RXCSUM | IFCAP_RXCSUM_IPV6));
        const model = r.frame(v, len, segsz);
        const whole = mToBytes(model);
        mFreem(model);
        const hlen = v === 4 ? 54 : 74;
        ifTransmit(r.a, r.frame(v, len, segsz));
        r.host.settle();
        const parts = r.got.map((m) => mToBytes(m));
        expect(parts.length).toBe(Math.ceil(len / segsz));
        expect(Uint8Array.from(parts.flatMap((p) => [...p.subarray(hlen)]))).toEqual(whole.subarray(hlen));
        for (const p of parts) {
          expect(p.length).toBeLessThanOrEqual(1500 + 14);
          if (!rxcsum) expect(sumsRight(p, v, 14, hlen - 34)).toBe(true);
        }
        for (const m of r.got) {
          expect(m.csumFlags & (CSUM_IP_TSO | CSUM_IP6_TSO | CSUM_COALESCED)).toBe(0);
          mFreem(m);
        }
        expect(r.kernel.mbufs.outstanding).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('switching transmit checksums off takes segmentation along', () => {
    const r = rig();
    r.caps(r.a, IFCAP_TXCSUM);
    expect(r.a.capenable & IFCAP_TSO).toBe(0x200);
    expect(r.a.hwassist & (CSUM_IP_TCP | CSUM_IP_TSO)).toBe(0);
    r.caps(r.a, IFCAP_TXCSUM_IPV6);
    expect(r.a.capenable & IFCAP_TSO).toBe(0);
  });

  it('loses into a cable whose far end is down, and counts it', () => {
    const r = rig(false);
    ifUp(r.a);
    expect(ifTransmit(r.a, r.frame(4, 10))).toBe(0);
    r.host.settle();
    expect([r.got.length, r.a.counters[IFCOUNTER_OQDROPS], r.kernel.mbufs.outstanding]).toEqual([0, 1, 0]);
  });

  it('drops at the far end when its queue is full', () => {
    const r = rig();
    r.kernel.service(NETISR).setQlimit(NETISR_EPAIR, 4);
    for (let i = 0; i < 10; i++) ifTransmit(r.a, r.frame(4, 10));
    r.host.settle();
    expect([r.got.length, r.b.counters[IFCOUNTER_IQDROPS]]).toEqual([4, 6]);
  });

  it('holds 42 times ifqmaxlen packets', () => {
    expect(rig().kernel.service(NETISR).getQlimit(NETISR_EPAIR)).toBe(2100);
  });

  it('allocates nothing for a frame', () => {
    const r = rig();
    const sink = { origin: 'sink', softc: null, ops: { input: (_ifp: unknown, m: Mbuf) => mFreem(m) } };
    r.kernel.service(IFNET_KPI).ifPushOverlay(r.b.handle, sink);
    const bytes = mToBytes(r.frame(4, 1000));
    const round = (n: number): void => {
      for (let i = 0; i < n; i++) {
        const m = r.kernel.mbufs.getCl();
        if (m === null) throw new Error('pool');
        m.len = m.pktlen = 1054;
        m.buf.set(bytes, m.off);
        m.csumFlags = CSUM_IP | CSUM_IP_TCP;
        m.csumData = 16;
        ifTransmit(r.a, m);
        if ((i & 63) === 63) r.kernel.swi.run();
      }
      r.kernel.swi.drain();
    };
    round(20000);
    const used = (): number => (globalThis as unknown as { process: { memoryUsage(): { heapUsed: number } } }).process.memoryUsage().heapUsed;
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const before = used();
      round(20000);
      best = Math.min(best, Math.abs(used() - before));
    }
    expect(best / 20000).toBeLessThan(2);
  });
});

describe('between stacks', () => {
  it('joins a jail to its host, and both ends go when the jail that made them does', () => {
    const r = rig();
    const jails = r.kernel.service(JAILS);
    const { jail } = jails.jailSet({ name: 'j', vnet: 'new', persist: true });
    if (jail == null) throw new Error('jail');
    expect(r.ask({ cmd: SIOCSIFVNET, name: 'epair0b', jid: jail.jid })).toBe(0);
    ifUp(r.b);
    ifTransmit(r.a, r.frame(4, 10));
    r.host.settle();
    expect(r.got.length).toBe(1);
    expect(jails.jailRemove(jail.jid).reports).toMatchObject([{ clean: true }]);
    expect([r.b.vnet, r.b.name]).toEqual([r.v, 'epair0b']);
    expect(r.ask({ cmd: SIOCIFDESTROY, name: 'epair0a' })).toBe(0);
    expect(IFNET.get(r.v).list).toEqual([]);
  });

  it('frames on the way when an end moves or dies are freed', () => {
    const r = rig();
    ifTransmit(r.a, r.frame(4, 10));
    expect(r.ask({ cmd: SIOCIFDESTROY, name: 'epair0b' })).toBe(0);
    r.host.settle();
    expect([r.got.length, r.kernel.mbufs.outstanding]).toEqual([0, 0]);
  });

  it('goes with its module and leaves nothing', () => {
    const r = rig();
    ifTransmit(r.a, r.frame(4, 10));
    expect(r.kernel.kldunload('drv-epair')).toMatchObject({ errno: 0 });
    expect(IFNET.get(r.v).list).toEqual([]);
    expect(r.kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});
