import { EAFNOSUPPORT, EHOSTUNREACH, ENETDOWN } from '@ns/errno';
import { LOOP_DRIVER, loop } from '@ns/drv-loop';
import {
  DLT_NULL,
  IFCOUNTER_IBYTES,
  IFCOUNTER_IPACKETS,
  IFCOUNTER_IQDROPS,
  IFCOUNTER_OBYTES,
  IFCOUNTER_OPACKETS,
  IFT_LOOP,
  SIOCIFCREATE,
  SIOCIFDESTROY,
  SIOCSIFCAP,
  SIOCSIFMTU,
} from '@ns/ifnet-kpi';
import { ifAddAddr, ifBpf, ifioctl, type Ifnet, ifnet, ifnetOf, ifSnapshot, ifunit, loifOf } from '@ns/ifnet';
import { BpfD } from '@ns/bpf';
import { Kernel, type VirtualHost, virtualHost } from '@ns/kern';
import { CSUM_IP, CSUM_IP6_TCP, CSUM_IP_TCP, CSUM_L3_VALID, CSUM_L4_VALID, type Mbuf, mFreem, mToBytes, TagKey, mTagPrepend, mTagFind } from '@ns/mbuf';
import { NETISR, netisr, NETISR_IP, NETISR_IPV6, NETISR_POLICY_SOURCE } from '@ns/netisr';
import { crget, JAILS, vnet } from '@ns/vnet';
import { AF_INET, AF_INET6, INADDR_LOOPBACK, IN6ADDR_LOOPBACK } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { sumsRight, tcpFrame } from '../../ifnet-kpi/test/frames.ts';

interface Rig {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly lo: Ifnet;
  /** What reached IPv4 and IPv6 input. */
  readonly got: { readonly af: number; readonly m: Mbuf }[];
  packet(v: 4 | 6, pseudo?: boolean): Mbuf;
}

function rig(): Rig {
  const host = virtualHost();
  const kernel = new Kernel(host);
  for (const mod of [netisr(), vnet(), ifnet(), loop()]) expect(kernel.kldload(mod).message).toBe('');
  const got: { af: number; m: Mbuf }[] = [];
  for (const [proto, name, af] of [[NETISR_IP, 'ip', AF_INET], [NETISR_IPV6, 'ip6', AF_INET6]] as const) {
    kernel.service(NETISR).register({ proto, name, policy: NETISR_POLICY_SOURCE, handler: (m) => void got.push({ af, m }) });
  }
  const lo = loifOf(kernel.vnets.vnet0);
  if (lo === null) throw new Error('no lo0');
  return {
    host,
    kernel,
    lo,
    got,
    packet(v, pseudo = false) {
      const m = kernel.mbufs.fromBytes(tcpFrame({ v, payload: new Uint8Array(64).fill(7), link: 0, pseudo }));
      if (m === null) throw new Error('pool');
      if (pseudo) m.csumFlags = v === 4 ? CSUM_IP | CSUM_IP_TCP : CSUM_IP6_TCP;
      if (pseudo) m.csumData = 16;
      return m;
    },
  };
}

describe('lo0', () => {
  it('is in every vnet from its creation, as FreeBSD has it', () => {
    const r = rig();
    const s = ifSnapshot(r.lo);
    expect(s).toMatchObject({ name: 'lo0', type: IFT_LOOP, mtu: 16384, capabilities: 0x680003, capenable: 0x680003, groups: ['all', 'lo'], lladdr: null, linkState: 0 });
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    expect(r.lo.flags).toBe(0x8049);
    expect(r.lo.addrs[0]).toMatchObject({ prefixlen: 8, broadcast: null });
    const { jail } = r.kernel.service(JAILS).jailSet({ name: 'j', vnet: 'new', persist: true });
    if (jail == null) throw new Error('jail');
    expect(loifOf(jail.vnet)?.name).toBe('lo0');
    expect(r.kernel.service(JAILS).jailRemove(jail.jid).reports).toMatchObject([{ clean: true }]);
  });

  it('cannot be destroyed; lo1 can', () => {
    const r = rig();
    const root = crget(r.kernel.vnets.vnet0);
    const v = r.kernel.vnets.vnet0;
    expect(ifioctl(v, SIOCIFDESTROY, { cmd: SIOCIFDESTROY, name: 'lo0' }, root)).toBe(22);
    expect(ifioctl(v, SIOCIFCREATE, { cmd: SIOCIFCREATE, name: 'lo' }, root)).toBe(0);
    expect(ifunit(v, 'lo1')?.drv).toBe(LOOP_DRIVER);
    expect(loifOf(v)).toBe(r.lo);
    expect(ifioctl(v, SIOCIFDESTROY, { cmd: SIOCIFDESTROY, name: 'lo1' }, root)).toBe(0);
  });

  it('hands back what it is given, of either family, after the sender is done', () => {
    const r = rig();
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    const bytes = [4, 6].map((v) => mToBytes(r.packet(v as 4 | 6)));
    expect(r.lo.output(r.lo, r.packet(4), AF_INET, INADDR_LOOPBACK, null)).toBe(0);
    expect(r.lo.output(r.lo, r.packet(6), AF_INET6, IN6ADDR_LOOPBACK, null)).toBe(0);
    expect(r.got).toEqual([]);
    r.host.settle();
    expect(r.got.map((g) => g.af)).toEqual([AF_INET, AF_INET6]);
    expect(r.got.map((g) => mToBytes(g.m))).toEqual(bytes);
    expect(ifnetOf(r.got[0]?.m.rcvif as never)).toBe(r.lo);
    const n = (bytes[0]?.length ?? 0) + (bytes[1]?.length ?? 0);
    expect([IFCOUNTER_IPACKETS, IFCOUNTER_OPACKETS, IFCOUNTER_IBYTES, IFCOUNTER_OBYTES].map((i) => r.lo.counters[i])).toEqual([2, 2, n, n]);
  });

  it.each([4, 6] as const)('vouches for checksums of IPv%i that nobody computed', (v) => {
    const r = rig();
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    r.lo.output(r.lo, r.packet(v, true), v === 4 ? AF_INET : AF_INET6, INADDR_LOOPBACK, null);
    r.host.settle();
    const m = r.got[0]?.m as Mbuf;
    expect(m.csumFlags & CSUM_L4_VALID).toBe(CSUM_L4_VALID);
    expect(m.csumFlags & CSUM_L3_VALID).toBe(v === 4 ? CSUM_L3_VALID : 0);
    expect(m.csumData).toBe(0xffff);
  });

  it.each([4, 6] as const)('computes them when RXCSUM of IPv%i is off', (v) => {
    const r = rig();
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    const off = v === 4 ? 0x680003 & ~1 : 0x680003 & ~0x200000;
    expect(ifioctl(r.kernel.vnets.vnet0, SIOCSIFCAP, { cmd: SIOCSIFCAP, name: 'lo0', reqcap: off }, crget(r.kernel.vnets.vnet0))).toBe(0);
    r.lo.output(r.lo, r.packet(v, true), v === 4 ? AF_INET : AF_INET6, INADDR_LOOPBACK, null);
    r.host.settle();
    const m = r.got[0]?.m as Mbuf;
    expect(m.csumFlags).toBe(0);
    expect(sumsRight(mToBytes(m), v, 0, v === 4 ? 20 : 40)).toBe(true);
  });

  it('refuses what it cannot carry: down, another family, a rejecting route', () => {
    const r = rig();
    const out = (af: number, ro: object | null): number => r.lo.output(r.lo, r.packet(4), af, INADDR_LOOPBACK, ro);
    expect(out(AF_INET, null)).toBe(ENETDOWN);
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    expect(out(99, null)).toBe(EAFNOSUPPORT);
    expect(out(AF_INET, { nh: { flags: 0x8 } })).toBe(EHOSTUNREACH);
    expect(out(AF_INET, { nh: { flags: 0x1000 } })).toBe(0);
    r.host.settle();
    expect([r.got.length, r.kernel.mbufs.outstanding]).toEqual([0, 0]);
  });

  it('drops and counts when the queue is full', () => {
    const r = rig();
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    r.kernel.service(NETISR).setQlimit(NETISR_IP, 2);
    for (let i = 0; i < 5; i++) expect(r.lo.output(r.lo, r.packet(4), AF_INET, INADDR_LOOPBACK, null)).toBe(0);
    r.host.settle();
    expect([r.got.length, r.lo.counters[IFCOUNTER_IQDROPS]]).toEqual([2, 3]);
  });

  it('takes tags off that must not go round, and shows each packet to bpf once, behind its family', () => {
    const r = rig();
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    const STAYS = new TagKey<number>('stays', true);
    const GOES = new TagKey<number>('goes');
    const d = new BpfD();
    expect(ifBpf(r.lo).dlt).toBe(DLT_NULL);
    d.attach(ifBpf(r.lo));
    const m = r.packet(6);
    mTagPrepend(m, STAYS, 1);
    mTagPrepend(m, GOES, 2);
    r.lo.output(r.lo, m, AF_INET6, IN6ADDR_LOOPBACK, null);
    r.host.settle();
    expect([mTagFind(m, STAYS), mTagFind(m, GOES)]).toEqual([1, undefined]);
    const seen: number[][] = [];
    d.read((rec) => seen.push([rec.len, ...rec.buf.subarray(rec.off, rec.off + 5)]));
    expect(seen).toEqual([[m.pktlen + 4, 28, 0, 0, 0, 0x60]]);
  });

  it('takes any MTU', () => {
    const r = rig();
    expect(ifioctl(r.kernel.vnets.vnet0, SIOCSIFMTU, { cmd: SIOCSIFMTU, name: 'lo0', mtu: 65535 }, crget(r.kernel.vnets.vnet0))).toBe(0);
    expect(r.lo.mtu).toBe(65535);
  });

  it('goes with its module and leaves nothing', () => {
    const r = rig();
    ifAddAddr(r.lo, { addr: INADDR_LOOPBACK });
    r.lo.output(r.lo, r.packet(4), AF_INET, INADDR_LOOPBACK, null);
    expect(r.kernel.kldunload('drv-loop')).toMatchObject({ errno: 0 });
    expect(loifOf(r.kernel.vnets.vnet0)).toBeNull();
    r.host.settle();
    for (const g of r.got) mFreem(g.m);
    expect(r.kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});
