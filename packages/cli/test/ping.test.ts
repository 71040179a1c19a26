import { JAILS } from '@ns/vnet';
import { describe, expect, it } from 'vitest';
import { renderPingReply, renderPingSummary } from '../src/index.ts';
import { Lab } from './lab.ts';

const S = 1e6;

describe('ping in virtual time', () => {
  it('reports as FreeBSD does', () => {
    const lab = new Lab().pair();
    const p = lab.start('ping -c 3 10.0.0.2', 'a');
    lab.host.advance(1.5 * S);
    expect(p.job.running).toBe(true);
    lab.host.advance(S);
    expect(p.code).toBe(0);
    expect(p.out).toBe(
      'PING 10.0.0.2 (10.0.0.2): 56 data bytes\n' +
        '64 bytes from 10.0.0.2: icmp_seq=0 ttl=64 time=0.000 ms\n' +
        '64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.000 ms\n' +
        '64 bytes from 10.0.0.2: icmp_seq=2 ttl=64 time=0.000 ms\n' +
        '\n--- 10.0.0.2 ping statistics ---\n' +
        '3 packets transmitted, 3 packets received, 0.0% packet loss\n' +
        'round-trip min/avg/max/stddev = 0.000/0.000/0.000/0.000 ms\n',
    );
    expect(p.err).toBe('');
  });

  it('waits for answers that do not come, and says so with its exit code', () => {
    const lab = new Lab().pair();
    const p = lab.start('ping -c 2 -W 3000 10.0.0.9', 'a');
    lab.host.advance(3.9 * S);
    expect(p.job.running).toBe(true);
    lab.host.advance(0.2 * S);
    expect([p.code, p.out.split('\n').slice(1).join('\n')]).toEqual([2, '\n--- 10.0.0.9 ping statistics ---\n2 packets transmitted, 0 packets received, 100.0% packet loss\n']);
  });

  it('obeys interval, size, quiet and the time limit', () => {
    const lab = new Lab().pair();
    const p = lab.start('ping -q -i 0.1 -s 3000 -t 2 10.0.0.2', 'a');
    lab.host.advance(3 * S);
    expect(p.code).toBe(0);
    expect(p.out).toMatch(/^PING 10\.0\.0\.2 \(10\.0\.0\.2\): 3000 data bytes\n\n--- 10\.0\.0\.2 ping statistics ---\n20 packets transmitted, 20 packets received, 0\.0% packet loss\n/);
    expect(lab.out('netstat -s -p ip', 'b')).toContain('\t20 packets reassembled ok\n');
  });

  it('can be interrupted', () => {
    const lab = new Lab().pair();
    const p = lab.start('ping 10.0.0.2', 'a');
    lab.host.advance(4.5 * S);
    p.job.interrupt();
    p.job.interrupt();
    expect(p.code).toBe(0);
    expect(p.out).toContain('5 packets transmitted, 5 packets received, 0.0% packet loss\n');
    lab.host.advance(5 * S);
    expect(p.out).not.toContain('icmp_seq=5');
    expect(lab.out('netstat -an', 'a')).toBe('');
  });

  it('tells errors of its own and of others', () => {
    const lab = new Lab().pair();
    const far = lab.start('ping -c 1 -W 10 192.0.2.1', 'a');
    lab.host.advance(S);
    expect(far.code).toBe(2);
    expect(far.err).toMatch(/^ping: sendto: (No route to host|Network is unreachable)\n$/);
    const big = lab.start('ping -c 1 -W 10 -D -s 2000 10.0.0.2', 'a');
    lab.host.advance(S);
    expect([big.code, big.err]).toEqual([2, 'ping: sendto: Message too long\n']);
  });

  it('-e: by a gateway that no route leads to', () => {
    const lab = new Lab().pair();
    lab.out('ifconfig epair0a inet6 2001:db8::1/64', 'a');
    lab.out('ifconfig epair0b inet6 2001:db8::2/64', 'b');
    lab.out('ifconfig lo0 inet6 2001:db8:9::1/128', 'b');
    lab.host.advance(3 * S);
    const by = (options: string): string => {
      const p = lab.start(`ping -c 1 -W 100 ${options} 2001:db8:9::1`, 'a');
      lab.host.advance(2 * S);
      return p.out.split('\n')[1] + p.err;
    };
    expect(by('')).toMatch(/No route to host/);
    expect(by('-e 2001:db8::2')).toBe('16 bytes from 2001:db8:9::1, icmp_seq=0 hlim=64 time=0.000 ms');
    expect(by('-e 2001:db8:7::2')).toMatch(/No route to host/);
    const refused = (line: string): string => {
      const p = lab.start(line, 'a');
      return `${p.code}: ${p.err.trim()}`;
    };
    expect(refused('ping -e 2001:db8::2 10.0.0.2')).toBe('64: ping: -e is for IPv6');
    expect(refused('ping -e nobody ::1')).toBe('68: ping: cannot resolve nobody: Unknown host');
  });

  it('shows an ICMP error with the header that it quotes', () => {
    const lab = new Lab().pair();
    lab.out('route add default 10.0.0.2', 'a');
    lab.out('sysctl net.inet.ip.forwarding=1', 'b');
    const p = lab.start('ping -c 1 -W 100 -m 1 192.0.2.7', 'a');
    lab.host.advance(S);
    expect(p.out).toMatch(
      /^PING 192\.0\.2\.7 \(192\.0\.2\.7\): 56 data bytes\n[0-9]+ bytes from 10\.0\.0\.2: Time to live exceeded\nVr HL TOS {2}Len {3}ID Flg {2}off TTL Pro {2}cks {6}Src {6}Dst\n 4 {2}5 {2}00 0054 [0-9a-f]{4} {3}0 0000 {2}01 {2}01 [0-9a-f]{4} 10\.0\.0\.1 {2}192\.0\.2\.7 \n\n/,
    );
    expect(p.code).toBe(2);
  });

  it('prints one JSON object when asked', () => {
    const lab = new Lab().pair();
    const p = lab.start('ping -c 2 10.0.0.2 --json', 'a');
    lab.host.advance(3 * S);
    expect(JSON.parse(p.out)).toMatchObject({ version: 1, host: '10.0.0.2', transmitted: 2, received: 2 });
  });

  it('refuses what makes no sense', () => {
    const lab = new Lab();
    const code = (line: string): string => {
      const s = lab.start(line);
      return `${s.code}: ${s.err.split('\n')[0]}`;
    };
    expect(code('ping')).toMatch(/^64: usage: ping/);
    expect(code('ping nowhere.example')).toBe('68: ping: cannot resolve nowhere.example: Unknown host');
    expect(code('ping -c 0 127.0.0.1')).toBe('64: ping: invalid count of packets to transmit: `0\'');
    expect(code('ping -i 0 127.0.0.1')).toBe('64: ping: invalid timing interval: `0\'');
    expect(code('ping -s 70000 127.0.0.1')).toBe('64: ping: invalid packet size: `70000\'');
  });

  it('ends when its jail does, and leaves nothing behind', () => {
    const lab = new Lab().pair();
    const p = lab.start('ping 10.0.0.2', 'a');
    lab.host.advance(2 * S);
    const r = lab.kernel.service(JAILS).jailRemove(lab.kernel.service(JAILS).findByName('a')!.jid);
    lab.host.advance(3 * S);
    expect(r.reports.flatMap((x) => x.leftovers)).toEqual([]);
    expect(p.job.running).toBe(false);
    expect(lab.kernel.shutdown().leftovers).toEqual([]);
  });

  it('counts duplicates and late answers', () => {
    expect(renderPingReply({ bytes: 64, from: '10.0.0.2', seq: 1, ttl: 64, rttUs: 34, duplicate: true, wrong: null })).toBe('64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.034 ms (DUP!)\n');
    expect(renderPingReply({ bytes: 12, from: '10.0.0.2', seq: 1, ttl: 64, rttUs: null, duplicate: false, wrong: { index: 3, want: 3, got: 255 } })).toBe(
      '12 bytes from 10.0.0.2: icmp_seq=1 ttl=64\nwrong data byte #3 should be 0x3 but was 0xff\n',
    );
    expect(renderPingSummary('h', { transmitted: 3, received: 2, duplicates: 1, late: 1, rtt: { min: 0.034, avg: 0.041, max: 0.049, stddev: 0.0061 } })).toBe(
      '\n--- h ping statistics ---\n3 packets transmitted, 2 packets received, +1 duplicates, 33.3% packet loss, 1 packets out of wait time\nround-trip min/avg/max/stddev = 0.034/0.041/0.049/0.006 ms\n',
    );
  });
});
