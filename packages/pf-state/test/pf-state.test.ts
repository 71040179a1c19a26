import { EACCES } from '@ns/errno';
import { pfState, pfStates } from '@ns/pf-state';
import { soclose, SS_ISCONNECTED } from '@ns/socket';
import { describe, expect, it } from 'vitest';
import { at, Net } from './lab.ts';

const ADDRS = [
  ['IPv4', '10.0.0.1', '10.0.0.2'],
  ['IPv6', 'fd00:0::1', 'fd00:0::2'],
] as const;

describe.each(ADDRS)('over %s', (_family, sa, ca) => {
  it('connections go out and come back; none comes in but to ports that are open', () => {
    const net = new Net();
    const [server, client] = [net.jail('server', 'tcp:80'), net.jail('client')];
    net.link(server, client);
    const [l80, l81, lc] = [net.listen(server, sa, 80), net.listen(server, sa, 81), net.listen(client, ca, 80)];
    const so = net.connect(client, sa, 80);
    expect(so.state & SS_ISCONNECTED).toBe(SS_ISCONNECTED);
    const peer = net.accept(l80);
    net.send(so, 'question');
    expect(net.read(peer)).toBe('question');
    net.send(peer, 'answer');
    expect(net.read(so)).toBe('answer');
    expect([net.states(client), net.states(server)]).toEqual([['6 80 ESTABLISHED:ESTABLISHED'], ['6 80 ESTABLISHED:ESTABLISHED']]);
    expect(net.connect(client, sa, 81).state & SS_ISCONNECTED).toBe(0);
    expect(net.connect(server, ca, 80).state & SS_ISCONNECTED).toBe(0);
    expect([net.stat(server).blocked, net.stat(client).blocked]).toEqual([2, 1]); // the first SYN was repeated
    soclose(so);
    soclose(peer);
    net.run(1);
    expect(net.states(client)).toContain('6 80 FIN_WAIT_2:FIN_WAIT_2');
    for (const l of [l80, l81, lc]) soclose(l);
    expect(net.finish()).toEqual([]);
  });

  it('datagrams are answered while their state lives, and not after it', () => {
    const net = new Net();
    const [server, client] = [net.jail('server', 'udp:53'), net.jail('client')];
    net.link(server, client);
    const [s, c] = [net.udp(server, sa, 53), net.udp(client, ca, 5000)];
    net.send(c, 'q', at(sa, 53));
    expect(net.read(s)).toBe('q');
    net.send(s, 'a', at(ca, 5000));
    expect(net.read(c)).toBe('a');
    expect(net.states(client)).toEqual(['17 53 SYN_SENT:ESTABLISHED']);
    net.run(29);
    net.send(s, 'b', at(ca, 5000));
    expect(net.read(c)).toBe('b'); // udp_single
    net.run(120);
    expect(net.states(client)).toEqual([]);
    net.send(s, 'late', at(ca, 5000));
    expect(net.read(c)).toBe('');
    expect(net.stat(client)).toMatchObject({ blocked: 1, inserts: 1, removals: 1 });
    expect(net.finish()).toEqual([]);
  });

  it('pings are answered where ICMP may come in, and an answer that nobody asked for is dropped', () => {
    const net = new Net();
    const [server, client] = [net.jail('server', 'icmp,icmp6'), net.jail('client')];
    net.link(server, client);
    expect([net.ping(client, sa, 3), net.ping(server, ca, 3)]).toEqual([3, 0]);
    expect([net.stat(server).blocked, net.stat(client).blocked]).toEqual([0, 3]);
    expect(net.ping(client, sa, 1, 4000)).toBe(1); // in fragments
    expect(net.stat(server).fragment).toBe(0);
    expect(net.finish()).toEqual([]);
  });

  it('an ICMP error comes in to whom it concerns', () => {
    const net = new Net();
    const [server, client] = [net.jail('server', 'udp:9'), net.jail('client')];
    net.link(server, client);
    const c = net.udp(client, ca, 5000);
    net.send(c, 'x', at(sa, 9)); // nobody there
    expect(net.stat(client)).toMatchObject({ blocked: 0, short: 0 });
    expect(net.stat(server).blocked).toBe(0);
    expect(net.finish()).toEqual([]);
  });
});

describe('what it holds is bounded', () => {
  it('no more states than net.pf_state.limit; a sender is told EACCES; those that expire make room', () => {
    const net = new Net();
    const [server, client] = [net.jail('server'), net.jail('client')];
    net.link(server, client);
    client.sysctl('net.pf_state.limit', 8);
    const c = net.udp(client, '10.0.0.2', 5000);
    const sent: number[] = [];
    for (let port = 1; port <= 10; port++) sent.push(net.send(c, 'x', at('10.0.0.1', port)));
    expect(sent).toEqual([1, 1, 1, 1, 1, 1, 1, 1, -EACCES, -EACCES]);
    expect(client.sysctl('net.pf_state.states')).toBe(8);
    expect(net.stat(client).state_limit).toBe(2);
    net.run(75);
    expect(client.sysctl('net.pf_state.states')).toBe(0);
    expect(net.send(c, 'x', at('10.0.0.1', 9))).toBe(1);
    expect(net.finish()).toEqual([]);
  });

  it('the rules are checked when they are written', () => {
    const net = new Net();
    const j = net.jail('j', 'tcp:22');
    for (const bad of ['tcp:0', 'tcp:65536', 'tcp', 'sctp:1', 'tcp:22;', 'on:', 'icmp:1']) expect(() => j.sysctl('net.pf_state.pass_in', bad)).toThrow('EINVAL');
    expect(j.sysctl('net.pf_state.pass_in')).toBe('tcp:22');
    expect(net.finish()).toEqual([]);
  });
});

describe('loaded and unloaded while there is traffic', () => {
  it('connections under way are taken in for a while, whoever speaks first; later ones are not', () => {
    const net = new Net(1, false);
    const [server, client] = [net.jail('server'), net.jail('client')];
    net.link(server, client);
    const head = net.listen(server, '10.0.0.1', 80);
    const so = net.connect(client, '10.0.0.1', 80);
    const peer = net.accept(head);
    const [quiet, quietPeer] = [net.connect(client, '10.0.0.1', 80), net.accept(head)];
    net.send(so, 'a');
    expect(net.kernel.kldload(pfState()).errno).toBe(0);
    net.send(peer, 'pushed'); // comes in at the client without a state
    expect(net.read(so)).toBe('pushed');
    expect(net.states(client).map((s) => s.replace(/ \d+ /, ' '))).toEqual(['6 ESTABLISHED:ESTABLISHED']);
    net.run(40);
    net.send(quietPeer, 'too late');
    expect(net.read(quiet)).toBe('');
    expect(net.stat(client).blocked).toBeGreaterThan(0);
    expect(net.kernel.kldunload('pf_state')).toEqual({ errno: 0, message: '' });
    net.run(60); // it is sent again
    expect(net.read(quiet)).toBe('too late');
    net.send(so, 'after');
    expect(net.read(peer)).toBe('aafter');
    expect(net.finish()).toEqual([]);
  });

  it('each vnet has its own states, and takes them along', () => {
    const net = new Net();
    const [a, b] = [net.jail('a', 'udp:53'), net.jail('b')];
    net.link(a, b);
    net.send(net.udp(b, '10.0.0.2', 5000), 'q', at('10.0.0.1', 53));
    expect([a, b, net.stack.host].map((j) => pfStates(j.vnet).length)).toEqual([1, 1, 0]);
    expect(net.finish()).toEqual([]);
  });
});
