import { describe, expect, it } from 'vitest';
import { renderResult, runScript } from '@ns/packetdrill';

describe('the example', () => {
  it('runs', () => {
    const r = runScript(`
        0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
       +0 bind(3, ..., ...) = 0
       +0 listen(3, 1) = 0
       +0 < S 0:0(0) win 65535 <mss 1460>
       +0 > S. 0:0(0) ack 1 win 65535 <mss 1460>
      +.1 < . 1:1(0) ack 1 win 65535
       +0 accept(3, ..., ...) = 4
    `);
    expect(renderResult(r)).toBe('script: passed');
  });
});
