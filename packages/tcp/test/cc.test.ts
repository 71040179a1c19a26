/* The TCP side of congestion control modules (mod_cc KPI). */
import { describe, expect, it } from 'vitest';
import { CC_ACK, CC_KPI, type CcAlgo, type CcVar, enterCongrecovery, exitRecovery, inCongrecovery } from '@ns/cc-kpi';
import { SNAPSHOT_VERSION, socketsSnapshot } from '@ns/cli';
import { EEXIST, EINVAL, ENOENT, ENOMEM, EPERM, ESRCH } from '@ns/errno';
import { ifnet } from '@ns/ifnet';
import { inpcb } from '@ns/inpcb';
import { Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { netstackBsd } from '@ns/netstack-kpi';
import { route } from '@ns/route';
import { soclose, socket, sosetopt } from '@ns/socket';
import * as tcpApi from '@ns/tcp';
import { tcp, TCP_CCALGOOPT, TCP_CONGESTION, tcpPcblist } from '@ns/tcp';
import { lab as lossLab } from '@ns/testkit';
import { seqGeq } from '@ns/wire';
import { TCP } from '../src/tcp-vnet.ts';
import { JAIL_CREATE, JAILS } from '@ns/vnet';
import { Lab, pattern, same, tpOf } from './lab.ts';
import { getopt, tcpInfo } from './opt.ts';
import { MSS, Peer } from './peer.ts';
import { IPPROTO_TCP } from './wire-names.ts';

/** An algorithm that holds the window still, and keeps books. */
function fixed(name: string, window: number, calls: string[] = []): CcAlgo {
  return {
    name,
    modInit: () => (calls.push('modInit'), 0),
    modDestroy: () => void calls.push('modDestroy'),
    cbInit: (ccv) => {
      ccv.ccData = { acks: 0 };
      calls.push('cbInit');
      return 0;
    },
    cbDestroy: () => void calls.push('cbDestroy'),
    connInit: (ccv) => {
      calls.push(`connInit ${ccv.sndCwnd}`);
      ccv.sndCwnd = window;
    },
    ackReceived: (ccv: CcVar) => {
      (ccv.ccData as { acks: number }).acks++;
      ccv.sndCwnd = window;
    },
    congSignal: (_ccv, type) => void calls.push(`congSignal ${type}`),
  };
}

function moduleOf(algo: CcAlgo, name: string = `cc-${algo.name}`): ModuleDecl {
  return {
    name,
    version: 1,
    depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (k: Kernel) => k.service(CC_KPI).register(algo),
        exit: (k: Kernel) => void k.service(CC_KPI).deregister(algo.name),
      },
    ],
  };
}

describe('T95 NewReno is always there', () => {
  it('is the default of a fresh vnet, whatever vnet0 has chosen, and cannot be deregistered', () => {
    const lab = new Lab({ extra: [moduleOf(fixed('still', 5000))] });
    const kpi = lab.kernel.service(CC_KPI);
    expect(kpi.deregister('newreno')).toBe(EPERM);
    expect(lab.kernel.kldunload('cc-newreno').errno).toBe(EPERM);
    expect(lab.a.tcp.ccDefault.name).toBe('newreno');
    expect(lab.kernel.sysctl.sysctlSet('net.inet.tcp.cc.algorithm', 'still', { vnet: lab.kernel.vnets.vnet0, jailed: false }).errno).toBe(0);
    const r = lab.kernel.service(JAILS).jailSet({ name: 'fresh', vnet: 'new', persist: true }, JAIL_CREATE);
    expect(TCP.get(r.jail!.vnet).ccDefault.name).toBe('newreno');
  });

  it('works without its module: built in', () => {
    const p = new Peer({ builtin: true });
    expect(p.kernel.isLoaded('cc-newreno')).toBe(false);
    const [, so] = p.passive();
    expect(tcpInfo(so).sndCwnd).toBe(14600);
    expect(getopt(so, IPPROTO_TCP, TCP_CONGESTION)).toBe('newreno');
  });
});

describe('T86 order of initialisation', () => {
  it('a module that is declared before the framework registers after it', () => {
    const calls: string[] = [];
    const k = new Kernel(virtualHost());
    for (const m of [netisr(), ifnet(), route(), netstackBsd(), inpcb(), socket()]) expect(k.kldload(m).errno).toBe(0);
    // One load for both: the algorithm is named first, the framework is there when its initialiser runs.
    expect(k.kldload(moduleOf(fixed('early', 5000, calls)), [tcp()]).errno).toBe(0);
    expect(calls).toEqual(['modInit']);
    expect(k.service(CC_KPI).available().map((a) => a.name)).toEqual(['newreno', 'early']);
  });
});

describe('T88 registration', () => {
  it('refuses taken and bad names, and what modInit refuses', () => {
    const lab = new Lab();
    const kpi = lab.kernel.service(CC_KPI);
    expect(kpi.register(fixed('one', 1))).toBe(0);
    expect(kpi.register(fixed('one', 1))).toBe(EEXIST);
    expect(kpi.register(fixed('newreno', 1))).toBe(EEXIST);
    expect(kpi.register(fixed('', 1))).toBe(EINVAL);
    expect(kpi.register(fixed('a-name-that-is-too-long', 1))).toBe(EINVAL);
    expect(kpi.register({ ...fixed('two', 1), modInit: () => ENOMEM })).toBe(ENOMEM);
    expect(kpi.find('two')).toBe(null);
    expect(kpi.deregister('nobody')).toBe(ENOENT);
    expect(kpi.deregister('one')).toBe(0);
  });

  it('the hooks are called at their moments', () => {
    const calls: string[] = [];
    const p = new Peer({ extra: [moduleOf(fixed('still', 8 * 1460, calls))], sysctls: { 'cc.algorithm': 'still', rfc3042: 0 } });
    const [, so] = p.passive(MSS(1460));
    expect(calls).toContain('connInit 14600');
    expect(tcpInfo(so).sndCwnd).toBe(8 * 1460);
    so.proto.send(so, 0, p.kernel.mbufs.fromBytes(pattern(20000)), null);
    p.host.settle();
    expect(p.all().length).toBe(8);
    for (let i = 0; i < 3; i++) p.inject('. 1:1(0) ack 1');
    expect(calls.filter((c) => c.startsWith('congSignal'))).toEqual(['congSignal 8']); // CC_NDUPACK
    p.run(2000);
    expect(calls.filter((c) => c.startsWith('congSignal')).at(-1)).toBe('congSignal 2'); // CC_RTO
    soclose(so);
  });
});

describe('T93 congestion without loss', () => {
  it('T93 an algorithm that hears of it by delay halves the window, and nothing is sent again', () => {
    let backoffs = 0;
    let recover = 0;
    const hd: CcAlgo = {
      ...fixed('delay', 0),
      connInit: () => undefined,
      ackReceived: (ccv, type) => {
        if (type !== CC_ACK) return;
        if (inCongrecovery(ccv)) {
          if (seqGeq(ccv.curack, recover)) exitRecovery(ccv);
        } else if (ccv.srttUs > 25_000) {
          backoffs++;
          ccv.sndSsthresh = Math.max(ccv.sndCwnd >> 1, 2 * ccv.maxseg);
          ccv.sndCwnd = ccv.sndSsthresh;
          recover = ccv.sndMax;
          enterCongrecovery(ccv);
        } else ccv.sndCwnd += ccv.maxseg;
      },
    };
    // 12 ms there and back, and a queue that could hold far more than the sender lets it.
    const l = lossLab({ link: { delayUs: 6000, bandwidth: 20e6, queueLimit: 1000 }, extra: [moduleOf(hd)], sysctls: { 'net.inet.tcp.cc.algorithm': 'delay' }, without: ['ip6', 'nd6'] });
    const r = l.transfer(4 << 20);
    expect(r.problem).toBe('');
    expect(backoffs).toBeGreaterThan(5);
    expect([r.retransmits, r.timeouts, r.sackRecoveries]).toEqual([0, 0, 0]);
    expect(l.link.ab.stats.queueMax).toBeLessThan(60); // 1000 would fit
    expect(r.goodput).toBeGreaterThan(0.8 * 20e6);
    expect(l.finish()).toEqual([]);
  });
});

describe('T97 what tools read', () => {
  it('T97 is snapshots: the control block is not exported, and a picture does not change with its connection', () => {
    expect(Object.keys(tcpApi).filter((name) => /^(Tcpcb|TcpExt|Syncache)$/.test(name))).toEqual([]);
    const lab = new Lab({ delayUs: 1000 });
    const [c, s] = lab.pair();
    const before = tcpPcblist(lab.a.vnet);
    const text = JSON.stringify(before.pcbs.map((p) => [p.state, p.sndWnd, p.rcvWnd, p.rexmtUs]));
    lab.transfer(c, s, pattern(50_000));
    soclose(c);
    lab.host.advance(1e6);
    expect(JSON.stringify(before.pcbs.map((p) => [p.state, p.sndWnd, p.rcvWnd, p.rexmtUs]))).toBe(text);
    expect(tcpPcblist(lab.a.vnet).pcbs[0]?.state).not.toBe(before.pcbs[0]?.state);
    // The form that leaves the process has a version.
    expect(socketsSnapshot(lab.a.vnet, null).version).toBe(SNAPSHOT_VERSION);
  });
});

describe('T89 several algorithms at once', () => {
  it('two connections, two algorithms, independent windows', () => {
    const lab = new Lab({ delayUs: 2000, extra: [moduleOf(fixed('small', 2 * 1448)), moduleOf(fixed('large', 40 * 1448))] });
    const [c1, s1] = lab.pair(81);
    const [c2, s2] = lab.pair(82);
    expect(sosetopt(c1, IPPROTO_TCP, TCP_CONGESTION, 'small')).toBe(0);
    expect(sosetopt(c2, IPPROTO_TCP, TCP_CONGESTION, 'large')).toBe(0);
    const data = pattern(100_000);
    expect(same(lab.transfer(c1, s1, data), data)).toBe(true);
    expect(same(lab.transfer(c2, s2, data), data)).toBe(true);
    expect([tpOf(c1).sndCwnd, tpOf(c2).sndCwnd]).toEqual([2 * 1448, 40 * 1448]);
    expect([getopt(c1, IPPROTO_TCP, TCP_CONGESTION), getopt(s1, IPPROTO_TCP, TCP_CONGESTION)]).toEqual(['small', 'newreno']);
  });
});

describe('T90 TCP_CONGESTION', () => {
  it('switches a living connection: the new state is made before the old one goes', () => {
    const calls: string[] = [];
    const lab = new Lab({ delayUs: 1000, extra: [moduleOf(fixed('still', 10 * 1448, calls))] });
    const [c, s] = lab.pair();
    const data = pattern(50_000);
    expect(same(lab.transfer(c, s, data), data)).toBe(true);
    const seq = tpOf(c).sndMax;
    expect(sosetopt(c, IPPROTO_TCP, TCP_CONGESTION, 'nobody')).toBe(ENOENT);
    expect(sosetopt(c, IPPROTO_TCP, TCP_CONGESTION, 'still')).toBe(0);
    expect(tpOf(c).sndMax).toBe(seq);
    expect(same(lab.transfer(c, s, data), data)).toBe(true);
    expect((tpOf(c).ccData as { acks: number }).acks).toBeGreaterThan(10);
    expect(sosetopt(c, IPPROTO_TCP, TCP_CONGESTION, 'newreno')).toBe(0);
    expect(calls.at(-1)).toBe('cbDestroy');
    expect(same(lab.transfer(c, s, data), data)).toBe(true);
    expect(sosetopt(c, IPPROTO_TCP, TCP_CCALGOOPT, { set: true, name: 1, value: 70 })).toBe(0);
  });

  it('an algorithm that refuses leaves everything as it was', () => {
    const lab = new Lab({ extra: [moduleOf({ ...fixed('full', 1), cbInit: () => ENOMEM })] });
    const [c] = lab.pair();
    const before = tpOf(c).ccData;
    expect(sosetopt(c, IPPROTO_TCP, TCP_CONGESTION, 'full')).toBe(ENOMEM);
    expect(tpOf(c).cc.name).toBe('newreno');
    expect(tpOf(c).ccData).toBe(before);
  });

  it('connections have their listener\'s', () => {
    const p = new Peer({ extra: [moduleOf(fixed('still', 5 * 1460))] });
    const l = p.bind();
    expect(sosetopt(l, IPPROTO_TCP, TCP_CONGESTION, 'still')).toBe(0);
    const [, so] = p.passive(undefined, p.listen(l));
    expect(getopt(so, IPPROTO_TCP, TCP_CONGESTION)).toBe('still');
  });
});

describe('T96 unloading falls back', () => {
  it('T96 a third party\'s algorithm comes and goes: defaults and connections of all vnets go over to NewReno', () => {
    const calls: string[] = [];
    const lab = new Lab({ delayUs: 1000, extra: [moduleOf(fixed('still', 10 * 1448, calls))] });
    lab.kernel.sysctl.sysctlSet('net.inet.tcp.cc.algorithm', 'still', { vnet: lab.a.vnet, jailed: false });
    const [c, s] = lab.pair();
    expect(tpOf(c).cc.name).toBe('still');
    const table = lab.kernel.sysctl.sysctlGet('net.inet.tcp.cc.available', { vnet: lab.a.vnet, jailed: false }).value;
    expect(table).toBe('\nCCmod           D PCB count\nnewreno           1\nstill           * 1');
    expect(lab.kernel.kldunload('cc-still').errno).toBe(0);
    expect(tpOf(c).cc.name).toBe('newreno');
    expect(lab.a.tcp.ccDefault.name).toBe('newreno');
    expect(calls.slice(-2)).toEqual(['cbDestroy', 'modDestroy']);
    const data = pattern(50_000);
    expect(same(lab.transfer(c, s, data), data)).toBe(true);
    expect(lab.kernel.sysctl.sysctlSet('net.inet.tcp.cc.algorithm', 'still', { vnet: lab.a.vnet, jailed: false }).errno).toBe(ESRCH);
  });
});
