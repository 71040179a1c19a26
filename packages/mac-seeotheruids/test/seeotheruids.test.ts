import { exec, socketsSnapshot } from '@ns/cli';
import { virtualHost } from '@ns/kern';
import { macSeeotheruids } from '@ns/mac-seeotheruids';
import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, Socket, sobind, soclose, soconnect, socreate, solisten, solistenDequeue } from '@ns/socket';
import { createStack, type Stack } from '@ns/stack';
import { tcpPcblist } from '@ns/tcp';
import { lab } from '@ns/testkit';
import { credSysctlReq, crSetuid, type Ucred } from '@ns/vnet';
import { AF_INET, type InAddr, inAddr4, INADDR_ANY, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const loopback = (port: number): Sockaddr => new Sockaddr(inAddr4(0x7f000001), port);

class Lab {
  readonly host = virtualHost();
  readonly stack: Stack;
  readonly root: Ucred;
  readonly alice: Ucred;
  readonly bob: Ucred;

  constructor() {
    this.stack = createStack({ host: this.host, extra: [macSeeotheruids()] });
    this.stack.host.addAddress('lo0', '127.0.0.1/8');
    this.root = this.stack.host.cred;
    this.alice = crSetuid(this.root, 1001);
    this.bob = crSetuid(this.root, 1002);
  }

  open(cred: Ucred, type: number, port: number): Socket {
    const so = socreate(cred.vnet, AF_INET, type, 0, cred);
    if (!(so instanceof Socket)) throw new Error(`socket: ${so}`);
    if (port !== 0) expect(sobind(so, loopback(port), cred)).toBe(0);
    return so;
  }

  listen(cred: Ucred, port: number): Socket {
    const so = this.open(cred, SOCK_STREAM, port);
    expect(solisten(so, 5)).toBe(0);
    return so;
  }

  set(name: string, value: number): void {
    this.stack.host.sysctl(`security.mac.seeotheruids.${name}`, value);
  }

  /** Users whose sockets `cred` sees. */
  uids(cred: Ucred): number[] {
    return [...new Set(socketsSnapshot(cred.vnet, cred).sockets.map((s) => s.uid))].sort((a, b) => a - b);
  }
}

describe('mac_seeotheruids', () => {
  it('shows users their own tcp, udp and raw sockets, and the superuser all', () => {
    const l = new Lab();
    l.listen(l.alice, 8001);
    l.open(l.alice, SOCK_DGRAM, 8001);
    l.listen(l.bob, 8002);
    l.open(l.root, SOCK_RAW, 0);
    expect(l.uids(l.alice)).toEqual([1001]);
    expect(socketsSnapshot(l.root.vnet, l.alice).sockets.map((s) => s.protocol)).toEqual(['tcp', 'udp']);
    expect(l.uids(l.bob)).toEqual([1002]);
    expect(l.uids(l.root)).toEqual([0, 1001, 1002]);
    expect(l.uids(crSetuid(l.root, 1003))).toEqual([]);
    expect(socketsSnapshot(l.root.vnet).sockets.length).toBe(4);
  });

  it('holds for half-open connections, and for those whose program has gone', () => {
    const wire = lab({ extra: [macSeeotheruids()], link: { delayUs: 10_000 } });
    const { vnet, cred } = wire.b.jail;
    const [alice, bob] = [crSetuid(cred, 1001), crSetuid(cred, 1002)];
    const head = socreate(vnet, AF_INET, SOCK_STREAM, 0, alice);
    if (!(head instanceof Socket)) throw new Error(`socket: ${head}`);
    expect(sobind(head, new Sockaddr(INADDR_ANY, 8001), alice)).toBe(0);
    expect(solisten(head, 5)).toBe(0);
    const states = (who: Ucred | null): string[] => tcpPcblist(vnet, who).pcbs.map((x) => `${x.uid} ${x.stateName}`);
    const peer = wire.a.socket();
    expect(soconnect(peer, new Sockaddr(parseInAddr(wire.b.addr) as InAddr, 8001), peer.cred)).toBe(0);
    expect(wire.until(() => states(null).includes('1001 SYN_RCVD'), 1_000_000)).toBe(true);
    expect([states(alice), states(bob)]).toEqual([['1001 LISTEN', '1001 SYN_RCVD'], []]);
    wire.advance(50_000);
    const so = solistenDequeue(head);
    if (!(so instanceof Socket)) throw new Error(`accept: ${so}`);
    soclose(so);
    wire.advance(50_000);
    expect([states(alice), states(bob)]).toEqual([['1001 FIN_WAIT_2', '1001 LISTEN'], []]);
    expect(tcpPcblist(vnet, cred).count).toBe(2);
    soclose(peer);
    soclose(head);
  });

  it('holds for the lists that sysctl gives', () => {
    const l = new Lab();
    l.listen(l.alice, 8001);
    l.open(l.alice, SOCK_DGRAM, 8001);
    l.open(l.root, SOCK_RAW, 0);
    const count = (name: string, cred: Ucred): number => (l.stack.kernel.sysctl.sysctlGet(name, credSysctlReq(cred)).value as { count: number; pcbs: unknown[] }).count;
    const lists = ['net.inet.tcp.pcblist', 'net.inet.udp.pcblist', 'net.inet.raw.pcblist'];
    expect(lists.map((name) => count(name, l.root))).toEqual([1, 1, 1]);
    expect(lists.map((name) => count(name, l.alice))).toEqual([1, 1, 0]);
    expect(lists.map((name) => count(name, l.bob))).toEqual([0, 0, 0]);
  });

  it('with suser_privileged=0 netstat and sockstat of the superuser show its own', () => {
    const l = new Lab();
    l.listen(l.alice, 8001);
    l.listen(l.root, 8002);
    const ports = (): boolean[] => {
      const text = exec(l.stack.kernel, 'netstat -an').stdout + exec(l.stack.kernel, 'sockstat').stdout;
      return ['8001', '8002'].map((p) => text.includes(p));
    };
    expect(ports()).toEqual([true, true]);
    l.set('suser_privileged', 0);
    expect(ports()).toEqual([false, true]);
    l.set('enabled', 0);
    expect(ports()).toEqual([true, true]);
  });

  it('shows the superuser of a jail what is of the jail, which it would without the policy', () => {
    const l = new Lab();
    const jail = l.stack.jail({ name: 'j', 'ip4.addr': '127.0.0.1' });
    l.listen(l.alice, 8001);
    l.listen(jail.cred, 8002);
    l.listen(crSetuid(jail.cred, 1001), 8003);
    expect(l.uids(jail.cred)).toEqual([0, 1001]);
    expect(socketsSnapshot(jail.vnet, jail.cred).sockets.map((s) => s.local.port).sort()).toEqual([8002, 8003]);
    expect(socketsSnapshot(jail.vnet, crSetuid(jail.cred, 1001)).sockets.map((s) => s.local.port)).toEqual([8003]);
    l.stack.kernel.kldunload('mac_seeotheruids');
    expect(socketsSnapshot(jail.vnet, jail.cred).sockets.map((s) => s.local.port).sort()).toEqual([8002, 8003]);
  });

  it('comes and goes while sockets live', () => {
    const l = new Lab();
    l.listen(l.alice, 8001);
    expect(l.uids(l.bob)).toEqual([]);
    expect(l.stack.kernel.kldunload('mac_seeotheruids').errno).toBe(0);
    expect(l.uids(l.bob)).toEqual([1001]);
    expect(l.stack.kernel.kldload(macSeeotheruids()).errno).toBe(0);
    expect(l.uids(l.bob)).toEqual([]);
    expect(l.stack.shutdown()).toMatchObject({ leftovers: [], problems: [] });
  });
});
