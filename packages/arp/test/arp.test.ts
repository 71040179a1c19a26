import { EHOSTDOWN, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOENT, EPERM } from '@ns/errno';
import { ifDown, ifSetLladdr, ifUp } from '@ns/ifnet';
import { IFF_STATICARP } from '@ns/ifnet-kpi';
import { Route } from '@ns/route';
import { AF_INET, ARPOP_REPLY, ARPOP_REQUEST, type InAddr, parseEtherAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { ARP, arpDelete, arpFlush, arpSet, arpSnapshot, type ArpVnet } from '../src/index.ts';
import { arpFrame, BCAST_MAC, bytes, etherFrame, Lab, type TestIf, v4 } from '../../ip/test/lab.ts';

const A = (text: string): InAddr => parseInAddr(text)!;
const SEC = 1e6;
const PEER = '02:00:00:00:00:02';

interface Msg {
  readonly to: string;
  readonly op: number;
  readonly sha: string;
  readonly spa: string;
  readonly tha: string;
  readonly tpa: string;
}

const mac = (b: Uint8Array): string => [...b].map((x) => x.toString(16).padStart(2, '0')).join(':');
const ipText = (b: Uint8Array): string => [...b].join('.');

function parse(f: Uint8Array): Msg {
  const p = f.subarray(14);
  return {
    to: mac(f.subarray(0, 6)),
    op: (p[6]! << 8) | p[7]!,
    sha: mac(p.subarray(8, 14)),
    spa: ipText(p.subarray(14, 18)),
    tha: mac(p.subarray(18, 24)),
    tpa: ipText(p.subarray(24, 28)),
  };
}

function setup(cidr = '10.0.0.1/24'): { lab: Lab; em: TestIf; arp: ArpVnet; send: (dst: string, ro?: Route | null) => number; arps: () => Msg[] } {
  const lab = new Lab();
  const em = lab.ether('02:00:00:00:00:01', cidr);
  const arp = ARP.get(lab.vnet);
  arp.maxLogPerSecond = -1;
  return {
    lab,
    em,
    arp,
    send: (dst, ro = null) => {
      const errno = em.ifp.output(em.ifp, lab.kernel.mbufs.fromBytes(bytes(40), 64)!, AF_INET, A(dst), ro);
      lab.host.settle();
      return errno;
    },
    arps: () => em.wire.take().filter((f) => f[12] === 8 && f[13] === 6).map(parse),
  };
}

const row = (lab: Lab, addr: string): string | undefined => {
  const r = arpSnapshot(lab.vnet).find((x) => `${x.addr}` === addr);
  if (r === undefined) return undefined;
  const when = r.expiresInUs === null ? 'permanent' : r.expiresInUs <= 0 ? 'expired' : `${Math.round(r.expiresInUs / SEC)}s`;
  return `${r.lladdr === null ? '(incomplete)' : mac(r.lladdr)} on ${r.ifname} ${when}${r.published ? ' published' : ''}`;
};

describe('resolution (RFC 826)', () => {
  it('asks by broadcast, keeps the packet, sends it when the answer comes', () => {
    const { lab, em, send, arps, arp } = setup();
    expect(send('10.0.0.2')).toBe(0);
    expect(arps()).toEqual([{ to: 'ff:ff:ff:ff:ff:ff', op: 1, sha: '02:00:00:00:00:01', spa: '10.0.0.1', tha: '00:00:00:00:00:00', tpa: '10.0.0.2' }]);
    expect(row(lab, '10.0.0.2')).toBe('(incomplete) on wire0 expired');
    lab.inject(em, arpFrame(ARPOP_REPLY, PEER, '10.0.0.2', em.mac, '10.0.0.1'));
    expect(em.wire.take().map((f) => [...f])).toEqual([[...etherFrame(parseEtherAddr(PEER)!, em.mac, 0x0800, bytes(40))]]);
    expect(row(lab, '10.0.0.2')).toBe(`${PEER} on wire0 1200s`);
    expect(arp.stat).toMatchObject({ txrequests: 2, rxreplies: 1, received: 1, dropped: 0 }); // one request was the announcement
    expect(lab.outstanding).toBe(0);
  });

  it('asks at most once a second, and tells the sender after maxtries; the gateway is EHOSTUNREACH', () => {
    const { lab, send, arps } = setup();
    for (let i = 0; i < 10; i++) expect(send('10.0.0.2')).toBe(0);
    expect(arps().length).toBe(1);
    const errnos: number[] = [];
    for (let i = 0; i < 6; i++) {
      lab.host.advance(1.1 * SEC);
      errnos.push(send('10.0.0.2'));
    }
    expect(arps().length).toBe(6);
    expect(errnos).toEqual([0, 0, 0, 0, EHOSTDOWN, EHOSTDOWN]);
    lab.route('default', '10.0.0.2');
    const ro = new Route();
    lab.ip.route.inet(0).lookup4(v4('192.0.2.1'));
    ro.nh = lab.ip.route.inet(0).lookup4(v4('192.0.2.1'));
    expect(send('10.0.0.2', ro)).toBe(EHOSTUNREACH);
    expect(lab.outstanding).toBeGreaterThan(0);
    lab.host.advance(21 * SEC);
    expect(lab.outstanding).toBe(0);
  });

  it('keeps maxhold packets and drops the oldest', () => {
    const { lab, em, send, arp } = setup();
    for (let i = 0; i < 20; i++) send('10.0.0.2');
    expect(arp.stat.dropped).toBe(4);
    em.wire.take();
    lab.inject(em, arpFrame(ARPOP_REPLY, PEER, '10.0.0.2', em.mac, '10.0.0.1'));
    expect(em.wire.take().length).toBe(16);
    expect(lab.outstanding).toBe(0);
  });

  it('an unanswered entry goes 20 s after the last request, with what waited', () => {
    const { lab, send, arp } = setup();
    send('10.0.0.2');
    lab.host.advance(19.9 * SEC);
    expect(row(lab, '10.0.0.2')).toBeDefined();
    lab.host.advance(0.2 * SEC);
    expect(row(lab, '10.0.0.2')).toBeUndefined();
    expect(arp.stat).toMatchObject({ timeouts: 1, dropped: 1 });
    expect(lab.outstanding).toBe(0);
  });

  it('static interfaces ask nobody', () => {
    const { em, send, arps } = setup();
    em.ifp.stackFlags |= IFF_STATICARP;
    expect(send('10.0.0.2')).toBe(EINVAL);
    expect(arps()).toEqual([]);
  });

  it('the table is bounded: a scan of a large network evicts its own unanswered entries', () => {
    const { lab, send, arp } = setup('10.0.0.1/8');
    arp.maxentries = 64;
    for (let i = 0; i < 500; i++) send(`10.1.${i >> 8}.${i & 255}`);
    expect(arpSnapshot(lab.vnet).length).toBe(64);
    expect(row(lab, '10.0.0.1')).toBeDefined();
    lab.host.advance(30 * SEC);
    expect(lab.outstanding).toBe(0);
  });
});

describe('ageing', () => {
  it('an entry in use is asked for again, by unicast, before it expires, and stays', () => {
    const { lab, em, send, arps } = setup();
    lab.neighbour(em, '10.0.0.2', PEER);
    const ro = new Route();
    send('10.0.0.2', ro);
    em.wire.take();
    lab.host.advance(1195.5 * SEC);
    send('10.0.0.2', ro);
    lab.host.advance(1 * SEC);
    expect(arps()).toEqual([{ to: PEER, op: 1, sha: '02:00:00:00:00:01', spa: '10.0.0.1', tha: '00:00:00:00:00:00', tpa: '10.0.0.2' }]);
    lab.inject(em, arpFrame(ARPOP_REPLY, PEER, '10.0.0.2', em.mac, '10.0.0.1'));
    expect(row(lab, '10.0.0.2')).toBe(`${PEER} on wire0 1200s`);
  });

  it('an entry that nobody uses goes after max_age without a word', () => {
    const { lab, em, arps, arp } = setup();
    lab.neighbour(em, '10.0.0.2', PEER);
    lab.host.advance(1202 * SEC);
    expect(row(lab, '10.0.0.2')).toBeUndefined();
    expect(arps()).toEqual([]);
    expect(arp.stat.timeouts).toBe(1);
  });

  it('a cached route never sends to an entry that went', () => {
    const { lab, em, send } = setup();
    lab.neighbour(em, '10.0.0.2', PEER);
    const ro = new Route();
    send('10.0.0.2', ro);
    arpDelete(lab.vnet, A('10.0.0.2'));
    em.wire.take();
    send('10.0.0.2', ro);
    expect(em.wire.take().map((f) => f[13])).toEqual([6]);
  });
});

describe('requests that come in', () => {
  it('for us are answered, and the sender is learnt', () => {
    const { lab, em, arps, arp } = setup();
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '10.0.0.1'));
    expect(arps()).toEqual([{ to: PEER, op: 2, sha: '02:00:00:00:00:01', spa: '10.0.0.1', tha: PEER, tpa: '10.0.0.2' }]);
    expect(row(lab, '10.0.0.2')).toBe(`${PEER} on wire0 1200s`);
    expect(arp.stat).toMatchObject({ rxrequests: 1, txreplies: 1 });
  });

  it('for somebody else are not, and teach nothing new', () => {
    const { lab, em, arps } = setup();
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '10.0.0.3'));
    expect(arps()).toEqual([]);
    expect(row(lab, '10.0.0.2')).toBeUndefined();
  });

  it('probes (sender 0.0.0.0) are answered but not learnt', () => {
    const { lab, em, arps } = setup();
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '0.0.0.0', em.mac, '10.0.0.1'));
    expect(arps().length).toBe(1);
    expect(row(lab, '0.0.0.0')).toBeUndefined();
  });

  it('about link-local addresses are answered by broadcast (RFC 3927 §2.5)', () => {
    const { lab, em, arps } = setup('169.254.1.1/16');
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '169.254.1.2', em.mac, '169.254.1.1'));
    expect(arps()).toMatchObject([{ to: 'ff:ff:ff:ff:ff:ff', op: 2 }]);
  });

  it('for a second address of the interface are answered with that one', () => {
    const { lab, em, arps } = setup();
    lab.addr(em.ifp, '10.0.0.7/24');
    em.wire.take();
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '10.0.0.7'));
    expect(arps()).toMatchObject([{ op: 2, spa: '10.0.0.7' }]);
  });

  it('are answered for published entries, and with proxyall for what is routed elsewhere', () => {
    const { lab, em, arps, arp } = setup();
    expect(arpSet(lab.vnet, A('10.0.0.50'), parseEtherAddr('02:00:00:00:00:50')!, { published: true })).toBe(0);
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '10.0.0.50'));
    expect(arps()).toMatchObject([{ op: 2, sha: '02:00:00:00:00:50', spa: '10.0.0.50' }]);
    lab.ether('02:00:00:00:00:11', '172.16.0.1/24');
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '172.16.0.9'));
    expect(arps()).toEqual([]);
    arp.proxyall = true;
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '172.16.0.9'));
    expect(arps()).toMatchObject([{ op: 2, sha: '02:00:00:00:00:01', spa: '172.16.0.9' }]);
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '10.0.0.99'));
    expect(arps()).toEqual([]);
  });
});

describe('hostile and broken messages', () => {
  const broken: readonly (readonly [string, (p: Uint8Array) => Uint8Array])[] = [
    ['too short', (f) => f.subarray(0, 14 + 27)],
    ['of unknown hardware', (f) => ((f[15] = 15), f)],
    ['of another protocol', (f) => ((f[16] = 0x86), f)],
    ['with wrong address lengths', (f) => ((f[18] = 8), f)],
  ];
  it.each(broken)('%s is counted and answered by nobody', (_name, spoil) => {
    const { lab, em, arps, arp } = setup();
    lab.inject(em, spoil(arpFrame(ARPOP_REQUEST, PEER, '10.0.0.2', em.mac, '10.0.0.1')));
    expect(arps()).toEqual([]);
    expect(arp.stat).toMatchObject({ invalid: 1, received: 0 });
    expect(lab.outstanding).toBe(0);
  });

  const refused: readonly (readonly [string, string, string])[] = [
    ['multicast sender', '03:00:00:00:00:02', '10.0.0.2'],
    ['broadcast sender', 'ff:ff:ff:ff:ff:ff', '10.0.0.2'],
    ['sender without address', '00:00:00:00:00:00', '10.0.0.2'],
    ['sender of a group address', PEER, '224.0.0.5'],
    ['sender of the broadcast address', PEER, '255.255.255.255'],
    ['sender off the link', PEER, '192.0.2.1'],
  ];
  it.each(refused)('%s is not believed', (_name, sha, spa) => {
    const { lab, em, arp } = setup();
    lab.inject(em, arpFrame(ARPOP_REQUEST, sha, spa, em.mac, '10.0.0.1'));
    expect(arpSnapshot(lab.vnet).length).toBe(1);
    expect(arp.stat.refused).toBe(1);
  });

  it('our own message that comes back is ignored', () => {
    const { lab, em, arp, arps } = setup();
    lab.inject(em, arpFrame(ARPOP_REQUEST, '02:00:00:00:00:01', '10.0.0.1', em.mac, '10.0.0.1'));
    expect(arps()).toEqual([]);
    expect(arp.stat.dupips).toBe(0);
  });

  it('somebody who uses our address is logged and told', () => {
    const { lab, em, arp, arps } = setup();
    lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.1', em.mac, '10.0.0.1'));
    expect(arp.stat.dupips).toBe(1);
    expect(lab.logs(`${PEER} is using my IP address 10.0.0.1 on wire0`)).toBe(1);
    expect(arps()).toMatchObject([{ to: PEER, op: 2, spa: '10.0.0.1' }]);
    expect(row(lab, '10.0.0.1')).toBe('02:00:00:00:00:01 on wire0 permanent');
  });

  it('a neighbour that moves is followed and logged; a permanent entry is not changed', () => {
    const { lab, em } = setup();
    lab.neighbour(em, '10.0.0.2', PEER);
    lab.inject(em, arpFrame(ARPOP_REPLY, '02:00:00:00:00:22', '10.0.0.2', em.mac, '10.0.0.1'));
    expect(row(lab, '10.0.0.2')).toContain('02:00:00:00:00:22');
    expect(lab.logs(`10.0.0.2 moved from ${PEER} to 02:00:00:00:00:22 on wire0`)).toBe(1);
    arpSet(lab.vnet, A('10.0.0.3'), parseEtherAddr(PEER)!);
    lab.inject(em, arpFrame(ARPOP_REPLY, '02:00:00:00:00:33', '10.0.0.3', em.mac, '10.0.0.1'));
    expect(row(lab, '10.0.0.3')).toBe(`${PEER} on wire0 permanent`);
    expect(lab.logs('attempts to modify permanent entry for 10.0.0.3')).toBe(1);
  });

  it('what peers can make us log is limited to max_log_per_second', () => {
    const { lab, em, arp } = setup();
    arp.maxLogPerSecond = 1;
    for (let i = 0; i < 50; i++) lab.inject(em, arpFrame(ARPOP_REQUEST, PEER, '10.0.0.1', em.mac, '10.0.0.1'));
    expect(lab.logs('is using my IP address')).toBe(1);
    expect(arp.stat.dupips).toBe(50);
  });
});

describe('our own addresses', () => {
  it('are announced when they come and when the link does, and listed as permanent', () => {
    const { lab, em, arps } = setup();
    lab.addr(em.ifp, '10.0.0.7/24');
    expect(arps()).toEqual([{ to: mac(BCAST_MAC), op: 1, sha: '02:00:00:00:00:01', spa: '10.0.0.7', tha: '00:00:00:00:00:00', tpa: '10.0.0.7' }]);
    lab.kpi.ifLinkStateChange(em.ifp.handle, 2);
    lab.host.settle();
    expect(arps().map((m) => m.tpa)).toEqual(['10.0.0.1', '10.0.0.7']);
    expect(row(lab, '10.0.0.7')).toBe('02:00:00:00:00:01 on wire0 permanent');
  });

  it('garp_rexmit_count repeats the announcement with doubling pauses, and stops when the address goes', () => {
    const { lab, em, arp, arps } = setup();
    arp.garpRexmitCount = 4;
    lab.addr(em.ifp, '10.0.0.7/24');
    expect(arps().length).toBe(1);
    lab.host.advance(1.01 * SEC);
    lab.host.advance(2.01 * SEC);
    expect(arps().length).toBe(2);
    lab.delAddr(em.ifp, '10.0.0.7');
    lab.host.advance(60 * SEC);
    expect(arps()).toEqual([]);
  });

  it('go with their neighbours', () => {
    const { lab, em } = setup();
    lab.neighbour(em, '10.0.0.2', PEER);
    lab.delAddr(em.ifp, '10.0.0.1');
    expect(arpSnapshot(lab.vnet)).toEqual([]);
  });

  it('another link address changes every ready-made header and is announced', () => {
    const { lab, em, send, arps } = setup();
    lab.neighbour(em, '10.0.0.2', PEER);
    ifSetLladdr(em.ifp, parseEtherAddr('02:00:00:00:00:aa')!);
    expect(arps()).toMatchObject([{ sha: '02:00:00:00:00:aa', tpa: '10.0.0.1' }]);
    send('10.0.0.2');
    expect(mac(em.wire.take()[0]!.subarray(6, 12))).toBe('02:00:00:00:00:aa');
    expect(row(lab, '10.0.0.1')).toBe('02:00:00:00:00:aa on wire0 permanent');
  });
});

describe('arp(8)', () => {
  it('set, delete, flush', () => {
    const { lab, em, send } = setup();
    const m = parseEtherAddr(PEER)!;
    expect(arpSet(lab.vnet, A('192.0.2.1'), m)).toBe(ENETUNREACH);
    expect(arpSet(lab.vnet, A('10.0.0.1'), m)).toBe(EPERM);
    expect(arpSet(lab.vnet, A('10.0.0.2'), m.subarray(1))).toBe(EINVAL);
    send('10.0.0.2');
    em.wire.take();
    expect(arpSet(lab.vnet, A('10.0.0.2'), m)).toBe(0);
    expect(em.wire.take().length).toBe(1); // what had waited
    expect(arpSet(lab.vnet, A('10.0.0.3'), m, { temporary: true })).toBe(0);
    expect([row(lab, '10.0.0.2'), row(lab, '10.0.0.3')]).toEqual([`${PEER} on wire0 permanent`, `${PEER} on wire0 1200s`]);
    expect(arpDelete(lab.vnet, A('10.0.0.9'))).toBe(ENOENT);
    expect(arpDelete(lab.vnet, A('10.0.0.1'))).toBe(EPERM);
    expect(arpDelete(lab.vnet, A('10.0.0.2'))).toBe(0);
    expect(arpFlush(lab.vnet, null)).toBe(1);
    expect(arpSnapshot(lab.vnet).length).toBe(1);
  });

  it('what was learnt goes when the interface goes down; static entries stay', () => {
    const { lab, em } = setup();
    lab.neighbour(em, '10.0.0.2', PEER);
    arpSet(lab.vnet, A('10.0.0.3'), parseEtherAddr(PEER)!);
    ifDown(em.ifp);
    expect(row(lab, '10.0.0.2')).toBeUndefined();
    ifUp(em.ifp);
    expect(row(lab, '10.0.0.3')).toBe(`${PEER} on wire0 permanent`);
  });

  it('nothing is left when the interface goes', () => {
    const { lab, em, send } = setup();
    send('10.0.0.2');
    lab.kpi.ifDetach(em.ifp.handle);
    expect(arpSnapshot(lab.vnet)).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('the module can be unloaded and loaded again', () => {
    const { lab, em, send } = setup();
    send('10.0.0.2');
    expect(lab.kernel.kldunload('arp')).toMatchObject({ errno: 0 });
    expect(lab.outstanding).toBe(0);
    lab.loadArp();
    em.wire.take();
    expect(send('10.0.0.2')).toBe(0);
    expect(em.wire.take().length).toBe(1);
  });
});
