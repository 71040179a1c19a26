import { createStack } from '@ns/stack';
import { virtualHost } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import { exec, start } from '../src/index.ts';

describe('x', () => {
  it('boots', () => {
    const host = virtualHost();
    const { kernel } = createStack({ host });
    const sh = (line: string, jail?: string) => { const r = exec(kernel, line, jail ? { jail } : {}); host.settle(); console.log(`# ${line}\n${r.stdout}${r.stderr}[${r.code}]`); return r; };
    const bg = (line: string, jail?: string) => start(kernel, line, { out: (t) => process.stdout.write(t), err: (t) => process.stdout.write(t), exit: (c) => console.log(`${line}: [${c}]`) }, jail ? { jail } : {});
    sh('jail -c name=a vnet persist host.hostname=a.example'); sh('jail -c name=b vnet persist host.hostname=b.example');
    sh('ifconfig epair create'); sh('ifconfig epair0a vnet a'); sh('ifconfig epair0b vnet b');
    sh('ifconfig epair0a 10.0.0.1/24', 'a'); sh('ifconfig epair0b 10.0.0.2/24', 'b');
    const d = bg('tcpdump -n -i epair0a', 'a');
    bg('ping -c 3 10.0.0.2', 'a'); host.advance(5e6);
    bg('ping -c 2 10.0.0.9', 'a'); host.advance(25e6);
    bg('ping -c 2 10.9.0.9', 'a'); host.advance(25e6);
    d.interrupt();
    sh('arp -an', 'a'); sh('arp -d 10.0.0.2', 'a'); sh('arp -d 10.0.0.2', 'a'); sh('arp -s 10.0.0.7 02:00:00:00:00:07', 'a'); sh('arp -a', 'a');
    sh('route add default 10.0.0.2', 'a'); sh('route get 8.8.8.8', 'a'); sh('netstat -rn', 'a'); sh('route add default 10.0.0.2', 'a');sh('route delete 1.2.3.4', 'a'); sh('route add -net 10.7.0.0/16 10.99.1.1', 'a'); sh('route flush', 'a');
    sh('sysctl net.inet.tcp.delayed_ack=0', 'a'); sh('sysctl nix.da'); sh('sysctl -d net.inet.tcp.delayed_ack'); sh('sysctl net.inet.tcp.pcbcount=3');
    sh('hostname', 'a'); sh('kldunload tcp'); sh('kldunload cc-newreno'); sh('netstat -anL', 'a'); sh('jail -r a b'); sh('ifconfig -l'); sh('ifconfig epair0a destroy'); sh('ifconfig -a -l'); sh('netstat -x');sh('nope'); sh('netstat -q');
  });
});
