import { EEXIST, EINVAL, ENXIO, type NetError } from '@ns/errno';
import { SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import { SeededRandom, virtualHost, type VirtualHost } from '@ns/kern';
import { mFreem, mToBytes } from '@ns/mbuf';
import { SO_ACCEPT, sobind, type Socket, soclose, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, soreceiveDgram, sosendCopy } from '@ns/socket';
import { AF_INET, AF_INET6, INADDR_ANY, type InAddr, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { createStack, defaultModules, platformHost, type Stack, type StackJail } from '../src/index.ts';

const SERVER = '10.0.0.1';
const CLIENT = '10.0.0.2';
const at = (address: string, port: number): Sockaddr => new Sockaddr(parseInAddr(address) as InAddr, port);

interface World {
  readonly host: VirtualHost;
  readonly stack: Stack;
  readonly server: StackJail;
  readonly client: StackJail;
}

function world(seed = 1): World {
  const host = virtualHost({ seed });
  const stack = createStack({ host });
  const server = stack.jail({ name: 'server', vnet: 'new' });
  const client = stack.jail({ name: 'client', vnet: 'new' });
  stack.link(server, `${SERVER}/24`, client, `${CLIENT}/24`);
  return { host, stack, server, client };
}

function open(jail: StackJail, type: number): Socket {
  const so = socreate(jail.vnet, AF_INET, type, 0, jail.cred);
  if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
  return so;
}

/** Sends `bytes` over TCP from client to server and back; what came back. */
function echoOverTcp(w: World, bytes: Uint8Array): Uint8Array {
  const buf = new Uint8Array(65536);
  const lso = open(w.server, SOCK_STREAM);
  expect(sobind(lso, new Sockaddr(INADDR_ANY, 7), w.server.cred)).toBe(0);
  expect(solisten(lso, 8)).toBe(0);
  lso.upcall = {
    soupcall: (_s, events) => {
      const so = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
      if (typeof so === 'number') return;
      const pump = (): void => {
        for (let n = soreceiveBytes(so, buf, 0, 8192, 0); n > 0; n = soreceiveBytes(so, buf, 0, 8192, 0)) expect(sosendCopy(so, null, buf, 0, n, 0)).toBe(n);
      };
      so.upcall = { soupcall: pump };
      pump();
    },
  };
  const so = open(w.client, SOCK_STREAM);
  const back: number[] = [];
  let sent = 0;
  so.upcall = {
    soupcall: () => {
      for (let n = soreceiveBytes(so, buf, 0, buf.length, 0); n > 0; n = soreceiveBytes(so, buf, 0, buf.length, 0)) back.push(...buf.subarray(0, n));
      // No more than the far end's buffer takes, so that the echo never has to wait.
      while (sent < bytes.length && sent - back.length < 16384) {
        const n = sosendCopy(so, null, bytes, sent, Math.min(4096, bytes.length - sent), 0);
        if (n <= 0) break;
        sent += n;
      }
    },
  };
  expect(soconnect(so, at(SERVER, 7), w.client.cred)).toBe(0);
  w.host.runUntil(() => back.length >= bytes.length, 10e6);
  soclose(so);
  soclose(lso);
  w.host.advance(1e6);
  return Uint8Array.from(back);
}

describe('createStack()', () => {
  it('A07 TCP over IPv4, user to wire to user: every byte there and back', () => {
    const w = world();
    const bytes = new Uint8Array(200_000);
    new SeededRandom(3).fill(bytes);
    expect(echoOverTcp(w, bytes)).toEqual(bytes);
  });

  it('A07 UDP over IPv4, user to wire to user', () => {
    const w = world();
    const a = open(w.server, SOCK_DGRAM);
    expect(sobind(a, new Sockaddr(INADDR_ANY, 53), w.server.cred)).toBe(0);
    const got: string[] = [];
    a.upcall = {
      soupcall: () => {
        for (let m = soreceiveDgram(a, null, 0); m !== null; m = soreceiveDgram(a, null, 0)) {
          got.push(new TextDecoder().decode(mToBytes(m)));
          mFreem(m);
        }
      },
    };
    const b = open(w.client, SOCK_DGRAM);
    const text = new TextEncoder().encode('hello');
    expect(sosendCopy(b, at(SERVER, 53), text, 0, text.length, 0)).toBe(text.length);
    w.host.advance(1e6);
    expect(got).toEqual(['hello']);
  });

  it('V19 the same address and port in two vnets do not conflict, and do not meet', () => {
    const host = virtualHost({ seed: 2 });
    const stack = createStack({ host });
    const jails = ['a', 'b'].map((name) => stack.jail({ name, vnet: 'new' }));
    for (const j of jails) {
      j.addAddress('lo0', '192.0.2.1/32');
      expect(sobind(open(j, SOCK_STREAM), at('192.0.2.1', 80), j.cred)).toBe(0);
    }
    stack.host.addAddress('lo0', '127.0.0.1/8');
    expect(sobind(open(stack.host, SOCK_STREAM), at('192.0.2.1', 80), stack.host.cred)).not.toBe(0);
  });

  it('V09 a vnet lists its variables by package', () => {
    const { server } = world();
    const modules = server.vnet.describe().map((m) => m.module);
    for (const m of ['ifnet', 'route', 'inpcb', 'socket', 'ip', 'udp', 'tcp', 'cc-newreno']) expect(modules).toContain(m);
  });

  it('T129 a new vnet begins with the reference values, whatever others were changed to, and a change reaches no other', () => {
    const { stack, server, client } = world();
    stack.host.sysctl('net.inet.ip.ttl', 33);
    server.sysctl('net.inet.ip.ttl', 77);
    const late = stack.jail({ name: 'late', vnet: 'new' });
    expect([stack.host, server, client, late].map((j) => j.sysctl('net.inet.ip.ttl'))).toEqual([33, 77, 64, 64]);
  });

  it('V14 jails may come and go while the vnets are visited', () => {
    const { stack, server } = world();
    const seen: string[] = [];
    stack.kernel.vnets.forEach((v) => {
      seen.push(v.name);
      if (v === server.vnet) stack.jails().find((j) => j.name === 'client')?.remove();
      if (v.isDefault) stack.jail({ name: 'late', vnet: 'new' });
    });
    expect(seen).toHaveLength(2); // vnet0 and server: client had gone, late had not come
    expect(stack.kernel.vnets.count).toBe(3);
  });

  it('T73 an idle stack has nothing to do: no alarm, no callout, no work', () => {
    const w = world();
    echoOverTcp(w, new Uint8Array(1000));
    w.host.advance(3 * 3600e6); // TIME_WAIT, ARP and the rest run out
    expect(w.stack.kernel.callouts.pending).toBe(0);
    expect(w.stack.kernel.swi.busy).toBe(false);
  });

  it('the same seed gives the same run, another seed another one', () => {
    const run = (seed: number): unknown => {
      const w = world(seed);
      echoOverTcp(w, new Uint8Array(20_000));
      return [w.host.clock.nowUs(), w.client.sysctl('net.inet.tcp.stats'), w.host.logged.map((l) => l.text)];
    };
    expect(run(5)).toEqual(run(5));
    expect(run(5)).not.toEqual(run(6));
  });

  it('two stacks in one process share nothing', () => {
    const a = world(1);
    const b = world(1);
    a.server.sysctl('net.inet.tcp.delacktime', 77);
    expect(b.server.sysctl('net.inet.tcp.delacktime')).toBe(40);
    expect(a.client.sysctl('net.inet.tcp.delacktime')).toBe(40);
    expect(echoOverTcp(b, new Uint8Array(100))).toHaveLength(100);
    a.host.settle();
    expect(a.stack.kernel.mbufs.outstanding).toBe(0);
  });

  it('A11-A13 families that are not there answer EAFNOSUPPORT', () => {
    const { server } = world();
    for (const family of [16, 6, 23, AF_INET6 + 100]) expect(socreate(server.vnet, family, SOCK_STREAM, 0, server.cred)).toBe(47);
  });

  it('ends without a trace', () => {
    const w = world();
    echoOverTcp(w, new Uint8Array(5000));
    for (const jail of [w.client, w.server]) for (const r of jail.remove()) expect(r).toMatchObject({ clean: true });
    expect(w.stack.kernel.mbufs.outstanding).toBe(0);
    const report = w.stack.shutdown();
    expect([report.leftovers, report.problems]).toEqual([[], []]);
  });

  it('T121 errors say what failed, with the code that Node programs look for', () => {
    const { stack, server } = world();
    const code = (fn: () => unknown): unknown => {
      try {
        fn();
      } catch (e) {
        return (e as NetError).code;
      }
      return undefined;
    };
    expect(code(() => stack.jail({ name: 'server', vnet: 'new' }))).toBe('EEXIST');
    expect(code(() => server.up('em0'))).toBe('ENXIO');
    expect(code(() => server.addAddress('lo0', 'nonsense'))).toBe('EINVAL');
    expect(code(() => server.sysctl('no.such.oid'))).toBe('ENOENT');
    expect(code(() => stack.host.remove())).toBe('EINVAL');
    expect([EEXIST, ENXIO, EINVAL]).toEqual([17, 6, 22]);
    expect(code(() => createStack({ host: virtualHost(), modules: defaultModules().slice(3) }))).toBe('ENOENT');
  });
});

describe('platformHost()', () => {
  it('runs a stack on the real clock', async () => {
    const stack = createStack({ host: platformHost({ random: new SeededRandom(1) }) });
    const server = stack.jail({ name: 'server', vnet: 'new' });
    const client = stack.jail({ name: 'client', vnet: 'new' });
    stack.link(server, `${SERVER}/24`, client, `${CLIENT}/24`);
    const lso = open(server, SOCK_STREAM);
    sobind(lso, new Sockaddr(INADDR_ANY, 80), server.cred);
    solisten(lso, 1);
    const so = open(client, SOCK_STREAM);
    const connected = new Promise<number>((resolve) => (so.upcall = { soupcall: (_s, events) => resolve(events) }));
    expect(soconnect(so, at(SERVER, 80), client.cred)).toBe(0);
    expect((await connected) & 4).toBe(4);
    soclose(so);
    stack.shutdown();
  });

  it('lets the event loop turn while the stack is busy', async () => {
    const host = platformHost();
    let turned = false;
    let deferred = 0;
    const again = (): void => {
      if (++deferred < 10_000 && !turned) host.defer(again);
    };
    setImmediate(() => (turned = true));
    again();
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(turned).toBe(true);
    expect(deferred).toBeLessThan(10_000);
  });
});
