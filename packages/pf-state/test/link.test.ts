import { exec } from '@ns/cli';
import { mHeaderWritable } from '@ns/ifnet-kpi';
import { type Mbuf, mTagDeleteFlow } from '@ns/mbuf';
import { pfState, pfStates } from '@ns/pf-state';
import { PFIL_CONSUMED, PFIL_IN, PFIL_INET_NAME, PFIL_OUT, PFIL_PASS, PFIL_REALLOCED, PFIL_TYPE_IP4, type PfilMbufChk, pfilModule } from '@ns/pfil-kpi';
import { soreceiveDgram, sosend, SS_ISCONNECTED } from '@ns/socket';
import type { StackJail } from '@ns/stack';
import { cksumAddView, cksumFold, getIpDst } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { at, Net } from './lab.ts';

/** Writes another destination, as a translator does, with the checksums put right. `says`: it tells that the flow is another one. */
const translate = (from: number, to: number, says: boolean): PfilMbufChk => (m0, _i, _f, _r, p) => {
  if (getIpDst(m0.dv, m0.off) !== from) return PFIL_PASS;
  const m = mHeaderWritable(m0, 28);
  if (m === null) return PFIL_CONSUMED;
  m.dv.setInt32(m.off + 16, to);
  m.dv.setUint16(m.off + 10, 0);
  m.dv.setUint16(m.off + 10, cksumFold(cksumAddView(m.dv, m.off, 20, 0)));
  m.dv.setUint16(m.off + 26, 0); // UDP without a checksum
  m.csumFlags = 0;
  if (says) mTagDeleteFlow(m);
  p.m = m;
  return PFIL_REALLOCED;
};

const mismatches = (net: Net, jails: readonly StackJail[]): number => [...jails, net.stack.host].reduce((n, j) => n + net.stat(j).state_mismatch, 0);

/** Three hosts in a row; the middle one forwards, and lets anything begin from the side of the first. */
function routed(net: Net): { a: StackJail; r: StackJail; b: StackJail } {
  const [a, r, b] = [net.jail('a'), net.jail('r'), net.jail('b', 'udp:7,icmp')];
  const inside = net.link(r, a, 1);
  net.link(r, b, 2);
  r.sysctl('net.inet.ip.forwarding', 1);
  r.sysctl('net.pf_state.pass_in', `on:${inside.a}`);
  expect([exec(net.kernel, 'route add default 10.0.1.1', { jail: 'a' }).code, exec(net.kernel, 'route add default 10.0.2.1', { jail: 'b' }).code]).toEqual([0, 0]);
  return { a, r, b };
}

describe('T41: the state that is cached on a packet goes when the packet becomes another one', () => {
  it.each([
    ['10.0.0.1', '127.0.0.1'],
    ['fd00:0::1', '::1'],
  ])('T41: answers that are made of the packet they answer, resets, errors, loopback: %s', (sa, lo) => {
    const net = new Net();
    const [server, client] = [net.jail('server', 'icmp,icmp6,tcp:81,udp:9'), net.jail('client')];
    net.link(server, client);
    expect(net.ping(client, sa, 5)).toBe(5); // reflected in place
    expect(net.connect(client, sa, 81).state & SS_ISCONNECTED).toBe(0); // RST
    net.send(net.udp(client, sa.includes(':') ? 'fd00:0::2' : '10.0.0.2', 4000), 'x', at(sa, 9)); // port unreachable
    const local = client;
    local.addAddress('lo0', lo.includes(':') ? '::1/128' : '127.0.0.1/8');
    expect(net.ping(local, lo, 2)).toBe(2);
    const head = net.listen(local, lo, 80);
    const so = net.connect(local, lo, 80);
    const peer = net.accept(head);
    net.send(so, 'to myself');
    expect(net.read(peer)).toBe('to myself');
    expect([mismatches(net, [server, client]), net.stat(server).blocked, net.stat(client).blocked]).toEqual([0, 0, 0]);
    expect(net.finish()).toEqual([]);
  });

  it('T41: a packet on its way through is looked up once, and its state is the right one on both sides', () => {
    const net = new Net();
    const { a, r, b } = routed(net);
    const [ua, ub] = [net.udp(a, '10.0.1.2', 5000), net.udp(b, '10.0.2.2', 7)];
    for (let i = 0; i < 5; i++) {
      net.send(ua, `q${i}`, at('10.0.2.2', 7));
      expect(net.read(ub)).toBe(`q${i}`);
      net.send(ub, `a${i}`, at('10.0.1.2', 5000));
      expect(net.read(ua)).toBe(`a${i}`);
    }
    expect(net.ping(a, '10.0.2.2', 2)).toBe(2);
    const s = net.stat(r);
    expect(s).toMatchObject({ links: 14, searches: 14, inserts: 2, state_mismatch: 0, blocked: 0 });
    expect(net.ping(b, '10.0.1.2', 1)).toBe(0); // from outside
    expect(mismatches(net, [a, r, b])).toBe(0);
    expect(net.finish()).toEqual([]);
  });

  it('T41: a datagram that a program has received and sends on carries nothing along', () => {
    const net = new Net();
    const [server, client, third] = [net.jail('server', 'udp:7'), net.jail('client'), net.jail('third', 'udp:7')];
    net.link(server, client);
    net.link(server, third, 1);
    const [s, c, t] = [net.udp(server, '0.0.0.0', 7), net.udp(client, '10.0.0.2', 5000), net.udp(third, '10.0.1.2', 7)];
    net.send(c, 'pass this on', at('10.0.0.1', 7));
    const m = soreceiveDgram(s, null, 0) as Mbuf;
    expect(m.tags).toBe(null);
    expect(sosend(s, at('10.0.1.2', 7), m, 0)).toBe(0);
    net.run();
    expect(net.read(t)).toBe('pass this on');
    expect(mismatches(net, [server, client, third])).toBe(0);
    expect(net.finish()).toEqual([]);
  });

  it.each([
    ['says so', true, 0],
    ['does not', false, 1],
  ])('T41: behind a filter that translates addresses and %s the right state is found', (_what, says, mismatch) => {
    const net = new Net(1, false);
    // Loaded first, so it sees what comes in when the stateful filter has seen it, and what goes out before.
    const nat = pfilModule('nat', () => [{ rulname: 'r', head: PFIL_INET_NAME, type: PFIL_TYPE_IP4, flags: PFIL_IN, ruleset: null, mbufChk: translate(0x0a000909, 0x0a000202, says) }]);
    expect(net.kernel.kldload(nat).errno).toBe(0);
    expect(net.kernel.kldload(pfState()).errno).toBe(0);
    const { a, r, b } = routed(net);
    const [ua, ub] = [net.udp(a, '10.0.1.2', 5000), net.udp(b, '10.0.2.2', 7)];
    for (const dst of ['10.0.2.2', '10.0.9.9']) {
      net.send(ua, dst, at(dst, 7));
      expect(net.read(ub)).toBe(dst);
    }
    const right = pfStates(r.vnet).find((s) => s.dst.w3 === 0x0a000202);
    expect([right?.packets, net.stat(r).state_mismatch]).toEqual([3, mismatch]); // in, out; and out
    expect(net.finish()).toEqual([]);
  });

  it('T41: a filter that sends a packet to another host on its way out is taken for what it makes of it', () => {
    const net = new Net();
    const [server, client] = [net.jail('server', 'udp:7'), net.jail('client')];
    net.link(server, client);
    server.addAddress('lo0', '127.0.0.1/8');
    const nat = pfilModule('nat', () => [{ rulname: 'r', head: PFIL_INET_NAME, type: PFIL_TYPE_IP4, flags: PFIL_OUT, ruleset: null, mbufChk: translate(0x0a000009, 0x0a000001, false) }]);
    expect(net.kernel.kldload(nat).errno).toBe(0);
    const [s7, s8] = [net.udp(server, '10.0.0.1', 7), net.udp(server, '10.0.0.1', 8000)];
    net.send(s8, 'to nine', at('10.0.0.9', 7)); // turned round to the sender's own address: comes in again
    expect(net.read(s7)).toBe('to nine');
    expect(net.stat(server)).toMatchObject({ state_mismatch: 0, inserts: 2 });
    expect(net.finish()).toEqual([]);
  });
});
