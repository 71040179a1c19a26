/* Function blocks: names, defaults, inheritance, switching while data are under way, and going. */
import { describe, expect, it } from 'vitest';
import { EAGAIN, EALREADY, EBUSY, EINVAL, ENOENT, EPERM } from '@ns/errno';
import { type Socket, sobind, soclose, solisten, sosetopt } from '@ns/socket';
import { TCP_FUNCTIONS, type TcpFunctionBlock } from '@ns/tcp-kpi';
import { TCP_FUNCTION_BLK, type TcpFunctionSet, tcpPcblist } from '@ns/tcp';
import { TCP, type TcpVnet } from '../src/tcp-vnet.ts';
import { lab, type Lab, type LabOptions } from '@ns/testkit';
import { INADDR_ANY, IPPROTO_TCP, Sockaddr } from '@ns/wire';
import { countingBlock, type CountingBlock, countingModule } from './counting.ts';
import { getopt } from './opt.ts';
import { mapProblem } from './map.ts';
import type { Tcpcb } from '../src/tcpcb.ts';
import type { Inpcb } from '@ns/inpcb';

const DEFAULT = 'net.inet.tcp.functions_default';
const set = (so: Socket, name: unknown): number => sosetopt(so, IPPROTO_TCP, TCP_FUNCTION_BLK, { functionSetName: name, pcbcnt: 0 });
const get = (so: Socket): TcpFunctionSet => getopt(so, IPPROTO_TCP, TCP_FUNCTION_BLK) as TcpFunctionSet;
const tpOf = (so: Socket): Tcpcb => (so.pcb as Inpcb).ppcb as Tcpcb;

const tcpOf = (l: Lab, name: 'a' | 'b'): TcpVnet => TCP.get(l.side(name).vnet);

/** A lab with the counting block. */
function withBlock(options: LabOptions = {}): { l: Lab; block: CountingBlock } {
  const block = countingBlock();
  return { l: lab({ ...options, extra: [countingModule(block)] }), block };
}

/** What the map of a connection says of itself has to be what its records say. */
function checkMap(so: Socket): void {
  const tp = tpOf(so);
  if (tp.rec !== null) expect(mapProblem(tp)).toBe('');
}

describe('the table of function blocks', () => {
  it('takes each name once, and lets what is not used go', () => {
    const { l, block } = withBlock();
    const table = l.a.kernel.service(TCP_FUNCTIONS);
    const other = countingBlock('other', ['another']);
    expect(table.register(countingBlock('counting'))).toBe(EALREADY);
    expect(table.register(countingBlock('mine', ['counting']))).toBe(EALREADY);
    expect(table.register(countingBlock('mine', ['mine']))).toBe(EALREADY);
    expect(table.register(countingBlock(''))).toBe(EINVAL);
    expect(table.register(countingBlock('x'.repeat(32)))).toBe(EINVAL);
    expect(table.register(countingBlock('y'.repeat(31)))).toBe(0);
    expect(table.register(other)).toBe(0);
    expect(table.register(other)).toBe(EALREADY);
    expect(table.find('another')).toBe(other);
    expect(table.deregister(table.find('freebsd') as TcpFunctionBlock)).toBe(EPERM);
    expect(table.deregister(table.find('freebsd') as TcpFunctionBlock, { force: true })).toBe(EPERM);
    expect(table.deregister(countingBlock('stranger'))).toBe(ENOENT);
    expect(table.deregister(other, { quiesce: true })).toBe(0);
    expect(table.find('other')).toBe(other);
    expect(table.deregister(other)).toBe(0);
    expect([table.find('other'), table.find('another')]).toEqual([null, null]);
    expect(table.available().map((f) => f.alias)).toEqual(['freebsd', 'counting', 'y'.repeat(31)]);
    expect(table.find('counting')).toBe(block);
    expect(l.finish()).toEqual([]);
  });

  it('has a default in each vnet, which new sockets take', () => {
    const { l } = withBlock();
    expect(l.a.jail.sysctl(DEFAULT)).toBe('freebsd');
    expect(l.a.jail.sysctl('net.inet.tcp.functions_available')).toMatch(/^\nStack {27}D Alias {28}PCB count\nfreebsd {25}\* freebsd {25} \d+\ncounting {26}counting {24} 0$/);
    const old = l.a.socket();
    l.a.jail.sysctl(DEFAULT, 'counting');
    expect(() => l.a.jail.sysctl(DEFAULT, 'nobody')).toThrow('ENOENT');
    const fresh = l.a.socket();
    const elsewhere = l.b.socket();
    expect([old, fresh, elsewhere].map((so) => get(so).functionSetName)).toEqual(['freebsd', 'counting', 'freebsd']);
    expect(get(fresh).pcbcnt).toBe(1);
    expect(l.a.jail.sysctl('net.inet.tcp.functions_available')).toContain('counting                        * counting                         1');
    expect(tcpPcblist(l.a.vnet).pcbs.map((x) => x.stack)).toEqual(['counting', 'freebsd']);
    for (const so of [old, fresh, elsewhere]) soclose(so);
    expect(l.finish()).toEqual([]);
  });

  it('a connection has what its listener has, or with functions_inherit_listen_socket_stack 0 the default', () => {
    for (const inherit of [1, 0]) {
      const { l, block } = withBlock({ sysctlsB: { 'net.inet.tcp.functions_inherit_listen_socket_stack': inherit, [DEFAULT]: 'counting' } });
      const first = l.connect();
      expect(get(first.server).functionSetName).toBe('counting');
      l.b.jail.sysctl(DEFAULT, 'freebsd');
      const second = l.connect();
      expect(get(second.server).functionSetName).toBe(inherit === 1 ? 'counting' : 'freebsd');
      expect(block.made.length).toBe(inherit === 1 ? 2 : 1);
      expect(l.finish()).toEqual([]);
    }
  });
});

describe('TCP_FUNCTION_BLK', () => {
  it('answers ENOENT for a name that is not there, and what the block says for a state that it cannot take over in', () => {
    const { l, block } = withBlock();
    const table = l.a.kernel.service(TCP_FUNCTIONS);
    table.register({ name: 'early', init: block.init });
    const so = l.a.socket();
    for (const name of ['nobody', '', 7, null]) expect(set(so, name)).toBe(ENOENT);
    expect(set(so, 'early')).toBe(0); // CLOSED: no question
    expect(set(so, 'freebsd')).toBe(0);
    sobind(so, new Sockaddr(INADDR_ANY, 99), l.a.jail.cred);
    expect(solisten(so, 1)).toBe(0);
    expect(set(so, 'early')).toBe(EINVAL);
    expect(set(so, 'counting')).toBe(0);
    expect(block.made).toEqual([]);
    soclose(so);
    const dialled = l.dial();
    expect(set(dialled, 'counting')).toBe(EAGAIN); // SYN_SENT: whether the peer does SACK is not known
    expect(get(dialled).functionSetName).toBe('freebsd');
    l.advance(1_000_000);
    expect(set(dialled, 'counting')).toBe(0);
    expect(set(dialled, 'counting')).toBe(0);
    expect(block.made.length).toBe(1);
    expect(set(dialled, 'freebsd')).toBe(0);
    expect(block.made[0]?.ended).toBe('went on');
    table.deregister(table.find('early') as TcpFunctionBlock);
    expect(l.finish()).toEqual([]);
  });

  it('without SACK a block that needs it is refused, and one that was chosen before gives way', () => {
    const { l, block } = withBlock({ sysctls: { 'net.inet.tcp.sack.enable': 0 }, sysctlsA: { [DEFAULT]: 'counting' } });
    const c = l.connect();
    expect(get(c.client).functionSetName).toBe('freebsd');
    expect(set(c.client, 'counting')).toBe(EINVAL);
    expect(block.made).toEqual([]);
    expect(l.transfer(100_000, { connection: c }).problem).toBe('');
    expect(l.finish()).toEqual([]);
  });
});

describe('a block in charge', () => {
  const LINK = { delayUs: 5000, bandwidth: 10e6, queueLimit: 100 } as const;

  it('is told of every byte sent and arrived, and repairs what is lost without a timeout', () => {
    const { l, block } = withBlock({ link: LINK, sysctlsA: { [DEFAULT]: 'counting' }, without: ['ip6', 'nd6'] });
    let data = 0;
    l.link.ab.options.drop = (f) => f.tcp !== null && f.tcp.len > 0 && [20, 22, 23, 60].includes(++data);
    const r = l.transfer(300_000, { onProgress: (e) => checkMap(e.so) });
    expect([r.problem, r.timeouts, r.retransmits, r.sackRecoveries]).toEqual(['', 0, 4, 2]);
    const zone = tcpOf(l, 'a').segZone;
    expect(l.finish()).toEqual([]);
    const c = block.made[0]!;
    expect([c.sent, c.arrived]).toEqual([300_001, 300_001]); // the FIN is one
    expect(c.sentAgain).toBe(4 * 1448);
    expect(c.over).toBe(2);
    expect(c.ended).toBe('discarded');
    expect(zone.inUse).toBe(0);
  });

  it('keeps every byte whatever the link does', () => {
    for (let seed = 1; seed <= 3; seed++) {
      for (const faults of [{ loss: 0.02 }, { loss: 0.2 }, { reorder: 0.1, reorderUs: 5000 }, { duplicate: 0.1, loss: 0.05, reorder: 0.05 }]) {
        const { l, block } = withBlock({ seed, link: { ...LINK, ...faults }, sysctls: { [DEFAULT]: 'counting' } });
        const r = l.transfer(150_000, { back: 50_000, onProgress: (e, f) => (checkMap(e.so), checkMap(f.so)) });
        expect(r.problem, JSON.stringify({ seed, faults })).toBe('');
        expect(block.made.length).toBe(2);
        const zones = [tcpOf(l, 'a').segZone, tcpOf(l, 'b').segZone];
        expect(l.finish()).toEqual([]);
        expect(zones.map((z) => z.inUse)).toEqual([0, 0]);
      }
    }
  });

  it('may come and go while data are lost: every byte arrives, and the map is whole', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const { l, block } = withBlock({ seed, link: { ...LINK, loss: 0.03, reorder: 0.02, duplicate: 0.02 } });
      l.a.kernel.service(TCP_FUNCTIONS).register(countingBlock('other'));
      let steps = 0;
      const tcp = tcpOf(l, 'a');
      const names = ['counting', 'other', 'freebsd'];
      const r = l.transfer(400_000, {
        onProgress: (e) => {
          checkMap(e.so);
          if (++steps % 20 === 0) set(e.so, names[(steps / 20) % 3]);
        },
      });
      expect(r.problem, `seed ${seed}`).toBe('');
      expect(block.made.length, `seed ${seed}`).toBeGreaterThan(3);
      expect(l.finish()).toEqual([]);
      expect([tcp.segZone.inUse, tcp.sackGlobalholes]).toEqual([0, 0]);
    }
  });

  it('cannot be unloaded while it is used or a default; by force its connections go on with the built-in one', () => {
    const { l, block } = withBlock({ link: { ...LINK, loss: 0.03 }, sysctlsA: { [DEFAULT]: 'counting' } });
    const { kernel } = l.a;
    const name = 'tcp-counting';
    expect(kernel.kldunload(name).errno).toBe(EBUSY); // default of a
    l.a.jail.sysctl(DEFAULT, 'freebsd');
    const c = l.connect();
    expect(set(c.client, 'counting')).toBe(0);
    expect(kernel.kldunload(name).errno).toBe(EBUSY);
    const t = l.begin(400_000, { connection: c });
    l.until(() => t.receiver.received > 100_000, 60e6);
    expect(get(c.client).functionSetName).toBe('counting');
    l.a.jail.sysctl(DEFAULT, 'counting');
    expect(kernel.kldunload(name, true).errno).toBe(0);
    expect([l.a.jail.sysctl(DEFAULT), get(c.client).functionSetName]).toEqual(['freebsd', 'freebsd']);
    expect([block.made[0]?.ended, tpOf(c.client).rec]).toEqual(['went on', null]);
    expect(set(c.client, 'counting')).toBe(ENOENT);
    expect(l.complete(t).problem).toBe('');
    expect(l.finish()).toEqual([]);
  });

  it('has at most map_limit records, and loses nothing by that', () => {
    const { l } = withBlock({ seed: 3, link: { delayUs: 20_000 }, sysctlsA: { [DEFAULT]: 'counting', 'net.inet.tcp.map_limit': 128 } });
    let most = 0;
    let data = 0;
    l.link.ab.options.drop = (f) => f.tcp !== null && f.tcp.len > 0 && [900, 905, 1000].includes(++data);
    const r = l.transfer(2_000_000, {
      sndbuf: 1 << 20,
      rcvbuf: 1 << 20,
      onProgress: (e) => {
        checkMap(e.so);
        most = Math.max(most, tpOf(e.so).rec?.map.records ?? 0);
      },
    });
    expect(r.problem).toBe('');
    expect(l.link.ab.stats.dropped).toBe(3);
    expect(most).toBeGreaterThanOrEqual(128);
    expect(most).toBeLessThanOrEqual(132);
    expect(l.finish()).toEqual([]);
  });
});
