import { exec, socketsSnapshot } from '@ns/cli';
import { EACCES, ENOENT, EPERM, ESRCH } from '@ns/errno';
import { type VirtualHost, virtualHost } from '@ns/kern';
import { MAC_VERSION, type MacHooks, type MacPolicy, macPolicyDeregister, macPolicyRegister, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import {
  DgramInfo,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  Socket,
  sobind,
  soclose,
  soconnect,
  socreate,
  solisten,
  solistenDequeue,
  soreceiveBytes,
  soreceiveDgram,
  sosendCopy,
} from '@ns/socket';
import { createStack, type Stack } from '@ns/stack';
import { tcpPcblist } from '@ns/tcp';
import { lab } from '@ns/testkit';
import type { Ucred } from '@ns/vnet';
import { AF_INET, type InAddr, inAddr4, INADDR_ANY, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const loopback = (port: number): Sockaddr => new Sockaddr(inAddr4(0x7f000001), port);
const bytes = Uint8Array.of(1, 2, 3);
const deny = (hook: keyof MacHooks, errno: number = EACCES): Partial<MacHooks> => ({ [hook]: () => errno });

/** The default stack with lo0, and one policy at a time. */
class Rig {
  readonly host: VirtualHost;
  readonly stack: Stack;
  readonly cred: Ucred;
  private policy: MacPolicy | null = null;

  constructor() {
    this.host = virtualHost();
    this.stack = createStack({ host: this.host });
    this.stack.host.addAddress('lo0', '127.0.0.1/8');
    this.cred = this.stack.host.cred;
  }

  /** Puts a policy in the place of the one that there is. */
  with(hooks: Partial<MacHooks> | null): void {
    if (this.policy !== null) expect(macPolicyDeregister(this.stack.kernel, this.policy)).toBe(0);
    this.policy = hooks === null ? null : { name: 'mac_rig', fullname: 'Rig', version: MAC_VERSION, loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK, ...hooks };
    if (this.policy !== null) expect(macPolicyRegister(this.stack.kernel, this.policy)).toBe(0);
  }

  open(type: number): Socket {
    const so = socreate(this.cred.vnet, AF_INET, type, 0, this.cred);
    if (!(so instanceof Socket)) throw new Error(`socket: ${so}`);
    return so;
  }

  bound(type: number, port: number): Socket {
    const so = this.open(type);
    expect(sobind(so, loopback(port), this.cred)).toBe(0);
    return so;
  }

  listener(port: number): Socket {
    const so = this.bound(SOCK_STREAM, port);
    expect(solisten(so, 5)).toBe(0);
    return so;
  }

  connected(port: number): [Socket, Socket] {
    const head = this.listener(port);
    const a = this.open(SOCK_STREAM);
    expect(soconnect(a, loopback(port), this.cred)).toBe(0);
    this.host.settle();
    const b = solistenDequeue(head);
    if (!(b instanceof Socket)) throw new Error(`accept: ${b}`);
    return [a, b];
  }
}

describe('T139 a policy that denies, over the real protocols', () => {
  it.each([
    ['tcp', SOCK_STREAM],
    ['udp', SOCK_DGRAM],
    ['raw', SOCK_RAW],
  ])('T139 create and bind: %s', (_name, type) => {
    const r = new Rig();
    r.with(deny('socketCheckCreate'));
    expect(socreate(r.cred.vnet, AF_INET, type, 0, r.cred)).toBe(EACCES);
    r.with(deny('socketCheckBind', EPERM));
    expect(sobind(r.open(type), loopback(type === SOCK_RAW ? 0 : 80), r.cred)).toBe(EPERM);
    r.with(null);
    expect(sobind(r.open(type), loopback(type === SOCK_RAW ? 0 : 80), r.cred)).toBe(0);
  });

  it('T139 listen, connect and accept: no packet is sent for what is refused, and accept works once it is allowed', () => {
    const r = new Rig();
    const so = r.bound(SOCK_STREAM, 81);
    r.with(deny('socketCheckListen'));
    expect(solisten(so, 5)).toBe(EACCES);
    r.with(null);
    const head = r.listener(80);
    const sent = (): number => (r.stack.host.sysctl('net.inet.tcp.stats') as unknown as { sndtotal: number }).sndtotal;
    const before = sent();
    r.with(deny('socketCheckConnect'));
    expect(soconnect(r.open(SOCK_STREAM), loopback(80), r.cred)).toBe(EACCES);
    expect(soconnect(r.open(SOCK_DGRAM), loopback(80), r.cred)).toBe(EACCES);
    r.host.settle();
    expect(sent()).toBe(before);
    r.with(deny('socketCheckAccept'));
    expect(soconnect(r.open(SOCK_STREAM), loopback(80), r.cred)).toBe(0);
    r.host.settle();
    expect(solistenDequeue(head)).toBe(EACCES);
    r.with(null);
    expect(solistenDequeue(head)).toBeInstanceOf(Socket);
  });

  it('T139 a connection that comes in: the peer is told', () => {
    const r = new Rig();
    r.listener(80);
    r.with(deny('socketNewconn'));
    const before = r.cred.vnet.ledger.total('socket');
    const a = r.open(SOCK_STREAM);
    expect(soconnect(a, loopback(80), r.cred)).toBe(0);
    r.host.settle();
    expect(soreceiveBytes(a, new Uint8Array(1), 0, 1, 0)).toBeLessThan(0);
    soclose(a);
    r.host.settle();
    expect(r.cred.vnet.ledger.total('socket')).toBe(before);
  });

  it('T139 send and receive: tcp', () => {
    const r = new Rig();
    const [a, b] = r.connected(80);
    r.with(deny('socketCheckSend'));
    expect(sosendCopy(a, null, bytes, 0, 3, 0)).toBe(-EACCES);
    r.with(deny('socketCheckReceive'));
    expect(sosendCopy(a, null, bytes, 0, 3, 0)).toBe(3);
    r.host.settle();
    const dst = new Uint8Array(3);
    expect(soreceiveBytes(b, dst, 0, 3, 0)).toBe(-EACCES);
    r.with(null);
    expect(soreceiveBytes(b, dst, 0, 3, 0)).toBe(3);
    expect(dst).toEqual(bytes);
  });

  it('T139 send and receive: udp; a datagram with an address asks for connect too', () => {
    const r = new Rig();
    const a = r.open(SOCK_DGRAM);
    const b = r.bound(SOCK_DGRAM, 53);
    const send = (): number => sosendCopy(a, loopback(53), bytes, 0, 3, 0);
    r.with(deny('socketCheckSend'));
    expect(send()).toBe(-EACCES);
    const to: string[] = [];
    r.with({ socketCheckConnect: (_cred, _so, addr) => (to.push(addr.toString()), EPERM) });
    expect(send()).toBe(-EPERM);
    expect(to).toEqual(['127.0.0.1:53']);
    r.with(deny('socketCheckReceive'));
    expect(send()).toBe(3);
    r.host.settle();
    expect(soreceiveDgram(b, null, 0)).toBeNull();
    expect(b.rcvErrno).toBe(EACCES);
    r.with(null);
    const info = new DgramInfo();
    expect(soreceiveDgram(b, info, 0)?.pktlen).toBe(3);
    expect(info.from().addr.w3).toBe(0x7f000001);
  });
});

describe('what is not visible', () => {
  it.each([
    ['its socket', { socketCheckVisible: (_cred, so) => (so.type === SOCK_STREAM ? ENOENT : 0) } satisfies Partial<MacHooks>],
    ['its pcb', { inpcbCheckVisible: (_cred, inp) => (inp.lport === 80 ? ENOENT : 0) } satisfies Partial<MacHooks>],
  ] as [string, Partial<MacHooks>][])('is left out of netstat and sockstat because of %s', (_name, hooks) => {
    const r = new Rig();
    r.listener(80);
    r.bound(SOCK_DGRAM, 53);
    const shown = (): string[] => {
      const text = exec(r.stack.kernel, 'netstat -an').stdout + exec(r.stack.kernel, 'sockstat -4').stdout;
      return ['127.0.0.1.80', '127.0.0.1:80', '127.0.0.1.53', '127.0.0.1:53'].filter((t) => text.includes(t));
    };
    expect(shown().length).toBe(4);
    r.with(hooks);
    expect(shown()).toEqual(['127.0.0.1.53', '127.0.0.1:53']);
    expect(socketsSnapshot(r.cred.vnet).sockets.length).toBe(2);
    expect(tcpPcblist(r.cred.vnet, r.cred)).toMatchObject({ count: 0, pcbs: [] });
    r.with(null);
    expect(shown().length).toBe(4);
  });

  it('is a half-open connection whose owner is hidden', () => {
    const policy: MacPolicy = { name: 'mac_hide', fullname: 'Hide', version: MAC_VERSION, credCheckVisible: () => ESRCH };
    const l = lab({ link: { delayUs: 10_000 } });
    const { vnet, cred } = l.b.jail;
    const head = socreate(vnet, AF_INET, SOCK_STREAM, 0, cred) as Socket;
    sobind(head, new Sockaddr(INADDR_ANY, 80), cred);
    solisten(head, 5);
    const a = l.a.socket();
    soconnect(a, new Sockaddr(parseInAddr(l.b.addr) as InAddr, 80), a.cred);
    const states = (): string[] => tcpPcblist(vnet, cred).pcbs.map((x) => x.stateName);
    expect(l.until(() => states().includes('SYN_RCVD'), 1_000_000)).toBe(true);
    macPolicyRegister(vnet.kernel, policy);
    expect(states()).toEqual(['LISTEN']);
    soclose(a);
    soclose(head);
  });

  it('is what belongs to another jail that shares the stack, without any policy', () => {
    const r = new Rig();
    const [one, two] = [r.stack.jail({ name: 'one', 'ip4.addr': '127.0.0.1' }), r.stack.jail({ name: 'two', 'ip4.addr': '127.0.0.1' })];
    for (const [cred, port] of [[r.cred, 80], [one.cred, 81], [two.cred, 82]] as const) {
      const so = socreate(cred.vnet, AF_INET, SOCK_DGRAM, 0, cred) as Socket;
      expect(sobind(so, loopback(port), cred)).toBe(0);
    }
    const ports = (cred: Ucred): number[] => socketsSnapshot(cred.vnet, cred).sockets.map((s) => s.local.port).sort();
    expect([ports(r.cred), ports(one.cred), ports(two.cred)]).toEqual([[80, 81, 82], [81], [82]]);
    expect(exec(r.stack.kernel, 'netstat -an', { jail: 'one' }).stdout).not.toContain('127.0.0.1.82');
  });
});
