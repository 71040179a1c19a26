import { type ModuleDecl, SeededRandom, virtualHost, type VirtualHost } from '@ns/kern';
import { IP } from '@ns/ip';
import { M_PKTHDR, type Mbuf, mFreem } from '@ns/mbuf';
import { pfilRun } from '@ns/pfil';
import { PFIL_IN, PFIL_OUT } from '@ns/pfil-kpi';
import { siftr } from '@ns/siftr';
import { SOCK_STREAM, soaccept, sobind, soclose, type Socket, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, sosendCopy } from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { AF_INET, AF_INET6, parseInAddr, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { hashPkt } from '../src/hook.ts';
import { logLine, PktNode } from '../src/node.ts';

class Net {
  readonly clock: VirtualHost;
  readonly stack: Stack;
  readonly server: StackJail;
  readonly client: StackJail;
  readonly files: Map<string, string> = new Map();
  readonly mod: ModuleDecl;
  full = false;

  constructor(sink = true) {
    this.clock = virtualHost({ seed: 1 });
    this.mod = siftr(
      sink
        ? {
            sink: (file, text) => {
              if (this.full) throw new Error('no space left on device');
              this.files.set(file, (this.files.get(file) ?? '') + text);
            },
          }
        : {},
    );
    this.stack = createStack({ host: this.clock, extra: [this.mod] });
    [this.server, this.client] = [this.stack.jail({ name: 'server', vnet: 'new' }), this.stack.jail({ name: 'client', vnet: 'new' })];
    const l = this.stack.link(this.server, '10.0.0.1/24', this.client, '10.0.0.2/24');
    this.server.addAddress(l.a, 'fd00::1/64');
    this.client.addAddress(l.b, 'fd00::2/64');
    this.run(1);
  }

  run(seconds: number): void {
    this.clock.advance(seconds * 1e6);
  }

  set(name: string, value: number | string): unknown {
    return this.stack.host.sysctl(`net.inet.siftr.${name}`, value);
  }

  /** A connection that carries some bytes each way, one write after the other. */
  talk(addr: string, port: number, writes = 4): void {
    const af = addr.includes(':') ? AF_INET6 : AF_INET;
    const sa = new Sockaddr(parseInAddr(addr)!, port);
    const head = socreate(this.server.vnet, af, SOCK_STREAM, 0, this.server.cred) as Socket;
    sobind(head, sa, this.server.cred);
    solisten(head, 5);
    const so = socreate(this.client.vnet, af, SOCK_STREAM, 0, this.client.cred) as Socket;
    expect(soconnect(so, sa, this.client.cred)).toBe(0);
    this.run(0.1);
    const peer = solistenDequeue(head) as Socket;
    soaccept(peer);
    const buf = new Uint8Array(3000);
    for (let i = 0; i < writes; i++) {
      expect(sosendCopy(i % 2 === 0 ? so : peer, null, buf, 0, 3000, 0)).toBe(3000);
      this.run(0.2);
      expect(soreceiveBytes(i % 2 === 0 ? peer : so, buf, 0, 3000, 0)).toBe(3000);
    }
    for (const s of [so, peer, head]) soclose(s);
    this.run(1);
  }

  log(file = '/var/log/siftr.log'): { first: string; rows: string[][]; last: string } {
    const lines = (this.files.get(file) ?? '').trimEnd().split('\n');
    const rows = lines.filter((l) => /^[io],/.test(l)).map((l) => l.split(','));
    return { first: lines[0]!, rows, last: lines.at(-1)! };
  }

  finish(): unknown {
    return this.stack.shutdown();
  }
}

describe('the line', () => {
  it('T101: is FreeBSD\'s to the letter, and its column 10, the window of the limiter that is gone, is 0', () => {
    const n = new PktNode();
    Object.assign(n, { out: true, tsUs: 1321000000104332, af: AF_INET, l3: 0x0a000001, lport: 40112, f3: 0x0a000002, fport: 5001 });
    const stat = { sndSsthresh: 1073725440, sndCwnd: 14480, sndWnd: 65535, rcvWnd: 66608, sndScale: 6, rcvScale: 6, state: 4, mss: 1448, srtt: 9120000 };
    Object.assign(n.stat, stat, { sackPermitted: true, flags: 16778209, rxtcurUs: 230000, sndHiwat: 32768, sndCc: 28960, rcvHiwat: 65536, rcvCc: 0, inflight: 2896 });
    expect(logLine(n)).toBe('o,0x00000000,1321000000.104332,10.0.0.1,40112,10.0.0.2,5001,1073725440,14480,0,65535,66608,6,6,4,1448,9120,1,16778209,230,32768,28960,65536,0,2896,0,0,0');
    Object.assign(n, { out: false, af: AF_INET6, l0: 0xfd000000 | 0, l3: 1, f0: 0xfe800000 | 0, f3: 0xabcd0012 | 0, hash: -1 });
    expect(logLine(n)).toMatch(/^i,0xffffffff,1321000000\.104332,fd00:0:0:0:0:0:0:1,40112,fe80:0:0:0:0:0:abcd:12,5001,1073725440,/);
  });

  it.each(['10.0.0.1', 'fd00::1'])('T101: of a connection that lives: each segment of both ends to %s once, 28 columns', (addr) => {
    const net = new Net();
    expect(net.set('enabled', 1)).toBe(1);
    net.talk(addr, 80);
    net.set('enabled', 0);
    const { first, rows, last } = net.log();
    expect(first).toMatch(/^enable_time_secs=\d+\tenable_time_usecs=\d{6}\tsiftrver=1\.2\.4\thz=1000\ttcp_rtt_scale=32\tsysname=ns\tsysver=0\tipmode=6$/);
    expect(rows.length).toBeGreaterThan(20);
    for (const r of rows) expect([r.length, r[9]]).toEqual([28, '0']);
    const full = addr.includes(':') ? `${addr.replace('::', ':0:0:0:0:0:0:')}` : addr;
    const est = rows.filter((r) => r[14] === '4');
    expect(est.every((r) => (r[3] === full && r[4] === '80') || (r[5] === full && r[6] === '80'))).toBe(true);
    // What one end sends, the other gets: in and out alternate, and data in flight is seen by its sender.
    const count = (dir: string, us: boolean): number => rows.filter((r) => r[0] === dir && (r[4] === '80') === us).length;
    expect(Math.abs(count('o', true) - count('i', false))).toBeLessThanOrEqual(2); // SYN|ACK and TIME_WAIT have no connection
    expect(est.some((r) => r[0] === 'o' && Number(r[24]) > 0)).toBe(true);
    const mss = addr.includes(':') ? '1440' : '1460';
    expect(est.map((r) => r[15])).toEqual(est.map(() => mss));
    const fields = Object.fromEntries(last.split('\t').map((f) => f.split('='))) as Record<string, string>;
    const skipped = ['malloc', 'tcpcb', 'inpcb'].flatMap((k) => [`num_inbound_skipped_pkts_${k}`, `num_outbound_skipped_pkts_${k}`]).reduce((n, k) => n + Number(fields[k]), 0);
    expect(Number(fields['total_skipped_tcp_pkts'])).toBe(skipped);
    expect(Number(fields['total_tcp_pkts'])).toBe(rows.length + skipped);
    expect(fields['flow_list']!.split(',').filter((f) => f !== '').length).toBe(2);
    expect(net.finish()).toEqual({ leftovers: [], problems: [] });
  });
});

describe('sysctls', () => {
  it('ppl: a line for each n-th segment of a flow; port_filter: one port; logfile: another file; values that cannot be are refused', () => {
    const net = new Net();
    net.set('enabled', 1);
    net.talk('10.0.0.1', 80);
    net.set('enabled', 0);
    const all = net.log().rows.length;
    net.set('ppl', 5);
    net.set('logfile', '/tmp/some.log');
    net.set('enabled', 1);
    net.talk('10.0.0.1', 81);
    net.set('enabled', 0);
    const some = net.log('/tmp/some.log').rows;
    expect(some.length).toBeGreaterThanOrEqual(Math.floor(all / 5));
    expect(some.length).toBeLessThanOrEqual(Math.ceil(all / 5) + 2);
    net.set('ppl', 1);
    net.set('port_filter', 8080);
    net.set('logfile', '/tmp/port.log');
    net.set('enabled', 1);
    net.talk('10.0.0.1', 82);
    net.talk('10.0.0.1', 8080);
    net.set('enabled', 0);
    const port = net.log('/tmp/port.log').rows;
    expect(port.length).toBeGreaterThan(10);
    expect(port.every((r) => r[4] === '8080' || r[6] === '8080')).toBe(true);
    for (const [name, value] of [['enabled', 2], ['ppl', 0], ['port_filter', 65536], ['logfile', '']] as const) expect(() => net.set(name, value)).toThrow('EINVAL');
    expect(net.finish()).toEqual({ leftovers: [], problems: [] });
  });

  it('genhashes: both ends give one packet one hash, before its checksum is computed and after', () => {
    const net = new Net();
    net.set('genhashes', 1);
    net.set('enabled', 1);
    net.talk('10.0.0.1', 80, 6);
    net.set('enabled', 0);
    const { rows } = net.log();
    const sent = new Set(rows.filter((r) => r[0] === 'o').map((r) => r[1]));
    const got = rows.filter((r) => r[0] === 'i').map((r) => r[1]!);
    expect(new Set(got).size).toBeGreaterThan(8);
    expect(got.filter((h) => !sent.has(h)).length).toBeLessThanOrEqual(1); // SYN|ACK: no connection sent it
    expect(net.finish()).toEqual({ leftovers: [], problems: [] });
  });
});

describe('coming and going', () => {
  it('unloaded while it logs, it ends the log; nothing is left of it', () => {
    const net = new Net();
    net.set('enabled', 1);
    net.talk('10.0.0.1', 80);
    expect(net.stack.kernel.kldunload('siftr')).toEqual({ errno: 0, message: '' });
    expect(net.log().last).toContain('disable_time_secs=');
    net.talk('10.0.0.1', 81);
    expect(net.log().rows.some((r) => r[4] === '81')).toBe(false);
    expect(net.finish()).toEqual({ leftovers: [], problems: [] });
  });

  it('a sink that fails loses its lines and nothing else; without one the lines go to the kernel\'s log', () => {
    const net = new Net();
    net.set('enabled', 1);
    net.full = true;
    net.talk('10.0.0.1', 80);
    net.full = false;
    net.set('enabled', 0);
    expect(net.log().rows).toEqual([]);
    expect(net.log().last).toContain('total_tcp_pkts=');
    const other = new Net(false);
    other.set('enabled', 1);
    other.talk('10.0.0.1', 80);
    const lines = other.clock.logged.filter((e) => e.facility === 'siftr').map((e) => e.text);
    expect(lines[0]).toContain('enable_time_secs=');
    expect(lines.filter((l) => l.split(',').length === 28).length).toBeGreaterThan(20);
    for (const n of [net, other]) expect(n.finish()).toEqual({ leftovers: [], problems: [] });
  });

  it('switched off it notes nothing and tags nothing', () => {
    const net = new Net();
    net.talk('10.0.0.1', 80);
    expect(net.files.size).toBe(0);
    expect(net.finish()).toEqual({ leftovers: [], problems: [] });
  });
});

describe('hostile packets', () => {
  it('of any bytes pass untouched, and what waits is bounded', () => {
    const net = new Net();
    net.set('genhashes', 1);
    net.set('enabled', 1);
    const r = new SeededRandom(Number(process.env['NS_SEED'] ?? 101));
    const { mbufs } = net.stack.kernel;
    const head = IP.get(net.server.vnet).pfil;
    const before = mbufs.outstanding;
    for (let i = 0; i < 20000; i++) {
      const b = new Uint8Array(20 + ((r.u32() >>> 0) % 60));
      r.fill(b);
      b[0] = 0x45;
      b[9] = 6;
      let m = mbufs.fromBytes(b, 0) as Mbuf;
      if (i % 3 === 0 && b.length > 21) {
        mFreem(m);
        m = mbufs.fromBytes(b.subarray(0, 20), 0) as Mbuf;
        m.next = mbufs.fromBytes(b.subarray(20), 0);
        m.next!.flags &= ~M_PKTHDR;
        m.pktlen = b.length;
      }
      expect(pfilRun(head, m, net.server.interface('lo0').handle, i % 2 === 0 ? PFIL_IN : PFIL_OUT)).toBe(m);
      hashPkt(m, 20);
      mFreem(m);
    }
    expect(mbufs.outstanding).toBe(before);
    net.set('enabled', 0);
    expect(net.log().last).toMatch(/total_tcp_pkts=\d+\t.*total_skipped_tcp_pkts=\d+/);
    expect(net.finish()).toEqual({ leftovers: [], problems: [] });
  });
});
