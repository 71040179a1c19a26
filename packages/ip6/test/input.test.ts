import { describe, expect, it } from 'vitest';
import { addrsOf, bytes, hex, icmp6Packet, icmp6SumOk, Lab } from './lab.ts';

describe('ip6 input', () => {
  it('answers an echo request over a point-to-point interface, without neighbour discovery', () => {
    const l = new Lab();
    const t = l.p2p('2001:db8::1/64');
    l.in6(t, icmp6Packet({ src: '2001:db8::2', dst: '2001:db8::1', type: 128, word: 0x00070001, data: bytes(20) }));
    const [p] = l.out6(t);
    expect(addrsOf(p!)).toEqual(['2001:db8::1', '2001:db8::2']);
    expect(hex(p!, 40, 42)).toBe('8100');
    expect(hex(p!, 44, 68)).toBe('00070001' + hex(bytes(20), 0, 20));
    expect(icmp6SumOk(p!)).toBe(true);
    expect(l.outstanding).toBe(0);
  });
});
