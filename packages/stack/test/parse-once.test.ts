/* How often the headers of a packet are looked for on its way: see row T14. */
import { exec } from '@ns/cli';
import { type HeaderInfo, IFNET_KPI, type if_t } from '@ns/ifnet-kpi';
import { SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import { virtualHost } from '@ns/kern';
import { NETISR, RSS } from '@ns/netisr';
import { SO_ACCEPT, sobind, type Socket, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, soreceiveDgramBytes, sosendCopy } from '@ns/socket';
import { createStack, type StackJail } from '@ns/stack';
import { AF_INET, AF_INET6, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const SEC = 1e6;
const at = (text: string, port: number): Sockaddr => new Sockaddr(parseInAddr(text)!, port);

/** Counts what is parsed into a record: every parse begins by clearing it. */
function counting(info: HeaderInfo): () => number {
  let n = 0;
  Object.defineProperty(info, 'vlanTag', {
    get: () => -1,
    set: (x: number) => {
      if (x === -1) n++;
    },
  });
  return () => n;
}

const FAMILIES = [
  { name: 'IPv4', af: AF_INET, net: (n: number, h: number) => `10.0.${n}.${h}`, plen: 24, opt: '-4', forwarding: 'net.inet.ip.forwarding' },
  { name: 'IPv6', af: AF_INET6, net: (n: number, h: number) => `2001:db8:${n + 1}::${h}`, plen: 64, opt: '-6', forwarding: 'net.inet6.ip6.forwarding' },
] as const;

describe.each(FAMILIES)('T14 the headers of a packet are parsed once, $name', (f) => {
  function setup() {  
    const clock = virtualHost({ seed: 5, tunables: { 'net.isr.maxthreads': '4', 'net.isr.dispatch': 'deferred' } });
    const stack = createStack({ host: clock });
    const sh = (line: string, jail?: string): void => {
      const r = exec(stack.kernel, line, jail === undefined ? {} : { jail });
      expect([line, r.code, r.stderr]).toEqual([line, 0, '']);
    };
    const [a, r, b] = ['a', 'r', 'b'].map((name) => stack.jail({ name, vnet: 'new' })) as [StackJail, StackJail, StackJail];
    [[a, 'a'], [b, 'b']].forEach(([j, name], n) => {
      sh('ifconfig epair create');
      sh(`ifconfig epair${n}a vnet ${name as string}`);
      sh(`ifconfig epair${n}b vnet r`);
      (j as StackJail).addAddress(`epair${n}a`, `${f.net(n, 1)}/${f.plen}`);
      r.addAddress(`epair${n}b`, `${f.net(n, 2)}/${f.plen}`);
      sh(`route ${f.opt} add default ${f.net(n, 2)}`, name as string);
    });
    r.sysctl(f.forwarding, 1);
    // The far end takes nobody's word for checksums: they are made on the way out of the router. Segments leave their sender at their final size.
    sh('ifconfig epair1a -rxcsum -rxcsum6', 'b');
    sh('ifconfig epair0a -tso', 'a');
    clock.advance(5 * SEC);
    const rss = counting((stack.kernel.service(RSS) as unknown as { info: HeaderInfo }).info);
    const kpi = stack.kernel.service(IFNET_KPI);
    const link = counting((kpi.ifGetSoftc(r.interface('epair1b').handle as if_t) as { info: HeaderInfo }).info);
    const open = (j: StackJail, type: number): Socket => {
      const so = socreate(j.vnet, f.af, type, 0, j.cred);
      if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
      return so;
    };
    const counter = (jail: string, what: RegExp): number => Number(what.exec(exec(stack.kernel, `netstat -s -p ${f.af === AF_INET ? 'ip' : 'ip6'}`, { jail }).stdout)?.[1]);
    const forwarded = (): number => counter('r', /(\d+) packets? forwarded/);
    const received = (): number => ['a', 'r', 'b'].reduce((n, jail) => n + counter(jail, /(\d+) total packets? received/), 0);
    return { clock, stack, a, b, rss, link, open, forwarded, received };
  }

  it('where flows are hashed over workstreams, and the next link makes checksums: UDP', () => {
    const { clock, stack, a, b, rss, link, open, forwarded, received } = setup();
    const server = open(b, SOCK_DGRAM);
    expect(sobind(server, at(f.net(1, 1), 7), b.cred)).toBe(0);
    const so = open(a, SOCK_DGRAM);
    const send = (): void => {
      expect(sosendCopy(so, at(f.net(1, 1), 7), new Uint8Array(100), 0, 100, 0)).toBe(100);
      clock.advance(SEC);
    };
    send(); // finds neighbours
    const [r0, l0, in0, out0] = [rss(), link(), received(), forwarded()];
    for (let i = 0; i < 10; i++) send();
    expect(forwarded() - out0).toBe(10);
    // Once by the hash of the first who receives it, and never again: what was found goes with the packet, and the hash stays on it.
    expect(link() - l0).toBe(0);
    expect(rss() - r0).toBe(received() - in0 - (forwarded() - out0));
    for (let i = 0; i < 11; i++) expect(soreceiveDgramBytes(server, new Uint8Array(200), 0, 200, null, 0)).toBe(100);
    expect(stack.kernel.service(NETISR).numthreads).toBe(4);
  });

  it('TCP: as many as there are segments, in both directions', () => {
    const { clock, a, b, rss, link, open, forwarded, received } = setup();
    const lso = open(b, SOCK_STREAM);
    expect(sobind(lso, at(f.net(1, 1), 80), b.cred)).toBe(0);
    expect(solisten(lso, 4)).toBe(0);
    let got = 0;
    lso.upcall = {
      soupcall: (_s, events) => {
        const so = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
        if (typeof so === 'number') return;
        so.upcall = {
          soupcall: () => {
            for (let n = 1; n > 0; ) {
              n = soreceiveBytes(so, new Uint8Array(65536), 0, 65536, 0);
              if (n > 0) got += n;
            }
          },
        };
      },
    };
    const so = open(a, SOCK_STREAM);
    expect(soconnect(so, at(f.net(1, 1), 80), a.cred)).toBe(0);
    clock.advance(SEC);
    const [f0, r0, l0, in0] = [forwarded(), rss(), link(), received()];
    for (let i = 0; i < 10; i++) {
      expect(sosendCopy(so, null, new Uint8Array(20000), 0, 20000, 0)).toBe(20000);
      clock.advance(SEC);
    }
    expect(got).toBe(200000);
    const passed = forwarded() - f0;
    expect(passed).toBeGreaterThan(140);
    expect(link() - l0).toBe(0);
    expect(rss() - r0).toBe(received() - in0 - passed);
  });
});
