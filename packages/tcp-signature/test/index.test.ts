import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { EEXIST, EINVAL, ENOBUFS, ENOENT } from '@ns/errno';
import { inpcb } from '@ns/inpcb';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { socket } from '@ns/socket';
import { tcp } from '@ns/tcp';
import { Md5, setkey, TCP_KEYS, TcpKeys, tcpSignature } from '@ns/tcp-signature';
import { inAddr4, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

function md5(...parts: Uint8Array[]): string {
  const m = new Md5();
  const out = new Uint8Array(20);
  for (const p of parts) m.update(p, 0, p.length);
  m.end(out, 2);
  return hex(out.subarray(2, 18));
}

describe('the example of the package', () => {
  it('does what it says, and the module goes again', () => {
    const kernel = new Kernel(virtualHost());
    expect(kernel.kldload(tcpSignature(), [tcp(), socket(), inpcb(), netisr()]).errno).toBe(0);
    const keys = TCP_KEYS.get(kernel.vnets.vnet0);
    const script = 'add 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "secret"; add 10.0.0.2 10.0.0.1 tcp 0x1001 -A tcp-md5 "secret";';
    expect(setkey(keys, script).error).toBeNull();
    expect(keys.count).toBe(2);
    expect(kernel.kldunload('tcp-signature').errno).toBe(0);
    expect(kernel.kldload(tcpSignature(), [tcp(), socket(), inpcb(), netisr()]).errno).toBe(0);
  });
});

describe('MD5', () => {
  it.each([
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
    ['12345678901234567890123456789012345678901234567890123456789012345678901234567890', '57edf4a22be3c955ac49da2e2107b67a'],
  ])('of %j is that of RFC 1321 A.5', (text, digest) => {
    expect(md5(new TextEncoder().encode(text))).toBe(digest);
  });

  it('is the same in parts of any size, one digest after the other', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (parts) => {
        expect(md5(...parts)).toBe(createHash('md5').update(Buffer.concat(parts)).digest('hex'));
      }),
    );
    const m = new Md5();
    const out = new Uint8Array(16);
    for (let i = 0; i < 2; i++) {
      m.begin();
      m.update(Uint8Array.of(97), 0, 1);
      m.end(out, 0);
      expect(hex(out)).toBe('0cc175b9c0f1b6a831c399e269772661');
    }
  });
});

describe('keys', () => {
  const [a, b] = [parseInAddr('10.0.0.1')!, parseInAddr('10.0.0.2')!];
  const key = Uint8Array.of(1, 2, 3);

  it('are one for each direction, copied, and bounded', () => {
    const k = new TcpKeys();
    expect(k.add({ src: a, dst: b, spi: 1, key })).toBe(0);
    expect(k.add({ src: a, dst: b, spi: 2, key })).toBe(EEXIST);
    expect(k.find(b, a)).toBeNull();
    key[0] = 9;
    expect([...k.find(a, b)!.key]).toEqual([1, 2, 3]);
    expect(k.add({ src: a, dst: parseInAddr('::1')!, spi: 1, key })).toBe(EINVAL);
    for (const n of [0, 81]) expect(k.add({ src: b, dst: a, spi: 1, key: new Uint8Array(n) })).toBe(EINVAL);
    expect([k.delete(a, b, 7), k.delete(a, b, 1), k.delete(a, b, null), k.count]).toEqual([ENOENT, 0, ENOENT, 0]);
    let last = 0;
    for (let i = 0; i < 5000 && last === 0; i++) last = k.add({ src: a, dst: inAddr4(i), spi: 1, key });
    expect([last, k.count]).toEqual([ENOBUFS, 4096]);
  });

  it('setkey adds, shows, deletes and flushes', () => {
    const k = new TcpKeys();
    const script = '# a peer\nadd 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "a # b; c" ;\nadd 2001:db8::1 2001:db8::2 tcp 4097 -A tcp-md5 0x0102ff;';
    expect(setkey(k, script)).toEqual({ output: '', error: null });
    expect(setkey(k, 'dump;').output).toBe(
      '10.0.0.1 10.0.0.2\n\ttcp mode=any spi=4096(0x00001000) reqid=0(0x00000000)\n\tA: tcp-md5 61202320 623b2063\n' +
        '2001:db8::1 2001:db8::2\n\ttcp mode=any spi=4097(0x00001001) reqid=0(0x00000000)\n\tA: tcp-md5 0102ff\n',
    );
    expect(setkey(k, 'get 2001:db8::1 2001:db8::2 tcp 4097;').output).toContain('0102ff');
    expect(setkey(k, 'delete 10.0.0.1 10.0.0.2 tcp 0x1000; deleteall 2001:db8::1 2001:db8::2 tcp').error).toBeNull();
    expect(k.count).toBe(0);
    setkey(k, script);
    expect([setkey(k, 'flush tcp;').error, k.count]).toEqual([null, 0]);
  });

  it.each([
    ['add 10.0.0.1 10.0.0.2 esp 0x1000 -A tcp-md5 "x";', 'setkey: cannot make sense of: add 10.0.0.1 10.0.0.2 esp 0x1000 -A tcp-md5'],
    ['add 10.0.0.1 nobody tcp 1 -A tcp-md5 0x01;', 'setkey: cannot make sense of: add 10.0.0.1 nobody tcp 1 -A tcp-md5 0x01'],
    ['add 10.0.0.1 10.0.0.2 tcp 0 -A tcp-md5 0x01;', 'setkey: cannot make sense of: add 10.0.0.1 10.0.0.2 tcp 0 -A tcp-md5 0x01'],
    ['add 10.0.0.1 10.0.0.2 tcp 1 -A tcp-md5 "x', 'setkey: a quotation mark is missing'],
    ['delete 10.0.0.1 10.0.0.2 tcp 1;', 'setkey: delete: no such key'],
    ['spdadd;', 'setkey: cannot make sense of: spdadd'],
    ['add 10.0.0.1 10.0.0.2 tcp 1 -A tcp-md5 ""', 'setkey: add: Invalid argument'],
  ])('setkey refuses %j, and does not repeat the secret', (script, error) => {
    expect(setkey(new TcpKeys(), script)).toEqual({ output: '', error });
  });

  it('setkey never throws, whatever it is given', () => {
    fc.assert(fc.property(fc.string(), (s) => void setkey(new TcpKeys(), s)));
  });
});
