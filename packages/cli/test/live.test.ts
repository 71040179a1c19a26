import { virtualHost } from '@ns/kern';
import { PFIL, pfil } from '@ns/pfil';
import { PFIL_PASS, PFIL_TYPE_IP4 } from '@ns/pfil-kpi';
import { sobind, soclose, type Socket, socreate, SOCK_STREAM, solisten } from '@ns/socket';
import { createStack } from '@ns/stack';
import { JAILS } from '@ns/vnet';
import { AF_INET, INADDR_ANY, Sockaddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { exec, start } from '../src/index.ts';
import { Lab } from './lab.ts';

const rows = (text: string): string[] => text.split('\n').map((l) => l.trimEnd()).filter((l) => l !== '');

describe('the example of the README', () => {
  it('does what it says', () => {
    const { kernel } = createStack({ host: virtualHost() });
    exec(kernel, 'jail -c name=web vnet persist');
    expect(exec(kernel, 'ifconfig epair create vnet web')).toEqual({ code: 0, stdout: 'epair0a\n', stderr: '' });
    exec(kernel, 'ifconfig epair0a 10.0.0.1/24', { jail: 'web' });
    expect(exec(kernel, 'netstat -rn | grep 10.0.0', { jail: 'web' }).stdout).toBe('10.0.0.0/24        link#2             U       epair0a\n10.0.0.1           link#2             UHS         lo0\n');
    expect(JSON.parse(exec(kernel, 'jls --json').stdout)).toMatchObject({ jails: [{ name: 'web' }] });
    const said: string[] = [];
    const job = start(kernel, 'tcpdump -n -i epair0b', { out: () => {}, err: (t) => void said.push(t), exit: (code) => void said.push(String(code)) });
    expect(job.running).toBe(true);
    job.interrupt();
    expect(said.at(-1)).toBe('0');
  });
});

describe('hostname', () => {
  it('sets the name of the host, and of a jail with its own', () => {
    const lab = new Lab().pair();
    lab.out('hostname lab.example.org');
    expect(lab.out('hostname')).toBe('lab.example.org\n');
    expect(lab.out('hostname -s')).toBe('lab\n');
    expect(lab.out('hostname -d')).toBe('example.org\n');
    expect(lab.out('hostname', 'a')).toBe('a.example\n');
    lab.out('hostname z', 'a');
    expect(lab.out('hostname', 'a') + lab.out('hostname', 'b')).toBe('z\nb.example\n');
  });
});

describe('ifconfig', () => {
  it('makes, names, configures and destroys interfaces', () => {
    const lab = new Lab();
    expect(lab.out('ifconfig -l')).toBe('lo0\n');
    expect(lab.out('ifconfig -C')).toMatch(/^epair lo$/m);
    expect(lab.out('ifconfig epair create')).toBe('epair0a\n');
    expect(lab.out('ifconfig epair3 create up')).toBe('epair3a\n');
    expect(lab.out('ifconfig -l -u')).toBe('epair3a\n');
    expect(lab.out('ifconfig -l ether')).toBe('epair0a epair0b epair3a epair3b\n');
    expect(lab.out('ifconfig epair create name uplink descr "to the world" group lan')).toBe('uplink\n');
    expect(lab.out('ifconfig uplink')).toMatch(/^uplink: flags=.*\n\tdescription: to the world\n/);
    expect(lab.out('ifconfig -g lan')).toBe('uplink\n');
    expect(lab.out('ifconfig uplink -group lan -descr mtu 1400 metric 3 ether 02:00:00:00:00:77')).toBe('');
    expect(lab.out('ifconfig uplink')).toMatch(/^uplink: flags=8802<BROADCAST,SIMPLEX,MULTICAST> metric 3 mtu 1400\n/);
    expect(lab.out('ifconfig uplink')).toMatch(/\n\tether 02:00:00:00:00:77\n/);
    expect(lab.out('ifconfig uplink destroy')).toBe('');
    expect(lab.out('ifconfig -l')).toBe('lo0 epair0a epair0b epair3a epair3b\n');
  });

  it('sets addresses: in place of the first, as alias, and away again', () => {
    const lab = new Lab();
    lab.out('ifconfig epair create');
    const inet = (): string[] => rows(lab.out('ifconfig epair0a inet')).slice(1).filter((l) => l.includes('inet')).map((l) => l.trim());
    lab.out('ifconfig epair0a inet 10.0.0.1 netmask 255.255.255.0');
    expect(lab.out('ifconfig epair0a')).toMatch(/flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST>/);
    lab.out('ifconfig epair0a 10.0.1.1/16 broadcast 10.0.255.254 alias');
    lab.out('ifconfig epair0a inet 10.2.0.1 netmask 0xffff8000 add');
    expect(inet()).toEqual([
      'inet 10.0.0.1 netmask 0xffffff00 broadcast 10.0.0.255',
      'inet 10.0.1.1 netmask 0xffff0000 broadcast 10.0.255.254',
      'inet 10.2.0.1 netmask 0xffff8000 broadcast 10.2.127.255',
    ]);
    lab.out('ifconfig epair0a 192.168.1.1');
    expect(inet()).toEqual([
      'inet 10.0.1.1 netmask 0xffff0000 broadcast 10.0.255.254',
      'inet 10.2.0.1 netmask 0xffff8000 broadcast 10.2.127.255',
      'inet 192.168.1.1 netmask 0xffffff00 broadcast 192.168.1.255',
    ]);
    lab.out('ifconfig epair0a 10.2.0.1 -alias');
    expect(inet()).toHaveLength(2);
  });

  it('T21 switches the offloads of IPv6 apart from those of IPv4', () => {
    const lab = new Lab();
    lab.out('ifconfig epair create');
    const options = (): string => /options=[0-9a-f]+<([^>]*)>/.exec(lab.out('ifconfig epair0a'))?.[1] ?? '';
    lab.out('ifconfig epair0a -tso6'); // it goes with the checksum that it needs
    const before = options();
    expect(before).toContain('RXCSUM_IPV6,TXCSUM_IPV6');
    lab.out('ifconfig epair0a -rxcsum6 -txcsum6');
    expect(options()).toBe(before.replace(',RXCSUM_IPV6,TXCSUM_IPV6', ''));
    lab.out('ifconfig epair0a rxcsum6 txcsum6');
    expect(options()).toBe(before);
    lab.out('ifconfig epair0a -tso -lro -txcsum');
    for (const gone of ['TSO4', 'TSO6', 'LRO']) expect(options().split(',')).not.toContain(gone);
    lab.out('ifconfig epair0a toe');
    expect(options()).not.toContain('TOE');
  });

  it('moves interfaces between vnets', () => {
    const lab = new Lab().pair();
    expect(lab.out('ifconfig -l')).toBe('lo0\n');
    expect(lab.out('ifconfig -j a -l')).toBe('lo0 epair0a\n');
    lab.out('ifconfig epair0a -vnet a');
    expect(lab.out('ifconfig -l')).toBe('lo0 epair0a\n');
    lab.out('ifconfig epair0a vnet b');
    expect(lab.out('ifconfig -l', 'b')).toBe('lo0 epair0b epair0a\n');
    lab.out('jail -q -r b');
    expect(lab.out('ifconfig -l')).toMatch(/epair0a/);
    expect(lab.out('ifconfig -l')).toMatch(/epair0b/);
  });

  it('says what is wrong as FreeBSD does', () => {
    const lab = new Lab().pair();
    expect(lab.out('ifconfig epair create')).toBe('epair1a\n');
    const rows: readonly (readonly [string, string])[] = [
      ['ifconfig nix0', 'interface nix0 does not exist'],
      ['ifconfig nix0 up', 'interface nix0 does not exist'],
      ['ifconfig nix create', 'SIOCIFCREATE2 (nix): Invalid argument'],
      ['ifconfig epair1a create', 'SIOCIFCREATE2 (epair1a): '],
      ['ifconfig lo0 destroy', 'SIOCIFDESTROY: Invalid argument'],
      ['ifconfig epair1a mtu 71', 'ioctl SIOCSIFMTU (set mtu): Invalid argument'],
      ['ifconfig epair1a mtu', "'mtu' requires argument"],
      ['ifconfig epair1a 10.0.0.300', '10.0.0.300: bad value'],
      ['ifconfig epair1a 10.0.0.1/33', '33: bad value'],
      ['ifconfig epair1a frobnicate', 'frobnicate: bad value'],
      ['ifconfig epair1a 10.9.9.9 -alias', "ioctl (SIOCDIFADDR): Can't assign requested address"],
      ['ifconfig epair1a vnet nobody', 'jail "nobody" not found'],
      ['ifconfig epair1a -vnet a', 'SIOCSIFRVNET (epair1a): '],
      ['ifconfig lo0 vnet a', 'SIOCSIFVNET: '],
      ['ifconfig epair1a name lo0', 'ioctl SIOCSIFNAME (set name): File exists'],
      ['ifconfig epair1a group lan0', 'setifgroup: group names may not end in a digit'],
      ['ifconfig epair1a fib 7', 'ioctl (SIOCSIFFIB): Invalid argument'],
      ['ifconfig epair1a ether 02:00', '02:00: malformed link-level address'],
    ];
    for (const [line, message] of rows) {
      const r = lab.sh(line);
      expect(`${r.code}: ${r.stderr}`, line).toContain(`1: ifconfig: ${message}`);
      expect(r.stdout, line).toBe('');
    }
  });

  it('shows descriptions that mean to do harm', () => {
    const lab = new Lab();
    lab.sh(['ifconfig', 'lo0', 'descr', 'x\n\tinet 6.6.6.6\u001b[2J']);
    expect(rows(lab.out('ifconfig lo0'))[1]).toBe('\tdescription: x\\012\\011inet 6.6.6.6\\033[2J');
  });
});

describe('sockets', () => {
  it('shows connections, listeners and half-open connections', () => {
    const lab = new Lab().pair();
    lab.listen('b', 5001);
    lab.connect('a', '10.0.0.2', 5001, '10.0.0.1', 40112);
    lab.host.advance(1e6);
    expect(rows(lab.out('netstat -n', 'a'))).toEqual([
      'Active Internet connections',
      'Proto Recv-Q Send-Q Local Address          Foreign Address        (state)',
      'tcp4       0      0 10.0.0.1.40112         10.0.0.2.5001          ESTABLISHED',
    ]);
    expect(rows(lab.out('netstat -an', 'b'))).toEqual([
      'Active Internet connections (including servers)',
      'Proto Recv-Q Send-Q Local Address          Foreign Address        (state)',
      'tcp4       0      0 10.0.0.2.5001          10.0.0.1.40112         ESTABLISHED',
      'tcp4       0      0 *.5001                 *.*                    LISTEN',
    ]);
    expect(rows(lab.out('netstat -Lan', 'b'))[2]).toBe('tcp4  1/0/5                            *.5001');
    expect(lab.out('netstat -an -p udp', 'b')).toBe('');
    expect(lab.out('netstat -an')).toBe('');
    expect(lab.out('netstat -an -j a')).toBe(lab.out('netstat -an', 'a'));
  });

  it('shows who has them', () => {
    const lab = new Lab().pair();
    lab.listen('b', 80);
    lab.connect('a', '10.0.0.2', 80, '10.0.0.1', 40112);
    expect(rows(lab.out('sockstat -46', 'a'))).toEqual([
      'USER     COMMAND    PID   FD  PROTO  LOCAL ADDRESS         FOREIGN ADDRESS',
      'root     node       811   ?   tcp4   10.0.0.1:40112        10.0.0.2:80',
    ]);
    expect(lab.out('sockstat -4qcU', 'a')).toContain('10.0.0.2:80           0\n');
    expect(rows(lab.out('sockstat -4 -l -q', 'b'))).toEqual(['root     node       811   ?   tcp4   *:80                  *:*']);
    expect(rows(lab.out('sockstat -6 -q', 'b'))).toEqual([]);
    expect(rows(lab.out('sockstat -q -P tcp -p 80-81 -j b'))).toHaveLength(2);
    expect(lab.fails('sockstat -p x')).toBe('1: sockstat: syntax error: x');
  });

  it('T120 shows the retransmission timer of a stuck connection in virtual time', () => {
    const lab = new Lab().pair();
    lab.listen('b', 80);
    const so = lab.connect('a', '10.0.0.2', 80, '10.0.0.1', 40112);
    lab.host.advance(1e6);
    lab.out('ifconfig epair0b down', 'b');
    lab.send(so, 100);
    const timers = (): number[] => (rows(lab.out('netstat -nx', 'a'))[2] ?? '').split(/\s+/).slice(-6).map(Number);
    const [rexmt, persist, keep, , , rcvtime] = timers();
    expect(rexmt).toBeGreaterThan(0.1);
    expect([persist, rcvtime]).toEqual([0, 1]);
    expect(keep).toBeGreaterThan(7000);
    lab.host.advance(100_000);
    expect(timers()[0]).toBeCloseTo((rexmt ?? 0) - 0.1, 2);
    expect(timers()[5]).toBeCloseTo(1.1, 2);
  });

  it('drops connections (tcpdrop)', () => {
    const lab = new Lab().pair();
    lab.listen('b', 80);
    for (const port of [40001, 40002, 40003]) lab.connect('a', '10.0.0.2', 80, '10.0.0.1', port);
    expect(lab.out('tcpdrop 10.0.0.1 40001 10.0.0.2 80', 'a')).toBe('10.0.0.1 40001 10.0.0.2 80: dropped\n');
    expect(lab.out('tcpdrop 10.0.0.1:40002 10.0.0.2.http', 'a')).toBe('10.0.0.1 40002 10.0.0.2 80: dropped\n');
    expect(lab.fails('tcpdrop 10.0.0.1 40001 10.0.0.2 80', 'a')).toBe('1: tcpdrop: 10.0.0.1 40001 10.0.0.2 80: No such process');
    expect(lab.out('tcpdrop -l -s established', 'a')).toBe('tcpdrop 10.0.0.1 40003 10.0.0.2 80\n');
    expect(lab.out('tcpdrop -a', 'a')).toBe('10.0.0.1 40003 10.0.0.2 80: dropped\n');
    expect(lab.out('netstat -n', 'a')).not.toContain('ESTABLISHED');
    expect(lab.fails('tcpdrop 10.0.0.1', 'a')).toMatch(/^1: usage: tcpdrop/);
    expect(lab.fails('tcpdrop -s nonsense', 'a')).toBe('1: tcpdrop: unrecognised TCP state: NONSENSE');
  });

  it('counts what went through', () => {
    const lab = new Lab().pair();
    lab.listen('b', 80);
    const so = lab.connect('a', '10.0.0.2', 80, '10.0.0.1', 40112);
    lab.send(so, 100);
    lab.host.advance(1e6);
    soclose(so);
    lab.host.settle();
    const text = lab.out('netstat -s -p tcp', 'a');
    expect(text).toMatch(/^tcp:\n\t[0-9]+ packets sent\n\t\t1 data packet \(100 bytes\)\n/);
    expect(text).toContain('\t1 connection request\n\t0 connection accepts\n');
    expect(text).toContain('\t\t1 connection in FIN_WAIT_2 state\n');
    expect(rows(lab.out('netstat -ss -p udp', 'a'))).toEqual(['udp:']);
    expect(lab.out('netstat -s -p arp', 'a')).toContain('ARP requests sent');
    expect(lab.fails('netstat -s -p nonsense')).toBe('1: netstat: nonsense: unknown or uninstrumented protocol');
    expect(rows(lab.out('netstat -i -I epair0a', 'a'))[1]).toMatch(/^epair0a {2}1500 <Link#[0-9]> {6}02(:[0-9a-f]{2}){5} +[0-9]+ +0 +0 +[0-9]+ +0 +0$/);
  });
});

describe('route and arp', () => {
  it('adds, shows, changes and deletes routes', () => {
    const lab = new Lab().pair();
    lab.out('ifconfig lo0 127.0.0.1/8', 'a');
    expect(lab.out('route add default 10.0.0.2', 'a')).toBe('add net default: gateway 10.0.0.2\n');
    expect(lab.out('route add -net 10.7.0.0/16 10.0.0.2', 'a')).toBe('add net 10.7.0.0: gateway 10.0.0.2\n');
    expect(lab.out('route add -host 10.8.0.1 10.0.0.2', 'a')).toBe('add host 10.8.0.1: gateway 10.0.0.2\n');
    expect(lab.out('route add 192.168.5.0 10.0.0.2', 'a')).toBe('add net 192.168.5.0: gateway 10.0.0.2\n');
    expect(lab.out('route add -net 10.9.0.0 -netmask 255.255.0.0 -interface epair0a', 'a')).toBe('add net 10.9.0.0: gateway epair0a\n');
    expect(lab.out('route -q add -net 10.10.0.0/16 127.0.0.1 -blackhole', 'a')).toBe('');
    expect(rows(lab.out('netstat -rn -f inet', 'a')).slice(3)).toEqual([
      'default            10.0.0.2           UGS     epair0a',
      '10.0.0.0/24        link#2             U       epair0a',
      '10.0.0.1           link#2             UHS         lo0',
      '10.7.0.0/16        10.0.0.2           UGS     epair0a',
      '10.8.0.1           10.0.0.2           UGHS    epair0a',
      '10.9.0.0/16        link#2             US      epair0a',
      '10.10.0.0/16       127.0.0.1          UGSB        lo0',
      '127.0.0.1          link#1             UH          lo0',
      '192.168.5.0/24     10.0.0.2           UGS     epair0a',
    ]);
    expect(rows(lab.out('route get 10.7.1.1', 'a'))).toContain('destination: 10.7.0.0');
    expect(rows(lab.out('route -n get default', 'a'))).toContain('    gateway: 10.0.0.2');
    expect(lab.out('route change -net 10.7.0.0/16 10.0.0.9', 'a')).toBe('change net 10.7.0.0: gateway 10.0.0.9\n');
    expect(rows(lab.out('route get 10.7.1.1', 'a'))).toContain('    gateway: 10.0.0.9');
    expect(lab.out('route delete 10.8.0.1', 'a')).toBe('delete host 10.8.0.1\n');
    expect(rows(lab.out('route flush', 'a'))[0]).toBe('default              10.0.0.2             done');
    expect(lab.out('route show', 'a')).toBe(lab.out('netstat -r', 'a'));
  });

  it('says what is wrong as FreeBSD does', () => {
    const lab = new Lab().pair();
    const both = (line: string): string => {
      const r = lab.sh(line, 'a');
      return `${r.code}|${r.stdout}|${r.stderr}`;
    };
    lab.out('route add default 10.0.0.2', 'a');
    expect(both('route add default 10.0.0.2')).toBe('1|add net default: gateway 10.0.0.2 fib 0: route already in table\n|');
    expect(both('route delete 10.99.0.1')).toBe('1|delete host 10.99.0.1 fib 0: not in table\n|route: route has not been found\n');
    expect(both('route add -net 10.7.0.0/16 172.16.0.1')).toMatch(/^1\|add net 10\.7\.0\.0: gateway 172\.16\.0\.1 fib 0: Network is unreachable\n\|route: writing to routing socket: Network is unreachable\n$/);
    expect(both('route frobnicate')).toBe('64||route: bad keyword: frobnicate\n');
    expect(both('route')).toMatch(/^64\|\|usage: route /);
    expect(both('route add -net nowhere 10.0.0.2')).toBe('1||route: bad address: nowhere\n');
    lab.out('route delete default', 'a');
    expect(both('route get 8.8.8.8')).toBe('1||route: route has not been found\n');
    lab.out('jail -c name=shared persist ip4=inherit');
    expect(lab.fails('route add default 10.0.0.2', 'shared')).toBe('1: route: writing to routing socket: Operation not permitted');
  });

  it('shows and edits neighbours', () => {
    const lab = new Lab().pair();
    lab.start('ping -c 1 10.0.0.2', 'a');
    lab.host.advance(13e6);
    const entries = rows(lab.out('arp -an', 'a'));
    expect(entries).toHaveLength(2);
    expect(entries[0]).toMatch(/^\? \(10\.0\.0\.1\) at 02(:[0-9a-f]{2}){4}:0a on epair0a permanent \[ethernet\]$/);
    expect(entries[1]).toMatch(/^\? \(10\.0\.0\.2\) at 02(:[0-9a-f]{2}){4}:0b on epair0a expires in 118[67] seconds \[ethernet\]$/);
    expect(lab.out('arp 10.0.0.2', 'a')).toBe(`${entries[1]}\n`);
    expect(lab.out('arp -d 10.0.0.2', 'a')).toBe('10.0.0.2 (10.0.0.2) deleted\n');
    const missing = lab.sh('arp -d 10.0.0.2', 'a');
    expect([missing.code, missing.stdout]).toEqual([1, '10.0.0.2 (10.0.0.2) -- no entry\n']);
    lab.out('arp -s 10.0.0.7 02:00:00:00:00:07 pub', 'a');
    expect(lab.out('arp 10.0.0.7', 'a')).toBe('? (10.0.0.7) at 02:00:00:00:00:07 on epair0a permanent published [ethernet]\n');
    expect(lab.out('arp -da', 'a')).toBe('10.0.0.7 (10.0.0.7) deleted\n');
    expect(lab.fails('arp -s 10.0.0.7 nonsense', 'a')).toBe("1: arp: invalid Ethernet address 'nonsense'");
    expect(lab.fails('arp', 'a')).toMatch(/^1: usage: arp/);
  });
});

describe('sysctl', () => {
  it('reads and writes by name, for the vnet of the caller', () => {
    const lab = new Lab().pair();
    expect(lab.out('sysctl net.inet.tcp.delayed_ack')).toBe('net.inet.tcp.delayed_ack: 1\n');
    expect(lab.out('sysctl net.inet.tcp.delayed_ack=0', 'a')).toBe('net.inet.tcp.delayed_ack: 1 -> 0\n');
    expect(lab.out('sysctl -n net.inet.tcp.delayed_ack')).toBe('1\n');
    expect(lab.out('sysctl -n net.inet.tcp.delayed_ack', 'a')).toBe('0\n');
    expect(lab.out('sysctl -e net.inet.tcp.msl')).toBe('net.inet.tcp.msl=30000\n');
    expect(lab.out('sysctl -N net.inet.tcp.msl')).toBe('net.inet.tcp.msl\n');
    expect(lab.out('sysctl -t net.inet.tcp.msl')).toBe('net.inet.tcp.msl: integer\n');
    expect(lab.out('sysctl -d net.inet.tcp.msl')).toMatch(/^net\.inet\.tcp\.msl: [A-Z].+\n$/);
    expect(rows(lab.out('sysctl net.inet.tcp.sack')).length).toBeGreaterThan(2);
    expect(rows(lab.out('sysctl -a')).length).toBeGreaterThan(100);
    expect(lab.out('sysctl -i nonsense.name')).toBe('');
    expect(lab.out('sysctl -n -o net.inet.udp.stats')).toMatch(/^Format:S/);
  });

  it('says what is wrong as FreeBSD does', () => {
    const lab = new Lab().pair();
    expect(lab.fails('sysctl nonsense.name')).toBe("1: sysctl: unknown oid 'nonsense.name'");
    expect(lab.fails('sysctl net.inet.tcp.pcbcount=1')).toBe("1: sysctl: oid 'net.inet.tcp.pcbcount' is read only");
    expect(lab.fails('sysctl net.inet.tcp.msl=soon')).toBe("1: sysctl: invalid integer 'soon'");
    expect(lab.fails('sysctl net.inet.tcp=1')).toBe("1: sysctl: oid 'net.inet.tcp' isn't a leaf node");
    expect(lab.fails('sysctl net.isr.dispatch=hybrid', 'a')).toBe('1: sysctl: net.isr.dispatch=hybrid: Operation not permitted');
    expect(lab.fails('sysctl')).toMatch(/^1: usage: sysctl/);
    expect(lab.out('sysctl -n net.inet.tcp.msl')).toBe('30000\n');
  });
});

describe('a jail that shares the stack', () => {
  const shared = (): Lab => {
    const lab = new Lab();
    lab.out('ifconfig epair create');
    lab.out('ifconfig epair0a 10.0.0.1/24');
    lab.out('ifconfig epair0a 10.0.0.2/32 alias');
    lab.out('jail -c name=web persist ip4.addr=10.0.0.2');
    return lab;
  };

  it('V18 has sockets that the host sees in netstat and sockstat, and sees none of the others', () => {
    const lab = shared();
    lab.listen('web', 80);
    const host = socreate(lab.kernel.vnets.vnet0, AF_INET, SOCK_STREAM, 0, lab.kernel.service(JAILS).cred) as Socket;
    expect(sobind(host, new Sockaddr(INADDR_ANY, 22), host.cred) || solisten(host, 1)).toBe(0);
    const listeners = (jail?: string): string[] => rows(lab.out('netstat -an -p tcp', jail)).slice(2).map((l) => l.split(/ +/)[3] ?? '');
    expect(listeners().sort()).toEqual(['*.22', '10.0.0.2.80']);
    expect(listeners('web')).toEqual(['10.0.0.2.80']);
    expect(lab.out('sockstat -4 -q -j web')).toContain('10.0.0.2:80');
  });

  it('sees its own addresses, routes and neighbours', () => {
    const lab = shared();
    const inet = (line: string, jail?: string): string[] => lab.out(line, jail).match(/10\.0\.0\.[0-9]+(?=[ /])/g) ?? [];
    expect(inet('ifconfig epair0a inet')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(inet('ifconfig epair0a inet', 'web')).toEqual(['10.0.0.2']);
    expect(lab.out('netstat -i -n', 'web')).not.toContain('10.0.0.1');
    expect(rows(lab.out('netstat -rn')).filter((l) => l.startsWith('10.'))).toHaveLength(3);
    expect(rows(lab.out('netstat -rn', 'web')).filter((l) => /^[0-9d]/.test(l)).map((l) => l.split(/ +/)[0])).toEqual(['10.0.0.2']);
    expect(inet('arp -an', 'web').length).toBeLessThanOrEqual(1);
    expect(lab.out('arp -an', 'web')).not.toContain('10.0.0.1');
  });

  it('configures nothing', () => {
    const lab = shared();
    expect(lab.fails('ifconfig epair0a 10.0.0.7/24', 'web')).toMatch(/^1: ifconfig: .*: permission denied$/);
    expect(lab.fails('sysctl net.inet.ip.forwarding=1', 'web')).toBe('1: sysctl: net.inet.ip.forwarding=1: Operation not permitted');
    expect(lab.out('sysctl -n net.inet.ip.forwarding')).toBe('0\n');
  });
});

describe('dmesg', () => {
  it('shows what the kernel said, a jail what was said about its stack, and clears it for the host', () => {
    const lab = new Lab().pair();
    lab.out('ifconfig epair create name up\u001blink');
    const all = rows(lab.out('dmesg'));
    expect(all.filter((l) => l.startsWith('epair0a: Ethernet address: 02:'))).toHaveLength(1);
    expect(all).toContain('epair0b: link state changed to UP');
    expect(all).toContain("epair1a: changing name to 'up\\033link'");
    const inside = rows(lab.out('dmesg -a', 'b'));
    expect(inside).toContain('epair0b: link state changed to UP');
    expect(inside.some((l) => l.startsWith('epair0a'))).toBe(false);
    expect(lab.fails('dmesg -c', 'b')).toBe('1: dmesg: sysctl kern.msgbuf_clear: Operation not permitted');
    expect(rows(lab.out('dmesg -c'))).toEqual(all);
    expect(lab.out('dmesg')).toBe('');
    expect(lab.fails('dmesg x')).toBe('1: usage: dmesg [-ac]');
  });
});

describe('kldload, kldunload, kldstat', () => {
  it('load and unload modules, naming who is in the way', () => {
    const lab = new Lab();
    expect(lab.out('kldstat')).toMatch(/^Id Refs Address {16}Size Name\n 1 +[0-9]+ .* kernel\n/);
    expect(lab.out('kldstat -m tcp')).toMatch(/^Id {2}Refs Name\n +[0-9]+ +[0-9]+ tcp\n$/);
    expect(lab.out('kldstat -i 1 -h').split('\n')).toHaveLength(3);
    expect(lab.fails('kldload tcp')).toBe("1: kldload: can't load tcp: module already loaded or in kernel");
    expect(lab.out('kldload -n tcp') + lab.out('kldload -nvq tcp')).toBe('');
    expect(lab.out('kldload -nv tcp.ko')).toBe('tcp.ko is already loaded\n');
    expect(lab.fails('kldload nonsense')).toBe("1: kldload: can't load nonsense: No such file or directory");
    expect(lab.fails('kldunload nonsense rawip')).toBe("1: kldunload: can't find file nonsense");
    expect(lab.fails('kldunload -i 999')).toBe("1: kldunload: can't unload file: No such file or directory");
    expect(lab.fails('kldunload -v -i 999')).toBe("1: kldunload: can't stat file: No such file or directory");
    expect(lab.fails('kldunload')).toMatch(/^64: usage: kldunload/);
    expect(lab.fails('kldunload ifnet')).toMatch(/^1: kldunload: can't unload file: Device busy\nkldunload: module 'ifnet' is needed by /);
    lab.out('jail -c name=j persist');
    expect(lab.fails('kldunload -f rawip', 'j')).toBe("1: kldunload: can't unload file: Operation not permitted");
    expect(lab.out('kldunload -v rawip.ko')).toMatch(/^Unloading rawip\.ko, id=[0-9]+\n$/);
    expect(lab.fails('kldstat -n rawip')).toBe("1: kldstat: can't find file rawip: No such file or directory");
    expect(lab.fails('kldstat -m rawip')).toBe("1: kldstat: can't find module rawip: No such file or directory");
    expect(lab.fails('kldstat -i 999')).toBe("1: kldstat: can't stat file id 999: No such file or directory");
    expect([lab.sh('kldstat -q -m rawip'), lab.sh('kldstat -q -n tcp.ko')].map((r) => [r.code, r.stdout + r.stderr])).toEqual([[1, ''], [0, '']]);
    expect(lab.fails('kldstat -i x')).toMatch(/^1: usage: kldstat/);
    expect(lab.start('ping 127.0.0.1').err).toBe('ping: the rawip module is not loaded\n');
    expect(lab.out('kldload -v rawip')).toMatch(/^Loaded rawip, id=[0-9]+\n$/);
  });

  it('say who holds a module, by name', () => {
    const lab = new Lab();
    lab.out('jail -c name=web persist');
    expect(lab.fails('kldunload ccnewreno')).toBe("1: kldunload: can't find file ccnewreno");
    expect(lab.fails('kldunload vnet')).toMatch(/^1: kldunload: can't unload file: Device busy\nkldunload: module 'vnet' is (needed by|held by) /);
  });

  it('find what the composition has installed, and what that needs', () => {
    const far = { name: 'far', version: 1 };
    const mid = { name: 'mid', version: 1, depends: [{ name: 'far', min: 1, preferred: 1, max: 1 }] };
    const top = { name: 'top', version: 1, depends: [{ name: 'mid', min: 1, preferred: 1, max: 1 }] };
    const bad = { name: 'bad', version: 1, depends: [{ name: 'tcp', min: 77, preferred: 77, max: 77 }] };
    const { kernel } = createStack({ host: virtualHost(), available: [far, mid, top, bad] });
    expect(exec(kernel, 'kldload -v top').stdout).toMatch(/^Loaded top, id=[0-9]+\n$/);
    expect(['far', 'mid', 'top'].every((m) => kernel.isLoaded(m))).toBe(true);
    const r = exec(kernel, 'kldload bad');
    expect(r.stderr).toMatch(/^kldload: an error occurred while loading module bad\. Please check dmesg\(8\) for more details\.\nkldload: module 'bad' version 1 needs 'tcp' version 77/);
    expect(exec(kernel, 'dmesg | grep KLD').stdout).toMatch(/^KLD: module 'bad' version 1 needs 'tcp' version 77/);
    expect(exec(kernel, 'kldunload top').code).toBe(0);
    expect(kernel.isLoaded('far')).toBe(false);
  });
});

describe('--json', () => {
  it('prints the snapshot that the renderer would get', () => {
    const lab = new Lab().pair();
    lab.listen('b', 80);
    for (const line of ['ifconfig', 'netstat -an', 'netstat -s', 'netstat -i', 'netstat -rn', 'netstat -m', 'netstat -Q', 'sockstat', 'jls', 'kldstat', 'arp -a', 'sysctl net.inet', 'route get 10.0.0.1']) {
      const s = JSON.parse(lab.out(`${line} --json`, 'b')) as { version: number };
      expect(s.version, line).toBe(1);
      expect(lab.out(`${line} --libxo json`, 'b'), line).toBe(`${JSON.stringify(s)}\n`);
    }
    const list = JSON.parse(lab.out('jexec b netstat -an --json')) as { sockets: { local: { port: number }; tcp: { state: string } }[] };
    expect(list.sockets.map((s) => [s.local.port, s.tcp.state])).toEqual([[80, 'LISTEN']]);
  });
});

describe('pfilctl', () => {
  const check = () => PFIL_PASS;

  it('lists heads and hooks, links and unlinks, in the vnet of the caller', () => {
    const lab = new Lab();
    lab.kernel.kldunload('pfil');
    expect(lab.fails('pfilctl heads')).toBe('1: pfilctl: the pfil module is not loaded');
    lab.kernel.kldload(pfil());
    lab.out('jail -c name=v vnet persist');
    PFIL.get(lab.kernel.vnets.vnet0).addHook({ modname: 'pf', rulname: 'default-in', type: PFIL_TYPE_IP4, mbufChk: check });
    PFIL.get(lab.kernel.vnets.vnet0).addHook({ modname: 'ipfw', rulname: 'default', type: PFIL_TYPE_IP4, mbufChk: check });
    expect(lab.out('pfilctl link -io ipfw:default inet')).toBe('');
    expect(lab.out('pfilctl l -ia pf:default-in inet')).toBe('');
    const [title, inet, inet6, ethernet] = [' Intercept point     Type Dir             Hook', '            inet     IPv4', '           inet6     IPv6', '        ethernet Ethernet'];
    expect(rows(lab.out('pfilctl hea'))).toEqual([
      title,
      inet,
      '                           In             ipfw:default',
      '                           In               pf:default-in',
      '                          Out             ipfw:default',
      inet6,
      ethernet,
    ]);
    expect(rows(lab.out('pfilctl heads', 'v'))).toEqual([title, inet, inet6, ethernet]);
    expect(rows(lab.out('pfilctl hooks'))).toEqual(['            Hook                      Type', '              pf:default-in           IPv4', '            ipfw:default              IPv4']);
    expect(lab.out('pfilctl unlink -i ipfw:default inet')).toBe('');
    expect(JSON.parse(lab.out('pfilctl heads --json'))).toMatchObject({ heads: [{ name: 'inet', hooksIn: ['pf:default-in'], hooksOut: ['ipfw:default'] }, { name: 'inet6' }, { name: 'ethernet' }] });
  });

  it('says what is wrong', () => {
    const lab = new Lab();
    lab.kernel.kldload(pfil());
    PFIL.get(lab.kernel.vnets.vnet0).addHook({ modname: 'f', rulname: 'r', type: PFIL_TYPE_IP4, mbufChk: check });
    lab.out('jail -c name=v vnet persist');
    lab.out('jail -c name=shares persist');
    expect(lab.fails('pfilctl')).toMatch(/^1: usage: pfilctl heads\n/);
    expect(lab.fails('pfilctl h')).toBe('1: pfilctl: ambiguous command: h');
    expect(lab.fails('pfilctl show')).toBe('1: pfilctl: unknown command: show');
    for (const line of ['link f:r inet', 'link -i f inet', 'link -i f:r', 'unlink -a f:r inet']) expect(lab.fails(`pfilctl ${line}`)).toContain('usage: pfilctl heads');
    expect(lab.fails('pfilctl link -i f:r inet7')).toBe('1: pfilctl: link f:r inet7: No such file or directory');
    expect(lab.fails('pfilctl link -i f:r ethernet')).toBe('1: pfilctl: link f:r ethernet: Invalid argument');
    expect(lab.fails('pfilctl unlink -i f:r inet')).toBe('1: pfilctl: unlink f:r inet: No such file or directory');
    expect(lab.fails('pfilctl link -i f:r inet', 'shares')).toBe('1: pfilctl: link f:r: Operation not permitted');
    expect(lab.fails('pfilctl link -i f:r inet', 'v')).toBe('1: pfilctl: link f:r inet: No such file or directory');
  });
});
