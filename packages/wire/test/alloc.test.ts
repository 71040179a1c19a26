import process from 'node:process';
import { describe, expect, it } from 'vitest';
import {
  EtherHdr, IcmpQuote, Ip6Hdr, Ip6Walk, IpHdr, TOF_SACK, TOF_TS, TcpHdr, TcpOpt, UdpHdr, cksumAdd, cksumFold, decodeEtherHdr, decodeIcmpQuote, decodeIp6Hdr,
  decodeIpHdr, decodeTcpHdr, decodeTcpOpts, decodeUdpHdr, encodeEtherHdr, encodeIpHdr, encodeTcpHdr, encodeTcpOpts, encodeUdpHdr, pseudoSum4, pseudoSum6,
  seqLt, walkIp6Ext,
} from '@ns/wire';

/** Few enough that what they might allocate seldom meets a collection. */
const ROUNDS = 5_000;

/** Heap bytes that one call takes: the median over runs, since a collection may fall into one of them. */
function bytesPerCall(fn: (i: number) => number): number {
  let used = 0;
  const runs: number[] = [];
  for (let run = 0; run < 9; run++) {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < ROUNDS; i++) used = (used + fn(i)) | 0;
    runs.push((process.memoryUsage().heapUsed - before) / ROUNDS);
  }
  expect(used).toBe(used | 0);
  return runs.sort((a, b) => a - b)[4] as number;
}

describe('allocation for a packet: none', () => {
  const ab = new ArrayBuffer(4096);
  const buf = new Uint8Array(ab);
  const words = new Int32Array(ab);
  const dv = new DataView(ab);
  const eh = new EtherHdr();
  const ip = Object.assign(new IpHdr(), { len: 1500, ttl: 64, p: 6, src: -1062731775, dst: -1062731774 });
  const ip6 = Object.assign(new Ip6Hdr(), { nxt: 6 });
  const th = Object.assign(new TcpHdr(), { off: 32, seq: -5, ack: 0x7fffffff });
  const uh = new UdpHdr();
  const to = Object.assign(new TcpOpt(), { flags: TOF_TS, tsval: -1, tsecr: 1 });
  const sack = Object.assign(new TcpOpt(), { flags: TOF_TS | TOF_SACK, nsacks: 3, tsval: -1, tsecr: 1 });
  const q = new IcmpQuote();
  const walk = new Ip6Walk();

  it.each<[string, (i: number) => number]>([
    ['checksum of 1460 bytes', (i) => cksumFold(cksumAdd(buf, words, i & 7, 1460, pseudoSum4(-i, i, 6, 1480)))],
    ['pseudo-header sums', (i) => pseudoSum6(-1, i, -i, 3, -1, 5, 6, 7, 6, i) + (seqLt(i, -i) ? 1 : 0)],
    ['Ethernet, IPv4 and UDP out and in', () => {
      encodeEtherHdr(dv, 2, eh);
      encodeIpHdr(dv, 16, ip);
      encodeUdpHdr(dv, 36, uh);
      return Number(decodeEtherHdr(dv, 2, 1514, eh)) + Number(decodeIpHdr(dv, 16, 1500, ip)) + Number(decodeUdpHdr(dv, 36, 1480, uh));
    }],
    ['TCP with timestamps out and in', (i) => {
      th.seq = i | 0x40000000;
      encodeTcpHdr(dv, 36, th);
      encodeTcpOpts(dv, 56, to);
      return Number(decodeTcpHdr(dv, 36, 1480, th)) + Number(decodeTcpOpts(dv, 56, 12, to, false));
    }],
    ['TCP with SACK blocks out and in', () => encodeTcpOpts(dv, 56, sack) + Number(decodeTcpOpts(dv, 56, 40, sack, false))],
    ['IPv6 and its extension headers', () => Number(decodeIp6Hdr(dv, 100, 1500, ip6)) + Number(walkIp6Ext(dv, 100, 1500, walk))],
    ['a quoted datagram', () => Number(decodeIcmpQuote(dv, 16, 100, q))],
  ])('%s', (_, fn) => {
    for (let i = 0; i < 20; i++) bytesPerCall(fn); // compiled by then
    expect(bytesPerCall(fn)).toBeLessThan(1);
  });

  it('and the gauge would see the smallest object', () => {
    const kept: { last: { i: number } | null } = { last: null };
    const fn = (i: number): number => (kept.last = { i }).i;
    for (let i = 0; i < 20; i++) bytesPerCall(fn);
    expect(bytesPerCall(fn)).toBeGreaterThan(8);
  });
});
