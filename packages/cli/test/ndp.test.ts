/* Neighbour discovery as an administrator sees it: ndp(8), and what ifconfig(8) says and does about it. */
import { describe, expect, it } from 'vitest';
import { type NdpIfSnapshot, type NdpSnapshot, renderIfconfig, renderNdp, renderNdpIf, renderNdpPrefixes, renderNdpRouters, SNAPSHOT_VERSION } from '../src/index.ts';
import { CXGBE0, interfaces } from './fixtures.ts';
import { Lab } from './lab.ts';

const V = SNAPSHOT_VERSION;
const golden = (name: string): string => `./golden/${name}.txt`;
const S = 1e6;

describe('rendering', () => {
  const n = { address: 'fe80::211:22ff:fe33:4455%cxgbe0', ether: '00:11:22:33:44:55', netif: 'cxgbe0', expire: 86398, state: 'S', router: true, proxy: false, probes: 0 };
  const s: NdpSnapshot = {
    version: V,
    neighbours: [
      n,
      { ...n, address: '2001:db8::1', expire: null, state: 'R', router: false },
      { ...n, address: '2001:db8::9', ether: null, expire: 0, state: 'I', router: false, probes: 2 },
      { ...n, address: '2001:db8::7', expire: null, state: 'R', router: false, proxy: true },
      { ...n, address: '2001:db8:1111:2222:3333:4444:5555:6666', expire: 23, state: 'R', router: false },
    ],
    routers: [
      { address: 'fe80::1%cxgbe0', netif: 'cxgbe0', flags: 0x08, expire: 1799 },
      { address: 'fe80::2%cxgbe0', netif: 'cxgbe0', flags: 0xc0, expire: 90061 },
    ],
    prefixes: [
      { prefix: '2001:db8::/64', netif: 'cxgbe0', flags: 'LAO', vltime: 2592000, pltime: 604800, expire: 2591990, refs: 1, advertisers: [{ address: 'fe80::1%cxgbe0', reachable: true }, { address: 'fe80::2%cxgbe0', reachable: null }] },
      { prefix: '2001:db8:1::/64', netif: 'cxgbe0', flags: 'LAD', vltime: 0xffffffff, pltime: 0xffffffff, expire: null, refs: 0, advertisers: [] },
    ],
  };

  it('tables as FreeBSD prints them', async () => {
    await expect(renderNdp(s)).toMatchFileSnapshot(golden('ndp-an'));
    await expect(renderNdpRouters(s)).toMatchFileSnapshot(golden('ndp-r'));
    await expect(renderNdpPrefixes(s)).toMatchFileSnapshot(golden('ndp-p'));
  });

  it('the first line, and a row by hand', () => {
    const [head, first] = renderNdp(s).split('\n');
    expect(head).toBe('Neighbor                             Linklayer Address  Netif Expire    S Flags');
    expect(first).toBe('fe80::211:22ff:fe33:4455%cxgbe0      00:11:22:33:44:55 cxgbe0 23h59m58s S R');
  });

  it('an interface', async () => {
    const i: NdpIfSnapshot = { version: V, linkmtu: 1500, maxmtu: 1500, curhlim: 64, basereachableMs: 30000, reachableMs: 25432, retransMs: 1000, flags: 0x23 };
    expect(renderNdpIf(i)).toBe('linkmtu=1500, maxmtu=1500, curhlim=64, basereachable=30s0ms, reachable=25s, retrans=1s0ms\nFlags: nud accept_rtadv auto_linklocal \n');
    const addr = (address: string, flags: number, scopeid = 0): (typeof CXGBE0)['addresses'][number] => ({
      family: 'inet6', address, prefixlen: 64, network: '', broadcast: null, destination: null, flags, pltime: null, vltime: null, scopeid, ipackets: 0, opackets: 0, ibytes: 0, obytes: 0,
    });
    const addresses = [addr('fe80::1%cxgbe0', 0x02, 1), addr('2001:db8::1', 0x04), addr('2001:db8::2', 0x50), addr('2001:db8::3', 0x48)];
    await expect(renderIfconfig(interfaces({ ...CXGBE0, addresses, nd6: 0x8823 }), { family: 'inet6' })).toMatchFileSnapshot(golden('ifconfig-inet6'));
  });
});

describe('on a stack', () => {
  const LL = /inet6 (fe80::[0-9a-f:]+)%epair0b prefixlen 64 scopeid 0x[0-9a-f]+\n/;

  function pair(): { lab: Lab; peer: string } {
    const lab = new Lab().pair();
    lab.host.advance(3 * S);
    return { lab, peer: `${LL.exec(lab.out('ifconfig epair0b inet6', 'b'))![1]!}%epair0a` };
  }

  it('ifconfig shows the test for duplicates, then that it is over, and the options', () => {
    const lab = new Lab().pair();
    lab.out('ifconfig epair0a inet6 2001:db8::1/64', 'a');
    const before = lab.out('ifconfig epair0a inet6', 'a');
    expect(before).toMatch(/inet6 fe80::[0-9a-f:]+%epair0a prefixlen 64 tentative scopeid 0x/);
    expect(before).toContain('\tinet6 2001:db8::1 prefixlen 64 tentative\n');
    lab.host.advance(3 * S);
    const after = lab.out('ifconfig epair0a inet6', 'a');
    expect(after).not.toContain('tentative');
    expect(after).toContain('\tnd6 options=21<PERFORMNUD,AUTO_LINKLOCAL>\n');
    expect(lab.out('ifconfig lo0')).toContain('nd6 options=');
  });

  it('ifconfig changes options: accept_rtadv, ifdisabled, no_dad, stableaddr, defaultif', () => {
    const { lab } = pair();
    lab.out('ifconfig epair0a inet6 accept_rtadv -nud', 'a');
    expect(lab.out('ifconfig epair0a inet6', 'a')).toContain('nd6 options=22<ACCEPT_RTADV,AUTO_LINKLOCAL>');
    lab.out('ifconfig epair0a inet6 -accept_rtadv nud stableaddr no_dad defaultif', 'a');
    expect(lab.out('ifconfig epair0a inet6', 'a')).toContain('nd6 options=8921<PERFORMNUD,AUTO_LINKLOCAL,NO_DAD,STABLEADDR,DEFAULTIF>');
    lab.out('ifconfig epair0a inet6 2001:db8::1/64', 'a');
    expect(lab.out('ifconfig epair0a inet6', 'a')).toContain('\tinet6 2001:db8::1 prefixlen 64\n');
    lab.out('ifconfig epair0a inet6 -no_dad ifdisabled', 'a');
    expect(lab.out('ifconfig epair0a inet6', 'a')).toContain('\tinet6 2001:db8::1 prefixlen 64 tentative\n');
    lab.out('ifconfig epair0a inet6 -ifdisabled', 'a');
    lab.host.advance(3 * S);
    expect(lab.out('ifconfig epair0a inet6', 'a')).toContain('\tinet6 2001:db8::1 prefixlen 64\n');
    lab.out('ifconfig epair0a inet6 2001:db8::a/64 anycast', 'a');
    expect(lab.out('ifconfig epair0a inet6', 'a')).toContain('\tinet6 2001:db8::a prefixlen 64 anycast\n');
    lab.out('ifconfig epair0a inet6 2001:db8::b/64 pltime 5 vltime 10', 'a');
    lab.host.advance(6 * S);
    expect(lab.out('ifconfig epair0a inet6', 'a')).toContain('\tinet6 2001:db8::b prefixlen 64 deprecated\n');
    lab.host.advance(6 * S);
    expect(lab.out('ifconfig epair0a inet6', 'a')).not.toContain('2001:db8::b');
  });

  it('ndp shows, enters and deletes neighbours', () => {
    const { lab, peer } = pair();
    lab.out(`ndp -s ${peer} 02:00:00:00:00:07 temp`, 'a');
    const rows = lab.out('ndp -an', 'a').split('\n');
    expect(rows[0]).toMatch(/^Neighbor/);
    expect(rows.filter((r) => r.includes(' permanent R')).length).toBe(1);
    expect(lab.out(`ndp ${peer}`, 'a')).toMatch(/02:00:00:00:00:07 epair0a 1d0h0m0s {2}S \n$/);
    expect(lab.out(`ndp -d ${peer}`, 'a')).toBe(`${peer} (${peer}) deleted\n`);
    expect(lab.fails(`ndp -d ${peer}`, 'a')).toBe(`1: ndp: ${peer}: delete: cannot locate ${peer}`);
    expect(lab.fails(`ndp ${peer}`, 'a')).toBe(`1: ndp: ${peer} (${peer}) -- no entry`);
    lab.out(`ndp -s ${peer} 02:00:00:00:00:07 proxy`, 'a');
    expect(lab.out('ndp -a', 'a')).toMatch(/permanent R p\n/);
    expect(lab.out('ndp -c', 'a')).toBe(`${peer} (${peer}) deleted\n`);
    expect(lab.fails('ndp -s 2001:db8:9::9 02:00:00:00:00:07', 'a')).toBe('1: ndp: 2001:db8:9::9: Network is unreachable');
    expect(lab.fails(`ndp -s ${peer} nonsense`, 'a')).toBe("1: ndp: invalid Ethernet address 'nonsense'");
    expect(lab.fails('ndp -s', 'a')).toMatch(/^1: usage: ndp/);
    expect(lab.fails('ndp -a -p', 'a')).toMatch(/^1: usage: ndp/);
    expect(lab.fails('ndp 10.0.0.1', 'a')).toContain('not known');
  });

  it('ndp -i shows and sets; -r, -p, -P, -R, -H, -I', () => {
    const { lab } = pair();
    expect(lab.out('ndp -i epair0a', 'a')).toMatch(/^linkmtu=1500, maxmtu=1500, curhlim=64, basereachable=30s0ms, reachable=\d+s, retrans=1s0ms\nFlags: nud auto_linklocal \n$/);
    expect(lab.out('ndp -i epair0a retrans=500 basereachable=15500 curhlim=32 no_dad', 'a')).toMatch(/curhlim=32, basereachable=15s500ms, reachable=\d+s, retrans=0s500ms\nFlags: nud auto_linklocal no_dad \n$/);
    expect(lab.fails('ndp -i epair0a retrans=0', 'a')).toContain('Invalid argument');
    expect(lab.fails('ndp -i epair0a nonsense', 'a')).toMatch(/^1: usage: ndp/);
    expect(lab.fails('ndp -i em9', 'a')).toBe('1: ndp: invalid interface em9');
    expect(lab.out('ndp -r', 'a')).toBe('');
    expect(lab.out('ndp -p', 'a')).toBe('');
    for (const flag of ['-P', '-R', '-H']) expect(lab.out(`ndp ${flag}`, 'a')).toBe('');
    expect(lab.out('ndp -I', 'a')).toBe('No default interface.\n');
    expect(lab.out('ndp -I epair0a', 'a')).toBe('ND default interface = epair0a\n');
    expect(lab.out('ndp -I delete', 'a')).toBe('No default interface.\n');
  });

  it('a jail without a stack of its own looks, and changes nothing', () => {
    const lab = new Lab().pair();
    lab.out('jail -q -c name=shared persist');
    expect(lab.out('ndp -a', 'shared')).toMatch(/^Neighbor/);
    for (const line of ['ndp -c', 'ndp -P', 'ndp -I delete']) expect(lab.fails(line, 'shared')).toBe('1: ndp: writing to routing socket: Operation not permitted');
    expect(lab.fails('ifconfig lo0 inet6 no_dad', 'shared')).toContain('ermission');
  });
});
