import { EACCES } from '@ns/errno';
import { ether } from '@ns/ether';
import { type if_t, mHeaderWritable } from '@ns/ifnet-kpi';
import { defineVnetVar, type ModuleDecl } from '@ns/kern';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { PFIL, pfil } from '@ns/pfil';
import {
  PFIL_CONSUMED,
  PFIL_DROPPED,
  PFIL_ETHER_NAME,
  PFIL_FWD,
  PFIL_IN,
  PFIL_INET_NAME,
  PFIL_OUT,
  PFIL_PASS,
  PFIL_REALLOCED,
  PFIL_TYPE_ETHERNET,
  PFIL_TYPE_IP4,
  type PfilHook,
  type PfilMbufChk,
  pfilModule,
} from '@ns/pfil-kpi';
import { INET } from '@ns/inpcb';
import { AF_INET, getIpDst, getIpP, getIpSrc, inAddr4, IPPROTO_ICMP, parseEtherAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { arpFrame, bytes, etherFrame, icmpMessage, ipPacket, Lab, parseIp, type TestIf, v4 } from '../../ip/test/lab.ts';

/** A filter as its author writes it: it knows nothing of how many vnets there are. */
class Rules {
  /** Senders whose packets are dropped. */
  readonly blocked = new Set<number>();
}
const RULES = defineVnetVar({ module: 'tinyfw', name: 'rules', init: () => new Rules() });
const check: PfilMbufChk = (m, _ifp, _flags, rules) => ((rules as Rules).blocked.has(getIpSrc(m.dv, m.off)) ? PFIL_DROPPED : PFIL_PASS);
const tinyfw = (): ModuleDecl =>
  pfilModule('tinyfw', (vnet) => [{ rulname: 'default', head: PFIL_INET_NAME, type: PFIL_TYPE_IP4, flags: PFIL_IN | PFIL_OUT, mbufChk: check, ruleset: RULES.get(vnet) }], { vnetVars: [RULES] });

const ping = (src: string, dst: string): Uint8Array => ipPacket({ src, dst, proto: IPPROTO_ICMP, payload: icmpMessage(8, 0, 1) });

function one(): { lab: Lab; em: TestIf } {
  const lab = new Lab();
  expect(lab.kernel.kldload(pfil()).errno).toBe(0);
  const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
  lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
  return { lab, em };
}

/** Links a function to a head of vnet0. */
function hook(lab: Lab, flags: number, mbufChk: PfilMbufChk, head = PFIL_INET_NAME): PfilHook {
  const pf = PFIL.get(lab.vnet);
  const h = pf.addHook({ modname: 'test', rulname: head, type: head === PFIL_INET_NAME ? PFIL_TYPE_IP4 : PFIL_TYPE_ETHERNET, mbufChk });
  if (typeof h === 'number') throw new Error(`addHook: ${h}`);
  expect(pf.link(head, h, flags)).toBe(0);
  return h;
}

/** Sends 8 bytes of protocol 253 from vnet0. */
function send(lab: Lab, dst: string): number {
  const m = lab.kernel.mbufs.fromBytes(bytes(8), 64)!;
  return INET.get(lab.vnet).af(AF_INET)!.output(lab.vnet, m, inAddr4(v4('10.0.0.1')), inAddr4(v4(dst)), 253, 64, 0, 0, null, null);
}

describe('a filter in several vnets', () => {
  it('T116 works unchanged in two vnets, each with its own rules, and in one that comes later', () => {
    const lab = new Lab();
    const other = lab.newVnet('other');
    expect(lab.kernel.kldload(tinyfw(), [pfil()])).toMatchObject({ errno: 0 });
    const late = lab.newVnet('late');
    const answers = (vnet = lab.vnet): number => {
      const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24', { vnet });
      for (const [a, mac] of [['10.0.0.2', '02:00:00:00:00:02'], ['10.0.0.3', '02:00:00:00:00:03']] as const) lab.neighbour(em, a, mac);
      RULES.get(vnet).blocked.add(v4(vnet === lab.vnet ? '10.0.0.2' : '10.0.0.3'));
      for (const src of ['10.0.0.2', '10.0.0.3']) lab.injectIp(em, ping(src, '10.0.0.1'));
      const [reply, ...more] = em.wire.takeType(0x0800);
      expect(more).toEqual([]);
      return parseIp(reply!).dst;
    };
    expect([answers(), answers(other), answers(late)]).toEqual(['10.0.0.3', '10.0.0.2', '10.0.0.2'].map(v4));
    expect([lab.vnet, other, late].map((v) => PFIL.get(v).hook('tinyfw:default')?.dropped)).toEqual([1, 1, 1]);
    // One vnet goes with all that the filter had in it; the others keep theirs, until the module goes.
    expect(lab.dropVnet(late)).toMatchObject({ leftovers: [], problems: [] });
    expect(lab.kernel.kldunload('tinyfw')).toEqual({ errno: 0, message: '' }); // without `leftovers`
    expect(lab.kernel.isLoaded('pfil')).toBe(false);
    expect([lab.ip, lab.ipOf(other)].map((ipv) => ipv.pfil.nhooksin + ipv.pfil.nhooksout)).toEqual([0, 0]);
    expect(lab.outstanding).toBe(0);
  });

  it('finds heads whichever came first, and again after pfil was unloaded and loaded', () => {
    const { lab } = one();
    const names = (): string[] => PFIL.get(lab.vnet).snapshot().heads.map((h) => h.name);
    expect(names().sort()).toEqual(['ethernet', 'inet']);
    expect(lab.kernel.kldunload('pfil').errno).toBe(0);
    expect(lab.kernel.kldload(pfil()).errno).toBe(0);
    expect(names().sort()).toEqual(['ethernet', 'inet']);
    expect(lab.kernel.kldunload('ip').errno).toBe(0);
    expect(names()).toEqual(['ethernet']);
    lab.loadIp();
    expect(names().sort()).toEqual(['ethernet', 'inet']);
  });
});

describe('IPv4', () => {
  it('shows what comes in, with its interface, before options are processed and before it is ours', () => {
    const { lab, em } = one();
    const seen: [if_t, number, number][] = [];
    hook(lab, PFIL_IN | PFIL_OUT, (m, ifp, flags) => (seen.push([ifp, flags, getIpP(m.dv, m.off)]), PFIL_PASS));
    lab.injectIp(em, ping('10.0.0.2', '10.0.0.1'));
    lab.injectIp(em, ping('10.0.0.2', '192.0.2.1')); // not ours, not forwarded
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', sum: 0x1234 })); // no IP packet at all
    expect(seen).toEqual([[em.ifp.handle, PFIL_IN, 1], [em.ifp.handle, PFIL_OUT, 1], [em.ifp.handle, PFIL_IN, 1]]);
    expect(em.wire.takeType(0x0800).length).toBe(1);
  });

  it('a sender is told EACCES of a packet that was dropped, and nothing of one consumed', () => {
    const { lab, em } = one();
    let verdict = PFIL_DROPPED;
    hook(lab, PFIL_OUT, (m) => {
      if (verdict === PFIL_CONSUMED) mFreem(m);
      return verdict;
    });
    expect(send(lab, '10.0.0.2')).toBe(EACCES);
    verdict = PFIL_CONSUMED;
    expect(send(lab, '10.0.0.2')).toBe(0);
    verdict = PFIL_PASS;
    expect(send(lab, '10.0.0.2')).toBe(0);
    expect(em.wire.takeType(0x0800).length).toBe(1);
    expect(lab.outstanding).toBe(0);
  });

  it('shows a forwarded packet twice, on its way out with PFIL_FWD; a drop there is silent', () => {
    const { lab, em } = one();
    const b = lab.ether('02:00:00:00:00:0b', '10.0.1.1/24');
    lab.neighbour(b, '10.0.1.2', '02:00:00:00:0b:02');
    lab.ip.forwarding = true;
    const seen: [if_t, number][] = [];
    let verdict = PFIL_PASS;
    hook(lab, PFIL_IN | PFIL_OUT, (_m, ifp, flags) => (seen.push([ifp, flags]), (flags & PFIL_OUT) !== 0 ? verdict : PFIL_PASS));
    lab.injectIp(em, ping('10.0.0.2', '10.0.1.2'));
    expect(seen).toEqual([[em.ifp.handle, PFIL_IN], [b.ifp.handle, PFIL_OUT | PFIL_FWD]]);
    expect(parseIp(b.wire.takeType(0x0800)[0]!)).toMatchObject({ ttl: 63, sumOk: true });
    verdict = PFIL_DROPPED;
    lab.injectIp(em, ping('10.0.0.2', '10.0.1.2'));
    expect([b.wire.take(), em.wire.take(), lab.outstanding]).toEqual([[], [], 0]);
    expect(lab.ip.stat).toMatchObject({ forward: 1, cantforward: 1 });
  });

  /** Writes another destination, with the checksum made right (RFC 1624), as a translator does. */
  const to = (dst: string): PfilMbufChk => (m0, _i, _f, _r, p) => {
    const m = mHeaderWritable(m0, 20);
    if (m === null) return PFIL_CONSUMED;
    const was = getIpDst(m.dv, m.off);
    const now = v4(dst);
    let sum = (~m.dv.getUint16(m.off + 10) & 0xffff) + (~was >>> 16) + (~was & 0xffff) + (now >>> 16) + (now & 0xffff);
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    m.dv.setInt32(m.off + 16, now);
    m.dv.setUint16(m.off + 10, ~sum);
    p.m = m;
    return PFIL_REALLOCED;
  };

  it('a destination that a filter changes on the way in decides where the packet goes', () => {
    const { lab, em } = one();
    const b = lab.ether('02:00:00:00:00:0b', '10.0.1.1/24');
    lab.neighbour(b, '10.0.1.2', '02:00:00:00:0b:02');
    lab.ip.forwarding = true;
    lab.ip.checkInterface = true;
    const h = hook(lab, PFIL_IN, to('10.0.1.2'));
    lab.injectIp(em, ping('10.0.0.2', '10.0.0.1'));
    expect(parseIp(b.wire.takeType(0x0800)[0]!)).toMatchObject({ dst: v4('10.0.1.2'), sumOk: true });
    PFIL.get(lab.vnet).removeHook(h);
    hook(lab, PFIL_IN, to('10.0.0.1'));
    lab.injectIp(em, ping('10.0.0.2', '192.0.2.1'));
    expect(parseIp(em.wire.takeType(0x0800)[0]!)).toMatchObject({ src: v4('10.0.0.1'), dst: v4('10.0.0.2') });
    expect(lab.outstanding).toBe(0);
  });

  it('one that it changes on the way out is routed again, to a neighbour or to ourselves', () => {
    const { lab, em } = one();
    const b = lab.ether('02:00:00:00:00:0b', '10.0.1.1/24');
    lab.neighbour(b, '10.0.1.2', '02:00:00:00:0b:02');
    const h = hook(lab, PFIL_OUT, to('10.0.1.2'));
    expect(send(lab, '10.0.0.2')).toBe(0);
    expect(send(lab, '10.0.0.255')).not.toBe(0); // a broadcast that was not allowed is still not
    expect(parseIp(b.wire.takeType(0x0800)[0]!)).toMatchObject({ dst: v4('10.0.1.2'), sumOk: true });
    expect(em.wire.take()).toEqual([]);
    PFIL.get(lab.vnet).removeHook(h);
    hook(lab, PFIL_OUT, (m, i, f, r, p) => (getIpDst(m.dv, m.off) === v4('10.0.0.2') ? to('10.0.0.1')(m, i, f, r, p) : PFIL_PASS));
    expect(send(lab, '10.0.0.2')).toBe(0);
    lab.host.settle();
    expect(lab.ip.stat.noproto).toBe(1); // it came to us, where nobody speaks protocol 253
    expect([lab.ip.stat.badsum, em.wire.takeType(0x0800).length, lab.outstanding]).toEqual([0, 0, 0]);
  });
});

describe('Ethernet', () => {
  it('shows frames both ways, ARP too, and drops them', () => {
    const { lab, em } = one();
    const types: string[] = [];
    let drop = false;
    const look: PfilMbufChk = (m, _ifp, flags) => {
      types.push(`${flags === PFIL_IN ? 'in' : 'out'} ${m.dv.getUint16(m.off + 12).toString(16)}`);
      return drop ? PFIL_DROPPED : PFIL_PASS;
    };
    hook(lab, PFIL_IN | PFIL_OUT, look, PFIL_ETHER_NAME);
    lab.inject(em, arpFrame(1, '02:00:00:00:00:02', '10.0.0.2', em.mac, '10.0.0.1'));
    lab.injectIp(em, ping('10.0.0.2', '10.0.0.1'));
    expect(types).toEqual(['in 806', 'out 806', 'in 800', 'out 800']);
    em.wire.take();
    drop = true;
    lab.injectIp(em, ping('10.0.0.2', '10.0.0.1'));
    expect(send(lab, '10.0.0.2')).toBe(EACCES);
    expect([em.wire.take(), lab.outstanding]).toEqual([[], 0]);
  });

  it('not those that are for somebody else, and none of another vnet', () => {
    const { lab, em } = one();
    let n = 0;
    hook(lab, PFIL_IN, () => (n++, PFIL_PASS), PFIL_ETHER_NAME);
    const other = lab.ether('02:00:00:00:00:0b', '10.0.0.1/24', { vnet: lab.newVnet('other') });
    const peer = parseEtherAddr('02:00:00:00:00:02')!;
    lab.inject(em, etherFrame(parseEtherAddr('02:00:00:00:00:77')!, peer, 0x0800, ping('10.0.0.2', '10.0.0.1')));
    lab.injectIp(other, ping('10.0.0.2', '10.0.0.1'));
    expect(n).toBe(0);
    lab.injectIp(em, ping('10.0.0.2', '10.0.0.1'));
    expect(n).toBe(1);
  });
});

describe('what it costs when nobody looks', () => {
  it('nothing runs and nothing is kept: the counts that guard each place are 0', () => {
    const { lab, em } = one();
    const h = hook(lab, PFIL_IN | PFIL_OUT, () => PFIL_PASS);
    PFIL.get(lab.vnet).removeHook(h);
    const m: Mbuf | null = lab.ip.pfil.packet.m;
    lab.injectIp(em, ping('10.0.0.2', '10.0.0.1'));
    expect([h.packets, m, lab.ip.pfil.nhooksin, lab.ip.pfil.nhooksout]).toEqual([0, null, 0, 0]);
    expect(ether().depends?.map((d) => d.name)).not.toContain('pfil');
  });
});
