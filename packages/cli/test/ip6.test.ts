/* IPv6 as an administrator sees it. */
import { rtadvd } from '@ns/rtadvd';
import { describe, expect, it } from 'vitest';
import { Lab } from './lab.ts';

const S = 1e6;

describe('IPv6 on the command line', () => {
  it('ifconfig shows and sets IPv6 addresses', () => {
    const lab = new Lab();
    expect(lab.out('ifconfig lo0 up')).toBe('');
    expect(lab.out('ifconfig lo0 inet6 2001:db8::1 prefixlen 64')).toBe('');
    const text = lab.out('ifconfig lo0');
    for (const line of ['\tinet6 ::1 prefixlen 128\n', '\tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1\n', '\tinet6 2001:db8::1 prefixlen 64\n']) expect(text).toContain(line);
    expect(text).toMatch(/\tnd6 options=[0-9a-f]+<.*AUTO_LINKLOCAL.*>\n/);
    expect(lab.out('ifconfig lo0 inet6 2001:db8::1 delete')).toBe('');
    expect(lab.out('ifconfig lo0')).not.toContain('2001:db8::1');
  });

  it('ping -6 and ping6 report as FreeBSD does', () => {
    const lab = new Lab();
    lab.out('ifconfig lo0 up');
    const p = lab.start('ping -6 -c 2 localhost');
    lab.host.advance(2 * S);
    expect([p.code, p.err, p.out]).toEqual([
      0,
      '',
      'PING(56=40+8+8 bytes) ::1 --> ::1\n' +
        '16 bytes from ::1, icmp_seq=0 hlim=64 time=0.000 ms\n' +
        '16 bytes from ::1, icmp_seq=1 hlim=64 time=0.000 ms\n' +
        '\n--- localhost ping statistics ---\n' +
        '2 packets transmitted, 2 packets received, 0.0% packet loss\n' +
        'round-trip min/avg/max/stddev = 0.000/0.000/0.000/0.000 ms\n',
    ]);
    const q = lab.start('ping6 -c 1 -m 9 fe80::1%lo0');
    lab.host.advance(2 * S);
    expect(q.out).toContain('16 bytes from fe80::1%lo0, icmp_seq=0 hlim=64');
    expect(lab.start('ping6 127.0.0.1').err).toBe('ping: cannot resolve 127.0.0.1: Unknown host\n');
    expect(lab.start('ping -4 ::1').err).toBe('ping: cannot resolve ::1: Unknown host\n');
    expect(lab.start('ping -6 127.0.0.1').err).toBe('ping: cannot resolve 127.0.0.1: Unknown host\n');
  });

  it('ping6 says what ICMPv6 says', () => {
    const lab = new Lab();
    lab.out('ifconfig lo0 up');
    const p = lab.start('ping6 -c 1 -W 500 2001:db8::9');
    lab.host.advance(2 * S);
    expect(p.err).toBe('ping: sendto: No route to host\n');
    expect(p.code).toBe(2);
  });

  it('netstat -s has words for IPv6 and ICMPv6', () => {
    const lab = new Lab();
    lab.out('ifconfig lo0 up');
    lab.start('ping6 -c 3 ::1');
    lab.host.advance(3 * S);
    const ip6 = lab.out('netstat -s -p ip6');
    expect(ip6).toMatch(/^ip6:\n\t6 total packets received\n/);
    expect(ip6).toContain('\tInput histogram:\n\t\tICMP6: 6\n');
    const icmp6 = lab.out('netstat -s -p icmp6');
    expect(icmp6).toContain('\tOutput histogram:\n\t\techo reply: 3\n');
    expect(icmp6).toContain('\tInput histogram:\n\t\techo: 3\n\t\techo reply: 3\n');
    expect(lab.out('netstat -s -f inet6')).toContain('icmp6:\n');
  });

  it('netstat -rn -f inet6 shows the table', () => {
    const lab = new Lab();
    lab.out('ifconfig lo0 up');
    const rows = lab.out('netstat -rn -f inet6').split('\n');
    expect(rows.filter((r) => /^(::1|fe80::1%lo0) +link#1 +UH +lo0$/.test(r))).toHaveLength(2);
  });

  it('ip6addrctl shows and changes the policy of address selection, in each vnet its own', () => {
    const lab = new Lab();
    lab.out('jail -c name=v vnet persist');
    const rows = lab.out('ip6addrctl').split('\n');
    expect(rows.slice(0, 3)).toEqual([
      'Prefix                          Prec Label      Use',
      '::1/128                           50     0        0',
      '::/0                              40     1        0',
    ]);
    expect(lab.out('ip6addrctl add 2001:db8::/32 45 20')).toBe('');
    expect(lab.fails('ip6addrctl add 2001:db8::1/32 45 20')).toBe('1: ip6addrctl: add: File exists');
    expect(lab.out('ip6addrctl show')).toContain('2001:db8::/32                     45    20        0\n');
    expect(lab.out('ip6addrctl show', 'v')).not.toContain('2001:db8::/32');
    expect(lab.out('ip6addrctl delete 2001:db8::/32')).toBe('');
    expect(lab.fails('ip6addrctl delete 2001:db8::/32')).toBe('1: ip6addrctl: delete: No such process');
    expect(lab.out('ip6addrctl flush')).toBe('');
    expect(lab.out('ip6addrctl').split('\n')).toHaveLength(2);
    lab.out('ifconfig lo0 up');
    expect(lab.out('ip6addrctl default')).toBe('');
    const { policy } = JSON.parse(lab.out('ip6addrctl show --json')) as { policy: unknown[] };
    expect([policy.length, policy[0]]).toEqual([9, { prefix: '::1/128', precedence: 50, label: 0, use: 0 }]);
    expect(lab.fails('ip6addrctl add')).toContain('usage: ip6addrctl');
    expect(lab.fails('ip6addrctl delete 10.0.0.0/8')).toContain('bad prefix');
  });

  it('ifconfig -L shows the lifetimes of addresses that have an end; temporary ones say what they are', () => {
    const lab = new Lab().pair();
    lab.out('ifconfig epair0a inet6 2001:db8::1/64 vltime 1000 pltime 100', 'a');
    lab.out('ifconfig epair0a inet6 2001:db8::2/64 vltime infty pltime 50', 'a');
    lab.out('ifconfig epair0a inet6 2001:db8::3/64', 'a');
    lab.host.advance(60.5 * S);
    const rows = (options: string): string[] => lab.out(`ifconfig ${options} epair0a inet6`, 'a').split('\n').filter((l) => l.includes('2001:db8')).map((l) => l.trim());
    expect(rows('-L')).toEqual([
      'inet6 2001:db8::1 prefixlen 64 pltime 39 vltime 939',
      'inet6 2001:db8::2 prefixlen 64 deprecated pltime 0 vltime infty',
      'inet6 2001:db8::3 prefixlen 64',
    ]);
    expect(rows('')[0]).toBe('inet6 2001:db8::1 prefixlen 64');
    const { interfaces } = JSON.parse(lab.out('ifconfig epair0a --json', 'a')) as { interfaces: { addresses: { address: string; pltime: number | null; vltime: number | null }[] }[] };
    expect(interfaces[0]!.addresses.filter((a) => a.address.startsWith('2001')).map((a) => [a.pltime, a.vltime])).toEqual([[39, 939], [0, null], [null, null]]);
    lab.out('sysctl net.inet6.ip6.use_tempaddr=1 net.inet6.ip6.prefer_tempaddr=1', 'a');
    lab.out('ifconfig epair0a inet6 accept_rtadv', 'a');
    lab.out('ifconfig epair0b inet6 2001:db8:5::1/64', 'b');
    expect(lab.kernel.kldload(rtadvd()).errno).toBe(0);
    lab.out('sysctl net.inet6.ip6.forwarding=1', 'b');
    lab.out('rtadvctl enable epair0b', 'b');
    lab.host.advance(30 * S);
    expect(lab.out('ifconfig -L epair0a inet6', 'a')).toMatch(/inet6 2001:db8:5:0?:?[0-9a-f:]+ prefixlen 64 autoconf temporary pltime [0-9]+ vltime 604[0-9]{3}\n/);
  });
});
