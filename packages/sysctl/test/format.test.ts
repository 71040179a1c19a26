import { SysctlTree, type SysctlReq, type SysctlStyle, sysctlOpaque, sysctlString, CTLFLAG_RW, formatSysctl, formatSysctlWrite, sysctlErrorText, sysctlU64 } from '@ns/sysctl';
import { describe, expect, it } from 'vitest';
import { Shared, Stack, host, plainJail, tcpDecls } from './stack.ts';

const vnet = (): Stack => new Stack();

function tree(): SysctlTree<Stack> {
  const t = new SysctlTree<Stack>();
  t.register('tcp', tcpDecls(new Shared()));
  return t;
}

const show = (name: string, style?: SysctlStyle): string => {
  const { node, value } = tree().sysctlGet(name, host(vnet()));
  return node === null ? '' : formatSysctl(node, value, style);
};

/** What `sysctl name=text` prints: its output, then its error message. */
function write(name: string, text: string, req: SysctlReq<Stack> = host(vnet())): string[] {
  const result = tree().sysctlSet(name, text, req);
  return [formatSysctlWrite(result), ...(result.errno === 0 ? [] : [sysctlErrorText(name, result, text)])];
}

describe('formatSysctl', () => {
  it.each<[string, SysctlStyle | undefined, string]>([
    ['', undefined, 'net.inet.tcp.delayed_ack: 1'],
    ['-n', { bare: true }, '1'],
    ['-e', { equals: true }, 'net.inet.tcp.delayed_ack=1'],
    ['-N', { name: true, descr: true }, 'net.inet.tcp.delayed_ack'],
    ['-d', { descr: true }, 'net.inet.tcp.delayed_ack: Delay ACK to try and piggyback it onto a data packet'],
    ['-t', { type: true }, 'net.inet.tcp.delayed_ack: integer'],
    ['-tn', { type: true, bare: true }, 'integer'],
    ['-td', { type: true, descr: true }, 'net.inet.tcp.delayed_ack: integer: Delay ACK to try and piggyback it onto a data packet'],
    ['-x', { hex: true }, 'net.inet.tcp.delayed_ack: 0x00000001'],
  ])('with %j', (_options, style, text) => {
    expect(show('net.inet.tcp.delayed_ack', style)).toBe(text);
  });

  it.each([
    ['net.inet.tcp.blackhole', '0000'],
    ['net.inet.tcp.mssdflt', '0x00000218'],
    ['kern.ipc.maxsockbuf', '0x0000000000200000'],
    ['net.inet.tcp.cc.algorithm', 'newreno'],
  ])('%s in hexadecimal is %s', (name, text) => {
    expect(show(name, { hex: true, bare: true })).toBe(text);
  });

  it('negative integers in hexadecimal are two\'s complement of their width', () => {
    const node = tree().lookup('net.inet.tcp.mssdflt');
    expect(node && formatSysctl(node, -2, { hex: true, bare: true })).toBe('0xfffffffe');
  });

  it.each([
    ['net.inet.tcp.blackhole', 'uint8_t', '0'],
    ['net.inet.tcp.recvspace', 'unsigned integer', '32768'],
    ['kern.ipc.maxsockbuf', 'unsigned long', '2097152'],
    ['net.inet.tcp.cc.algorithm', 'string', 'newreno'],
  ])('%s is of type %s', (name, type, value) => {
    expect([show(name, { type: true }), show(name)]).toEqual([`${name}: ${type}`, `${name}: ${value}`]);
  });

  it('a table begins below its name', () => {
    expect(show('net.inet.tcp.cc.available')).toBe('net.inet.tcp.cc.available: \nnewreno\ncubic');
  });

  it('T146 a structure shows its format and the module that owns it', () => {
    expect(show('net.inet.tcp.stats')).toBe('net.inet.tcp.stats: Format:S,tcpstat Length:3 Module:tcp Dump:{"sndbyte":0,"rcvdup":0,"states":[0,0,0]}');
  });

  it('T146 the dump of a large structure is cut, in hexadecimal it is whole', () => {
    const t = new SysctlTree<Stack>();
    t.register('m', [
      sysctlOpaque<Stack, object>({ name: 'net.m.list', descr: '', get: () => Array.from({ length: 20 }, (_, i) => i) }),
      sysctlOpaque<Stack, object>({ name: 'net.m.map', descr: '', get: () => Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, i])) }),
    ]);
    const text = (name: string, style: SysctlStyle = {}): string => {
      const { node, value } = t.sysctlGet(name, host(vnet()));
      return node === null ? '' : formatSysctl(node, value, style);
    };
    expect(text('net.m.list')).toBe('net.m.list: Format:S Length:20 Module:m Dump:[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,...');
    expect(text('net.m.map')).toMatch(/Length:20 Module:m Dump:\{"f0":0,.*"f15":15,\.\.\.$/);
    expect(text('net.m.list', { hex: true })).toMatch(/,18,19\]$/);
  });

  it('T125 counters are exact up to 2^53 - 1, go on beyond without wrapping, and show all their digits', () => {
    const stat = { packets: 2 ** 53 - 2, bytes: 2 ** 53 };
    const t = new SysctlTree<Stack>();
    t.register('m', [
      sysctlU64<Stack>({ name: 'm.packets', descr: '', get: () => stat.packets }),
      sysctlU64<Stack>({ name: 'm.bytes', descr: '', get: () => stat.bytes }),
    ]);
    const text = (name: string): string => {
      const { node, value } = t.sysctlGet(name, host(vnet()));
      return node === null ? '' : formatSysctl(node, value, { bare: true });
    };
    expect(text('m.packets')).toBe('9007199254740990');
    stat.packets++;
    expect(text('m.packets')).toBe('9007199254740991');
    stat.packets++;
    stat.packets++; // the first step that is lost
    expect(text('m.packets')).toBe('9007199254740992');
    for (let i = 0; i < 1000; i++) stat.bytes += 1500;
    expect(text('m.bytes')).toBe(String(2n ** 53n + 1_500_000n));
    stat.bytes = 2 ** 63;
    expect(text('m.bytes')).toBe('9223372036854775808');
    stat.bytes += 2 ** 12;
    expect(text('m.bytes')).toBe('9223372036854779904');
  });

  it('a node has a description and a type', () => {
    const node = tree().lookup('net.inet.tcp');
    expect(node && [formatSysctl(node, null, { descr: true }), formatSysctl(node, null, { type: true }), node.format]).toEqual(['net.inet.tcp: TCP', 'net.inet.tcp: node', 'N']);
  });
});

describe('writing', () => {
  it('shows the value before and after', () => {
    expect(write('net.inet.tcp.delayed_ack', '0')).toEqual(['net.inet.tcp.delayed_ack: 1 -> 0']);
    expect(formatSysctlWrite(tree().sysctlSet('net.inet.tcp.delayed_ack', 0, host(vnet())), { bare: true })).toBe('1 -> 0');
    expect(formatSysctlWrite(tree().sysctlSet('net.inet.tcp.delayed_ack', 0, host(vnet())), { equals: true, hex: true })).toBe('net.inet.tcp.delayed_ack=0x00000001 -> 0000000000');
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

  it('a failure in a file says its line', () => {
    const t = tree();
    const text = (name: string, value: string): string => sysctlErrorText(name, t.sysctlSet(name, value, host(vnet())), value, { line: 7, asked: `${name} = ${value}` });
    expect([
      text('x.y', '1'),
      text('net.inet.tcp', '1'),
      text('net.inet.tcp.pcbcount', '1'),
      text('kern.ipc.tcbhashsize', '1'),
      text('net.inet.tcp.stats', '1'),
      text('net.inet.tcp.mssdflt', '600 soon'),
      text('net.inet.tcp.mssdflt', '600 700'),
    ]).toEqual([
      "unknown oid 'x.y' at line 7",
      "oid 'net.inet.tcp' isn't a leaf node at line 7",
      "oid 'net.inet.tcp.pcbcount' is read only at line 7",
      "oid 'kern.ipc.tcbhashsize' is a read only tunable at line 7\nsysctl: Tunable values are set in /boot/loader.conf",
      "oid 'net.inet.tcp.stats' is type 5, cannot set that at line 7",
      "invalid integer 'soon' at line 7",
      'net.inet.tcp.mssdflt = 600 700 at line 7: Invalid argument',
    ]);
  });

  it('what a module does not offer now is not available', () => {
    const t = new SysctlTree<Stack>();
    t.register('m', [sysctlString<Stack>({ name: 'net.m.x', descr: '', flags: CTLFLAG_RW, get: () => 'a', set: () => 45 })]);
    expect(sysctlErrorText('net.m.x', t.sysctlSet('net.m.x', 'b', host(vnet())), 'b')).toBe('net.m.x=b: value is not available');
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
