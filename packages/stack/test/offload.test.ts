/* Checksums and segmentation left to drivers: who asks whom for what, in each family. */
import { exec } from '@ns/cli';
import { etherLoopCsum } from '@ns/ether';
import { type Ifnet, ifPushOverlay } from '@ns/ifnet';
import {
  IF_ATTACH_VERSION,
  type if_t,
  IFCAP_LINKSTATE,
  IFCAP_LRO,
  IFCAP_RXCSUM,
  IFCAP_RXCSUM_IPV6,
  IFCAP_TSO4,
  IFCAP_TSO6,
  IFCAP_TXCSUM,
  IFCAP_TXCSUM_IPV6,
  IFCAP_VLAN_MTU,
  type IfDriver,
  type IfIoctl,
  type IfIoctlCmd,
  IFF_DRV_RUNNING,
  IFNET_KPI,
  type IfnetKpi,
  IFT_ETHER,
  SIOCSIFCAP,
  SIOCSIFFLAGS,
} from '@ns/ifnet-kpi';
import { type Inpcb, SOCK_STREAM } from '@ns/inpcb';
import { virtualHost } from '@ns/kern';
import { CSUM_IP6_TCP, CSUM_IP6_TSO, CSUM_IP6_UDP, CSUM_IP_TCP, CSUM_IP_TSO, CSUM_IP_UDP, CSUM_TSO, type Mbuf, mFreem } from '@ns/mbuf';
import { SO_ACCEPT, sobind, SOCK_DGRAM, type Socket, soclose, soconnect, solisten, solistenDequeue, soreceiveBytes, sosendCopy } from '@ns/socket';
import { createStack, type StackJail } from '@ns/stack';
import { TCP, TF_TSO } from '@ns/tcp';
import { labLink } from '@ns/testkit';
import { AF_INET, AF_INET6, ETHERTYPE_IP, ETHERTYPE_IPV6, IN6ADDR_ANY, INADDR_ANY, parseEtherAddr, Sockaddr } from '@ns/wire';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { at, open, transfer } from './echo.ts';

const V6_REQUESTS = CSUM_IP6_TCP | CSUM_IP6_UDP | CSUM_IP6_TSO;
const V4_ONLY = IFCAP_RXCSUM | IFCAP_TXCSUM | IFCAP_TSO4 | IFCAP_LRO;

/** A card from before IPv6 could be offloaded: it knows the bits of IPv4, and drops what it does not understand. */
class OldNic {
  readonly kpi: IfnetKpi;
  ifp: if_t | null = null;
  peer: OldNic | null = null;
  /** All that was asked of it, by Ethernet type. */
  readonly asked = new Map<number, number>();
  largest = 0;

  constructor(kpi: IfnetKpi) {
    this.kpi = kpi;
  }

  transmit(m: Mbuf): number {
    const type = m.dv.getUint16(m.off + 12);
    this.asked.set(type, (this.asked.get(type) ?? 0) | m.csumFlags);
    if (type === ETHERTYPE_IPV6 && m.pktlen > this.largest) this.largest = m.pktlen;
    if ((m.csumFlags & CSUM_TSO) !== 0) m.csumFlags &= ~CSUM_TSO; // the far end takes large ones
    if (type === ETHERTYPE_IP) etherLoopCsum(m);
    else m.csumFlags = 0;
    if (this.peer?.ifp != null) this.kpi.ifInputDeferred(this.peer.ifp, m);
    else mFreem(m);
    return 0;
  }
}

const oldDriver: IfDriver = Object.freeze({
  name: 'old',
  type: IFT_ETHER,
  ops: Object.freeze({
    origin: 'old',
    transmit: (_ifp: if_t, m: Mbuf, softc: unknown) => (softc as OldNic).transmit(m),
    ioctl(ifp: if_t, _cmd: IfIoctlCmd, data: IfIoctl, softc: unknown): number {
      if (data.cmd === SIOCSIFFLAGS) (softc as OldNic).kpi.ifSetDrvFlags(ifp, IFF_DRV_RUNNING, 0);
      return data.cmd === SIOCSIFFLAGS || data.cmd === SIOCSIFCAP ? 0 : 45;
    },
  }),
});

describe('T15 a driver that knows IPv4 alone', () => {
  it('is asked for nothing else, whatever is switched on, and IPv6 works by software', () => {
    const host = virtualHost({ seed: 3 });
    const stack = createStack({ host });
    const kpi = stack.kernel.service(IFNET_KPI);
    const jails = ['a', 'b'].map((name) => stack.jail({ name, vnet: 'new' })) as [StackJail, StackJail];
    const nics = jails.map((j, n) => {
      const nic = new OldNic(kpi);
      const r = kpi.ifAttach(j.vnet, {
        version: IF_ATTACH_VERSION,
        drv: oldDriver,
        softc: nic,
        lla: parseEtherAddr(`02:00:00:00:00:0${n + 1}`)!,
        capabilities: V4_ONLY,
        capenable: V4_ONLY,
        tso: { maxBytes: 65535, maxSegs: 64, maxSegSize: 65535 },
      });
      if (!r.ok) throw new Error(`ifAttach: errno ${r.errno}`);
      nic.ifp = r.ifp;
      j.addAddress('old0', `10.0.0.${n + 1}/24`);
      j.addAddress('old0', `2001:db8::${n + 1}/64`);
      return nic;
    }) as [OldNic, OldNic];
    [nics[0].peer, nics[1].peer] = [nics[1], nics[0]];
    for (const j of jails) {
      exec(stack.kernel, 'ifconfig old0 txcsum6 rxcsum6 tso6', { jail: j.name });
      expect(j.interface('old0').capenable & (IFCAP_TXCSUM_IPV6 | IFCAP_RXCSUM_IPV6 | IFCAP_TSO6)).toBe(0);
    }
    host.settle();
    for (const address of ['10.0.0.1', '2001:db8::1']) {
      expect(transfer(host, jails[0], address, jails[1], 300_000)).toBe(300_000);
      const so = open(jails[1], SOCK_DGRAM, at(address, 9).addr.af);
      expect(sosendCopy(so, at(address, 9), new Uint8Array(500), 0, 500, 0)).toBe(500);
      soclose(so);
    }
    host.settle();
    for (const nic of nics) expect((nic.asked.get(ETHERTYPE_IPV6) ?? 0) & V6_REQUESTS).toBe(0);
    const v4 = (nics[1].asked.get(ETHERTYPE_IP) ?? 0) & (CSUM_IP_TCP | CSUM_IP_UDP | CSUM_IP_TSO);
    expect(v4).toBe(CSUM_IP_TCP | CSUM_IP_UDP | CSUM_IP_TSO);
    expect(nics[1].largest).toBeLessThanOrEqual(1514); // IPv6 was cut by software
    for (const j of jails) expect(TCP.get(j.vnet).stat.rcvbadsum).toBe(0);
    for (const nic of nics) kpi.ifDetach(nic.ifp as if_t);
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});

/** Two jails on an epair, in one family, and what b hands its driver: [packets that ask for TSO, largest frame]. */
function pair(af: number): { host: ReturnType<typeof virtualHost>; a: StackJail; b: StackJail; address: string; seen: { tso: number; largest: number; sums: number }; ifb: string } {
  const host = virtualHost({ seed: 5 });
  const stack = createStack({ host });
  const [a, b] = ['a', 'b'].map((name) => stack.jail({ name, vnet: 'new' })) as [StackJail, StackJail];
  const v4 = af === AF_INET;
  const link = stack.link(a, v4 ? '10.0.0.1/24' : '2001:db8::1/64', b, v4 ? '10.0.0.2/24' : '2001:db8::2/64');
  host.settle();
  const seen = { tso: 0, largest: 0, sums: 0 };
  ifPushOverlay(b.interface(link.b), {
    origin: 'spy',
    softc: null,
    ops: {
      transmit: (h, m, _softc, next) => {
        if ((m.csumFlags & CSUM_TSO) !== 0) seen.tso++;
        if ((m.csumFlags & (CSUM_IP_TCP | CSUM_IP6_TCP)) !== 0) seen.sums++;
        if (m.pktlen > seen.largest) seen.largest = m.pktlen;
        return next.transmit(h, m);
      },
    },
  });
  return { host, a, b, address: v4 ? '10.0.0.1' : '2001:db8::1', seen, ifb: link.b };
}

/** A connection that stays: the client's end, and a function that sends and says how much arrived. */
function connection(p: ReturnType<typeof pair>, port: number): { so: Socket; send(n: number): number } {
  const { af } = at(p.address, port).addr;
  const lso = open(p.a, SOCK_STREAM, af);
  sobind(lso, new Sockaddr(af === AF_INET ? INADDR_ANY : IN6ADDR_ANY, port), p.a.cred);
  solisten(lso, 4);
  let got = 0;
  const buf = new Uint8Array(65536);
  lso.upcall = {
    soupcall: (_s, events) => {
      const s = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
      if (typeof s === 'number') return;
      s.upcall = { soupcall: () => { for (let n = 1; n > 0; ) { n = soreceiveBytes(s, buf, 0, buf.length, 0); if (n > 0) got += n; } } };
    },
  };
  const so = open(p.b, SOCK_STREAM, af);
  expect(soconnect(so, at(p.address, port), p.b.cred)).toBe(0);
  p.host.advance(1e6);
  return {
    so,
    send(n) {
      const before = got;
      for (let sent = 0; sent < n; ) {
        const k = sosendCopy(so, null, new Uint8Array(Math.min(16384, n - sent)), 0, Math.min(16384, n - sent), 0);
        sent += k > 0 ? k : 0;
        p.host.advance(2e5);
      }
      p.host.advance(2e6);
      return got - before;
    },
  };
}

const tsoOf = (so: Socket): boolean => ((((so.pcb as Inpcb).ppcb as { flags: number }).flags) & TF_TSO) !== 0;

describe.each([
  { name: 'IPv4', af: AF_INET, word: 'tso4', other: 'tso6', sum: 'txcsum', otherSum: 'txcsum6' },
  { name: 'IPv6', af: AF_INET6, word: 'tso6', other: 'tso4', sum: 'txcsum6', otherSum: 'txcsum' },
])('segmentation of $name', ({ af, word, other, sum, otherSum }) => {
  const ifconfig = (p: ReturnType<typeof pair>, words: string): void => {
    const r = exec(p.b.kernel, `ifconfig ${p.ifb} ${words}`, { jail: 'b' });
    expect([r.code, r.stderr]).toEqual([0, '']);
  };

  it('T20 is decided when a connection begins: a toggle changes later ones only, and what the old one sends is cut in software', () => {
    const p = pair(af);
    const old = connection(p, 80);
    expect([tsoOf(old.so), old.send(100_000)]).toEqual([true, 100_000]);
    expect(p.seen.tso).toBeGreaterThan(0);
    ifconfig(p, `-${word}`);
    Object.assign(p.seen, { tso: 0, largest: 0 });
    expect([tsoOf(old.so), old.send(100_000)]).toEqual([true, 100_000]);
    expect(p.seen.tso).toBe(0); // nor is the driver asked
    expect(p.seen.largest).toBeLessThanOrEqual(1514);
    const fresh = connection(p, 81);
    expect([tsoOf(fresh.so), fresh.send(50_000)]).toEqual([false, 50_000]);
    ifconfig(p, word);
    expect([tsoOf(old.so), tsoOf(fresh.so)]).toEqual([true, false]);
    expect(tsoOf(connection(p, 82).so)).toBe(true);
    // Documented where people look for it.
    expect(readFileSync(new URL('../../tcp/README.md', import.meta.url), 'utf8')).toMatch(/segmentation offload .*when a connection begins/i);
  });

  it('and its checksums have switches of their own: those of the other family change nothing', () => {
    const p = pair(af);
    ifconfig(p, `-${other} -${otherSum}`);
    const one = connection(p, 80);
    expect([tsoOf(one.so), one.send(100_000)]).toEqual([true, 100_000]);
    expect(p.seen.tso).toBeGreaterThan(0);
    expect(p.seen.sums).toBeGreaterThan(0);
    ifconfig(p, `-${word} -${sum}`);
    Object.assign(p.seen, { tso: 0, sums: 0 });
    const two = connection(p, 81);
    expect([tsoOf(two.so), two.send(100_000)]).toEqual([false, 100_000]);
    expect(p.seen).toMatchObject({ tso: 0, sums: 0 });
    expect(TCP.get(p.a.vnet).stat.rcvbadsum).toBe(0);
  });
});

/** Rows of the table in the guide: ability, then a mark for each driver. */
function documented(): Map<string, string[]> {
  const text = readFileSync(new URL('../../docs/writing-a-driver.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((l) => /^ *\| `[A-Z0-9_]+` \|/.test(l));
  return new Map(rows.map((l) => l.split('|').slice(1, -1).map((c) => c.trim().replaceAll('`', ''))).map(([k, ...v]) => [k!, v]));
}

it('T23 what each driver can do, and has on to begin with, is what the guide says; each ability can be switched alone', () => {
  const stack = createStack({ host: virtualHost({ seed: 1 }), extra: [labLink()] });
  const made = (name: string): Ifnet => {
    if (name !== 'lo0') exec(stack.kernel, `ifconfig ${name} create`);
    return stack.host.interface(name === 'lo0' ? 'lo0' : `${name}0a`);
  };
  const drivers: readonly Ifnet[] = ['lo0', 'epair', 'lab'].map(made);
  const abilities = { RXCSUM: IFCAP_RXCSUM, TXCSUM: IFCAP_TXCSUM, RXCSUM_IPV6: IFCAP_RXCSUM_IPV6, TXCSUM_IPV6: IFCAP_TXCSUM_IPV6, TSO4: IFCAP_TSO4, TSO6: IFCAP_TSO6, LRO: IFCAP_LRO, VLAN_MTU: IFCAP_VLAN_MTU, LINKSTATE: IFCAP_LINKSTATE };
  const table = documented();
  expect([...table.keys()]).toEqual(Object.keys(abilities));
  for (const [name, bit] of Object.entries(abilities)) {
    const marks = drivers.map((ifp) => ((ifp.capabilities & bit) === 0 ? '-' : (ifp.capenable & bit) !== 0 ? 'on' : 'off'));
    expect([name, ...marks]).toEqual([name, ...table.get(name)!]);
  }
  for (const ifp of drivers) {
    const all = ifp.capabilities & ~IFCAP_LINKSTATE;
    expect(all & ~Object.values(abilities).reduce((a, b) => a | b, 0), ifp.name).toBe(0);
    for (const [verb, bit, needs] of [['rxcsum', IFCAP_RXCSUM, 0], ['txcsum', IFCAP_TXCSUM, 0], ['rxcsum6', IFCAP_RXCSUM_IPV6, 0], ['txcsum6', IFCAP_TXCSUM_IPV6, 0], ['tso4', IFCAP_TSO4, IFCAP_TXCSUM], ['tso6', IFCAP_TSO6, IFCAP_TXCSUM_IPV6]] as const) {
      if ((all & bit) === 0) continue;
      exec(stack.kernel, `ifconfig ${ifp.name} -rxcsum -txcsum -rxcsum6 -txcsum6 -tso4 -tso6 -lro`);
      exec(stack.kernel, `ifconfig ${ifp.name} ${(needs & IFCAP_TXCSUM) !== 0 ? 'txcsum' : (needs & IFCAP_TXCSUM_IPV6) !== 0 ? 'txcsum6' : ''} ${verb}`);
      expect([ifp.name, verb, ifp.capenable & all & ~IFCAP_VLAN_MTU]).toEqual([ifp.name, verb, bit | needs]);
    }
  }
});
