import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EACCES, EALREADY, EPERM } from '@ns/errno';
import { mac } from '@ns/mac';
import { MAC_HOOKS, MAC_VERSION, type MacHooks, type MacPolicy, macPolicyDeregister, macPolicyRegister, MacSlot, type MacSocket, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import { NETSTACK_VERSION, netstackRegister, nullNetstack } from '@ns/netstack-kpi';
import * as api from '@ns/socket';
import {
  MSG_OOB,
  PR_ADDR,
  PR_ATOMIC,
  type SockProto,
  soaccept,
  sobind,
  soclose,
  soconnect,
  socreate,
  Socket,
  SOCK_DGRAM,
  SOCK_STREAM,
  solisten,
  solistenDequeue,
  soreceiveBytes,
  soreceiveChain,
  soreceiveDgram,
  soreceiveDgramBytes,
  sosend,
  sosendBytes,
  sosendCopy,
  sosendmsg,
  sosendPartial,
  SS_ISCONNECTING,
} from '@ns/socket';
import { crSetfib } from '@ns/vnet';
import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { lab as plainLab, type Lab, open } from './harness.ts';

const at = (port: number): Sockaddr => new Sockaddr(inAddr4(0x7f000001), port);
const bytes = Uint8Array.of(1, 2, 3);

function lab(): Lab {
  const l = plainLab();
  expect(l.kernel.kldload(mac()).errno).toBe(0);
  return l;
}

function policy(hooks: Partial<MacHooks>, more: Partial<MacPolicy> = {}): MacPolicy {
  return { name: 'mac_test', fullname: 'Test', version: MAC_VERSION, loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK, ...more, ...hooks };
}

/** A policy that allows everything and notes what it is asked. */
function spy(l: Lab): string[] {
  const asked: string[] = [];
  const hooks: Record<string, unknown> = {};
  for (const name of MAC_HOOKS) {
    hooks[name] = () => {
      asked.push(name);
      return 0;
    };
  }
  expect(macPolicyRegister(l.kernel, policy(hooks as Partial<MacHooks>))).toBe(0);
  return asked;
}

/** A listener with a connection in its queue, and the other end of that. */
function waiting(l: Lab): { head: Socket; a: Socket } {
  const head = open(l);
  sobind(head, at(80), l.root);
  solisten(head, 8);
  const a = open(l);
  expect(soconnect(a, at(80), l.root)).toBe(0);
  return { head, a };
}

const accepted = (head: Socket): Socket => {
  const so = solistenDequeue(head);
  if (!(so instanceof Socket)) throw new Error(`accept: ${so}`);
  return so;
};

describe('J12 order in socreate', () => {
  it('J12 is netstack, access control, protocol; a policy sees the routing table that the netstack has set', () => {
    const l = lab();
    const order: string[] = [];
    const stack = {
      ...nullNetstack,
      name: 'bsd',
      version: NETSTACK_VERSION,
      socreate: (so: { fibnum: number }, _proto: unknown, cred: { fibnum: number }): void => {
        order.push('netstack.socreate');
        so.fibnum = cred.fibnum;
      },
    } as const;
    expect(l.kernel.kldunload('netstack_bsd').errno).toBe(0);
    expect(netstackRegister(l.kernel, stack)).toBe(0);
    macPolicyRegister(
      l.kernel,
      policy({
        socketCheckCreate: (cred, domain, type, protocol) => {
          order.push(`mac.socketCheckCreate ${cred.fibnum} ${domain} ${type} ${protocol}`);
          return 0;
        },
        socketCreate: (cred, so) => {
          expect(so.cred).toBe(cred);
          expect((so as Socket).pcb).toBeNull();
          order.push(`mac.socketCreate fib ${so.fibnum}`);
          return 0;
        },
      }),
    );
    const { pair } = l;
    l.sk.prDeregister(pair.proto);
    l.sk.prRegister({
      ...pair.proto,
      attach: (so, proto, cred) => {
        order.push('protocol attach');
        return pair.proto.attach(so, proto, cred);
      },
    });
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 0, crSetfib(l.root, 3))).toBeInstanceOf(Socket);
    expect(order).toEqual(['mac.socketCheckCreate 3 2 1 0', 'netstack.socreate', 'mac.socketCreate fib 3', 'protocol attach']);
  });

  it('J12 a policy that refuses by the routing table leaves nothing behind', () => {
    const l = lab();
    macPolicyRegister(l.kernel, policy({ socketCreate: (_cred, so) => (so.fibnum === 3 ? EPERM : 0) }));
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 0, crSetfib(l.root, 3))).toBe(EPERM);
    expect(l.sk.numopensockets).toBe(0);
    expect(l.vnet.ledger.total('socket')).toBe(0);
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 0, crSetfib(l.root, 2))).toBeInstanceOf(Socket);
  });
});

type Entry = { readonly hooks: readonly string[]; readonly call: (l: Lab, head: Socket, a: Socket) => unknown } | string;

const mbuf = (l: Lab) => {
  const m = l.kernel.mbufs.fromBytes(bytes);
  if (m === null) throw new Error('no mbuf');
  return m;
};
/** A socket of a protocol whose datagrams have an address; what it is asked to send is refused. */
const datagram = (l: Lab): Socket => {
  l.sk.prRegister({ ...l.pair.proto, type: SOCK_DGRAM, flags: PR_ATOMIC | PR_ADDR });
  const so = socreate(l.vnet, AF_INET, SOCK_DGRAM, 0, l.root);
  if (!(so instanceof Socket)) throw new Error(`socreate: ${so}`);
  return so;
};
const SEND = ['socketCheckSend'];
const RECEIVE = ['socketCheckReceive'];

/** Each function of the package whose name begins with `so`: the hooks that it asks, or why it asks none. */
const ENTRIES: Readonly<Record<string, Entry>> = {
  socreate: { hooks: ['socketCheckCreate', 'socketCreate'], call: (l) => open(l) },
  sobind: { hooks: ['socketCheckBind'], call: (l, _head, a) => sobind(a, at(99), l.root) },
  soconnect: { hooks: ['socketCheckConnect'], call: (l, _head, a) => soconnect(a, at(80), l.root) },
  solisten: { hooks: ['socketCheckListen'], call: (_l, head) => solisten(head, 9) },
  solistenDequeue: { hooks: ['socketCheckAccept'], call: (_l, head) => solistenDequeue(head) },
  sonewconn: { hooks: ['socketNewconn'], call: (_l, head) => api.sonewconn(head, 0) },
  sosend: { hooks: SEND, call: (l, _head, a) => sosend(a, null, mbuf(l), 0) },
  sosendPartial: { hooks: SEND, call: (l, _head, a) => sosendPartial(a, mbuf(l), 0) },
  sosendBytes: { hooks: SEND, call: (_l, _head, a) => sosendBytes(a, bytes, 0, 3, null, null, 0) },
  sosendCopy: { hooks: ['socketCheckConnect', 'socketCheckSend'], call: (_l, _head, a) => sosendCopy(a, at(80), bytes, 0, 3, 0) },
  sosendmsg: { hooks: ['socketCheckCreate', 'socketCreate', 'socketCheckConnect', ...SEND], call: (l) => sosendmsg(datagram(l), at(80), bytes, 0, 3, [], 0) },
  soreceiveBytes: { hooks: RECEIVE, call: (_l, _head, a) => soreceiveBytes(a, new Uint8Array(4), 0, 4, 0) },
  soreceiveChain: { hooks: RECEIVE, call: (_l, _head, a) => soreceiveChain(a, 4, 0) },
  soreceiveDgram: { hooks: RECEIVE, call: (_l, _head, a) => soreceiveDgram(a, null, 0) },
  soreceiveDgramBytes: { hooks: RECEIVE, call: (_l, _head, a) => soreceiveDgramBytes(a, new Uint8Array(4), 0, 4, null, 0) },
  soaccept: 'asked when the connection left the queue',
  soclose: 'a program may always let go',
  sodisconnect: 'a program may always let go',
  soshutdown: 'a program may always let go',
  soabort: 'for protocols',
  sokill: 'for jails and vnets that go',
  soref: 'references',
  sorele: 'references',
  sosockaddr: 'a program may know where it is',
  sopeeraddr: 'a program may know whom it speaks with',
  sogetopt: 'FreeBSD has no hook for options',
  sosetopt: 'FreeBSD has no hook for options',
  soreadable: 'there is no poll; reading is asked',
  sowriteable: 'there is no poll; writing is asked',
  soPcblist: 'asks for each row, see below',
  sotoxsocket: 'for those who have asked already whether the socket is visible',
  socantrcvmore: 'for protocols',
  socantsendmore: 'for protocols',
  socket: 'the module',
  sockProto: 'for protocols',
  soisconnected: 'for protocols',
  soisconnecting: 'for protocols',
  soisdisconnected: 'for protocols',
  soisdisconnecting: 'for protocols',
  solistenProto: 'for protocols',
  solistenProtoCheck: 'for protocols',
  sopathmtu: 'for protocols',
  soposterror: 'for protocols',
  soreserve: 'for protocols',
  sorwakeup: 'for protocols',
  soSbreserve: 'for protocols',
  sowwakeup: 'for protocols',
};

describe('T139 entry points', () => {
  it('T139 each function of the socket layer asks its hooks, or stands here with the reason why it has none', () => {
    const functions = Object.entries(api).filter(([name, f]) => typeof f === 'function' && /^so/.test(name));
    expect(functions.map(([name]) => name).sort()).toEqual(Object.keys(ENTRIES).sort());
  });

  const asking = Object.entries(ENTRIES).filter((e): e is [string, Exclude<Entry, string>] => typeof e[1] !== 'string');
  it.each(asking)('T139 %s asks once', (_name, entry) => {
    const l = lab();
    const { head, a } = waiting(l);
    const asked = spy(l);
    entry.call(l, head, a);
    expect(asked).toEqual(entry.hooks);
  });

  it('T139 urgent data are received with permission only', () => {
    const l = lab();
    const { a } = waiting(l);
    const asked = spy(l);
    soreceiveBytes(a, new Uint8Array(1), 0, 1, MSG_OOB);
    expect(asked).toEqual(RECEIVE);
  });

  it('T139 nobody but the socket layer calls a protocol in place of the socket', () => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    const direct = /\.proto\.(attach|bind|listen|connect|accept|send|rcvoob)\(/;
    const found: string[] = [];
    for (const pkg of readdirSync(root)) {
      const src = `${root}${pkg}/src`;
      if (pkg === 'socket' || !existsSync(src)) continue;
      for (const name of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
        if (name.endsWith('.ts') && direct.test(readFileSync(`${src}/${name}`, 'utf8'))) found.push(`${pkg}/${name}`);
      }
    }
    expect(found).toEqual([]);
  });
});

describe('T139 a policy that denies', () => {
  const deny = (hook: keyof MacHooks): Partial<MacHooks> => ({ [hook]: () => EACCES });

  it('T139 nothing is asked and everything allowed without a policy, with and without the module', () => {
    const l = plainLab();
    expect(l.sk.mac).toBeNull();
    waiting(l);
    l.kernel.kldload(mac());
    expect(l.sk.mac).toBeNull();
    accepted(l.pair.ports.get(80) as Socket);
  });

  it('T139 create', () => {
    const l = lab();
    macPolicyRegister(l.kernel, policy(deny('socketCheckCreate')));
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 0, l.root)).toBe(EACCES);
    expect(socreate(l.vnet, 99, SOCK_STREAM, 0, l.root)).toBe(EACCES);
    expect(l.sk.numopensockets).toBe(0);
  });

  it('T139 bind', () => {
    const l = lab();
    const so = open(l);
    const seen: string[] = [];
    const p = policy({
      socketCheckBind: (_cred, _so, addr) => {
        seen.push(addr.toString());
        return EACCES;
      },
    });
    macPolicyRegister(l.kernel, p);
    expect(sobind(so, at(80), l.root)).toBe(EACCES);
    expect(sobind(so, null, l.root)).toBe(EACCES);
    expect(seen).toEqual(['127.0.0.1:80', '0.0.0.0:0']);
    expect(l.pair.ports.size).toBe(0);
    macPolicyDeregister(l.kernel, p);
    expect(sobind(so, at(80), l.root)).toBe(0);
  });

  it('T139 connect', () => {
    const l = lab();
    const { head } = waiting(l);
    macPolicyRegister(l.kernel, policy(deny('socketCheckConnect')));
    const so = open(l);
    expect(soconnect(so, at(80), l.root)).toBe(EACCES);
    expect(head.listen?.qlen).toBe(1);
    so.state |= SS_ISCONNECTING;
    expect(soconnect(so, at(80), l.root)).toBe(EALREADY);
  });

  it('T139 listen', () => {
    const l = lab();
    const so = open(l);
    sobind(so, at(80), l.root);
    macPolicyRegister(l.kernel, policy(deny('socketCheckListen')));
    expect(solisten(so, 5)).toBe(EACCES);
    expect(so.listen).toBeNull();
  });

  it('T139 accept: the connection stays in the queue', () => {
    const l = lab();
    const { head } = waiting(l);
    const p = policy(deny('socketCheckAccept'));
    macPolicyRegister(l.kernel, p);
    expect(solistenDequeue(head)).toBe(EACCES);
    expect(head.listen?.qlen).toBe(1);
    macPolicyDeregister(l.kernel, p);
    expect(soaccept(accepted(head))).toMatchObject({ port: 4242 });
  });

  it('T139 a connection that comes in: refused, and nothing of it stays', () => {
    const l = lab();
    const { head } = waiting(l);
    const before = l.sk.numopensockets;
    macPolicyRegister(l.kernel, policy(deny('socketNewconn')));
    const so = open(l);
    expect(soconnect(so, at(80), l.root)).not.toBe(0);
    soclose(so);
    expect(head.listen?.qlen).toBe(1);
    expect(l.sk.numopensockets).toBe(before);
  });

  it('T139 send, by reference and by copy; a chain that is refused is freed, bytes that are lent are not', () => {
    const l = lab();
    const { head, a } = waiting(l);
    const b = accepted(head);
    macPolicyRegister(l.kernel, policy(deny('socketCheckSend')));
    const out = l.kernel.mbufs.outstanding;
    let freed = 0;
    expect(sosend(a, null, mbuf(l), 0)).toBe(EACCES);
    expect(sosendPartial(a, mbuf(l), 0)).toBe(EACCES);
    expect(sosendBytes(a, bytes, 0, 3, () => void freed++, null, 0)).toBe(-EACCES);
    expect(sosendCopy(a, null, bytes, 0, 3, 0)).toBe(-EACCES);
    expect(freed).toBe(0);
    expect(l.kernel.mbufs.outstanding).toBe(out);
    expect(b.rcv.cc).toBe(0);
  });

  it('T139 receive: the data stay where they are', () => {
    const l = lab();
    const { head, a } = waiting(l);
    const b = accepted(head);
    expect(sosendCopy(a, null, bytes, 0, 3, 0)).toBe(3);
    const p = policy(deny('socketCheckReceive'));
    macPolicyRegister(l.kernel, p);
    const dst = new Uint8Array(3);
    expect(soreceiveBytes(b, dst, 0, 3, 0)).toBe(-EACCES);
    expect(soreceiveChain(b, 3, 0)).toBeNull();
    expect(b.rcvErrno).toBe(EACCES);
    expect(soreceiveBytes(b, dst, 0, 1, MSG_OOB)).toBe(-EACCES);
    expect(soreceiveDgramBytes(b, dst, 0, 3, null, 0)).toBe(-EACCES);
    macPolicyDeregister(l.kernel, p);
    expect(soreceiveBytes(b, dst, 0, 3, 0)).toBe(3);
    expect(dst).toEqual(bytes);
  });
});

describe('labels of sockets', () => {
  it('pass from a listener to its connections, and are given back with the socket, also when attach fails', () => {
    const l = lab();
    const slot = new MacSlot<{ level: number }>();
    const gone: number[] = [];
    const levelOf = (so: MacSocket): number => slot.get(so)?.level ?? -1;
    macPolicyRegister(
      l.kernel,
      policy(
        {
          socketCreate: (_cred, so) => {
            slot.set(so, { level: 7 });
            return 0;
          },
          socketNewconn: (head, so) => {
            slot.set(so, { level: levelOf(head) + 1 });
            return 0;
          },
          socketDestroyLabel: (so) => void gone.push(levelOf(so)),
        },
        { slot },
      ),
    );
    const { head, a } = waiting(l);
    const b = accepted(head);
    expect([head, a, b].map(levelOf)).toEqual([7, 7, 8]);
    soclose(b);
    soclose(a);
    expect(gone).toEqual([8, 7]);
    const broken: SockProto = { ...l.pair.proto, protocol: 251, attach: () => EPERM };
    l.sk.prRegister(broken);
    expect(socreate(l.vnet, AF_INET, SOCK_STREAM, 251, l.root)).toBe(EPERM);
    expect(gone).toEqual([8, 7, 7]);
    expect(head.label).not.toBeNull();
    soclose(head);
    expect(head.label).toBeNull();
  });
});
