import { describe, expect, it } from 'vitest';
import { lab, type LabOptions, type LabTransferOptions, type LabTransferReport } from '../src/index.ts';

const MiB = 1 << 20;
const TEN_MBIT = { delayUs: 5000, bandwidth: 10e6, queueLimit: 100 } as const;

/** Runs one transfer in a lab of its own: all arrives, all ends, nothing leaks. */
function once(bytes: number, options: LabOptions, transfer: LabTransferOptions = {}): LabTransferReport {
  const l = lab(options);
  const r = l.transfer(bytes, transfer);
  expect(r.problem).toBe('');
  expect([r.bytes, r.bytesBack]).toEqual([bytes, transfer.back ?? 0]);
  expect(l.finish()).toEqual([]);
  return r;
}

describe('throughput', () => {
  it('a lossless link of 100 Mbit/s with 1 ms carries more than 90% of its rate, and nothing is sent twice', () => {
    for (const halfClose of [true, false]) {
      const r = once(16 * MiB, { link: { delayUs: 1000, bandwidth: 100e6 } }, { halfClose });
      expect(r.goodput).toBeGreaterThan(90e6);
      expect([r.retransmits, r.timeouts]).toEqual([0, 0]);
    }
  });

  it('buffers grow with the path: 100 Mbit/s with a round trip of 100 ms', () => {
    const r = once(16 * MiB, { link: { delayUs: 50_000, bandwidth: 100e6, queueLimit: 2000 } });
    expect(r.goodput).toBeGreaterThan(35e6);
    expect(r.timeouts).toBe(0);
  });

  it('a queue of a tenth of the path, drop-tail, still gives more than half, without timeouts', () => {
    const r = once(16 * MiB, { link: { delayUs: 20_000, bandwidth: 20e6, queueLimit: 7 } });
    expect(r.goodput).toBeGreaterThan(0.55 * 20e6);
    expect(r.timeouts).toBe(0);
  });

  it('an interface queue that says ENOBUFS is heard: the window closes to one segment, and no timer is needed to go on', () => {
    const r = once(4 * MiB, { link: { delayUs: 1000, bandwidth: 20e6, queueLimit: 20, queueErrors: true } });
    expect(r.goodput).toBeGreaterThan(0.7 * 20e6);
    expect(r.timeouts).toBeLessThan(3);
  });

  it('1% loss at 10 Mbit/s with a round trip of 10 ms leaves more than half, with or without SACK', () => {
    for (const sack of [1, 0]) {
      for (let seed = 1; seed <= 5; seed++) {
        const r = once(4 * MiB, { seed, link: { ...TEN_MBIT, loss: 0.01 }, sysctls: { 'net.inet.tcp.sack.enable': sack } });
        expect(r.goodput, `sack ${sack} seed ${seed}`).toBeGreaterThan(5e6);
        expect(r.timeouts, `sack ${sack} seed ${seed}`).toBeLessThanOrEqual(3);
      }
    }
  });

  it('timeouts do not feed themselves: a repetition whose ACK is lost is no round-trip time (RFC 2883)', () => {
    const r = once(4 * MiB, { seed: 3, link: { bandwidth: 10e6, queueLimit: 100, loss: 0.1, corrupt: 0.02 } });
    expect(r.elapsedUs).toBeLessThan(90e6);
  });

  it('IPv6 carries what IPv4 does, over a link that loses, reorders, doubles and damages', () => {
    const faults = { loss: 0.01, reorder: 0.01, duplicate: 0.01, corrupt: 0.002 };
    for (let seed = 1; seed <= 3; seed++) {
      const of = (family: 'inet' | 'inet6'): LabTransferReport => once(2 * MiB, { seed, family, link: { ...TEN_MBIT, ...faults } }, { back: MiB });
      expect(of('inet6').goodput, `seed ${seed}`).toBeGreaterThan(0.4 * of('inet').goodput);
    }
    const clean = once(4 * MiB, { family: 'inet6', kernels: 2, link: TEN_MBIT });
    expect(clean.goodput).toBeGreaterThan(0.9 * 10e6 * (1428 / 1514));
    expect(clean.retransmits).toBe(0);
  });

  it('TSO and LRO carry the same bytes', () => {
    const all = 0x7fffffff;
    const r = once(16 * MiB, { link: { delayUs: 1000, bandwidth: 1e9, queueLimit: 4000, capenable: all } });
    expect(r.goodput).toBeGreaterThan(300e6);
    expect(r.sender.sndpack).toBeLessThan(6000);
    once(4 * MiB, { seed: 2, link: { ...TEN_MBIT, capenable: all, loss: 0.02 } });
    once(4 * MiB, { seed: 2, link: { ...TEN_MBIT, capenable: all, loss: 0.01, corrupt: 0.01 } });
  });

  it('two kernels on one clock do what two jails do', () => {
    const one = once(4 * MiB, { link: { ...TEN_MBIT, loss: 0.01 } });
    const two = once(4 * MiB, { link: { ...TEN_MBIT, loss: 0.01 }, kernels: 2 });
    expect(two.goodput).toBeGreaterThan(5e6);
    expect(two.retransmits).toBeGreaterThan(10);
    expect(one.bytes).toBe(two.bytes);
  });

  it('the same seed gives the same run, another one another', () => {
    const run = (seed: number): LabTransferReport => once(MiB, { seed, link: { ...TEN_MBIT, loss: 0.02, reorder: 0.02, corrupt: 0.01, duplicate: 0.01 } });
    expect(run(5)).toEqual(run(5));
    expect(run(6)).not.toEqual(run(5));
  });
});

describe('less than usual', () => {
  const lossy = { ...TEN_MBIT, loss: 0.02, reorder: 0.01 } as const;

  it('without time stamps and window scaling', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const r = once(4 * MiB, { seed, link: lossy, sysctls: { 'net.inet.tcp.rfc1323': 0 } });
      expect(r.goodput, `seed ${seed}`).toBeGreaterThan(2.5e6);
      expect(r.timeouts, `seed ${seed}`).toBeLessThan(r.retransmits / 6);
    }
  });

  it('without time stamps, window scaling and SACK', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const r = once(4 * MiB, { seed, link: lossy, sysctls: { 'net.inet.tcp.rfc1323': 0, 'net.inet.tcp.sack.enable': 0 } });
      expect(r.goodput, `seed ${seed}`).toBeGreaterThan(2e6);
    }
  });

  it('one side has SACK and time stamps, the other has not', () => {
    const off = { 'net.inet.tcp.sack.enable': 0, 'net.inet.tcp.rfc1323': 0 };
    for (const side of [{ sysctlsA: off }, { sysctlsB: off }]) expect(once(4 * MiB, { link: lossy, ...side }).goodput).toBeGreaterThan(2e6);
  });

  it('MTU 576, with PMTU discovery and without', () => {
    for (const pmtud of [0, 1]) {
      const r = once(4 * MiB, { link: { ...TEN_MBIT, mtu: 576, loss: 0.01 }, sysctls: { 'net.inet.tcp.path_mtu_discovery': pmtud } });
      expect(r.goodput).toBeGreaterThan(1.8e6);
    }
  });

  it('buffers of one, two and four segments: the window is the limit, not a timer', () => {
    // A window a round trip of 10 ms and the time on the wire: half of that is asked for.
    for (const [rcvbuf, floor] of [[1460, 0.05e6], [2920, 0.6e6], [5840, 1.2e6]] as const) {
      const r = once(MiB / 4, { link: { ...TEN_MBIT, bandwidth: 100e6 } }, { rcvbuf });
      expect(r.goodput, `rcvbuf ${rcvbuf}`).toBeGreaterThan(floor);
      expect(r.retransmits).toBe(0);
    }
    const r = once(MiB / 4, { link: { ...TEN_MBIT, bandwidth: 100e6 } }, { sndbuf: 4096 });
    expect(r.goodput).toBeGreaterThan(0.3e6);
  });

  it('tiny windows and loss', () => {
    for (let seed = 1; seed <= 5; seed++) once(MiB / 4, { seed, link: { ...TEN_MBIT, loss: 0.03 } }, { rcvbuf: 4096 });
  });

  it('writes of a few bytes', () => {
    const r = once(100_000, { link: { ...TEN_MBIT, loss: 0.01 } }, { chunk: 7 });
    // Nagle: most segments are full all the same.
    expect(r.sender.sndpack).toBeLessThan(400);
  });
});

describe('both directions and many', () => {
  it('both directions at once, lossless, fill the link both ways', () => {
    const r = once(8 * MiB, { link: { delayUs: 1000, bandwidth: 100e6 } }, { back: 8 * MiB });
    expect(r.goodput).toBeGreaterThan(150e6);
  });

  it('both directions at once with 2% loss, SACK on and off', () => {
    for (const sack of [1, 0]) {
      for (let seed = 1; seed <= 5; seed++) {
        once(2 * MiB, { seed, link: { ...TEN_MBIT, loss: 0.02, duplicate: 0.01, reorder: 0.01, corrupt: 0.005 }, sysctls: { 'net.inet.tcp.sack.enable': sack } }, { back: 2 * MiB });
      }
    }
  });

  it('half-close: one end has said all, the other goes on', () => {
    const r = once(100, { link: { ...TEN_MBIT, loss: 0.02 } }, { back: 4 * MiB });
    expect(r.bytesBack).toBe(4 * MiB);
    const s = once(4 * MiB, { link: { ...TEN_MBIT, loss: 0.02 } }, { from: 'b' });
    expect(s.bytes).toBe(4 * MiB);
  });

  it('fifty connections at once share a lossy link; each gets its own bytes', () => {
    const l = lab({ link: { delayUs: 5000, bandwidth: 50e6, queueLimit: 200, loss: 0.01 } });
    const conns = Array.from({ length: 50 }, () => l.connect());
    const started = l.nowUs;
    const reports: LabTransferReport[] = [];
    // Each transfer drives the clock until its own end; the others go on underneath.
    const rest = conns.slice(1).map((connection) => l.begin(200_000, { connection }));
    reports.push(l.transfer(200_000, { connection: conns[0]! }));
    for (const t of rest) reports.push(l.complete(t));
    for (const r of reports) expect([r.problem, r.bytes]).toEqual(['', 200_000]);
    expect((50 * 200_000 * 8e6) / (l.nowUs - started)).toBeGreaterThan(20e6);
    expect(l.finish()).toEqual([]);
  });

  it('a hundred connections one after another, from both sides', () => {
    const l = lab({ link: { delayUs: 1000, loss: 0.02 } });
    for (let i = 0; i < 100; i++) {
      const r = l.transfer(5000 + i * 100, { from: i % 2 === 0 ? 'a' : 'b', port: 6000 + (i % 3) });
      expect(r.problem, `connection ${i}`).toBe('');
    }
    expect(l.finish()).toEqual([]);
  });
});

describe('zero window', () => {
  it('a reader who sleeps for 10 s stalls the sender, which goes on at once when the window opens', () => {
    const l = lab({ link: TEN_MBIT });
    const r = l.transfer(MiB, { stallUs: 10e6, rcvbuf: 65536 });
    expect(r.problem).toBe('');
    expect(r.elapsedUs).toBeGreaterThan(10e6);
    expect(r.elapsedUs).toBeLessThan(12.5e6);
    expect(r.sender.persisttimeo).toBeGreaterThan(0);
    expect(r.timeouts).toBe(0);
    expect(l.finish()).toEqual([]);
  });

  it('a lost window update is found by the persist timer', () => {
    const l = lab({ link: TEN_MBIT });
    l.link.ba.options.drop = (f): boolean => f.tcp !== null && f.us > 1_004_900_000 && f.us < 1_012_000_000;
    const r = l.transfer(MiB, { stallUs: 5e6, rcvbuf: 65536 });
    expect(r.problem).toBe('');
    expect(r.elapsedUs).toBeGreaterThan(7e6);
    expect(r.elapsedUs).toBeLessThan(30e6);
    expect(l.finish()).toEqual([]);
  });

  it('stalls again and again under loss', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const l = lab({ seed, link: { ...TEN_MBIT, loss: 0.03 } });
      let next = 0;
      const r = l.transfer(MiB, {
        rcvbuf: 32768,
        onProgress: (_tx, rx) => {
          if (l.nowUs < next) return;
          next = l.nowUs + 200_000;
          if (rx.paused) rx.resume();
          else rx.paused = true;
        },
      });
      expect(r.problem, `seed ${seed}`).toBe('');
      expect(l.finish()).toEqual([]);
    }
  });
});
