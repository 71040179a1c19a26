import { SysctlTree, type SysctlFormat, type SysctlReq, formatSysctl, formatSysctlWrite, sysctlErrorText } from '@ns/sysctl';
import { describe, expect, it } from 'vitest';
import { Shared, Stack, host, plainJail, tcpDecls } from './stack.ts';

const vnet = (): Stack => new Stack();

function tree(): SysctlTree<Stack> {
  const t = new SysctlTree<Stack>();
  t.register('tcp', tcpDecls(new Shared()));
  return t;
}

const show = (name: string, format?: SysctlFormat): string => {
  const { node, value } = tree().sysctlGet(name, host(vnet()));
  return node === null ? '' : formatSysctl(node, value, format);
};

/** What `sysctl name=text` prints: its output, then its error message. */
function write(name: string, text: string, req: SysctlReq<Stack> = host(vnet())): string[] {
  const result = tree().sysctlSet(name, text, req);
  return [formatSysctlWrite(result), ...(result.errno === 0 ? [] : [sysctlErrorText(name, result, text)])];
}

describe('formatSysctl', () => {
  it.each([
    [undefined, 'net.inet.tcp.delayed_ack: 1'],
    ['value', '1'],
    ['equals', 'net.inet.tcp.delayed_ack=1'],
    ['name', 'net.inet.tcp.delayed_ack'],
    ['descr', 'net.inet.tcp.delayed_ack: Delay ACK to try and piggyback it onto a data packet'],
    ['type', 'net.inet.tcp.delayed_ack: integer'],
  ] as const)('as %s', (format, text) => {
    expect(show('net.inet.tcp.delayed_ack', format)).toBe(text);
  });

  it.each([
    ['net.inet.tcp.blackhole', 'uint8_t', '0'],
    ['net.inet.tcp.recvspace', 'unsigned integer', '32768'],
    ['kern.ipc.maxsockbuf', 'unsigned long', '2097152'],
    ['net.inet.tcp.cc.algorithm', 'string', 'newreno'],
  ])('%s is of type %s', (name, type, value) => {
    expect([show(name, 'type'), show(name)]).toEqual([`${name}: ${type}`, `${name}: ${value}`]);
  });

  it('a table begins below its name', () => {
    expect(show('net.inet.tcp.cc.available')).toBe('net.inet.tcp.cc.available: \nnewreno\ncubic');
  });

  it('T146 a structure shows its format and the module that owns it', () => {
    expect(show('net.inet.tcp.stats')).toBe('net.inet.tcp.stats: Format:S,tcpstat Length:3 Module:tcp Dump:{"sndbyte":0,"rcvdup":0,"states":[0,0,0]}');
  });

  it('a node has a description and a type', () => {
    const node = tree().lookup('net.inet.tcp');
    expect(node && [formatSysctl(node, null, 'descr'), formatSysctl(node, null, 'type'), node.format]).toEqual(['net.inet.tcp: TCP', 'net.inet.tcp: node', 'N']);
  });
});

describe('writing', () => {
  it('shows the value before and after', () => {
    expect(write('net.inet.tcp.delayed_ack', '0')).toEqual(['net.inet.tcp.delayed_ack: 1 -> 0']);
    expect(formatSysctlWrite(tree().sysctlSet('net.inet.tcp.delayed_ack', 0, host(vnet())), 'value')).toBe('1 -> 0');
    expect(write('net.inet.tcp.cc.algorithm', 'cubic')).toEqual(['net.inet.tcp.cc.algorithm: newreno -> cubic']);
  });

  it.each([
    ['net.inet.tcp.newreno', '1', '', "unknown oid 'net.inet.tcp.newreno'"],
    ['net.inet.tcp', '1', '', "oid 'net.inet.tcp' isn't a leaf node"],
    ['net.inet.tcp.pcbcount', '1', '', "oid 'net.inet.tcp.pcbcount' is read only"],
    ['kern.ipc.tcbhashsize', '1', '', "oid 'kern.ipc.tcbhashsize' is a read only tunable\nsysctl: Tunable values are set in /boot/loader.conf"],
    ['net.inet.tcp.stats', '0', '', "oid 'net.inet.tcp.stats' is type 5, cannot set that"],
    ['net.inet.tcp.delayed_ack', '', '', 'empty numeric value'],
    ['net.inet.tcp.delayed_ack', 'on', '', "invalid integer 'on'"],
    ['net.inet.tcp.delayed_ack', '2', 'net.inet.tcp.delayed_ack: 1', 'net.inet.tcp.delayed_ack=2: Invalid argument'],
    ['net.inet.tcp.mssdflt', '4294967296', 'net.inet.tcp.mssdflt: 536', 'net.inet.tcp.mssdflt=4294967296: Result too large'],
    ['net.inet.tcp.cc.algorithm', 'bbr', 'net.inet.tcp.cc.algorithm: newreno', 'net.inet.tcp.cc.algorithm=bbr: No such process'],
  ])('%s = %j that fails prints what sysctl(8) does', (name, text, out, err) => {
    expect(write(name, text)).toEqual([out, err]);
  });

  it('in a jail that may not prints the value and the reason', () => {
    expect(write('net.inet.tcp.delayed_ack', '0', plainJail(vnet()))).toEqual(['net.inet.tcp.delayed_ack: 1', 'net.inet.tcp.delayed_ack=0: Operation not permitted']);
  });

  it('reading what is not there or cannot be read', () => {
    const t = tree();
    const text = (name: string): string => sysctlErrorText(name, t.sysctlGet(name, host(vnet())));
    expect([text('x.y'), text('net.inet.tcp.drop')]).toEqual(["unknown oid 'x.y'", 'net.inet.tcp.drop: Operation not permitted']);
  });
});
