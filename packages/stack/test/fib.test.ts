/* One host between two peers that have the same address: which of them answers is a matter of the routing table. */
import { exec, start } from '@ns/cli';
import { EACCES, EADDRINUSE, EAGAIN, ECONNREFUSED, EINVAL, ENOTCAPABLE } from '@ns/errno';
import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from '@ns/inpcb';
import { virtualHost, type VirtualHost } from '@ns/kern';
import { curnetstack, type ExportCheck, MNT_EXPORTED } from '@ns/netstack-kpi';
import { ribLookup, ROUTE, RT_DEFAULT_FIB, rtalloc1, RTF_GATEWAY, RTF_HOST, RTF_STATIC, RTM_ADD, RTM_DELETE, rtrequest1 } from '@ns/route';
import {
  SO_ACCEPT,
  SO_ERROR,
  SO_SETFIB,
  sobind,
  type Socket,
  soconnect,
  socreate,
  sogetopt,
  SOL_SOCKET,
  solisten,
  solistenDequeue,
  soreceiveBytes,
  soreceiveDgramBytes,
  sosendCopy,
  sosetopt,
} from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { crSetfib, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const SEC = 1e6;
const at = (text: string, port: number): Sockaddr => new Sockaddr(parseInAddr(text)!, port);

interface Family {
  readonly name: string;
  readonly af: number;
  readonly any: string;
  /** Address that both peers have. */
  readonly far: string;
  /** Of the host and of the peer on link `n`. */
  net(n: number): [host: string, peer: string];
  readonly plen: number;
  readonly word: string;
}

const FAMILIES: readonly Family[] = [
  { name: 'IPv4', af: AF_INET, any: '0.0.0.0', far: '10.9.9.9', net: (n) => [`10.0.${n}.1`, `10.0.${n}.2`], plen: 24, word: 'inet' },
  { name: 'IPv6', af: AF_INET6, any: '::', far: '2001:db8:9::9', net: (n) => [`2001:db8:${n}::1`, `2001:db8:${n}::2`], plen: 64, word: 'inet6' },
];

/** Host with two tables: by table 0 the peer `p0` has the far address, by table 1 `p1`. */
class Lab {
  readonly clock: VirtualHost;
  readonly stack: Stack;
  readonly peers: readonly StackJail[];

  constructor(f: Family, options: { readonly fibs?: number } = {}) {
    this.clock = virtualHost({ seed: 7, tunables: { 'net.fibs': String(options.fibs ?? 2) } });
    this.stack = createStack({ host: this.clock });
    this.stack.host.up('lo0');
    this.peers = [0, 1].map((n) => {
      const peer = this.stack.jail({ name: `p${n}`, vnet: 'new' });
      const [host, other] = f.net(n);
      this.sh('ifconfig epair create');
      this.sh(`ifconfig epair${n}b vnet p${n}`);
      this.sh(`ifconfig epair${n}a fib ${n}`);
      this.stack.host.addAddress(`epair${n}a`, `${host}/${f.plen}`);
      peer.addAddress(`epair${n}b`, `${other}/${f.plen}`);
      peer.addAddress('lo0', `${f.far}/${f.af === AF_INET ? 32 : 128}`);
      this.sh(`route -${f.af === AF_INET ? 4 : 6} add -fib ${n} default ${other}`);
      this.sh(`route -${f.af === AF_INET ? 4 : 6} add default ${host}`, `p${n}`);
      return peer;
    });
    this.clock.advance(3 * SEC);
  }

  sh(line: string, jail?: string): string {
    const r = exec(this.stack.kernel, line, jail === undefined ? {} : { jail });
    expect([line, r.code, r.stderr]).toEqual([line, 0, '']);
    return r.stdout;
  }

  /** The host's superuser as a process in table `fib`. */
  process(fib: number): Ucred {
    return crSetfib(this.stack.host.cred, fib);
  }

  open(cred: Ucred, af: number, type: number, proto = 0): Socket {
    const so = socreate(cred.vnet, af, type, proto, cred);
    if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
    return so;
  }

  /** A server on a peer or the host that tells its name to whoever connects. Returns where accepted sockets end up. */
  serve(cred: Ucred, f: Family, name: string, port: number, fib = -1): Socket[] {
    const accepted: Socket[] = [];
    const lso = this.open(cred, f.af, SOCK_STREAM);
    if (fib >= 0) expect(sosetopt(lso, SOL_SOCKET, SO_SETFIB, fib)).toBe(0);
    expect(sobind(lso, at(f.any, port), cred)).toBe(0);
    expect(solisten(lso, 4)).toBe(0);
    lso.upcall = {
      soupcall: (_s, events) => {
        const so = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
        if (typeof so === 'number') return;
        accepted.push(so);
        sosendCopy(so, null, new TextEncoder().encode(name), 0, name.length, 0);
      },
    };
    return accepted;
  }

  /** Whom `so` finds at the far address. */
  ask(so: Socket, cred: Ucred, to: Sockaddr): string {
    expect(soconnect(so, to, cred)).toBe(0);
    this.clock.advance(2 * SEC);
    const buf = new Uint8Array(16);
    const n = soreceiveBytes(so, buf, 0, 16, 0);
    return n > 0 ? new TextDecoder().decode(buf.subarray(0, n)) : `errno ${-n}`;
  }
}

describe.each(FAMILIES)('routing tables and sockets of $name', (f) => {
  const serveBoth = (lab: Lab): void => lab.peers.forEach((p) => void lab.serve(p.cred, f, p.name, 80));

  it('T31 TCP goes by the table of its process, or by that of SO_SETFIB', () => {
    const lab = new Lab(f);
    serveBoth(lab);
    const answers = [0, 1].map((fib) => {
      const cred = lab.process(fib);
      return lab.ask(lab.open(cred, f.af, SOCK_STREAM), cred, at(f.far, 80));
    });
    expect(answers).toEqual(['p0', 'p1']);
    const cred = lab.process(0);
    const so = lab.open(cred, f.af, SOCK_STREAM);
    expect(sosetopt(so, SOL_SOCKET, SO_SETFIB, 1)).toBe(0);
    expect(lab.ask(so, cred, at(f.far, 80))).toBe('p1');
  });

  it('T31 UDP too, and another SO_SETFIB takes the next datagram elsewhere', () => {
    const lab = new Lab(f);
    const got: string[] = [];
    for (const p of lab.peers) {
      const so = lab.open(p.cred, f.af, SOCK_DGRAM);
      sobind(so, at(f.any, 53), p.cred);
      so.upcall = { soupcall: () => void (soreceiveDgramBytes(so, new Uint8Array(8), 0, 8, null, 0) >= 0 && got.push(p.name)) };
    }
    const cred = lab.process(0);
    const so = lab.open(cred, f.af, SOCK_DGRAM);
    for (const fib of [0, 1, 0]) {
      expect(sosetopt(so, SOL_SOCKET, SO_SETFIB, fib)).toBe(0);
      expect(sosendCopy(so, at(f.far, 53), new Uint8Array(4), 0, 4, 0)).toBe(4);
      lab.clock.advance(2 * SEC);
    }
    expect(got).toEqual(['p0', 'p1', 'p0']);
  });

  it('T31 a connection that is accepted has the table of its listener, and is answered by it from the first segment', () => {
    const lab = new Lab(f);
    const accepted = lab.serve(lab.process(0), f, 'host', 80, 1);
    // The client speaks from the address that only table 1 leads back to.
    const p1 = lab.peers[1]!;
    const so = lab.open(p1.cred, f.af, SOCK_STREAM);
    expect(sobind(so, at(f.far, 0), p1.cred)).toBe(0);
    expect(lab.ask(so, p1.cred, at(f.net(1)[0], 80))).toBe('host');
    expect(accepted.map((s) => [s.fibnum, sogetopt(s, SOL_SOCKET, SO_SETFIB)])).toEqual([[1, 1]]);
  });

  it('the table of a listener counts, not that of the interface: by table 0 the answer goes astray', () => {
    const lab = new Lab(f);
    lab.serve(lab.process(0), f, 'host', 80);
    const p1 = lab.peers[1]!;
    const so = lab.open(p1.cred, f.af, SOCK_STREAM);
    expect(sobind(so, at(f.far, 0), p1.cred)).toBe(0);
    expect(lab.ask(so, p1.cred, at(f.net(1)[0], 80))).toBe(`errno ${EAGAIN}`); // no answer yet
  });

  it('nobody there: the reset and the ICMP error go by the table of the packet', () => {
    const lab = new Lab(f);
    for (const p of lab.peers) {
      const so = lab.open(p.cred, f.af, SOCK_STREAM);
      expect(sobind(so, at(f.far, 0), p.cred)).toBe(0);
      expect(lab.ask(so, p.cred, at(f.net(p.name === 'p0' ? 0 : 1)[0], 81))).toBe(`errno ${ECONNREFUSED}`);
      const dg = lab.open(p.cred, f.af, SOCK_DGRAM);
      expect(sobind(dg, at(f.far, 0), p.cred)).toBe(0);
      expect(soconnect(dg, at(f.net(p.name === 'p0' ? 0 : 1)[0], 81), p.cred)).toBe(0);
      expect(sosendCopy(dg, null, new Uint8Array(4), 0, 4, 0)).toBe(4);
      lab.clock.advance(SEC);
      expect(sogetopt(dg, SOL_SOCKET, SO_ERROR)).toBe(ECONNREFUSED);
    }
  });

  it('with bind_all_fibs=0 a port is bound in each table by itself, and hears of packets in it only', () => {
    const lab = new Lab(f);
    const [c0, c1] = [lab.process(0), lab.process(1)];
    const bound = (proto: string, type: number): void => {
      const a = lab.open(c0, f.af, type);
      const b = lab.open(c1, f.af, type);
      expect(sobind(a, at(f.any, 7), c0)).toBe(0);
      expect(sobind(b, at(f.any, 7), c1)).toBe(EADDRINUSE);
      lab.sh(`sysctl net.inet.${proto}.bind_all_fibs=0`);
      expect(sobind(b, at(f.any, 7), c1)).toBe(0);
    };
    bound('tcp', SOCK_STREAM);
    bound('udp', SOCK_DGRAM);
    lab.serve(c0, f, 'zero', 80);
    lab.serve(c1, f, 'one', 80);
    lab.serve(c0, f, 'alone', 81);
    lab.peers.forEach((p, n) => {
      const answers = [80, 81].map((port) => {
        const so = lab.open(p.cred, f.af, SOCK_STREAM);
        expect(sobind(so, at(f.far, 0), p.cred)).toBe(0);
        return lab.ask(so, p.cred, at(f.net(n)[0], port));
      });
      expect(answers).toEqual(n === 0 ? ['zero', 'alone'] : ['one', `errno ${ECONNREFUSED}`]);
    });
    const heard: string[] = [];
    for (const [cred, name, proto] of [[c0, 'zero', 0], [c1, 'one', 0], [c0, 'raw zero', 200], [c1, 'raw one', 200]] as const) {
      const so = lab.open(cred, f.af, proto === 0 ? SOCK_DGRAM : SOCK_RAW, proto);
      if (proto === 0) expect(sobind(so, at(f.any, 53), cred)).toBe(0);
      so.upcall = { soupcall: () => void (soreceiveDgramBytes(so, new Uint8Array(64), 0, 64, null, 0) >= 0 && heard.push(name)) };
    }
    lab.sh('sysctl net.inet.raw.bind_all_fibs=0');
    const tell = (type: number, proto: number): string[] => {
      heard.length = 0;
      lab.peers.forEach((p, n) => {
        const so = lab.open(p.cred, f.af, type, proto);
        expect(sosendCopy(so, at(f.net(n)[0], 53), new Uint8Array(4), 0, 4, 0)).toBe(4);
        lab.clock.advance(SEC);
      });
      return heard.slice();
    };
    expect(tell(SOCK_DGRAM, 0)).toEqual(['zero', 'one']);
    expect(tell(SOCK_RAW, 200)).toEqual(['raw zero', 'raw one']);
    lab.sh('sysctl net.inet.raw.bind_all_fibs=1');
    expect(tell(SOCK_RAW, 200).sort()).toEqual(['raw one', 'raw one', 'raw zero', 'raw zero']);
  });

  it('a packet on its way through takes the table of the interface that it came by', () => {
    const lab = new Lab(f);
    serveBoth(lab);
    lab.stack.host.sysctl(f.af === AF_INET ? 'net.inet.ip.forwarding' : 'net.inet6.ip6.forwarding', 1);
    const third = lab.stack.jail({ name: 'c', vnet: 'new' });
    const [host, peer] = f.net(7);
    lab.sh('ifconfig epair create');
    lab.sh('ifconfig epair2b vnet c');
    third.addAddress('epair2b', `${peer}/${f.plen}`);
    lab.sh(`route -${f.af === AF_INET ? 4 : 6} add default ${host}`, 'c');
    // Both tables know the client's network, so that answers find back.
    lab.stack.host.sysctl('net.add_addr_allfibs', 1);
    lab.stack.host.addAddress('epair2a', `${host}/${f.plen}`);
    lab.clock.advance(2 * SEC);
    for (const fib of [0, 1]) {
      lab.sh(`ifconfig epair2a fib ${fib}`);
      expect(lab.ask(lab.open(third.cred, f.af, SOCK_STREAM), third.cred, at(f.far, 80))).toBe(`p${fib}`);
    }
  });

  it('SO_SETFIB and ifconfig take the tables that there are; more come with net.fibs at run time, none go', () => {
    const lab = new Lab(f, { fibs: 2 });
    const so = lab.open(lab.process(0), f.af, SOCK_STREAM);
    const refuses = (fibs: readonly number[]): boolean[] => fibs.map((fib) => sosetopt(so, SOL_SOCKET, SO_SETFIB, fib) === EINVAL);
    expect(refuses([-1, 0, 1, 2, 65536, 0.5])).toEqual([true, false, false, true, true, true]);
    expect(sogetopt(so, SOL_SOCKET, SO_SETFIB)).toBe(1);
    expect(lab.sh('sysctl net.fibs=5')).toBe('net.fibs: 2 -> 5\n');
    expect(refuses([2, 4, 5])).toEqual([false, false, true]);
    lab.sh('ifconfig epair0a fib 4');
    const { sysctl } = lab.stack.kernel;
    expect(sysctl.sysctlSet('net.fibs', 4, { vnet: lab.stack.host.vnet, jailed: false }).errno).toBe(ENOTCAPABLE);
    expect(lab.stack.host.sysctl('net.fibs')).toBe(5);
    // A table that has come is one like the others.
    lab.sh(`route -${f.af === AF_INET ? 4 : 6} add -fib 4 -host ${f.far} -interface epair1a`);
    expect(lab.sh(`netstat -F 4 -rn -f ${f.word}`)).toMatch(/fib: 4[^]*epair1a/);
    // A vnet begins with one table, has its own number, and its superuser makes more.
    expect(lab.peers[0]!.sysctl('net.fibs')).toBe(1);
    expect(lab.peers[0]!.sysctl('net.fibs', 3)).toBe(3);
    expect(lab.peers[1]!.sysctl('net.fibs')).toBe(1);
    lab.sh('ifconfig epair0b fib 2', 'p0');
    expect(exec(lab.stack.kernel, 'ifconfig epair1b fib 2', { jail: 'p1' }).code).toBe(1);
    // It comes home to more tables, and goes back to where there are fewer.
    lab.sh('ifconfig epair0a fib 4');
    lab.sh('ifconfig epair0a vnet p1');
    expect(lab.sh('ifconfig epair0a', 'p1')).not.toContain('fib:');
    expect(lab.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('setfib runs a command in a table: raw sockets, what netstat and route look at, net.my_fibnum', () => {
    const lab = new Lab(f);
    /** Echo requests that each peer has had. */
    const echoes = (): number[] =>
      lab.peers.map((p) => {
        const [, input = ''] = lab.sh(`netstat -j ${p.name} -s -p icmp${f.af === AF_INET ? '' : '6'}`).split('Input histogram');
        return Number(/\techo(?: request)?: ([0-9]+)/.exec(input)?.[1] ?? 0);
      });
    for (const fib of [1, 0, 1]) {
      start(lab.stack.kernel, `setfib ${fib} ping${f.af === AF_INET ? '' : '6'} -c 1 ${f.far}`, { out: () => {}, err: () => {}, exit: () => {} });
      lab.clock.advance(5 * SEC);
    }
    expect(echoes()).toEqual([1, 2]);
    expect(['setfib 1', 'setfib -1', 'setfib -F1', 'setfib -F 1'].map((w) => lab.sh(`${w} sysctl -n net.my_fibnum`))).toEqual(['1\n', '1\n', '1\n', '1\n']);
    expect(lab.sh('sysctl -n net.my_fibnum')).toBe('0\n');
    expect(lab.sh(`setfib 1 netstat -rn -f ${f.word}`)).toBe(lab.sh(`netstat -F 1 -rn -f ${f.word}`));
    expect(lab.sh(`setfib 1 route -n get ${f.far}`)).toMatch(/fib: 1\n[^]*epair1a/);
    const fails = (line: string): string => {
      const r = exec(lab.stack.kernel, line);
      return `${r.code}|${r.stderr}`;
    };
    expect(['setfib 2 hostname', 'setfib 1', 'setfib hostname'].map(fails)).toEqual(['1|setfib: 2: invalid FIB (max 1)\n', '1|usage: setfib [-[F]]value command\n', '1|usage: setfib [-[F]]value command\n']);
    expect(lab.sh('setfib 1 setfib 0 sysctl -n net.my_fibnum')).toBe('0\n');
  });

  it('sockstat -f shows the table of each socket, netstat has it in the snapshot', () => {
    const lab = new Lab(f);
    lab.serve(lab.process(1), f, 'host', 80);
    lab.serve(lab.process(0), f, 'host', 81);
    const rows = lab.sh('sockstat -fl').split('\n');
    expect(rows[0]).toMatch(/FOREIGN ADDRESS +FIB/);
    expect(rows.filter((r) => /:8[01] /.test(r)).map((r) => [/:(8[01])/.exec(r)![1], r.trim().split(/ +/).at(-1)]).sort()).toEqual([['80', '1'], ['81', '0']]);
    expect(JSON.parse(lab.sh('netstat -an --json')).sockets.map((x: { fib: number }) => x.fib).sort()).toEqual([0, 1]);
  });

  it('T33 an export is checked by the address alone: the same in a process of table 1, whatever the tables say of the client', () => {
    const lab = new Lab(f);
    const ns = curnetstack(lab.stack.kernel);
    const mount = {};
    const client = parseInAddr(f.far)!;
    const bits = f.af === AF_INET ? 32 : 128;
    const checked = (text: string): unknown => {
      const out: ExportCheck = { flags: 0, anon: -1, secflavors: [] };
      const errno = ns.vfsCheckExport(mount, parseInAddr(text)!, out);
      return errno !== 0 ? errno : [out.anon, out.secflavors];
    };
    const all = (): unknown[] => [f.far, f.net(0)[1], f.net(1)[1]].map(checked);
    for (const [addr, prefixlen, anon, flavor] of [[client, bits / 2, 1, 1], [client, bits, 2, 390003], [parseInAddr(f.net(0)[1])!, f.plen, 3, 1]] as const) {
      expect(ns.vfsExport(mount, { flags: MNT_EXPORTED, net: { addr, prefixlen }, anon, secflavors: [flavor] })).toBe(0);
    }
    // The client's own entry before that of its network; the entry of a network; and nothing is exported to the other one.
    const want = [[2, [390003]], [3, [1]], EACCES];
    expect(all()).toEqual(want);
    lab.sh(`route -${f.af === AF_INET ? 4 : 6} add -fib 1 -host ${f.far} ${f.net(1)[1]} -reject`);
    expect(all()).toEqual(want);
    ns.vfsFreeExports(mount);
    expect(all()).toEqual([EACCES, EACCES, EACCES]);
  });

  it('T33 old routing calls of a file service work on table 0 in a process of table 1', () => {
    const lab = new Lab(f);
    const { vnet } = lab.stack.host;
    const cred = lab.process(1);
    const client = parseInAddr(f.far)!;
    const way = (fib: number): string | undefined => ribLookup(ROUTE.get(vnet).rib(fib, f.af)!, client)?.ifp.name;
    expect([rtalloc1(vnet, client)?.ifp.name, way(RT_DEFAULT_FIB), way(cred.fibnum)]).toEqual(['epair0a', 'epair0a', 'epair1a']);
    const info = { dst: client, prefixlen: f.af === AF_INET ? 32 : 128, gw: parseInAddr(f.net(0)[1])!, flags: RTF_GATEWAY | RTF_STATIC | RTF_HOST, ifp: null };
    const hostRoute = (fib: number): boolean => ROUTE.get(vnet).rib(fib, f.af)!.get(client, info.prefixlen) !== null;
    expect(rtrequest1(vnet, RTM_ADD, info)).toBe(0);
    expect([hostRoute(0), hostRoute(1), way(1)]).toEqual([true, false, 'epair1a']);
    expect(rtrequest1(vnet, RTM_DELETE, info)).toBe(0);
    expect([hostRoute(0), hostRoute(1)]).toEqual([false, false]);
  });

  it('T33 a file service of a process in table 1 that asks for table 0 answers, and calls back, by table 0 alone', () => {
    const lab = new Lab(f);
    const cred = lab.process(1);
    const accepted = lab.serve(cred, f, 'nfs', 2049, RT_DEFAULT_FIB);
    /** What a client with the far address on link `n` is told. */
    const served = (n: number, port: number): string => {
      const peer = lab.peers[n]!;
      const so = lab.open(peer.cred, f.af, SOCK_STREAM);
      expect(sobind(so, at(f.far, 0), peer.cred)).toBe(0);
      return lab.ask(so, peer.cred, at(f.net(n)[0], port));
    };
    expect(served(0, 2049)).toBe('nfs');
    expect(accepted.map((so) => so.fibnum)).toEqual([0]);
    expect(served(1, 2049)).not.toBe('nfs'); // its answer goes by table 0, to the other one
    lab.serve(cred, f, 'own', 2050); // one that asks for nothing answers by the table of its process
    expect([served(1, 2050), served(0, 2050)]).toEqual(['own', expect.not.stringMatching('own')]);
    // The way back, as for a callback or a lock: table 0 by name, though table 1 has a way as well; and none when table 0 has none.
    lab.peers.forEach((p) => void lab.serve(p.cred, f, p.name, 111));
    const back = (): Socket => {
      const so = lab.open(cred, f.af, SOCK_STREAM);
      expect([so.fibnum, sosetopt(so, SOL_SOCKET, SO_SETFIB, RT_DEFAULT_FIB), so.fibnum]).toEqual([1, 0, 0]);
      return so;
    };
    expect(lab.ask(back(), cred, at(f.far, 111))).toBe('p0');
    lab.sh(`route -${f.af === AF_INET ? 4 : 6} delete -fib 0 default`);
    expect(soconnect(back(), at(f.far, 111), cred)).not.toBe(0);
    expect(lab.ask(lab.open(cred, f.af, SOCK_STREAM), cred, at(f.far, 111))).toBe('p1');
  });
});

it('a process that enters a jail with fewer tables begins in table 0 there', () => {
  const lab = new Lab(FAMILIES[0]!, { fibs: 4 });
  const inside = crSetfib(lab.peers[0]!.cred, 3);
  expect(lab.open(inside, AF_INET, SOCK_STREAM).fibnum).toBe(0);
  lab.peers[0]!.sysctl('net.fibs', 4);
  expect(lab.open(inside, AF_INET, SOCK_STREAM).fibnum).toBe(3);
});
