import { tcpSignature } from '@ns/tcp-signature';
import { describe, expect, it } from 'vitest';
import { exec } from '../src/index.ts';
import { Lab } from './lab.ts';

describe('setkey', () => {
  it('T75 adds, shows and removes the keys of TCP MD5 signatures, in each vnet its own', () => {
    const lab = new Lab().pair();
    expect(lab.fails('setkey -D')).toMatch(/^1: .*tcp-signature/);
    expect(lab.kernel.kldload(tcpSignature()).errno).toBe(0);
    expect(lab.out('setkey -D', 'a')).toBe('No SAD entries.\n');
    expect(lab.out(`setkey -c 'add 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "two words";'`, 'a')).toBe('');
    expect(lab.out('setkey -c add 10.0.0.2 10.0.0.1 tcp 0x1001 -A tcp-md5 "two words"', 'a')).toBe('');
    const shown = lab.out('setkey -D', 'a');
    expect(shown.match(/A: tcp-md5 74776f20 776f7264 73\n/g)?.length).toBe(2);
    expect(lab.out('setkey -D --json', 'a')).not.toContain('7477');
    expect(JSON.parse(lab.out('setkey -D --json', 'a'))).toMatchObject({ keys: [{ src: '10.0.0.1', dst: '10.0.0.2', spi: 4096 }, { spi: 4097 }] });
    expect(lab.out('setkey -D', 'b')).toBe('No SAD entries.\n');
    expect(lab.fails('setkey -c delete 10.0.0.1 10.0.0.9 tcp 1', 'a')).toBe('1: setkey: delete: no such key');
    expect(lab.fails('setkey', 'a')).toMatch(/^1: usage: setkey/);
    expect(exec(lab.kernel, 'setkey -c', { jail: 'a', stdin: 'add 10.0.0.3 10.0.0.1 tcp 0x1002 -A tcp-md5 "x";' }).code).toBe(0);
    lab.out('setkey -F', 'a');
    expect(lab.out('setkey -D', 'a')).toBe('No SAD entries.\n');
  });
});
