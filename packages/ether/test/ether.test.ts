import { EAFNOSUPPORT, ENETDOWN } from '@ns/errno';
import { ifAddMulti, ifForeachLlmaddr, ifSetCapenable } from '@ns/ifnet';
import {
  IFCAP_VLAN_HWTAGGING,
  IFCOUNTER_IERRORS,
  IFCOUNTER_IMCASTS,
  IFCOUNTER_NOPROTO,
  IFF_NOARP,
} from '@ns/ifnet-kpi';
import { M_BCAST, M_MCAST, M_PKTHDR, M_VLANTAG, type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { NETISR, NETISR_IP } from '@ns/netisr';
import { Route } from '@ns/route';
import { AF_INET, AF_LINK, INADDR_BROADCAST, parseEtherAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { ETHER, etherOutputFrame, etherVlanEncap } from '../src/index.ts';
import { arpFrame, BCAST_MAC, bytes, etherFrame, icmpMessage, ipPacket, Lab, type TestIf } from '../../ip/test/lab.ts';

const PEER = parseEtherAddr('02:00:00:00:00:02')!;

function lab1(): { lab: Lab; em: TestIf } {
  const lab = new Lab();
  const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
  return { lab, em };
}

function packet(lab: Lab, data: Uint8Array = bytes(40)): Mbuf {
  return lab.kernel.mbufs.fromBytes(data, 64)!;
}

/** Puts a handler in the place of IP that keeps what it gets. */
function captureIp(lab: Lab): Uint8Array[] {
  const got: Uint8Array[] = [];
  const netisr = lab.kernel.service(NETISR);
  netisr.unregister(NETISR_IP);
  netisr.register({ proto: NETISR_IP, name: 'ip', policy: 1, handler: (m) => { got.push(mToBytes(m)); mFreem(m); } });
  return got;
}

describe('output', () => {
  it('puts the ready-made header in front when the cached route has a resolved neighbour', () => {
    const { lab, em } = lab1();
    lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
    const ro = new Route();
    const dst = parseInAddr('10.0.0.2')!;
    expect(em.ifp.output(em.ifp, packet(lab), AF_INET, dst, ro)).toBe(0);
    expect(ro.lle).not.toBe(null);
    expect(em.ifp.output(em.ifp, packet(lab), AF_INET, dst, ro)).toBe(0);
    const want = etherFrame(PEER, em.mac, 0x0800, bytes(40));
    expect(em.wire.take().map((f) => [...f])).toEqual([[...want], [...want]]);
    expect(lab.outstanding).toBe(0);
  });

  it('maps broadcast and multicast without asking anybody', () => {
    const { lab, em } = lab1();
    captureIp(lab);
    const b = packet(lab);
    b.flags |= M_BCAST;
    em.ifp.output(em.ifp, b, AF_INET, INADDR_BROADCAST, null);
    const g = packet(lab);
    g.flags |= M_MCAST;
    em.ifp.output(em.ifp, g, AF_INET, parseInAddr('239.129.2.3')!, null);
    lab.host.settle();
    expect(em.wire.take().map((f) => [...f.subarray(0, 6)])).toEqual([[...BCAST_MAC], [1, 0, 0x5e, 1, 2, 3]]);
  });

  it('a broadcast comes back to an interface that cannot hear itself, its checksums vouched for', () => {
    const { lab, em } = lab1();
    const got = captureIp(lab);
    const b = packet(lab);
    b.flags |= M_BCAST;
    em.ifp.output(em.ifp, b, AF_INET, INADDR_BROADCAST, null);
    lab.host.settle();
    expect(got.map((x) => [...x])).toEqual([[...bytes(40)]]);
    expect(lab.outstanding).toBe(0);
  });

  it('refuses when down, and families that it does not know', () => {
    const { lab, em } = lab1();
    expect(em.ifp.output(em.ifp, packet(lab), AF_LINK, INADDR_BROADCAST, null)).toBe(EAFNOSUPPORT);
    expect(em.ifp.output(em.ifp, packet(lab), 28, INADDR_BROADCAST, null)).toBe(EAFNOSUPPORT);
    lab.down(em.ifp);
    expect(em.ifp.output(em.ifp, packet(lab), AF_INET, INADDR_BROADCAST, null)).toBe(ENETDOWN);
    expect(lab.outstanding).toBe(0);
  });

  it('inserts the 802.1Q tag where the interface does not', () => {
    const { lab, em } = lab1();
    const eth = lab.kernel.service(ETHER);
    const send = (): void => {
      const m = packet(lab, etherFrame(PEER, em.mac, 0x0800, bytes(8)));
      m.flags |= M_VLANTAG;
      m.etherVtag = 0x2064;
      etherOutputFrame(eth, em.ifp, m);
    };
    send();
    expect([...em.wire.take()[0]!]).toEqual([...PEER, ...em.mac, 0x81, 0x00, 0x20, 0x64, 0x08, 0x00, ...bytes(8)]);
    em.ifp.capabilities |= IFCAP_VLAN_HWTAGGING;
    ifSetCapenable(em.ifp, IFCAP_VLAN_HWTAGGING);
    send();
    expect([...em.wire.take()[0]!]).toEqual([...etherFrame(PEER, em.mac, 0x0800, bytes(8))]);
  });

  it('inserts the tag into a frame whose memory may not be written', () => {
    const { lab, em } = lab1();
    const frame = etherFrame(PEER, em.mac, 0x0800, bytes(8));
    const ext = lab.kernel.mbufs.extAdd(frame, null, null)!;
    ext.flags |= M_PKTHDR;
    ext.pktlen = frame.length;
    const tagged = etherVlanEncap(ext, 7)!;
    expect([...mToBytes(tagged)]).toEqual([...PEER, ...em.mac, 0x81, 0x00, 0x00, 0x07, 0x08, 0x00, ...bytes(8)]);
    expect(tagged.pktlen).toBe(frame.length + 4);
    mFreem(tagged);
    expect([...frame]).toEqual([...etherFrame(PEER, em.mac, 0x0800, bytes(8))]);
    expect(lab.outstanding).toBe(0);
  });
});

describe('input', () => {
  it('frames shorter than a header are input errors', () => {
    const { lab, em } = lab1();
    for (let n = 1; n < 14; n++) lab.inject(em, bytes(n));
    lab.inject(em, etherFrame(em.mac, PEER, 0x8100, bytes(1)));
    expect(em.ifp.counters[IFCOUNTER_IERRORS]).toBe(14);
    expect(lab.outstanding).toBe(0);
  });

  it('types that nobody takes are counted, those of a family that is not loaded too', () => {
    const { lab, em } = lab1();
    lab.inject(em, etherFrame(em.mac, PEER, 0x88b5, bytes(46)));
    lab.inject(em, etherFrame(em.mac, PEER, 0x86dd, bytes(46)));
    lab.inject(em, etherFrame(em.mac, PEER, 0x0040, bytes(46)));
    expect(em.ifp.counters[IFCOUNTER_NOPROTO]).toBe(3);
    expect(lab.outstanding).toBe(0);
  });

  it('A15 orphan frames reach the hook', () => {
    const { lab, em } = lab1();
    const seen: number[] = [];
    lab.kernel.service(ETHER).hook = {
      inputOrphan: (_ifp, m) => {
        seen.push(m.pktlen);
        mFreem(m);
        return null;
      },
    };
    lab.inject(em, etherFrame(em.mac, PEER, 0x88b5, bytes(46)));
    expect(seen).toEqual([60]);
    expect(em.ifp.counters[IFCOUNTER_NOPROTO]).toBe(0);
    expect(lab.outstanding).toBe(0);
  });

  it('the hook sees frames in and out, and may swallow them', () => {
    const { lab, em } = lab1();
    let swallowed = 0;
    const swallow = (_ifp: unknown, m: Mbuf): null => {
      swallowed++;
      mFreem(m);
      return null;
    };
    lab.kernel.service(ETHER).hook = { input: swallow, output: swallow };
    lab.inject(em, etherFrame(em.mac, PEER, 0x0800, bytes(46)));
    const b = packet(lab, etherFrame(PEER, em.mac, 0x0800, bytes(8)));
    expect(etherOutputFrame(lab.kernel.service(ETHER), em.ifp, b)).toBe(0);
    expect(swallowed).toBe(2);
    expect(em.wire.take()).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('unicast for somebody else goes no further', () => {
    const { lab, em } = lab1();
    const ping = ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 1, payload: icmpMessage(8, 0, 1) });
    lab.inject(em, etherFrame(parseEtherAddr('02:00:00:00:00:77')!, PEER, 0x0800, ping));
    expect(lab.ip.stat.total).toBe(0);
    lab.inject(em, etherFrame(em.mac, PEER, 0x0800, ping));
    expect(lab.ip.stat.total).toBe(1);
  });

  it('group frames are marked and counted', () => {
    const { lab, em } = lab1();
    lab.inject(em, etherFrame(BCAST_MAC, PEER, 0x88b5, bytes(46)));
    lab.inject(em, etherFrame(Uint8Array.of(1, 0, 0x5e, 0, 0, 1), PEER, 0x88b5, bytes(46)));
    expect(em.ifp.counters[IFCOUNTER_IMCASTS]).toBe(2);
  });

  it('a priority tag is taken off; a VLAN that does not exist is nobody', () => {
    const { lab, em } = lab1();
    const ping = ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 1, payload: icmpMessage(8, 0, 1) });
    const tagged = (tci: number): Uint8Array => etherFrame(em.mac, PEER, 0x8100, Uint8Array.of(tci >>> 8, tci & 255, 8, 0, ...ping));
    lab.inject(em, tagged(0xe000));
    expect(lab.ip.icmpstat.inhist[8]).toBe(1);
    lab.inject(em, tagged(0x0005));
    expect(em.ifp.counters[IFCOUNTER_NOPROTO]).toBe(1);
    const vlans: number[] = [];
    lab.kernel.service(ETHER).vlanInput = (_ifp, m) => {
      vlans.push(m.etherVtag, ...mToBytes(m).subarray(12, 14));
      mFreem(m);
      return true;
    };
    lab.inject(em, tagged(0x0005));
    expect(vlans).toEqual([5, 8, 0]);
  });

  it('IFF_NOARP interfaces do not take ARP', () => {
    const { lab, em } = lab1();
    em.ifp.stackFlags |= IFF_NOARP;
    lab.inject(em, arpFrame(1, '02:00:00:00:00:02', '10.0.0.2', em.mac, '10.0.0.1'));
    expect(em.wire.take()).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('a frame in pieces is put together as far as needed', () => {
    const { lab, em } = lab1();
    lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
    const f = etherFrame(em.mac, PEER, 0x0800, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 1, payload: icmpMessage(8, 0, 1, bytes(30)) }));
    let head: Mbuf | null = null;
    for (let i = f.length; i > 0; i -= 5) {
      const p: Mbuf = lab.kernel.mbufs.fromBytes(f.subarray(Math.max(0, i - 5), i), 8)!;
      if (head !== null) head.flags &= ~M_PKTHDR;
      p.next = head;
      p.pktlen = f.length;
      head = p;
    }
    lab.kpi.ifInput(em.ifp.handle, head!);
    lab.host.settle();
    expect(em.wire.takeType(0x0800).length).toBe(1);
    expect(lab.outstanding).toBe(0);
  });
});

describe('the interface type', () => {
  it('gives an interface without an address a locally administered one', () => {
    const lab = new Lab();
    const r = lab.kpi.ifAttach(lab.vnet, { version: 2, drv: { name: 'x', type: 6, ops: { transmit: (_i, m) => { mFreem(m); return 0; } } }, softc: null });
    if (!r.ok) throw new Error();
    expect(lab.kpi.ifGetLladdr(r.ifp)![0]! & 3).toBe(2);
  });

  it('resolves groups for the filter of the driver', () => {
    const { em } = lab1();
    ifAddMulti(em.ifp, parseInAddr('224.1.2.3')!);
    ifAddMulti(em.ifp, parseInAddr('ff02::1:3')!);
    const macs: string[] = [];
    ifForeachLlmaddr(em.ifp, (a) => macs.push([...a].map((x) => x.toString(16)).join(':')));
    expect(macs).toEqual(['1:0:5e:1:2:3', '33:33:0:1:0:3']);
  });
});
