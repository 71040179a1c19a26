import { E2BIG, EEXIST, EINVAL, ESRCH } from '@ns/errno';
import { inAddr4, parseCidr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import {
  hopsOf,
  type Nexthop,
  NexthopGroup,
  ribAdd,
  ribChange,
  ribDelete,
  ribWalkDelete,
  ROUTE,
  ROUTE_EVENT,
  type Rib,
  routeDump,
  RTF_GATEWAY,
  RTF_STATIC,
  RTM_ADD,
  RTM_CHANGE,
  RTM_DELETE,
  type RtInfo,
} from '../src/index.ts';
import { Lab } from '../../ip/test/lab.ts';

const NET = parseCidr('192.0.2.0/24')!;

function setup(): { lab: Lab; info: (gw: number, more?: Partial<RtInfo>) => RtInfo; ways: () => string[] } {
  const lab = new Lab();
  lab.ether('02:00:00:00:00:01', '10.0.0.1/16');
  const info = (gw: number, more: Partial<RtInfo> = {}): RtInfo => ({ dst: NET.addr, prefixlen: 24, flags: RTF_GATEWAY | RTF_STATIC, gw: inAddr4(0x0a000100 + gw), ...more });
  const ways = (): string[] => routeDump(lab.vnet, 0, 2).filter((r) => r.prefixlen === 24).map((r) => `${(r.gw?.w3 ?? 0) & 0xff}*${r.weight}`);
  return { lab, info, ways };
}

const rib = (lab: Lab): Rib => ROUTE.get(lab.vnet).inet(0);

describe('a route of several next hops', () => {
  it.each([
    [[1, 1], [1, 1]],
    [[1, 2], [1, 2]],
    [[100, 200, 400], [1, 2, 4]],
    [[6, 4], [3, 2]],
    [[1, 100], [0, 64]], // as FreeBSD has it: what is less than a slot has none
    [[100, 1], [63, 1]],
    [[5, 5, 5], [1, 1, 1]],
  ])('weights %j are slots %j', (weights, slots) => {
    const { lab, info } = setup();
    weights.forEach((weight, i) => expect(ribAdd(rib(lab), info(i + 1, { weight }))).toBe(0));
    const { group } = rib(lab).match(parseInAddr('192.0.2.1')!)!;
    const sum = slots.reduce((a, b) => a + b);
    const count = new Map<number, number>();
    for (let h = 0; h < sum * 3; h++) {
      const at = (group!.select(h).gw!.w3 & 0xff) - 1;
      count.set(at, (count.get(at) ?? 0) + 1);
    }
    expect(weights.map((_, i) => (count.get(i) ?? 0) / 3)).toEqual(slots);
  });

  it('the hash is unsigned', () => {
    const { lab, info } = setup();
    for (const n of [1, 2, 3]) ribAdd(rib(lab), info(n));
    const group = rib(lab).match(NET.addr)!.group!;
    for (const h of [-1, -2, -2147483648, 2147483647]) expect(group.select(h)).toBe(group.select(h >>> 0));
  });

  it('has 64 at the most, each once, with weights that can be', () => {
    const { lab, info, ways } = setup();
    for (let n = 1; n <= 64; n++) expect(ribAdd(rib(lab), info(n))).toBe(0);
    expect(ribAdd(rib(lab), info(65))).toBe(E2BIG);
    expect(ribAdd(rib(lab), info(7))).toBe(EEXIST);
    for (const weight of [0, -1, 1.5, 16777216]) expect(ribAdd(rib(lab), info(66, { weight }))).toBe(EINVAL);
    expect(ways()).toHaveLength(64);
    expect(new NexthopGroup(hopsOf(rib(lab).match(NET.addr)!)).hops).toHaveLength(64);
  });

  it('keeps what it is told of each, tells of each change, and gives next hops back', () => {
    const { lab, info, ways } = setup();
    const events: string[] = [];
    lab.kernel.events.register(ROUTE_EVENT, (e) => void events.push(`${e.cmd} ${(e.nh.gw?.w3 ?? 0) & 0xff}`));
    const before = rib(lab).nexthops().length;
    for (const n of [1, 2, 3]) ribAdd(rib(lab), info(n, { weight: n }));
    expect(ways()).toEqual(['1*1', '2*2', '3*3']);
    expect(ribChange(rib(lab), info(2, { mtu: 1000, weight: 9 }))).toBe(0);
    expect(ribChange(rib(lab), info(8))).toBe(ESRCH);
    expect(routeDump(lab.vnet, 0, 2).filter((r) => r.prefixlen === 24).map((r) => `${r.gw} ${r.weight} ${r.mtu}`).sort()).toEqual(['10.0.1.1 1 1500', '10.0.1.2 9 1000', '10.0.1.3 3 1500']);
    expect(ribDelete(rib(lab), info(8))).toBe(ESRCH);
    expect(ribDelete(rib(lab), info(1, { gw: null }))).toBe(ESRCH);
    expect(ribDelete(rib(lab), info(1))).toBe(0);
    expect(ribWalkDelete(rib(lab), (_, nh: Nexthop) => (nh.gw?.w3 ?? 0) % 256 === 3)).toBe(1);
    expect(ways()).toEqual(['2*9']);
    expect(ribAdd(rib(lab), info(4, { weight: 3 }))).toBe(0); // beside the weight that the last one had
    expect(ways().sort()).toEqual(['2*9', '4*3']);
    expect(ribWalkDelete(rib(lab), (rt) => rt.prefixlen === 24)).toBe(2);
    expect(rib(lab).match(NET.addr)).toBe(null);
    expect(rib(lab).nexthops()).toHaveLength(before);
    expect(events).toEqual([`${RTM_ADD} 1`, `${RTM_ADD} 2`, `${RTM_ADD} 3`, `${RTM_CHANGE} 2`, `${RTM_DELETE} 1`, `${RTM_DELETE} 3`, `${RTM_ADD} 4`, `${RTM_DELETE} 4`, `${RTM_DELETE} 2`]);
  });

  it('is not made of routes that protocols have, or that lead to a link', () => {
    const { lab, info } = setup();
    expect(ribAdd(rib(lab), info(1, { flags: RTF_GATEWAY }))).toBe(0);
    expect(ribAdd(rib(lab), info(2))).toBe(EEXIST);
    expect(ribDelete(rib(lab), info(1))).toBe(0);
    expect(ribAdd(rib(lab), info(1))).toBe(0);
    expect(ribAdd(rib(lab), info(2, { flags: RTF_GATEWAY }))).toBe(EEXIST);
  });
});
