import fc from 'fast-check';
import { soclose, type Socket, soreceiveBytes } from '@ns/socket';
import { AF_INET6 } from '@ns/wire';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ipNextMtu, tcpMtudisc, tcpMtudiscNotify } from '../src/ctlinput.ts';
import { minProtoh, type MssOffer, tcpMssUpdate } from '../src/mss.ts';
import { info, Lab, pattern, tpOf, write } from './lab.ts';
import { MSS, Peer, type PeerOptions, SACKOK } from './peer.ts';
import { AF_INET } from './wire-names.ts';

const SIMPLE = [...MSS(1460), ...SACKOK, 0, 0];

function established(o: PeerOptions = {}): [Peer, Socket] {
  const p = new Peer(o);
  const so = p.active(SIMPLE);
  return [p, so];
}

/** Sends `n` bytes and tells the sender of the first segment that the path takes `mtu` only. Returns what it sends then. */
function narrow(mtu: number, n = 2920): [Peer, Socket, Peer['outs']] {
  const [p, so] = established();
  write(so, pattern(n));
  p.host.settle();
  const first = p.outs[0]!;
  p.all();
  p.icmp(3, 4, first, mtu);
  return [p, so, p.outs];
}

/** A path of `mtu` bytes: it fragments what may be fragmented and tells the sender of the rest. Bytes that arrive in `rounds` round trips, DF as `df` has it. */
function throughPath(mtu: number, bytes: number, rounds: number, df: (o: Peer['outs'][number]) => boolean): number {
  const [p, so] = established();
  write(so, pattern(bytes));
  p.host.settle();
  let arrived = 1;
  for (let i = 0; i < rounds && arrived <= bytes; i++) {
    for (const o of p.outs.splice(0)) {
      if (o.ip.length > mtu && df(o)) p.icmp(3, 4, o, mtu);
      else if (((o.seq - p.iss) | 0) <= arrived) arrived = Math.max(arrived, ((o.seq - p.iss) | 0) + o.data.length);
    }
    p.inject(`. 1:1(0) ack ${arrived}`);
    p.run(10);
  }
  return arrived - 1;
}

describe('path MTU and minmss (kern/146628)', () => {
  it('T29 what bounds a segment is the MSS of the peer or an MTU of the path, never one taken for the other', () => {
    expectTypeOf<MssOffer>().toEqualTypeOf<{ readonly kind: 'offer'; readonly mss: number } | { readonly kind: 'mtu'; readonly mtu: number } | { readonly kind: 'none' }>();
    expectTypeOf(tcpMtudisc).parameter(1).toEqualTypeOf<MssOffer>();
    const [, so] = established();
    const tp = tpOf(so);
    const got = ([{ kind: 'offer', mss: 1300 }, { kind: 'mtu', mtu: 1300 }, { kind: 'offer', mss: 0 }, { kind: 'none' }] as const).map((offer) => {
      tcpMssUpdate(tp, offer);
      return tp.mss;
    });
    expect(got).toEqual([1300, 1260, 536, 1460]);
    expect([minProtoh(AF_INET), minProtoh(AF_INET6)]).toEqual([40, 60]);
  });

  it('T30 a message without an MTU looks at the path again, one with an MTU takes it', () => {
    const [p, so] = established();
    const tp = tpOf(so);
    tcpMtudisc(tp, { kind: 'mtu', mtu: 1000 });
    expect(tp.mss).toBe(960);
    tcpMtudiscNotify(tp);
    expect(tp.mss).toBe(1460);
    expect(p.tcp.stat.mturesent).toBe(2);
  });

  it('T28 with a host cache that is full, one message draws one repetition, and no more messages', () => {
    const [p, so] = established();
    const { hostcache } = p.tcp;
    (hostcache.limits as { cachelimit: number }).cachelimit = 0;
    write(so, pattern(1460));
    p.host.settle();
    const first = p.outs[0]!;
    p.all();
    p.icmp(3, 4, first, 1300);
    expect(hostcache.count).toBe(0);
    expect(p.outs.splice(0).map((o) => o.data.length)).toEqual([1260, 200]);
    p.icmp(3, 4, first, 1300); // the same again: there is nothing to be made smaller
    expect([p.outs.length, p.tcp.stat.mturesent]).toEqual([0, 1]);
  });

  it('T108 below minmss: segments of minmss with DF clear, and the transfer completes through a router that fragments', () => {
    const [p, , outs] = narrow(200);
    expect(outs[0]!.data.length).toBe(216);
    expect(outs.every((o) => !o.df && o.data.length <= 216)).toBe(true);
    expect(p.tcp.stat.mturesent).toBe(1);
    expect(throughPath(200, 20_000, 200, (o) => o.df)).toBe(20_000);
  });

  it('T110 with DF set on those segments, as it once was, nothing ever arrives', () => {
    expect(throughPath(200, 20_000, 60, () => true)).toBe(0);
  });

  it('T109 a router that does not say its MTU: the next plateau below the packet that it refused', () => {
    const [, , outs] = narrow(0);
    expect(outs[0]!.data.length).toBe(1492 - 40);
    expect([1500, 1492, 1280, 296, 68, 67].map(ipNextMtu)).toEqual([1492, 1280, 1006, 68, 0, 0]);
  });

  it('T111 discovery is over for the rest of the session: neither a larger nor a smaller MTU counts any more, and DF stays clear', () => {
    const [p, so] = narrow(200);
    p.inject('. 1:1(0) ack 2921');
    p.all();
    write(so, pattern(1000));
    p.host.settle();
    const next = p.outs[0]!;
    p.all();
    for (const mtu of [1400, 100]) p.icmp(3, 4, next, mtu);
    expect([p.outs.length, p.tcp.stat.mturesent, tpOf(so).mss]).toEqual([0, 1, 216]);
    p.inject('. 1:1(0) ack 3921');
    write(so, pattern(1000));
    p.host.settle();
    expect(p.outs.every((o) => !o.df)).toBe(true);
    // Another connection to that host knows from the start.
    const q = p.tcp.hostcache.getMtu(tpOf(so).inp.faddr, 0);
    expect(q).toBe(200);
  });

  it.each([
    [257, 217, true],
    [256, 216, true],
    [255, 216, false],
    [1, 216, false],
  ])('T112 an MTU of %i: segments of %i bytes, DF %s', (mtu, mss, df) => {
    const [, , outs] = narrow(mtu);
    expect([outs[0]!.data.length, outs[0]!.df]).toEqual([mss, df]);
  });
});

describe('the reassembly queue', () => {
  it('T98 is flushed when the connection goes: every buffer comes back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 2, max: 3000 }), fc.integer({ min: 1, max: 500 })), { maxLength: 12 }), fc.boolean(), (segs, reset) => {
        const [p, so] = established();
        for (const [at, n] of segs) p.inject(`. ${at}:${at + n}(${n}) ack 1`);
        if (reset) p.inject('R 1:1(0)');
        soclose(so);
        p.run(400_000);
        expect([p.tcp.reass.cursegments, p.kernel.mbufs.outstanding]).toEqual([0, 0]);
      }),
      { numRuns: 15 },
    );
  });
});

describe('the inflight limiter that once was', () => {
  it('T99 T113 there is one window: what is in flight is the smaller of the congestion window and the peer\'s, neither more nor less', () => {
    const [p, so] = established();
    const tp = tpOf(so);
    write(so, pattern(30_000));
    p.host.settle();
    let acked = 1;
    for (let i = 0; i < 8; i++) {
      const flight = (tp.sndMax - tp.sndUna) | 0;
      const window = Math.min(tp.sndCwnd, tp.sndWnd);
      const rest = so.snd.cc;
      expect(flight).toBeLessThanOrEqual(window);
      expect(flight).toBeGreaterThan(Math.min(window, rest) - 1460);
      acked += 2920;
      p.inject(`. 1:1(0) ack ${acked}`, { win: i % 2 === 0 ? 65535 : 40_000 });
    }
    const names = p.kernel.sysctl.sysctlGet('net.inet.tcp.inflight.enable', { vnet: p.vnet, jailed: false });
    expect(names.errno).not.toBe(0);
  });

  it('T100 T102 tcpi_snd_bwnd is there and 0, whatever happens on the connection', () => {
    const lab = new Lab({ loss: 0.02, delayUs: 5000 });
    const [c, s] = lab.pair();
    expect(info(c).sndBwnd).toBe(0);
    lab.transfer(c, s, pattern(100_000));
    expect([info(c).sndBwnd, info(s).sndBwnd]).toEqual([0, 0]);
    expect(soreceiveBytes(s, new Uint8Array(1), 0, 1, 0)).toBeLessThan(0);
  });
});
