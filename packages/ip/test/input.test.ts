import { describe, expect, it } from 'vitest';
import { Lab, icmpMessage, ipPacket, parseIp, v4, bytes, cksumOk } from './lab.ts';

describe('echo', () => {
  it('A07 answers a ping from the wire to the wire', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 1, ttl: 3, payload: icmpMessage(8, 0, 0x00070001, bytes(56)) }));
    const out = em.wire.takeType(0x0800);
    expect(out.length).toBe(1);
    const p = parseIp(out[0]!);
    expect(p.src).toBe(v4('10.0.0.1'));
    expect(p.dst).toBe(v4('10.0.0.2'));
    expect(p.ttl).toBe(64);
    expect(p.sumOk).toBe(true);
    expect(p.payload[0]).toBe(0);
    expect(cksumOk(p.payload)).toBe(true);
    expect([...p.payload.subarray(8)]).toEqual([...bytes(56)]);
    expect(lab.outstanding).toBe(0);
  });
});
