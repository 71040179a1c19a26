import { describe, expect, it } from 'vitest';
import { TH_SYN, TOF_MSS, TcpHdr, TcpOpt, cksumAdd, cksumFold, decodeTcpHdr, decodeTcpOpts, encodeTcpHdr, encodeTcpOpts, parseInAddr, pseudoSum4, setTcpSum } from '@ns/wire';

describe('the examples of the documentation', () => {
  it('src/index.ts: a SYN goes out and comes in', () => {
    const dv = new DataView(new ArrayBuffer(64));
    const to = Object.assign(new TcpOpt(), { flags: TOF_MSS, mss: 1460 });
    const off = 20 + encodeTcpOpts(dv, 20, to);
    encodeTcpHdr(dv, 0, Object.assign(new TcpHdr(), { sport: 49152, dport: 80, seq: 1, off, flags: TH_SYN, win: 65535 }));

    const th = new TcpHdr();
    expect(decodeTcpHdr(dv, 0, off, th)).toBe(true);
    to.mss = 0;
    decodeTcpOpts(dv, 20, th.off - 20, to, (th.flags & TH_SYN) !== 0);
    expect(to.mss).toBe(1460);
    expect(th).toMatchObject({ sport: 49152, dport: 80, seq: 1, off: 24, flags: TH_SYN, win: 65535 });
  });

  it('README: a checksum over pseudo-header and segment', () => {
    const ab = new ArrayBuffer(64);
    const dv = new DataView(ab);
    const buf = new Uint8Array(ab);
    const words = new Int32Array(ab);
    const src = parseInAddr('10.0.0.1');
    const dst = parseInAddr('10.0.0.2');
    encodeTcpHdr(dv, 0, Object.assign(new TcpHdr(), { sport: 49152, dport: 80, seq: 1, flags: TH_SYN, win: 65535 }));
    const pseudo = src && dst ? pseudoSum4(src.w3, dst.w3, 6, 20) : 0;
    setTcpSum(dv, 0, cksumFold(cksumAdd(buf, words, 0, 20, pseudo)));
    expect(cksumFold(cksumAdd(buf, words, 0, 20, pseudo))).toBe(0);
  });
});
