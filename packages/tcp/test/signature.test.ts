import { createHash } from 'node:crypto';
import { ENOENT, ENOPROTOOPT } from '@ns/errno';
import { soclose, type Socket, soconnect, solistenDequeue, sosetopt } from '@ns/socket';
import { TCP_MD5SIG } from '@ns/tcp';
import { setkey, TCP_KEYS, tcpSignature } from '@ns/tcp-signature';
import { describe, expect, it } from 'vitest';
import { A_ADDR, accept, B_ADDR, Lab, must, pattern, read, tpOf, write } from './lab.ts';
import { getopt } from './opt.ts';
import { type Inject, MSS, NOP, Peer, type PeerOptions, SACKOK } from './peer.ts';
import { IPPROTO_TCP, parseInAddr, Sockaddr } from './wire-names.ts';

const SECRET = 'between routers';
const KEYS = `add ${A_ADDR} ${B_ADDR} tcp 0x1000 -A tcp-md5 "${SECRET}"; add ${B_ADDR} ${A_ADDR} tcp 0x1001 -A tcp-md5 "${SECRET}";`;
const BITS: Record<string, number> = { F: 1, S: 2, R: 4, P: 8, '.': 16 };

/** RFC 2385 by the letter, of a packet as it was sent. */
function digestOf(ip: Uint8Array, key: string): string {
  const hl = (ip[0]! & 15) << 2;
  const seg = ip.slice(hl);
  const hdr = (seg[12]! >> 4) << 2;
  seg.fill(0, 16, 18);
  const pseudo = Buffer.concat([ip.subarray(12, 20), Uint8Array.of(0, 6, seg.length >> 8, seg.length & 255)]);
  return createHash('md5').update(pseudo).update(seg.subarray(0, 20)).update(seg.subarray(hdr)).update(key).digest('hex');
}

/** The digest in a packet, null if it has none. */
function digestIn(ip: Uint8Array): string | null {
  const at = 20 + 20;
  const end = 20 + ((ip[32]! >> 4) << 2);
  for (let i = at; i < end; i += ip[i]! < 2 ? 1 : ip[i + 1]!) if (ip[i] === 19) return Buffer.from(ip.subarray(i + 2, i + 18)).toString('hex');
  return null;
}

class Router extends Peer {
  constructor(o: PeerOptions = {}, keys = KEYS) {
    super({ ...o, extra: [tcpSignature()] });
    expect(setkey(TCP_KEYS.get(this.vnet), keys).error).toBeNull();
  }

  guarded(so: Socket = this.bind()): Socket {
    must(sosetopt(so, IPPROTO_TCP, TCP_MD5SIG, 1), 'TCP_MD5SIG');
    return so;
  }

  /** Injects a segment with a signature made by `key`. */
  signed(line: string, x: Inject = {}, key: string = SECRET): void {
    const m = /^(\S+) (-?\d+):(-?\d+)\((\d+)\)(?: ack (-?\d+))?$/.exec(line)!;
    const data = x.data ?? new Uint8Array(Number(m[4]));
    const opts = [...(x.opts ?? []), NOP, NOP, 19, 18];
    const off = 20 + opts.length + 16;
    const ip = new Uint8Array(20 + off + data.length);
    const dv = new DataView(ip.buffer);
    ip[0] = 0x45;
    dv.setInt32(12, parseInAddr(B_ADDR)!.w3);
    dv.setInt32(16, parseInAddr(A_ADDR)!.w3);
    dv.setUint16(20, x.sport ?? this.pport);
    dv.setUint16(22, this.lport);
    dv.setInt32(24, (Number(m[2]) + this.irs) | 0);
    dv.setInt32(28, m[5] === undefined ? 0 : (Number(m[5]) + this.iss) | 0);
    dv.setUint16(32, ((off >> 2) << 12) | [...m[1]!].reduce((f, c) => f | BITS[c]!, 0));
    dv.setUint16(34, 65535);
    ip.set(data, 20 + off);
    this.inject(line, { ...x, data, opts: [...opts, ...Buffer.from(digestOf(ip, key), 'hex')] });
  }

  get counters(): number[] {
    const s = this.tcp.stat;
    return [s.sigRcvgoodsig, s.sigRcvbadsig, s.sigErrNosigopt, s.sigErrSigopt];
  }

  /** Every segment that the stack has sent is signed, and right. */
  expectSigned(): void {
    expect(this.outs.length).toBeGreaterThan(0);
    for (const o of this.outs) expect(digestIn(o.ip)).toBe(digestOf(o.ip, SECRET));
  }
}

const SYN = { opts: [...MSS(1460), ...SACKOK, NOP, NOP] };

describe('TCP MD5 signatures (RFC 2385)', () => {
  it('T75 a listener takes good ones; bad ones and missing ones are dropped in silence, and all are counted', () => {
    const p = new Router();
    const l = p.listen(p.guarded());
    p.signed('S 0:0(0)', SYN);
    expect([p.counters, p.outs.length]).toEqual([[1, 0, 0, 0], 1]);
    p.expectSigned();
    expect(p.next()).toMatch(/^S\. .* <mss 1460,sackOK,opt 19/);
    p.signed('. 1:1(0) ack 1', {}, 'guessed');
    p.inject('. 1:1(0) ack 1');
    expect([p.counters, p.outs.length, l.listen!.qlen]).toEqual([[1, 1, 1, 0], 0, 0]);
    p.signed('. 1:1(0) ack 1');
    const so = p.accept(l);
    p.signed('P. 1:4(3) ack 1', { data: Uint8Array.of(1, 2, 3) });
    p.signed('P. 4:7(3) ack 1', { data: Uint8Array.of(6, 6, 6) }, 'guessed');
    p.inject('R 4:4(0)');
    p.inject('P. 4:7(3) ack 1');
    expect([...read(so)!]).toEqual([1, 2, 3]);
    expect(p.counters).toEqual([3, 2, 3, 0]);
    write(so, pattern(2000));
    p.host.settle();
    expect(p.outs.filter((o) => o.data.length > 0).map((o) => o.data.length)).toEqual([1440, 560]);
    p.run(300);
    p.expectSigned();
    p.signed('R 4:4(0)');
    expect(tpOf(so).state).toBe(0);
  });

  it('T75 an option that nobody asked for is dropped too, for a listener and for a connection', () => {
    const p = new Router();
    const l = p.listen();
    p.signed('S 0:0(0)', SYN);
    expect([p.counters, p.outs.length]).toEqual([[0, 0, 0, 1], 0]);
    const [, so] = p.passive([...MSS(1460), ...SACKOK, 0, 0], l);
    p.signed('P. 1:4(3) ack 1');
    expect([p.counters, read(so)!.length, p.outs.length]).toEqual([[0, 0, 0, 2], 0, 0]);
  });

  it('T76 with signature_verify_input 0 a wrong signature is taken, one has to be there, and what is sent is signed all the same', () => {
    const p = new Router({ sysctls: { signature_verify_input: 0 } });
    const l = p.listen(p.guarded());
    p.signed('S 0:0(0)', SYN, 'guessed');
    p.expectSigned();
    p.outs.length = 0;
    p.inject('. 1:1(0) ack 1');
    p.signed('. 1:1(0) ack 1', {}, 'guessed');
    const so = p.accept(l);
    expect(p.counters).toEqual([0, 0, 1, 0]);
    write(so, pattern(100));
    p.host.settle();
    p.expectSigned();
  });

  it('challenge ACKs, RSTs and the answers of TIME_WAIT are signed', () => {
    const p = new Router();
    const l = p.listen(p.guarded());
    p.signed('S 0:0(0)', SYN);
    p.signed('R 5:5(0)'); // challenged in the syncache
    p.signed('. 1:1(0) ack 1');
    const so = p.accept(l);
    p.signed('R 9:9(0) ack 1'); // challenged by the connection
    soclose(so);
    p.signed('F. 1:1(0) ack 2');
    p.signed('F. 1:1(0) ack 2'); // in TIME_WAIT
    p.signed('. 1:1(0) ack 77', { sport: 5 }); // a RST of the listener
    expect(p.outs.map((o) => o.flags)).toEqual([0x12, 0x10, 0x10, 0x11, 0x10, 0x10, 0x04]);
    p.expectSigned();
  });

  it('a listener takes unsigned SYNs of peers that have no key, and answers unsigned', () => {
    const p = new Router({}, 'flush;');
    const l = p.listen(p.guarded());
    p.inject('S 0:0(0)', SYN);
    expect(digestIn(p.outs[0]!.ip)).toBeNull();
    p.inject('. 1:1(0) ack 1');
    expect(typeof solistenDequeue(l)).toBe('object');
    const q = new Router();
    q.listen(q.guarded());
    q.inject('S 0:0(0)', SYN);
    expect([q.counters, q.outs.length]).toEqual([[0, 0, 1, 0], 0]);
  });

  it('without a key nothing is sent, and connect says so; without the module there is no such option', () => {
    const p = new Router({}, 'flush;');
    const so = p.guarded();
    expect(soconnect(so, new Sockaddr(parseInAddr(B_ADDR)!, p.pport), p.cred)).toBe(ENOENT);
    p.host.settle();
    expect([p.outs.length, p.tcp.stat.sigErrBuildsig]).toEqual([0, 1]);
    const q = new Peer();
    expect(sosetopt(q.bind(), IPPROTO_TCP, TCP_MD5SIG, 1)).toBe(ENOPROTOOPT);
    expect(getopt(so, IPPROTO_TCP, TCP_MD5SIG)).toBe(1);
  });

  it('two stacks with one secret move data; with SYN cookies too; when the secret of one changes, nothing gets through', () => {
    for (const cookies of [0, 1]) {
      const lab = new Lab({ extra: [tcpSignature()], loss: 0.02 });
      for (const side of [lab.a, lab.b]) {
        setkey(TCP_KEYS.get(side.vnet), KEYS);
        lab.kernel.sysctl.sysctlSet('net.inet.tcp.syncookies_only', cookies, { vnet: side.vnet, jailed: false });
      }
      const l = lab.b.socket();
      must(sosetopt(l, IPPROTO_TCP, TCP_MD5SIG, 1), 'TCP_MD5SIG');
      lab.b.listen(80, 5, l);
      const c = lab.a.socket();
      must(sosetopt(c, IPPROTO_TCP, TCP_MD5SIG, 1), 'TCP_MD5SIG');
      lab.a.connect(B_ADDR, 80, c);
      lab.run(5000);
      const s = accept(l);
      lab.transfer(c, s, pattern(50_000));
      expect([lab.b.tcp.stat.sigRcvbadsig, lab.a.tcp.stat.sigRcvbadsig]).toEqual([0, 0]);
      expect(lab.b.tcp.stat.sigRcvgoodsig).toBe(lab.b.tcp.stat.rcvtotal);
      setkey(TCP_KEYS.get(lab.a.vnet), `flush; ${KEYS.replaceAll(SECRET, 'another')}`);
      write(c, pattern(10));
      lab.run(1000);
      expect(read(s)!.length).toBe(0);
      expect(lab.b.tcp.stat.sigRcvbadsig).toBeGreaterThan(0);
    }
  });
});
