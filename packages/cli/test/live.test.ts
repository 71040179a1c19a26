import { createStack } from '@ns/stack';
import { virtualHost } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import { exec } from '../src/index.ts';

describe('x', () => {
  it('boots', () => {
    const host = virtualHost();
    const { kernel } = createStack({ host });
    const sh = (line: string, jail?: string) => { const r = exec(kernel, line, jail ? { jail } : {}); host.settle(); console.log(`# ${line}\n${r.stdout}${r.stderr}[${r.code}]`); return r; };
    sh('jail -c name=a vnet persist host.hostname=a.example'); sh('jail -c name=b vnet persist host.hostname=b.example');
    sh('ifconfig epair create'); sh('ifconfig epair0a vnet a'); sh('ifconfig epair0b vnet b');
    sh('ifconfig epair0a 10.0.0.1/24', 'a'); sh('ifconfig epair0b 10.0.0.2/24', 'b');
    sh('ifconfig -m', 'a'); sh('netstat -rn', 'a'); sh('netstat -i', 'a'); sh('netstat -s', 'a'); sh('netstat -m'); sh('netstat -Q'); sh('jls'); sh('jls -n'); sh('kldstat'); sh('help');
    sh('sysctl -a | grep inet.tcp', 'a');
    sh('route add default 10.0.0.2', 'a'); sh('route get 8.8.8.8', 'a'); sh('netstat -rn', 'a'); sh('route flush', 'a');
    sh('arp -an', 'a');
  });
});
