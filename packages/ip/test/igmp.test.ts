/* The host's side of IGMP: RFC 3376 §5, §7; RFC 2236; RFC 1112. */
import { INET, type InetAf, type McastFilter } from '@ns/inpcb';
import { ribAdd, ROUTE, RT_DEFAULT_FIB, RTF_STATIC } from '@ns/route';
import { AF_INET, cksumAddView, cksumFold, formatInet4, type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { ipPacket, Lab, parseIp, type TestIf, v4 } from './lab.ts';

const G = '239.1.2.3';
const S = ['10.9.0.1', '10.9.0.2', '10.9.0.3'] as const;
const a = (t: string): InAddr => parseInAddr(t)!;

interface Rig {
  readonly l: Lab;
  readonly t: TestIf;
  readonly af: InetAf;
}

function rig(): Rig {
  const l = new Lab();
  const t = l.ether('02:00:00:00:00:01', '10.0.0.1/24');
  return { l, t, af: INET.get(l.vnet).af(AF_INET)! };
}

/** The messages that went out: type and destination, or records. */
function sent(r: Rig): string[] {
  return r.t.wire.takeType(0x0800).map((p) => {
    const ip = parseIp(p);
    expect([ip.proto, ip.ttl, ip.hlen, ip.sumOk, [...p.slice(20, 24)]]).toEqual([2, 1, 24, true, [0x94, 4, 0, 0]]);
    const m = ip.payload;
    const dv = new DataView(m.buffer, m.byteOffset, m.byteLength);
    expect(cksumFold(cksumAddView(dv, 0, m.length, 0))).toBe(0);
    if (m[0] !== 0x22) return `${m[0]!.toString(16)} ${formatInet4(ip.dst)}`;
    expect(formatInet4(ip.dst)).toBe('224.0.0.22');
    const out: string[] = [];
    let o = 8;
    for (let n = dv.getUint16(6); n > 0; n--) {
      const count = dv.getUint16(o + 2);
      const sources = Array.from({ length: count }, (_, i) => formatInet4(dv.getInt32(o + 8 + 4 * i)));
      out.push(`${['', 'IN', 'EX', 'TO_IN', 'TO_EX', 'ALLOW', 'BLOCK'][m[o]!]} ${formatInet4(dv.getInt32(o + 4))}{${sources.join(',')}}`);
      o += 8 + 4 * count;
    }
    expect(o).toBe(m.length);
    return out.join(' ');
  });
}

/** A query: of version 3 with `sources`, else of version 2, or 1 with code 0. */
function query(r: Rig, group: string, code: number, sources: readonly string[] | null, over: { ttl?: number; alert?: boolean } = {}): void {
  const m = new Uint8Array(sources === null ? 8 : 12 + 4 * sources.length);
  const dv = new DataView(m.buffer);
  m[0] = 0x11;
  m[1] = code;
  dv.setInt32(4, v4(group));
  if (sources !== null) {
    m[8] = 2;
    m[9] = 125;
    dv.setUint16(10, sources.length);
    sources.forEach((s, i) => dv.setInt32(12 + 4 * i, v4(s)));
  }
  dv.setUint16(2, cksumFold(cksumAddView(dv, 0, m.length, 0)));
  const dst = group === '0.0.0.0' ? '224.0.0.1' : group;
  const options = over.alert === false ? undefined : Uint8Array.of(0x94, 4, 0, 0);
  const d = v4(dst);
  r.l.injectIp(r.t, ipPacket({ src: '10.0.0.9', dst, proto: 2, ttl: over.ttl ?? 1, payload: m, ...(options !== undefined && { options }) }), {
    to: Uint8Array.of(1, 0, 0x5e, (d >>> 16) & 127, (d >>> 8) & 255, d & 255),
  });
}

function join(r: Rig, filter?: McastFilter): void {
  expect(r.af.joinGroup!(r.l.vnet, a(G), r.t.ifp, filter)).toBe(r.t.ifp);
}

const leave = (r: Rig, filter?: McastFilter): void => r.af.leaveGroup!(r.l.vnet, a(G), r.t.ifp, filter);

describe('IGMPv3', () => {
  it('says twice that it has joined, and that it has left', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`TO_EX ${G}{}`, `TO_EX ${G}{}`]);
    leave(r);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`TO_IN ${G}{}`, `TO_IN ${G}{}`]);
    expect([r.l.kernel.callouts.pending, r.l.outstanding]).toEqual([0, 0]);
  });

  it('tells of sources, and answers queries about all groups, one, and its sources', () => {
    const r = rig();
    const f = { include: true, sources: [a(S[0]), a(S[1])] };
    join(r, f);
    r.l.host.advance(10e6);
    expect(sent(r)[0]).toBe(`ALLOW ${G}{${S[0]},${S[1]}}`);
    query(r, '0.0.0.0', 100, []);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`IN ${G}{${S[0]},${S[1]}}`]);
    query(r, G, 10, [S[1], S[2]]);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([`IN ${G}{${S[1]}}`]);
    f.sources = [a(S[2])];
    r.af.filterChanged!(r.l.vnet, a(G), r.t.ifp);
    expect(sent(r)).toEqual([`ALLOW ${G}{${S[2]}} BLOCK ${G}{${S[0]},${S[1]}}`]);
    const { igmpstat } = r.l.ip;
    expect([igmpstat.rcvV3Queries, igmpstat.rcvGenQueries, igmpstat.rcvGsrQueries]).toEqual([2, 1, 1]);
  });

  it('does not listen to queries from afar, without router alert, or that cannot be', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    sent(r);
    query(r, '0.0.0.0', 10, [], { ttl: 2 });
    query(r, '0.0.0.0', 10, [], { alert: false });
    query(r, '0.0.0.0', 10, [S[0]]);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([]);
    const { igmpstat } = r.l.ip;
    expect([igmpstat.rcvBadttl, igmpstat.rcvNora, igmpstat.rcvBadqueries]).toEqual([1, 1, 1]);
    expect(r.l.outstanding).toBe(0);
  });
});

describe('older routers (RFC 3376 §7.2)', () => {
  it('of version 2 get reports and leaves of version 2', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    sent(r);
    query(r, '0.0.0.0', 10, null);
    r.l.host.advance(1e6);
    expect(sent(r)).toEqual([`16 ${G}`]);
    leave(r);
    expect(sent(r)).toEqual(['17 224.0.0.2']);
  });

  it('of version 1 get reports of version 1, and no leave', () => {
    const r = rig();
    join(r);
    r.l.host.advance(10e6);
    sent(r);
    query(r, '0.0.0.0', 0, null, { alert: false });
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([`12 ${G}`]);
    leave(r);
    r.l.host.advance(10e6);
    expect(sent(r)).toEqual([]);
  });
});

it('T38 a group without an interface is joined by the default table, whatever table the interfaces have', () => {
  const l = new Lab({ tunables: { 'net.fibs': '2' } });
  const one = l.ether('02:00:00:00:00:01', '10.0.0.1/24');
  const two = l.ether('02:00:00:00:00:02', null);
  two.ifp.fib = 1;
  l.addr(two.ifp, '10.0.1.1/24');
  const join = (): string => {
    const on = INET.get(l.vnet).af(AF_INET)!.joinGroup!(l.vnet, a(G), null);
    return typeof on === 'number' ? `errno ${on}` : on.name;
  };
  expect(join()).toBe(one.ifp.name); // no route to the group: the first that can
  // By table 1 alone a route leads elsewhere: it is not asked.
  expect(ribAdd(ROUTE.get(l.vnet).inet(1), { dst: a('224.0.0.0'), prefixlen: 4, flags: RTF_STATIC, ifp: two.ifp })).toBe(0);
  expect(join()).toBe(one.ifp.name);
  expect(ribAdd(ROUTE.get(l.vnet).inet(RT_DEFAULT_FIB), { dst: a('224.0.0.0'), prefixlen: 4, flags: RTF_STATIC, ifp: two.ifp })).toBe(0);
  expect(join()).toBe(two.ifp.name);
});
