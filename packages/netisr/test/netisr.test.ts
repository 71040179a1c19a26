import { EINVAL, ENOBUFS, ENOENT, ENOPROTOOPT } from '@ns/errno';
import { M_HASHTYPE_OPAQUE_HASH } from '@ns/ifnet-kpi';
import { Kernel, type VirtualHost, virtualHost } from '@ns/kern';
import { type Mbuf, mFreem } from '@ns/mbuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NETISR,
  type Netisr,
  netisr,
  type NetisrOptions,
  NETISR_ARP,
  NETISR_CPUID_NONE,
  NETISR_DISPATCH_DEFERRED,
  NETISR_DISPATCH_DIRECT,
  NETISR_DISPATCH_HYBRID,
  NETISR_ETHER,
  NETISR_IP,
  NETISR_IPV6,
  NETISR_MAXPROT,
  NETISR_POLICY_CPU,
  NETISR_POLICY_FLOW,
  NETISR_POLICY_SOURCE,
  type NetisrHandler,
} from '@ns/netisr';

interface Rig {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly isr: Netisr;
  /** csumData of the packets in the order in which they were handled. */
  readonly seen: number[];
  packet(id: number): Mbuf;
  handler(over?: Partial<NetisrHandler>): NetisrHandler;
}

function rig(options: NetisrOptions = {}): Rig {
  const host = virtualHost();
  const kernel = new Kernel(host);
  expect(kernel.kldload(netisr(options)).errno).toBe(0);
  const seen: number[] = [];
  return {
    host,
    kernel,
    isr: kernel.service(NETISR),
    seen,
    packet(id) {
      const m = kernel.mbufs.getHdr();
      if (m === null) throw new Error('pool');
      m.csumData = id;
      return m;
    },
    handler: (over = {}) => ({
      proto: NETISR_IP,
      name: 'ip',
      policy: NETISR_POLICY_SOURCE,
      handler: (m) => {
        seen.push(m.csumData);
        mFreem(m);
      },
      ...over,
    }),
  };
}

function row(r: Rig, name: string, wsid = 0): ReturnType<Netisr['snapshot']>['workstreams'][number] {
  const hit = r.isr.snapshot().workstreams.find((w) => w.name === name && w.wsid === wsid);
  if (hit === undefined) throw new Error(`no queue ${name}`);
  return hit;
}

describe('registration', () => {
  it('refuses numbers out of range, taken ones, and policies whose functions are not there', () => {
    const r = rig();
    expect(r.isr.register(r.handler({ proto: NETISR_MAXPROT }))).toBe(EINVAL);
    expect(r.isr.register(r.handler({ policy: NETISR_POLICY_CPU }))).toBe(EINVAL);
    expect(r.isr.register(r.handler({ m2cpuid: () => 0 }))).toBe(EINVAL);
    expect(r.isr.register(r.handler({ m2flow: () => {} }))).toBe(EINVAL);
    expect(r.isr.register(r.handler())).toBe(0);
    expect(r.isr.register(r.handler())).toBe(EINVAL);
    expect(r.isr.unregister(NETISR_IP)).toBe(0);
    expect(r.isr.unregister(NETISR_IP)).toBe(ENOENT);
  });

  it('caps a queue limit at net.isr.maxqlimit and says so', () => {
    const r = rig({ maxqlimit: 100, defaultqlimit: 50 });
    r.isr.register(r.handler({ qlimit: 1000 }));
    expect(r.isr.getQlimit(NETISR_IP)).toBe(100);
    expect(r.host.logged.at(-1)?.text).toContain('capped');
    r.isr.register(r.handler({ proto: NETISR_ARP, name: 'arp' }));
    expect(r.isr.getQlimit(NETISR_ARP)).toBe(50);
    expect(r.isr.setQlimit(NETISR_ARP, 101)).toBe(EINVAL);
    expect(r.isr.setQlimit(NETISR_ARP, 60)).toBe(0);
    expect(r.isr.setQlimit(NETISR_ETHER, 60)).toBe(ENOENT);
  });

  it('frees a packet for a protocol that nobody takes', () => {
    const r = rig();
    expect(r.isr.queue(NETISR_IP, r.packet(1))).toBe(ENOPROTOOPT);
    expect(r.isr.dispatch(NETISR_IP, r.packet(1))).toBe(ENOPROTOOPT);
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });
});

describe('queueing', () => {
  it('handles nothing before the software interrupt, and then everything in order', () => {
    const r = rig();
    r.isr.register(r.handler());
    for (let i = 0; i < 200; i++) expect(r.isr.queue(NETISR_IP, r.packet(i))).toBe(0);
    expect(r.seen).toEqual([]);
    expect(row(r, 'ip')).toMatchObject({ len: 200, queued: 200, watermark: 200, handled: 0 });
    r.host.settle();
    expect(r.seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(row(r, 'ip')).toMatchObject({ len: 0, queued: 200, watermark: 200, handled: 200, qdrops: 0 });
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });

  it('drops and counts what finds the queue full', () => {
    const r = rig();
    r.isr.register(r.handler({ qlimit: 3 }));
    expect([1, 2, 3, 4, 5].map((i) => r.isr.queue(NETISR_IP, r.packet(i)))).toEqual([0, 0, 0, ENOBUFS, ENOBUFS]);
    expect(r.isr.getQdrops(NETISR_IP)).toBe(2);
    r.host.settle();
    expect(r.seen).toEqual([1, 2, 3]);
    r.isr.clearQdrops(NETISR_IP);
    expect(r.isr.getQdrops(NETISR_IP)).toBe(0);
    expect(r.kernel.mbufs.outstanding).toBe(0);
  });

  it('handles in the same interrupt what a handler queues, and gives protocols turns', () => {
    const r = rig();
    const order: string[] = [];
    r.isr.register(
      r.handler({
        handler: (m) => {
          order.push(`ip${m.csumData}`);
          if (m.csumData < 3) r.isr.queue(NETISR_IP, r.packet(m.csumData + 1));
          mFreem(m);
        },
      }),
    );
    r.isr.register(r.handler({ proto: NETISR_IPV6, name: 'ip6', handler: (m) => (order.push(`six${m.csumData}`), mFreem(m)) }));
    r.isr.queue(NETISR_IP, r.packet(1));
    r.isr.queue(NETISR_IPV6, r.packet(1));
    r.host.settle();
    expect(order).toEqual(['ip1', 'six1', 'ip2', 'ip3']);
  });

  it('lets others have their turn when a protocol feeds itself for ever', () => {
    const r = rig();
    let n = 0;
    r.isr.register(r.handler({ handler: (m) => (++n < 5000 ? r.isr.queue(NETISR_IP, m) : mFreem(m)) }));
    let turns = 0;
    const other = r.kernel.swi.register('other', () => {
      if (n < 5000) turns++;
      if (n < 5000) r.kernel.swi.schedule(other);
      return 1;
    });
    r.isr.queue(NETISR_IP, r.packet(0));
    r.kernel.swi.schedule(other);
    r.host.settle();
    expect(n).toBe(5000);
    expect(turns).toBeGreaterThan(50);
  });

  it('tells a protocol when its queue has run dry', () => {
    const r = rig();
    const drained: number[] = [];
    r.isr.register(r.handler({ drainedcpu: (cpu) => drained.push(cpu) }));
    r.isr.queue(NETISR_IP, r.packet(1));
    r.isr.queue(NETISR_IP, r.packet(2));
    r.host.settle();
    expect(drained).toEqual([0]);
  });

  it('goes on after a handler that broke', () => {
    const r = rig();
    r.isr.register(
      r.handler({
        handler: (m) => {
          const id = m.csumData;
          mFreem(m);
          if (id === 1) throw new Error('broken');
          r.seen.push(id);
        },
      }),
    );
    for (const id of [0, 1, 2]) r.isr.queue(NETISR_IP, r.packet(id));
    expect(() => r.host.settle()).toThrow('broken');
    r.host.settle();
    expect(r.seen).toEqual([0, 2]);
  });

  it('keeps order and count through any mixture of queueing, running and purging', () => {
    const op = fc.oneof(
      fc.record({ kind: fc.constant('queue' as const), n: fc.integer({ min: 1, max: 90 }) }),
      fc.record({ kind: fc.constant('run' as const), n: fc.constant(0) }),
      fc.record({ kind: fc.constant('odd' as const), n: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 20 }), (ops) => {
        const r = rig();
        r.isr.register(r.handler({ qlimit: 150 }));
        const even = {} as never;
        const odd = {} as never;
        let model: number[] = [];
        const want: number[] = [];
        let id = 0;
        for (const o of ops) {
          if (o.kind === 'queue') {
            for (let i = 0; i < o.n; i++, id++) {
              const m = r.packet(id);
              m.rcvif = id % 2 === 0 ? even : odd;
              const errno = r.isr.queue(NETISR_IP, m);
              if (model.length < 150) model.push(id);
              else expect(errno).toBe(ENOBUFS);
            }
          } else if (o.kind === 'run') {
            r.host.settle();
            want.push(...model);
            model = [];
          } else {
            const before = model.length;
            model = model.filter((x) => x % 2 === 0);
            expect(r.isr.purgeInterface(odd)).toBe(before - model.length);
          }
        }
        r.host.settle();
        expect(r.seen).toEqual([...want, ...model]);
        expect(r.kernel.mbufs.outstanding).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('dispatch', () => {
  it('direct: at once, whatever waits', () => {
    const r = rig();
    r.isr.register(r.handler({ dispatch: NETISR_DISPATCH_DIRECT }));
    r.isr.queue(NETISR_IP, r.packet(1));
    r.isr.dispatch(NETISR_IP, r.packet(2));
    expect(r.seen).toEqual([2]);
    expect(row(r, 'ip')).toMatchObject({ dispatched: 1, handled: 1, queued: 1 });
  });

  it('deferred: never at once', () => {
    const r = rig();
    r.isr.register(r.handler({ dispatch: NETISR_DISPATCH_DEFERRED }));
    r.isr.dispatch(NETISR_IP, r.packet(1));
    expect(r.seen).toEqual([]);
    r.host.settle();
    expect(r.seen).toEqual([1]);
  });

  it('hybrid: at once when idle, and never past what waits', () => {
    const r = rig({ dispatch: NETISR_DISPATCH_HYBRID });
    r.isr.register(r.handler());
    r.isr.dispatch(NETISR_IP, r.packet(1));
    expect(r.seen).toEqual([1]);
    r.isr.queue(NETISR_IP, r.packet(2));
    r.isr.dispatch(NETISR_IP, r.packet(3));
    expect(r.seen).toEqual([1]);
    r.host.settle();
    expect(r.seen).toEqual([1, 2, 3]);
    expect(row(r, 'ip')).toMatchObject({ hybridDispatched: 1, queued: 2, handled: 3 });
  });

  it('hybrid: what is dispatched from inside a dispatch waits', () => {
    const r = rig({ dispatch: NETISR_DISPATCH_HYBRID });
    r.isr.register(
      r.handler({
        handler: (m) => {
          const id = m.csumData;
          mFreem(m);
          if (id === 1) r.isr.dispatch(NETISR_IP, r.packet(2));
          r.seen.push(id);
        },
      }),
    );
    r.isr.dispatch(NETISR_IP, r.packet(1));
    expect(r.seen).toEqual([1]);
    r.host.settle();
    expect(r.seen).toEqual([1, 2]);
  });
});

describe('policies with several workstreams', () => {
  it('T133 each worker has its own copy of a protocol\u2019s state, also of one that comes late; the sum is what one worker would have', () => {
    const count = (maxthreads: number): unknown => {
      const r = rig({ maxthreads });
      r.isr.register(r.handler({ policy: NETISR_POLICY_FLOW }));
      r.isr.register(r.handler({ proto: NETISR_ARP, name: 'late', policy: NETISR_POLICY_FLOW, qlimit: 3 }));
      const workers = Array.from({ length: maxthreads }, (_, w) => w);
      for (const w of workers) expect([row(r, 'ip', w), row(r, 'late', w)]).toMatchObject([{ wsid: w, len: 0, queued: 0, handled: 0 }, { wsid: w, len: 0, queued: 0, handled: 0 }]);
      for (let i = 0; i < 60; i++) {
        const m = r.packet(i);
        m.flowid = i;
        m.rsstype = M_HASHTYPE_OPAQUE_HASH;
        r.isr.queue(NETISR_IP, m);
      }
      r.host.settle();
      const rows = workers.map((w) => row(r, 'ip', w));
      if (maxthreads > 1) expect(rows.every((x) => x.handled === 60 / maxthreads)).toBe(true);
      for (const w of workers) expect(row(r, 'late', w).handled).toBe(0);
      expect(r.kernel.kldunload('netisr').errno).toBe(0);
      return [rows.reduce((n, x) => n + x.queued, 0), rows.reduce((n, x) => n + x.handled, 0), rows.reduce((n, x) => n + x.qdrops, 0)];
    };
    expect([1, 2, 4].map(count)).toEqual([[60, 60, 0], [60, 60, 0], [60, 60, 0]]);
  });

  it('FLOW keeps a flow on one workstream, by its hash', () => {
    const r = rig({ maxthreads: 4 });
    r.isr.register(r.handler({ policy: NETISR_POLICY_FLOW }));
    for (let i = 0; i < 40; i++) {
      const m = r.packet(i);
      m.flowid = i % 4;
      m.rsstype = M_HASHTYPE_OPAQUE_HASH;
      r.isr.queue(NETISR_IP, m);
    }
    expect([0, 1, 2, 3].map((w) => row(r, 'ip', w).len)).toEqual([10, 10, 10, 10]);
    r.host.settle();
    for (let f = 0; f < 4; f++) {
      const flow = r.seen.filter((x) => x % 4 === f);
      expect(flow).toEqual([...flow].sort((x, y) => x - y));
    }
  });

  it('FLOW asks m2flow for a packet without a hash', () => {
    const r = rig({ maxthreads: 2 });
    r.isr.register(
      r.handler({
        policy: NETISR_POLICY_FLOW,
        m2flow: (m) => {
          m.flowid = 1;
          m.rsstype = M_HASHTYPE_OPAQUE_HASH;
        },
      }),
    );
    r.isr.queue(NETISR_IP, r.packet(1));
    expect(row(r, 'ip', 1).len).toBe(1);
  });

  it('SOURCE places by interface and source', () => {
    const r = rig({ maxthreads: 3 });
    r.isr.register(r.handler());
    r.isr.bindInterfaces({ indexOf: (h) => h as unknown as number, vnetOf: () => r.kernel.vnets.vnet0 });
    for (const [index, source] of [[1, 0], [2, 0], [1, 1]] as const) {
      const m = r.packet(index);
      m.rcvif = index as never;
      r.isr.queue(NETISR_IP, m, source);
    }
    expect([0, 1, 2].map((w) => row(r, 'ip', w).len)).toEqual([0, 1, 2]);
  });

  it('CPU asks the protocol; without an answer hybrid stays here and a queue goes by source', () => {
    const r = rig({ maxthreads: 2 });
    r.isr.register(
      r.handler({ policy: NETISR_POLICY_CPU, dispatch: NETISR_DISPATCH_HYBRID, m2cpuid: (m) => (m.csumData === 9 ? 1 : NETISR_CPUID_NONE) }),
    );
    r.isr.dispatch(NETISR_IP, r.packet(9));
    expect(row(r, 'ip', 1).len).toBe(1);
    r.isr.dispatch(NETISR_IP, r.packet(1));
    expect(r.seen).toEqual([1]);
    r.isr.queue(NETISR_IP, r.packet(2), 1);
    expect(row(r, 'ip', 1).len).toBe(2);
    r.host.settle();
    expect(r.seen).toEqual([1, 9, 2]);
  });
});

describe('vnets', () => {
  it('takes nothing of a protocol in a vnet that has switched it off, and frees what waits there', () => {
    const r = rig();
    r.isr.register(r.handler());
    r.isr.bindInterfaces({ indexOf: () => 1, vnetOf: () => r.kernel.vnets.vnet0 });
    const m = r.packet(1);
    m.rcvif = {} as never;
    r.isr.queue(NETISR_IP, m);
    r.isr.unregisterVnet(NETISR_IP, r.kernel.vnets.vnet0);
    expect(r.kernel.mbufs.outstanding).toBe(0);
    const n = r.packet(2);
    n.rcvif = {} as never;
    expect(r.isr.dispatch(NETISR_IP, n)).toBe(ENOPROTOOPT);
    r.isr.registerVnet(NETISR_IP, r.kernel.vnets.vnet0);
    const o = r.packet(3);
    o.rcvif = {} as never;
    expect(r.isr.dispatch(NETISR_IP, o)).toBe(0);
    expect(r.seen).toEqual([3]);
  });
});

describe('module', () => {
  it('takes its settings from boot tunables and shows them as sysctls', () => {
    const host = virtualHost({ tunables: { 'net.isr.maxthreads': '2', 'net.isr.dispatch': 'hybrid', 'net.isr.defaultqlimit': '64' } });
    const kernel = new Kernel(host);
    kernel.kldload(netisr());
    const s = kernel.service(NETISR).snapshot();
    expect(s).toMatchObject({ numthreads: 2, dispatch: 'hybrid', defaultqlimit: 64, maxqlimit: 10240 });
    const req = { vnet: kernel.vnets.vnet0, jailed: false };
    expect(kernel.sysctl.sysctlGet('net.isr.dispatch', req)).toMatchObject({ value: 'hybrid' });
    expect(kernel.sysctl.sysctlSet('net.isr.dispatch', 'default', req)).toMatchObject({ errno: EINVAL });
    expect(kernel.sysctl.sysctlSet('net.isr.dispatch', 'deferred', req)).toMatchObject({ errno: 0 });
    expect(kernel.service(NETISR).dispatchPolicy).toBe(NETISR_DISPATCH_DEFERRED);
    expect(kernel.sysctl.sysctlGet('net.inet.rss.bucket_mapping', req)).toMatchObject({ value: '0:0 1:1 2:0 3:1' });
    expect(kernel.sysctl.sysctlSet('net.inet.rss.key', {}, req)).toMatchObject({ errno: EINVAL });
  });

  it('leaves nothing behind', () => {
    const r = rig();
    r.isr.register(r.handler());
    r.isr.queue(NETISR_IP, r.packet(1));
    const report = r.kernel.shutdown();
    expect(report).toEqual({ leftovers: [], problems: [] });
  });

  it('lists protocols with their flags as netstat -Q does', () => {
    const r = rig();
    r.isr.register(r.handler({ policy: NETISR_POLICY_FLOW, m2flow: () => {}, drainedcpu: () => {} }));
    expect(r.isr.snapshot().protocols).toEqual([{ name: 'ip', proto: 1, qlimit: 256, policy: 'flow', dispatch: 'default', flags: '-DF' }]);
  });
});
