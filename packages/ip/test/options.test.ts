import { INET, type InPkt, type Protosw } from '@ns/inpcb';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { describe, expect, it } from 'vitest';
import { icmpMessage, ipPacket, Lab, parseIp, type TestIf, v4 } from './lab.ts';

class Sink implements Protosw {
  readonly proto = 253;
  readonly name = 'sink';
  readonly got: Uint8Array[] = [];
  input(m: Mbuf, pkt: InPkt): void {
    this.got.push(mToBytes(m).slice(20, pkt.off));
    mFreem(m);
  }
}

function setup(): { lab: Lab; a: TestIf; b: TestIf; sink: Sink } {
  const lab = new Lab();
  const a = lab.ether('02:00:00:00:00:0a', '10.0.0.1/24');
  const b = lab.ether('02:00:00:00:00:0b', '10.0.1.1/24');
  lab.neighbour(a, '10.0.0.2', '02:00:00:00:0a:02');
  lab.neighbour(b, '10.0.1.2', '02:00:00:00:0b:02');
  const sink = new Sink();
  INET.get(lab.vnet).registerProto(sink);
  return { lab, a, b, sink };
}

const addr = (a: string): number[] => a.split('.').map(Number);
const rr = (...slots: string[]): Uint8Array => Uint8Array.of(7, 3 + slots.length * 4, 4, ...slots.flatMap(addr), 0);
const srr = (type: number, ptr: number, ...hops: string[]): Uint8Array => Uint8Array.of(type, 3 + hops.length * 4, ptr, ...hops.flatMap(addr), 0);
const base = { src: '10.0.0.2', dst: '10.0.0.1', payload: new Uint8Array(8) };
const Z = '0.0.0.0';

describe('record route', () => {
  it('notes our address, and the outgoing one when forwarding', () => {
    const { lab, a, b, sink } = setup();
    lab.injectIp(a, ipPacket({ ...base, options: rr(Z, Z) }));
    expect([...sink.got[0]!]).toEqual([7, 11, 8, ...addr('10.0.0.1'), 0, 0, 0, 0, 0]);
    lab.ip.forwarding = true;
    lab.injectIp(a, ipPacket({ ...base, dst: '10.0.1.2', options: rr(Z, Z) }));
    const p = b.wire.takeType(0x0800)[0]!;
    expect([...p.subarray(20, 27)]).toEqual([7, 11, 8, ...addr('10.0.1.1')]);
    expect(parseIp(p).sumOk).toBe(true);
  });

  it('a full one passes as it is; a bad pointer is a parameter problem that points at it', () => {
    const { lab, a, sink } = setup();
    const full = rr('1.2.3.4');
    full[2] = 8;
    lab.injectIp(a, ipPacket({ ...base, options: full }));
    expect([...sink.got[0]!]).toEqual([...full]);
    const bad = rr(Z);
    bad[2] = 3;
    lab.injectIp(a, ipPacket({ ...base, options: bad }));
    const [r] = a.wire.takeType(0x0800).map((x) => parseIp(x));
    expect([r!.payload[0], r!.payload[1], r!.payload[4]]).toEqual([12, 0, 22]);
    expect(lab.ip.stat.badoptions).toBe(1);
  });
});

describe('time stamps', () => {
  const ts = (flag: number, ...data: number[]): Uint8Array => {
    const o = new Uint8Array(4 + data.length);
    o.set([68, o.length, 5, flag, ...data]);
    return o;
  };

  it('only, with address, of listed addresses, overflow', () => {
    const { lab, a, sink } = setup();
    const now = Math.floor(lab.host.clock.wallUs() / 1000) % 86400000;
    const stamp = [(now >>> 24) & 255, (now >>> 16) & 255, (now >>> 8) & 255, now & 255];
    const send = (options: Uint8Array): number[] => {
      lab.injectIp(a, ipPacket({ ...base, options }));
      return [...sink.got.pop()!];
    };
    expect(send(ts(0, 0, 0, 0, 0))).toEqual([68, 8, 9, 0, ...stamp]);
    expect(send(ts(1, 0, 0, 0, 0, 0, 0, 0, 0))).toEqual([68, 12, 13, 1, ...addr('10.0.0.1'), ...stamp]);
    expect(send(ts(3, ...addr('10.0.0.1'), 0, 0, 0, 0))).toEqual([68, 12, 13, 3, ...addr('10.0.0.1'), ...stamp]);
    expect(send(ts(3, ...addr('9.9.9.9'), 0, 0, 0, 0))).toEqual([68, 12, 5, 3, ...addr('9.9.9.9'), 0, 0, 0, 0]);
    const full = ts(0, 1, 2, 3, 4);
    full[2] = 9;
    expect(send(full)).toEqual([68, 8, 9, 0x10, 1, 2, 3, 4]);
    const overflowed = ts(0xf0, 1, 2, 3, 4);
    overflowed[2] = 9;
    lab.injectIp(a, ipPacket({ ...base, options: overflowed }));
    lab.injectIp(a, ipPacket({ ...base, options: ts(2, 0, 0, 0, 0) }));
    expect(a.wire.takeType(0x0800).map((x) => parseIp(x).payload[4])).toEqual([22, 23]);
    expect(lab.outstanding).toBe(0);
  });
});

describe('source routes (RFC 1122 §3.2.1.8)', () => {
  it('are off: a host drops what it should pass on, and what ends here; a router says so', () => {
    const { lab, a, b, sink } = setup();
    const passing = ipPacket({ ...base, options: srr(131, 4, '10.0.1.2') });
    const ending = ipPacket({ ...base, options: srr(131, 8, '10.0.0.7') });
    lab.injectIp(a, passing);
    lab.injectIp(a, ending);
    expect(lab.ip.stat.cantforward).toBe(2);
    expect(a.wire.take()).toEqual([]);
    lab.ip.forwarding = true;
    lab.injectIp(a, passing);
    const [r] = a.wire.takeType(0x0800).map((x) => parseIp(x));
    expect([r!.payload[0], r!.payload[1]]).toEqual([3, 5]);
    expect(sink.got).toEqual([]);
    expect(b.wire.take()).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('on: the next hop is taken from the route, our address noted in it', () => {
    const { lab, a, b } = setup();
    lab.ip.forwarding = true;
    lab.ip.dosourceroute = true;
    for (const type of [131, 137]) {
      lab.injectIp(a, ipPacket({ ...base, options: srr(type, 4, '10.0.1.2', '192.0.2.1') }));
      const p = b.wire.takeType(0x0800)[0]!;
      expect(parseIp(p)).toMatchObject({ dst: v4('10.0.1.2'), sumOk: true, ttl: 63 });
      expect([...p.subarray(20, 31)]).toEqual([type, 11, 8, ...addr('10.0.1.1'), ...addr('192.0.2.1')]);
    }
    lab.injectIp(a, ipPacket({ ...base, options: srr(137, 4, '192.0.2.99') })); // strict, and not a neighbour
    expect(a.wire.takeType(0x0800).map((x) => [parseIp(x).payload[0], parseIp(x).payload[1]])).toEqual([[3, 5]]);
  });

  it('accepted: an echo goes back the way it came', () => {
    const { lab, a } = setup();
    lab.ip.acceptsourceroute = true;
    lab.neighbour(a, '10.0.0.9', '02:00:00:00:0a:09');
    lab.injectIp(a, ipPacket({ ...base, proto: 1, options: srr(131, 12, '10.0.0.8', '10.0.0.9'), payload: icmpMessage(8, 0, 1) }));
    const p = a.wire.takeType(0x0800)[0]!;
    expect(parseIp(p)).toMatchObject({ dst: v4('10.0.0.9'), sumOk: true });
    expect([...p.subarray(20, 31)]).toEqual([131, 11, 4, ...addr('10.0.0.8'), ...addr('10.0.0.2')]);
  });
});

describe('all options', () => {
  it('process_options 0 leaves them alone, 2 refuses them', () => {
    const { lab, a, sink } = setup();
    lab.ip.doopts = 0;
    lab.injectIp(a, ipPacket({ ...base, options: srr(131, 4, '10.0.1.2') }));
    expect(sink.got.length).toBe(1);
    lab.ip.doopts = 2;
    lab.injectIp(a, ipPacket({ ...base, options: rr(Z) }));
    const [r] = a.wire.takeType(0x0800).map((x) => parseIp(x));
    expect([r!.payload[0], r!.payload[1]]).toEqual([3, 13]);
  });

  it('lengths that run out of the header point at the length', () => {
    const { lab, a } = setup();
    for (const [options, pointer] of [[Uint8Array.of(1, 7, 1, 0), 22], [Uint8Array.of(1, 1, 1, 7), 24], [Uint8Array.of(7, 9, 4, 0), 21]] as const) {
      lab.injectIp(a, ipPacket({ ...base, options }));
      expect(a.wire.takeType(0x0800).map((x) => [parseIp(x).payload[0], parseIp(x).payload[4]])).toEqual([[12, pointer]]);
    }
    expect(lab.outstanding).toBe(0);
  });

  it('an echo keeps recorded route and time stamps, and nothing else', () => {
    const { lab, a } = setup();
    const options = Uint8Array.of(...rr(Z).subarray(0, 7), 1, 130, 4, 9, 9);
    lab.injectIp(a, ipPacket({ ...base, proto: 1, options, payload: icmpMessage(8, 0, 1) }));
    const p = a.wire.takeType(0x0800)[0]!;
    expect([...p.subarray(20, 32)]).toEqual([7, 7, 8, ...addr('10.0.0.1'), 1, 1, 1, 1, 1]);
    expect(parseIp(p).sumOk).toBe(true);
  });
});
