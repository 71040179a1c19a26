import { EAGAIN, type NetError } from '@ns/errno';
import { BpfD } from '@ns/bpf';
import { ifBpf } from '@ns/ifnet';
import { SOCK_DGRAM } from '@ns/inpcb';
import { type Host, type Random, virtualHost, type VirtualHost } from '@ns/kern';
import { mFreem, mToBytes } from '@ns/mbuf';
import { sobind, soclose, sosendCopy, soreceiveDgram } from '@ns/socket';
import { describe, expect, it } from 'vitest';
import { createStack, type Stack, type StackJail } from '../src/index.ts';
import { at, open, transfer } from './echo.ts';

/** One vnet to do things in: the only one of its kernel, that of the kernel beside others, or that of a jail. */
interface Place {
  readonly host: VirtualHost;
  readonly stack: Stack;
  readonly jail: StackJail;
}

function boot(tunables: Record<string, string>): { host: VirtualHost; stack: Stack } {
  const host = virtualHost({ seed: 6, tunables });
  return { host, stack: createStack({ host: host as Host }) };
}

const places: [name: string, make: () => Place][] = [
  ['the only vnet of a kernel that can have no other', () => {
    const { host, stack } = boot({ 'kern.vnet.max': '1' });
    return { host, stack, jail: stack.host };
  }],
  ['the first vnet of a kernel that has others', () => {
    const { host, stack } = boot({});
    for (const name of ['x', 'y']) stack.jail({ name, vnet: 'new' }).addAddress('lo0', '127.0.0.1/8');
    return { host, stack, jail: stack.host };
  }],
  ['the vnet of a jail', () => {
    const { host, stack } = boot({});
    return { host, stack, jail: stack.jail({ name: 'j', vnet: 'new' }) };
  }],
  ['the vnet of a jail, with variables in arrays', () => {
    const { host, stack } = boot({ 'kern.vnet.storage': 'slots' });
    return { host, stack, jail: stack.jail({ name: 'j', vnet: 'new' }) };
  }],
];

describe.each(places)('V01 V20 T141 %s', (name, make) => {
  it('moves bytes over TCP', () => {
    const { host, jail } = make();
    jail.addAddress('lo0', '127.0.0.1/8');
    for (const n of [1, 5000, 300_000]) expect(transfer(host, jail, '127.0.0.1', jail, n)).toBe(n);
  });

  it('moves datagrams', () => {
    const { host, jail } = make();
    jail.addAddress('lo0', '127.0.0.1/8');
    const [a, b] = [open(jail, SOCK_DGRAM), open(jail, SOCK_DGRAM)];
    expect(sobind(a, at('127.0.0.1', 53), jail.cred)).toBe(0);
    expect(sosendCopy(b, at('127.0.0.1', 53), Uint8Array.of(1, 2, 3), 0, 3, 0)).toBe(3);
    host.settle();
    const m = soreceiveDgram(a, null, 0);
    expect(m === null ? null : [...mToBytes(m)]).toEqual([1, 2, 3]);
    mFreem(m);
  });

  it('has sysctls of its own, and a jail that shares it', () => {
    const { stack, jail } = make();
    jail.sysctl('net.inet.ip.ttl', 77);
    expect(jail.sysctl('net.inet.ip.ttl')).toBe(77);
    if (jail === stack.host) {
      const inner = stack.jail({ name: 'shares' });
      expect(inner.vnet).toBe(jail.vnet);
      inner.remove();
    }
  });

  it('ends without a trace', () => {
    const { host, stack, jail } = make();
    jail.addAddress('lo0', '127.0.0.1/8');
    transfer(host, jail, '127.0.0.1', jail, 1000);
    soclose(open(jail, SOCK_DGRAM));
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
    expect(stack.kernel.mbufs.outstanding).toBe(0);
    expect(name).not.toBe('');
  });
});

describe('a kernel with room for one vnet', () => {
  it('V20 makes jails that share it, and refuses one with a vnet of its own: EAGAIN', () => {
    const { stack } = boot({ 'kern.vnet.max': '1' });
    let refused: NetError | null = null;
    try {
      stack.jail({ name: 'own', vnet: 'new' });
    } catch (e) {
      refused = e as NetError;
    }
    expect(refused).toMatchObject({ errno: -EAGAIN, message: expect.stringContaining('no more than 1 vnets (kern.vnet.max)') as string });
    expect(stack.jails()).toEqual([]);
    expect(stack.jail({ name: 'shares' }).vnet).toBe(stack.host.vnet);
    expect([stack.host.sysctl('kern.vnet.max'), stack.host.sysctl('kern.vnet.count')]).toEqual([1, 1]);
  });
});

describe('V04 the packets of a vnet', () => {
  /** The same number each time: what two vnets draw differs in nothing but the order of the draws. */
  const dull: Random = { u32: () => 0x9e3779b9, fill: (bytes) => void bytes.fill(0x5a) };

  /** All frames of a run over TCP, UDP and ICMP errors, as hexadecimal text with their times. */
  function trace(tunables: Record<string, string>, place: (stack: Stack) => StackJail): string[] {
    const host = virtualHost({ seed: 1, tunables });
    const stack = createStack({ host: Object.assign(host, { random: dull }) });
    const jail = place(stack);
    jail.addAddress('lo0', '127.0.0.1/8');
    const d = new BpfD({ bufsize: 1 << 22, snaplen: 65535 });
    d.attach(ifBpf(jail.interface('lo0')));
    host.advance(1e6 - host.clock.nowUs());
    expect(transfer(host, jail, '127.0.0.1', jail, 40_000)).toBe(40_000);
    const so = open(jail, SOCK_DGRAM);
    sosendCopy(so, at('127.0.0.1', 99), Uint8Array.of(1), 0, 1, 0); // nobody there: an ICMP error
    host.advance(200e6);
    const frames: string[] = [];
    d.read(({ tsUs, direction, buf, off, caplen }) => void frames.push(`${tsUs} ${direction} ${Buffer.from(buf.subarray(off, off + caplen)).toString('hex')}`));
    d.close();
    return frames;
  }

  it('are the same byte for byte in vnet0 with and without others, and in a jail, however variables are kept', () => {
    const alone = trace({ 'kern.vnet.max': '1' }, (stack) => stack.host);
    expect(alone.length).toBeGreaterThan(10);
    const many = (stack: Stack): StackJail => (stack.jail({ name: 'other', vnet: 'new' }).addAddress('lo0', '127.0.0.1/8'), stack.host);
    expect(trace({}, many)).toEqual(alone);
    expect(trace({}, (stack) => stack.jail({ name: 'j', vnet: 'new' }))).toEqual(alone);
    expect(trace({ 'kern.vnet.storage': 'slots' }, (stack) => stack.jail({ name: 'j', vnet: 'new' }))).toEqual(alone);
  });
});
