/* Router advertisements as an administrator controls them: rtadvctl(8). */
import { ifunit } from '@ns/ifnet';
import { rtadvd, rtadvStart } from '@ns/rtadvd';
import { JAILS } from '@ns/vnet';
import { parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { renderRtadvctl, type RtadvSnapshot, SNAPSHOT_VERSION } from '../src/index.ts';
import { Lab } from './lab.ts';

const S = 1e6;
const golden = (name: string): string => `./golden/${name}.txt`;

describe('rendering', () => {
  const s: RtadvSnapshot = {
    version: SNAPSHOT_VERSION,
    interfaces: [
      {
        name: 'cxgbe0',
        up: true,
        mtu: 1500,
        status: 'RA_SEND',
        conf: {
          rltime: 1800, mininterval: 200, maxinterval: 600, linkmtu: 1500, raflags: 0x88, rtimeMs: 30000, retransMs: 1500, chlim: 64, next: 93, last: 7, sent: 12, solicited: 3,
          prefixes: [
            { prefix: '2001:db8:1::/64', vltime: 2592000, pltime: 604800, flags: 'LA', expire: null },
            { prefix: '2001:db8:2::/56', vltime: 0xffffffff, pltime: 0xffffffff, flags: 'L', expire: null },
            { prefix: '2001:db8:3::/64', vltime: 0, pltime: 0, flags: 'LA', expire: 7195 },
          ],
          rdnss: ['2001:db8:1::53'],
          dnssl: ['example.org'],
          dnsltime: 1800,
        },
      },
      {
        name: 'cxgbe1',
        up: true,
        mtu: 9000,
        status: 'INACTIVE',
        conf: { rltime: 0, mininterval: 3, maxinterval: 4, linkmtu: 0, raflags: 0, rtimeMs: 0, retransMs: 0, chlim: 0, next: 0, last: null, sent: 0, solicited: 0, prefixes: [], rdnss: [], dnssl: [], dnsltime: 0 },
      },
      { name: 'lo0', up: false, mtu: 16384, status: 'INACTIVE', conf: null },
    ],
  };

  it('shows what FreeBSD shows, more with each -v', async () => {
    await expect(renderRtadvctl(s)).toMatchFileSnapshot(golden('rtadvctl-show'));
    await expect(renderRtadvctl(s, 1)).toMatchFileSnapshot(golden('rtadvctl-v'));
    await expect(renderRtadvctl(s, 2)).toMatchFileSnapshot(golden('rtadvctl-vv'));
  });

  it('refuses the snapshot of another version', () => {
    expect(() => renderRtadvctl({ ...s, version: 99 })).toThrow('rtadvctl');
  });
});

describe('on a stack', () => {
  function pair(): Lab {
    const lab = new Lab().pair();
    expect(lab.kernel.kldload(rtadvd()).errno).toBe(0);
    lab.out('ifconfig epair0a inet6 2001:db8:1::1/64', 'a');
    lab.out('ifconfig epair0b inet6 accept_rtadv', 'b');
    lab.out('sysctl net.inet6.ip6.forwarding=1', 'a');
    lab.host.advance(5 * S);
    return lab;
  }

  it('enable lets a neighbour have an address, disable takes its router away, enable brings the same values back', () => {
    const lab = pair();
    expect(lab.out('rtadvctl show', 'a')).toBe('');
    expect(lab.out('rtadvctl -vv show epair0a', 'a')).toBe('epair0a: flags=<UP> status=<INACTIVE> \n');
    const ifp = ifunit(lab.kernel.service(JAILS).findByName('a')!.vnet, 'epair0a')!;
    expect(rtadvStart(ifp, { maxintervalSec: 60, rdnss: [parseInAddr('2001:db8:1::53')!] })).toBe(0);
    lab.host.advance(5 * S);
    expect(lab.out('ifconfig epair0b inet6', 'b')).toMatch(/2001:db8:1:[0-9a-f:]+ prefixlen 64 autoconf/);
    expect(lab.out('ndp -r', 'b')).toMatch(/^fe80::/);
    expect(lab.out('rtadvctl disable epair0a', 'a')).toBe('');
    lab.host.advance(1 * S);
    expect(lab.out('ndp -r', 'b')).toBe('');
    expect(lab.out('rtadvctl show', 'a')).toBe('');
    expect(lab.out('rtadvctl enable epair0a', 'a')).toBe('');
    lab.host.advance(5 * S);
    expect(lab.out('ndp -r', 'b')).toMatch(/^fe80::/);
    const shown = lab.out('rtadvctl -v show epair0a', 'a');
    expect(shown.split('\n').slice(0, 3)).toEqual(['epair0a: flags=<UP,CONFIGURED,PERSIST> status=<RA_SEND> mtu 1500', '\tDefaultLifetime: 3m', '\tMinAdvInterval/MaxAdvInterval: 20s/1m']);
    expect(shown).toContain('\tPrefixes (1):\n\t  2001:db8:1::/64 (KERNEL, vltime=30d, pltime=7d, flags=LA)\n\tRDNSS entries:\n\t  2001:db8:1::53 (ltime=3m)\n');
    expect(JSON.parse(lab.out('rtadvctl show --json', 'a')).interfaces.find((i: { name: string }) => i.name === 'epair0a').conf.maxinterval).toBe(60);
    lab.out('rtadvctl shutdown', 'a');
    lab.host.advance(1 * S);
    expect(lab.out('ndp -r', 'b')).toBe('');
  });

  it('reload says it again, and shows a prefix that is gone until hosts have heard it long enough', () => {
    const lab = pair();
    lab.out('rtadvctl enable epair0a', 'a');
    lab.host.advance(300 * S);
    const sent = (): number => JSON.parse(lab.out('rtadvctl show epair0a --json', 'a')).interfaces[0].conf.sent;
    const before = sent();
    lab.out('rtadvctl reload epair0a', 'a');
    lab.host.advance(4 * S);
    expect(sent()).toBe(before + 1);
    lab.out('rtadvctl reload', 'a');
    lab.host.advance(4 * S);
    expect(sent()).toBe(before + 2);
    lab.out('ifconfig epair0a inet6 2001:db8:1::1 delete', 'a');
    lab.host.advance(4 * S);
    expect(lab.out('rtadvctl -v show', 'a')).toMatch(/2001:db8:1::\/64 \(KERNEL, vltime=0s, pltime=0s, flags=LA expire=1h59m5\ds\)/);
    expect(lab.out('ifconfig epair0b inet6', 'b')).toMatch(/2001:db8:1:[0-9a-f:]+ prefixlen 64 deprecated autoconf/);
    lab.out('sysctl net.inet6.ip6.forwarding=0', 'a');
    expect(lab.out('rtadvctl show', 'a')).toContain('status=<INACTIVE> mtu 1500\n\tDefaultLifetime: 0s (RAs will be sent with zero lifetime)\n');
  });

  it('says what it cannot do', () => {
    const lab = pair();
    for (const line of ['rtadvctl', 'rtadvctl echo', 'rtadvctl -x show']) expect(lab.fails(line, 'a')).toMatch(/^1: (rtadvctl: illegal option -- x\n)?usage: rtadvctl \[-v\] show/);
    expect(lab.fails('rtadvctl show em9', 'a')).toBe('1: show failed: invalid interface em9.');
    expect(lab.fails('rtadvctl enable', 'a')).toBe('1: enable failed.');
    expect(lab.fails('rtadvctl enable em8 lo0 epair0a', 'a')).toBe('2: enable failed: invalid interface em8.\nenable failed: lo0: Invalid argument.');
    expect(lab.out('rtadvctl show', 'a')).toContain('epair0a: flags=<UP,CONFIGURED,PERSIST>');
    expect(lab.out('rtadvctl disable lo0', 'a')).toBe('');
    lab.out('jail -q -c name=shared persist');
    for (const line of ['rtadvctl enable lo0', 'rtadvctl shutdown']) expect(lab.fails(line, 'shared')).toMatch(/^1: rtadvctl: \w+: Operation not permitted$/);
    expect(lab.out('rtadvctl show', 'shared')).toBe('');
    expect(new Lab().fails('rtadvctl show')).toBe('1: rtadvctl: the rtadvd module is not loaded');
  });
});
