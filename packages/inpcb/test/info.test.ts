import { EAFNOSUPPORT } from '@ns/errno';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  INET,
  InetDomain,
  INP_DROPPED,
  type Inpcb,
  inPcbAlloc,
  inPcbBind,
  inPcbConnect,
  inPcbDrop,
  inPcbForeach,
  inPcbFree,
  inPcbInfoDestroy,
  inPcbInfoInit,
  inPcbList,
  inPcbLookup,
  inPcbNotifyAll,
  inPcbRef,
  inPcbRele,
  inPcbSetTuple,
} from '@ns/inpcb';
import { addr, alloc, bench, info, sa, TestSocket } from './harness.ts';

describe('a set of pcbs', () => {
  it('T55 list, count and ledger agree under churn, and walks see each pcb once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('add', 'drop', 'walk'), fc.nat()), { maxLength: 300 }), (ops) => {
        const b = bench();
        const i = info(b);
        const model: Inpcb[] = [];
        let gen = 0;
        for (const [op, n] of ops) {
          if (op === 'add') {
            model.push(alloc(i, new TestSocket(b.root)));
            gen++;
          } else if (op === 'drop' && model.length > 0) {
            inPcbFree(model.splice(n % model.length, 1)[0] as Inpcb);
            gen++;
          } else {
            const seen: Inpcb[] = [];
            inPcbForeach(i, (p) => seen.push(p));
            expect(new Set(seen)).toEqual(new Set(model));
            expect(seen.length).toBe(model.length);
          }
          expect(i.count).toBe(model.length);
          expect(i.list.length).toBe(model.length);
          expect(i.gencnt).toBe(gen);
          expect(b.vnet.ledger.total('pcb')).toBe(model.length);
        }
        for (const p of model) inPcbFree(p);
        inPcbInfoDestroy(i);
        expect(b.vnet.ledger.total('pcb')).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('T55 A19 a walk sees those that were there when it began, and survives frees and allocations from inside it', () => {
    const b = bench();
    const i = info(b);
    const all = Array.from({ length: 20 }, () => alloc(i, new TestSocket(b.root)));
    const seen: Inpcb[] = [];
    inPcbForeach(i, (p) => {
      seen.push(p);
      const other = all[(all.indexOf(p) + 7) % 20] as Inpcb;
      if (other.listIndex >= 0 && other !== p) inPcbFree(other);
      alloc(i, new TestSocket(b.root));
    });
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.every((p) => all.includes(p))).toBe(true);
    expect(all.filter((p) => p.listIndex < 0 && !seen.includes(p)).length + seen.length).toBe(20);
  });

  it('T117 one constructor for all protocols; destroy insists on an empty set', () => {
    const b = bench();
    const sets = ['divert', 'raw', 'tcp', 'udp'].map((name) => info(b, name));
    const inp = alloc(sets[2] as (typeof sets)[0], new TestSocket(b.root));
    expect(() => inPcbInfoDestroy(sets[2] as (typeof sets)[0])).toThrow('tcp destroyed with 1 pcbs left');
    inPcbFree(inp);
    for (const s of sets) inPcbInfoDestroy(s);
    expect(INET.get(b.vnet).infos).toEqual([]);
  });

  it('T140 a zone has one owner in a vnet: the name of another set is refused, and free again when that has gone', () => {
    const b = bench();
    const udp = info(b, 'udp');
    expect(() => inPcbInfoInit(b.vnet, 'udplite', 'udp_inpcb')).toThrow('udplite (udp_inpcb) exists');
    expect(() => inPcbInfoInit(b.vnet, 'udp', 'udplite_inpcb')).toThrow('udp (udplite_inpcb) exists');
    expect(INET.get(b.vnet).infos).toEqual([udp]);
    inPcbInfoDestroy(udp);
    expect(inPcbInfoInit(b.vnet, 'udplite', 'udp_inpcb').zone).toBe('udp_inpcb');
  });

  it('T71 sets have distinct names in the registry', () => {
    const b = bench();
    info(b, 'tcp');
    info(b, 'udp');
    expect(INET.get(b.vnet).infos.map((i) => [i.name, i.zone])).toEqual([['tcp', 'tcp_inpcb'], ['udp', 'udp_inpcb']]);
    expect(() => info(b, 'tcp')).toThrow('tcp');
  });

  it('T65 a reset and an accept that race leave one owner: what was dropped cannot be found, and its tuple is free', () => {
    const b = bench();
    const i = info(b);
    const inp = alloc(i, new TestSocket(b.root));
    expect(inPcbSetTuple(inp, addr('10.0.0.1'), 80, addr('10.0.0.9'), 4000)).toBe(0);
    inPcbRef(inp); // accept holds it
    inPcbDrop(inp); // the reset arrives
    expect(inp.flags & INP_DROPPED).not.toBe(0);
    expect(inPcbLookup(i, 2, 0, 0, 0, addr('10.0.0.9').w3, 4000, 0, 0, 0, addr('10.0.0.1').w3, 80, 4, null, 0)).toBeNull();
    const next = alloc(i, new TestSocket(b.root));
    expect(inPcbSetTuple(next, addr('10.0.0.1'), 80, addr('10.0.0.9'), 4000)).toBe(0);
    inPcbFree(inp);
    expect(inPcbRele(inp)).toBe(true);
    expect(() => inPcbRele(inp)).toThrow('twice');
    expect(i.count).toBe(1);
  });

  it('frees a pcb once', () => {
    const b = bench();
    const inp = alloc(info(b), new TestSocket(b.root));
    inPcbFree(inp);
    expect(() => inPcbFree(inp)).toThrow('twice');
  });

  it('has no pcb for a family without a network protocol', () => {
    const b = bench();
    const i = info(b);
    const inet = INET.get(b.vnet);
    const v6 = inet.af(28);
    if (v6 !== null) inet.deregisterAf(v6);
    expect(inPcbAlloc(new TestSocket(b.root, 0, 28), i)).toBe(EAFNOSUPPORT);
    expect(i.count).toBe(0);
  });

  it('notifies those whose peer it is, even if one frees another', () => {
    const b = bench();
    const i = info(b);
    const peers = ['10.0.0.9', '10.0.0.8', '10.0.0.9', '10.0.0.9'].map((a) => {
      const p = alloc(i, new TestSocket(b.root));
      expect(inPcbConnect(p, sa(a, 80), b.root)).toBe(0);
      return p;
    });
    const told: Inpcb[] = [];
    inPcbNotifyAll(i, addr('10.0.0.9'), 65, (p, errno) => {
      expect(errno).toBe(65);
      told.push(p);
      if (told.length === 1) inPcbFree(peers.find((q) => q !== p && q.faddr.toString() === '10.0.0.9') as Inpcb);
    });
    expect(told.length).toBe(2);
    expect(told).not.toContain(peers[1]);
  });

  it('shows itself newest first, with the generation of the picture', () => {
    const b = bench();
    const i = info(b);
    for (const port of [5001, 5002, 5003]) expect(inPcbBind(alloc(i, new TestSocket(b.root)), sa('10.0.0.1', port), b.root)).toBe(0);
    const list = inPcbList(i);
    expect(list.pcbs.map((p) => p.lport)).toEqual([5003, 5002, 5001]);
    expect(list).toMatchObject({ name: 'tcp', count: 3, gen: i.gencnt });
  });
});

describe('InetDomain', () => {
  it('has one protocol for each number and one network protocol for each family', () => {
    const d = new InetDomain();
    const p = { proto: 6, name: 'tcp', input: (): void => {} };
    expect(d.registerProto(p)).toBe(0);
    expect(d.registerProto({ ...p })).toBe(17);
    d.deregisterProto({ ...p });
    expect(d.protosw[6]).toBe(p);
    d.deregisterProto(p);
    expect(d.protosw[6]).toBeNull();
    const af = INET.get(bench().vnet).af(2);
    expect(af).not.toBeNull();
    if (af === null) return;
    expect(d.registerAf(af)).toBe(0);
    expect(d.registerAf(af)).toBe(17);
    expect(d.registerAf({ ...af, af: 16, hdrLen: 0 } as typeof af)).toBe(47);
  });
});
