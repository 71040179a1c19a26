/* A host and a server with two routers between them: which way a flow takes is a matter of its addresses and ports. */
import { exec } from '@ns/cli';
import { SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import { virtualHost, type VirtualHost } from '@ns/kern';
import { ROUTE } from '@ns/route';
import { SO_ACCEPT, sobind, type Socket, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, sosendCopy } from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { AF_INET, AF_INET6, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const SEC = 1e6;
const at = (text: string, port: number): Sockaddr => new Sockaddr(parseInAddr(text)!, port);

interface Family {
  readonly name: string;
  readonly af: number;
  readonly opt: string;
  readonly net: (n: number, host: number) => string;
  readonly plen: number;
  readonly server: string;
  readonly client: string;
  readonly host: number;
  readonly forwarding: string;
}

const FAMILIES: readonly Family[] = [
  { name: 'IPv4', af: AF_INET, opt: '-4', net: (n, h) => `10.0.${n}.${h}`, plen: 24, server: '192.0.2.1', client: '198.51.100.1', host: 32, forwarding: 'net.inet.ip.forwarding' },
  { name: 'IPv6', af: AF_INET6, opt: '-6', net: (n, h) => `2001:db8:${n + 1}::${h}`, plen: 64, server: '2001:db8:99::1', client: '2001:db8:88::1', host: 128, forwarding: 'net.inet6.ip6.forwarding' },
];

/** `a` - r0, r1 - `s`: links 0 and 1 on the side of `a`, 2 and 3 on that of `s`. */
class Lab {
  readonly clock: VirtualHost;
  readonly stack: Stack;
  readonly a: StackJail;
  readonly s: StackJail;
  readonly routers: readonly StackJail[];
  readonly f: Family;
  port = 2000;

  constructor(f: Family) {
    this.f = f;
    this.clock = virtualHost({ seed: 11 });
    this.stack = createStack({ host: this.clock });
    this.a = this.stack.jail({ name: 'a', vnet: 'new' });
    this.s = this.stack.jail({ name: 's', vnet: 'new' });
    this.routers = [0, 1].map((n) => this.stack.jail({ name: `r${n}`, vnet: 'new' }));
    for (const n of [0, 1]) this.link(n, 'a', `r${n}`);
    for (const n of [0, 1]) this.link(n + 2, 's', `r${n}`);
    for (const n of [0, 1]) {
      this.routers[n]!.sysctl(f.forwarding, 1);
      this.sh(`r${n}`, `route ${f.opt} add ${f.server} ${f.net(n + 2, 1)}`);
      this.sh(`r${n}`, `route ${f.opt} add ${f.client} ${f.net(n, 1)}`);
    }
    this.a.addAddress('lo0', `${f.client}/${f.host}`);
    this.s.addAddress('lo0', `${f.server}/${f.host}`);
    // The way back is the first router's: what is looked at is the way there.
    this.sh('s', `route ${f.opt} add default ${f.net(2, 2)}`);
    this.clock.advance(3 * SEC);
  }

  private link(n: number, end: string, router: string): void {
    const { f } = this;
    this.sh(undefined, 'ifconfig epair create');
    this.sh(undefined, `ifconfig epair${n}a vnet ${end}`);
    this.sh(undefined, `ifconfig epair${n}b vnet ${router}`);
    (end === 'a' ? this.a : this.s).addAddress(`epair${n}a`, `${f.net(n, 1)}/${f.plen}`);
    this.routers[Number(router.slice(1))]!.addAddress(`epair${n}b`, `${f.net(n, 2)}/${f.plen}`);
  }

  run(jail: string | undefined, line: string): { code: number; stdout: string; stderr: string } {
    return exec(this.stack.kernel, line, jail === undefined ? {} : { jail });
  }

  sh(jail: string | undefined, line: string): string {
    const r = this.run(jail, line);
    expect([line, r.code, r.stderr]).toEqual([line, 0, '']);
    return r.stdout;
  }

  add(n: number, rest = ''): void {
    this.sh('a', `route ${this.f.opt} add default ${this.f.net(n, 2)}${rest}`);
  }

  open(j: StackJail, type: number): Socket {
    const so = socreate(j.vnet, this.f.af, type, 0, j.cred);
    if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
    return so;
  }
}

function forwards(r: StackJail, f: Family): number {
  const row = exec(r.vnet.kernel, `netstat -s -p ${f.af === AF_INET ? 'ip' : 'ip6'}`, { jail: r.name }).stdout;
  return Number(/(\d+) packets? forwarded/.exec(row)?.[1] ?? NaN);
}

/** Sends `n` datagrams from one socket each, and says which router had each. */
function ways(lab: Lab, n: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < n; i++) {
    const so = lab.open(lab.a, SOCK_DGRAM);
    expect(sobind(so, at(lab.f.client, lab.port++), lab.a.cred)).toBe(0);
    for (let twice = 0; twice < 2; twice++) {
      const before = lab.routers.map((r) => forwards(r, lab.f));
      expect(sosendCopy(so, at(lab.f.server, 9), new Uint8Array(8), 0, 8, 0)).toBe(8);
      lab.clock.advance(SEC);
      const sent = lab.routers.map((r, k) => forwards(r, lab.f) - before[k]!);
      // Nobody listens: the answer, an ICMP error, comes back by the first router.
      const way = sent[1]! > 0 ? 1 : 0;
      if (twice === 0) out.push(way);
      else expect(way).toBe(out[i]); // a flow keeps its way
    }
  }
  return out;
}

describe.each(FAMILIES)('several ways to one destination, $name', (f) => {
  it('a second gateway is a second way: each flow takes one of them, and both are in netstat -rn', () => {
    const lab = new Lab(f);
    expect(lab.sh('a', 'sysctl -n net.route.hash_outbound')).toBe('0\n');
    lab.add(0);
    lab.add(1);
    expect(lab.sh('a', 'sysctl -n net.route.hash_outbound')).toBe('1\n');
    const rows = lab.sh('a', `netstat -rn -f ${f.af === AF_INET ? 'inet' : 'inet6'}`).split('\n').filter((l) => l.startsWith('default'));
    expect(rows.map((l) => l.split(/\s+/).slice(0, 4))).toEqual([0, 1].map((n) => ['default', f.net(n, 2), 'UGS', `epair${n}a`]));
    const w = ways(lab, 24);
    expect(w.filter((x) => x === 0).length).toBeGreaterThan(4);
    expect(w.filter((x) => x === 1).length).toBeGreaterThan(4);
  });

  it('connections are spread too, and each arrives whole', () => {
    const lab = new Lab(f);
    lab.add(0);
    lab.add(1);
    const lso = lab.open(lab.s, SOCK_STREAM);
    expect(sobind(lso, at(f.server, 80), lab.s.cred)).toBe(0);
    expect(solisten(lso, 16)).toBe(0);
    const got: number[] = [];
    lso.upcall = {
      soupcall: (_s, events) => {
        const so = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
        if (typeof so === 'number') return;
        let n = 0;
        const at0 = got.push(0) - 1;
        so.upcall = {
          soupcall: () => {
            const r = soreceiveBytes(so, new Uint8Array(65536), 0, 65536, 0);
            if (r > 0) got[at0] = n += r;
          },
        };
      },
    };
    const bySecond: number[] = [];
    for (let i = 0; i < 12; i++) {
      const before = forwards(lab.routers[1]!, f);
      const so = lab.open(lab.a, SOCK_STREAM);
      expect(sobind(so, at(f.client, 3000 + i), lab.a.cred)).toBe(0);
      expect(soconnect(so, at(f.server, 80), lab.a.cred)).toBe(0);
      lab.clock.advance(SEC);
      expect(sosendCopy(so, null, new Uint8Array(20000), 0, 20000, 0)).toBe(20000);
      lab.clock.advance(SEC);
      bySecond.push(forwards(lab.routers[1]!, f) - before);
    }
    expect(got).toEqual(Array.from({ length: 12 }, () => 20000));
    // What goes by the second router is a handshake's two segments at the least, and then some, or nothing.
    expect(bySecond.filter((n) => n > 3).length).toBeGreaterThan(2);
    expect(bySecond.filter((n) => n === 0).length).toBeGreaterThan(2);
    expect(bySecond.filter((n) => n > 0 && n <= 3)).toEqual([]);
  });

  it('a router spreads what it passes on, and keeps the neighbours of both ways', () => {
    const lab = new Lab(f);
    lab.add(0);
    lab.add(1);
    const c = lab.stack.jail({ name: 'c', vnet: 'new' });
    lab.sh(undefined, 'ifconfig epair create');
    lab.sh(undefined, 'ifconfig epair4a vnet c');
    lab.sh(undefined, 'ifconfig epair4b vnet a');
    c.addAddress('epair4a', `${f.net(4, 1)}/${f.plen}`);
    lab.a.addAddress('epair4b', `${f.net(4, 2)}/${f.plen}`);
    lab.a.sysctl(f.forwarding, 1);
    lab.sh('c', `route ${f.opt} add default ${f.net(4, 2)}`);
    lab.clock.advance(3 * SEC);
    const before = lab.routers.map((r) => forwards(r, f));
    for (let i = 0; i < 24; i++) {
      const so = lab.open(c, SOCK_DGRAM);
      expect(sosendCopy(so, at(f.server, 4000 + i), new Uint8Array(8), 0, 8, 0)).toBe(8);
      lab.clock.advance(SEC / 10);
    }
    const sent = lab.routers.map((r, k) => forwards(r, f) - before[k]!);
    expect(sent[1]).toBeGreaterThan(4);
    expect(sent[1]).toBeLessThan(20);
  });

  it('weights say how many flows each way has', () => {
    const lab = new Lab(f);
    lab.add(0, ' -weight 1');
    lab.add(1, ' -weight 7');
    const w = ways(lab, 32);
    expect(w.filter((x) => x === 1).length).toBeGreaterThan(21);
    expect(w.filter((x) => x === 0).length).toBeGreaterThan(0);
    lab.sh('a', `route ${f.opt} change default ${f.net(0, 2)} -weight 70`);
    expect(ways(lab, 32).filter((x) => x === 0).length).toBeGreaterThan(21);
    expect(lab.run('a', `route ${f.opt} add default ${f.net(0, 2)} -weight 0`)).toMatchObject({ code: 64 });
  });

  it('a way whose interface is down is not taken, nor one that is gone', () => {
    const lab = new Lab(f);
    lab.add(0);
    lab.add(1);
    expect(new Set(ways(lab, 16))).toEqual(new Set([0, 1]));
    lab.sh('a', 'ifconfig epair1a down');
    expect(new Set(ways(lab, 8))).toEqual(new Set([0]));
    lab.sh('a', 'ifconfig epair1a up');
    lab.clock.advance(3 * SEC);
    expect(new Set(ways(lab, 16))).toEqual(new Set([0, 1]));
    lab.sh('a', `ifconfig epair1a ${f.af === AF_INET ? 'inet' : 'inet6'} ${f.net(1, 1)} delete`);
    const rows = lab.sh('a', 'netstat -rn').split('\n').filter((l) => l.startsWith('default'));
    expect(rows).toHaveLength(1);
    expect(new Set(ways(lab, 8))).toEqual(new Set([0]));
  });

  it('route delete takes the gateway that it names, and none of several without a name', () => {
    const lab = new Lab(f);
    lab.add(0);
    lab.add(1);
    expect(lab.run('a', `route ${f.opt} delete default`).stderr).toContain('route has not been found');
    lab.sh('a', `route ${f.opt} delete default ${f.net(0, 2)}`);
    expect(new Set(ways(lab, 8))).toEqual(new Set([1]));
    lab.sh('a', `route ${f.opt} delete default`);
    expect(lab.sh('a', 'netstat -rn')).not.toContain('default');
    expect(ROUTE.get(lab.a.vnet).rib(0, f.af)?.get(parseInAddr(f.af === AF_INET ? '0.0.0.0' : '::')!, 0)).toBe(null);
  });

  it('with net.route.multipath=0 a second gateway is refused, and the same one always', () => {
    const lab = new Lab(f);
    lab.add(0);
    expect(lab.run('a', `route ${f.opt} add default ${f.net(0, 2)}`).stdout).toContain('route already in table');
    lab.sh('a', 'sysctl net.route.multipath=0');
    expect(lab.run('a', `route ${f.opt} add default ${f.net(1, 2)}`).stdout).toContain('route already in table');
    lab.sh('a', 'sysctl net.route.multipath=1');
    lab.add(1);
    expect(lab.run('a', `route ${f.opt} add default ${f.net(1, 2)}`).stdout).toContain('route already in table');
  });
});
