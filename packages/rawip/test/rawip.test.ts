import { EADDRNOTAVAIL, EINVAL, EISCONN, ENOTCONN, EPERM, EPROTONOSUPPORT, EWOULDBLOCK } from '@ns/errno';
import { afterEach, describe, expect, it } from 'vitest';
import { INET, IP_HDRINCL, IP_TTL } from '@ns/inpcb';
import { IP } from '@ns/ip';
import { mFreem, mToBytes } from '@ns/mbuf';
import { RIP } from '@ns/rawip';
import { DgramInfo, Socket, sobind, SOCK_RAW, soclose, soconnect, socreate, sodisconnect, sogetopt, soreceiveDgram, sosetopt } from '@ns/socket';
import type { StackJail } from '@ns/stack';
import { crSetuid } from '@ns/vnet';
import { AF_INET, cksumAddView, cksumFold, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_UNREACH, IPPROTO_ICMP, IPPROTO_IP, IPPROTO_RAW } from '@ns/wire';
import { type Lab, lab, sa, send } from '../../udp/test/lab.ts';

let l: Lab;
afterEach(() => {
  expect(l.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
});

function raw(j: StackJail, proto: number): Socket {
  const so = socreate(j.vnet, AF_INET, SOCK_RAW, proto, j.cred);
  if (!(so instanceof Socket)) throw new Error(`socreate: ${String(so)}`);
  return so;
}

/** The packets that wait: source, protocol and what is behind the IP header. */
function packets(so: Socket): { from: string; proto: number; body: Uint8Array }[] {
  const out = [];
  const info = new DgramInfo();
  for (let m = soreceiveDgram(so, info, 0); m !== null; m = soreceiveDgram(so, info, 0)) {
    const b = mToBytes(m);
    mFreem(m);
    out.push({ from: info.from().addr.toString(), proto: b[9] as number, body: b.subarray(((b[0] as number) & 15) * 4) });
  }
  return out;
}

function echo(seq: number, data = 8): Uint8Array {
  const b = new Uint8Array(8 + data);
  const dv = new DataView(b.buffer);
  dv.setUint8(0, ICMP_ECHO);
  dv.setUint32(4, (0xbeef << 16) | seq);
  for (let i = 0; i < data; i++) b[8 + i] = i;
  dv.setUint16(2, cksumFold(cksumAddView(dv, 0, b.length, 0)));
  return b;
}

describe('raw sockets', () => {
  it('ping: an echo request goes out, the reply comes back with its IP header', () => {
    l = lab();
    const so = raw(l.a, IPPROTO_ICMP);
    const req = echo(1, 56);
    expect(send(so, req, sa('10.0.0.2', 0))).toBe(64);
    l.host.settle();
    const [reply, ...rest] = packets(so);
    expect(rest).toEqual([]);
    expect(reply).toMatchObject({ from: '10.0.0.2', proto: IPPROTO_ICMP });
    expect(reply?.body[0]).toBe(ICMP_ECHOREPLY);
    expect(reply?.body.subarray(4)).toEqual(req.subarray(4));
  });

  it('T66 two raw sockets both receive: every match has a copy, by protocol and addresses', () => {
    l = lab();
    const [x, y, any, other, elsewhere, peer] = [raw(l.b, 200), raw(l.b, 200), raw(l.b, 0), raw(l.b, 201), raw(l.b, 200), raw(l.b, 200)] as [Socket, Socket, Socket, Socket, Socket, Socket];
    expect(sobind(elsewhere, sa('127.0.0.1', 0), l.b.cred)).toBe(0);
    expect(soconnect(peer, sa('10.0.0.99', 0), l.b.cred)).toBe(0);
    const from = raw(l.a, 200);
    send(from, 'hi', sa('10.0.0.2', 0));
    l.host.settle();
    expect([x, y, any, other, elsewhere, peer].map((so) => packets(so).length)).toEqual([1, 1, 1, 0, 0, 0]);
    expect(RIP.get(l.b.vnet).stat).toMatchObject({ delivered: 3, nomatch: 0 });
  });

  it('what nobody takes is answered with protocol unreachable', () => {
    l = lab();
    const icmp = raw(l.a, IPPROTO_ICMP);
    const from = raw(l.a, 200);
    send(from, 'at least 8 bytes', sa('10.0.0.2', 0));
    l.host.settle();
    const [msg] = packets(icmp);
    expect(Array.from(msg?.body.subarray(0, 2) ?? [])).toEqual([ICMP_UNREACH, 2]);
    expect(RIP.get(l.b.vnet).stat.nomatch).toBe(1);
  });

  it('IP_HDRINCL: the header of the application goes out, checked and completed', () => {
    l = lab();
    l.a.setCapability(l.ifa, 'txcsum', false); // else the in-process link carries the header without a checksum
    const so = raw(l.a, IPPROTO_RAW);
    const sink = raw(l.b, 200);
    expect(sosetopt(so, IPPROTO_IP, IP_HDRINCL, 1)).toBe(0);
    expect(sogetopt(so, IPPROTO_IP, IP_HDRINCL)).toBe(1);
    const pkt = new Uint8Array(24);
    const dv = new DataView(pkt.buffer);
    dv.setUint8(0, 0x45);
    dv.setUint16(2, 24);
    dv.setUint8(8, 9);
    dv.setUint8(9, 200);
    dv.setUint32(16, 0x0a000002);
    dv.setUint32(20, 0x01020304);
    expect(send(so, pkt, sa('10.0.0.2', 0))).toBe(24);
    l.host.settle();
    const info = new DgramInfo();
    const m = soreceiveDgram(sink, info, 0);
    const got = mToBytes(m);
    mFreem(m);
    expect(info.from().addr.toString()).toBe('10.0.0.1'); // filled in for 0.0.0.0
    expect(got[8]).toBe(9);
    expect(got.subarray(20)).toEqual(pkt.subarray(20));
    expect(cksumFold(cksumAddView(new DataView(got.buffer), 0, 20, 0))).toBe(0);
    for (const [at, value] of [[0, 0x44], [2, 1]] as const) {
      const bad = pkt.slice();
      bad[at] = value;
      expect(send(so, bad, sa('10.0.0.2', 0))).toBe(-EINVAL);
    }
    expect(send(so, pkt.subarray(0, 10), sa('10.0.0.2', 0))).toBe(-EINVAL);
    expect(IP.get(l.a.vnet).stat.rawout).toBeGreaterThanOrEqual(0);
  });

  it('are for the superuser, and need a protocol that exists', () => {
    l = lab();
    expect(socreate(l.a.vnet, AF_INET, SOCK_RAW, 1, crSetuid(l.a.cred, 1001))).toBe(EPERM);
    expect(socreate(l.a.vnet, AF_INET, SOCK_RAW, 256, l.a.cred)).toBe(EPROTONOSUPPORT);
    expect(RIP.get(l.a.vnet).info.count).toBe(0);
  });

  it('bind, connect and send errors', () => {
    l = lab();
    const so = raw(l.a, 200);
    expect(sobind(so, sa('192.0.2.1', 0), l.a.cred)).toBe(EADDRNOTAVAIL);
    expect(sobind(so, sa('10.0.0.1', 0), l.a.cred)).toBe(0);
    expect(sodisconnect(so)).toBe(ENOTCONN);
    expect(soconnect(so, sa('10.0.0.2', 0), l.a.cred)).toBe(0);
    expect(send(so, 'x', sa('10.0.0.2', 0))).toBe(-EISCONN);
    expect(sosetopt(so, IPPROTO_IP, IP_TTL, 7)).toBe(0);
    const sink = raw(l.b, 200);
    expect(send(so, 'x')).toBe(1);
    l.host.settle();
    expect(packets(sink)).toMatchObject([{ from: '10.0.0.1', proto: 200 }]);
    expect(packets(so)).toEqual([]);
    expect(so.rcvErrno).toBe(EWOULDBLOCK);
    expect(sodisconnect(so)).toBe(0);
    soclose(so);
  });

  it('leave no trace in the tables', () => {
    l = lab();
    const all = Array.from({ length: 5 }, () => raw(l.a, 200));
    const r = RIP.get(l.a.vnet);
    expect(r.byProto[200]?.length).toBe(5);
    for (const so of all) soclose(so);
    expect(r.byProto[200]).toEqual([]);
    expect(r.info.count).toBe(0);
    expect(INET.get(l.a.vnet).raw).toBe(r.protosw);
  });
});
