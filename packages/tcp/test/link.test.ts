/* Two stacks and a bad link: whatever it loses, copies and reorders, the bytes arrive, and nothing is left behind. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Socket, soclose, SHUT_WR, soshutdown } from '@ns/socket';
import { TCP_STATE_NAMES } from '@ns/tcp';
import { JAILS } from '@ns/vnet';
import { B_ADDR, info, Lab, lines, pattern, read, same, tpOf, write } from './lab.ts';

const stateOf = (so: Socket): string => TCP_STATE_NAMES[tpOf(so).state]!;

describe('transfers over a link that loses, copies and reorders', () => {
  const rows = [
    { name: 'clean, 1 ms', delayUs: 1000 },
    { name: '1% loss', delayUs: 1000, loss: 0.01 },
    { name: '5% loss', delayUs: 1000, loss: 0.05 },
    { name: '20% loss', delayUs: 1000, loss: 0.2 },
    { name: 'reordering', delayUs: 1000, reorder: 0.2, holdUs: 3000 },
    { name: 'duplication', delayUs: 1000, dup: 0.2 },
    { name: 'all of it', delayUs: 1000, loss: 0.05, dup: 0.05, reorder: 0.1, holdUs: 5000 },
    { name: 'all of it, no SACK', delayUs: 1000, loss: 0.05, dup: 0.05, reorder: 0.1, holdUs: 5000, sysctls: { 'net.inet.tcp.sack.enable': 0 } },
    { name: 'all of it, no time stamps', delayUs: 1000, loss: 0.05, dup: 0.05, reorder: 0.1, sysctls: { 'net.inet.tcp.rfc1323': 0 } },
    { name: 'small MTU', delayUs: 500, loss: 0.02, mtu: 576 },
  ] as const;
  it.each(rows)('$name', (o) => {
    for (let seed = 1; seed <= 4; seed++) {
      const lab = new Lab({ ...o, seed });
      for (const side of [lab.a, lab.b]) {
        for (const [k, v] of Object.entries('sysctls' in o ? o.sysctls : {})) lab.kernel.sysctl.sysctlSet(k, v, { vnet: side.vnet, jailed: false });
      }
      const [c, s] = lab.pair();
      const data = pattern(200_000, seed);
      expect(same(lab.transfer(c, s, data), data), `seed ${seed} forth`).toBe(true);
      expect(same(lab.transfer(s, c, data), data), `seed ${seed} back`).toBe(true);
      soclose(c);
      lab.until(() => read(s) === null, 600_000);
      soclose(s);
      lab.run(700_000);
      expect(lab.a.tcp.pcbinfo.count + lab.b.tcp.pcbinfo.count, `seed ${seed} pcbs`).toBe(0);
      expect(lab.kernel.mbufs.outstanding, `seed ${seed} mbufs`).toBe(0);
      expect(lab.a.tcp.sackGlobalholes + lab.b.tcp.sackGlobalholes).toBe(0);
      expect(lab.a.tcp.reass.cursegments + lab.b.tcp.reass.cursegments).toBe(0);
    }
  });

  it('both ways at once, any sizes, any link', () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer({ min: 1, max: 1 << 20 }),
          loss: fc.double({ min: 0, max: 0.15, noNaN: true }),
          dup: fc.double({ min: 0, max: 0.1, noNaN: true }),
          reorder: fc.double({ min: 0, max: 0.3, noNaN: true }),
          up: fc.integer({ min: 1, max: 60_000 }),
          down: fc.integer({ min: 1, max: 60_000 }),
          chunk: fc.integer({ min: 1, max: 9000 }),
          readMax: fc.integer({ min: 1, max: 40_000 }),
        }),
        ({ seed, loss, dup, reorder, up, down, chunk, readMax }) => {
          const lab = new Lab({ seed, loss, dup, reorder, delayUs: 700, holdUs: 4000 });
          const [c, s] = lab.pair();
          const [a, b] = [pattern(up, 1), pattern(down, 2)];
          const got: [number[], number[]] = [[], []];
          const sent: [number, number] = [0, 0];
          let closed = false;
          const done = lab.until(() => {
            for (const [i, from, to, data] of [
              [0, c, s, a],
              [1, s, c, b],
            ] as const) {
              while (sent[i] < data.length) {
                const n = write(from, data.subarray(sent[i], sent[i] + chunk));
                if (n <= 0) break;
                sent[i] += n;
              }
              for (let r = read(to, readMax); r !== null && r.length > 0; r = read(to, readMax)) for (const x of r) got[i].push(x);
            }
            if (!closed && got[0].length === up && got[1].length === down) {
              closed = true;
              soshutdown(c, SHUT_WR);
              soshutdown(s, SHUT_WR);
            }
            return closed && read(c) === null && read(s) === null;
          }, 3_600_000);
          expect(done).toBe(true);
          expect(same(Uint8Array.from(got[0]), a)).toBe(true);
          expect(same(Uint8Array.from(got[1]), b)).toBe(true);
          soclose(c);
          soclose(s);
          lab.run(700_000);
          expect(lab.a.tcp.pcbinfo.count + lab.b.tcp.pcbinfo.count).toBe(0);
          expect(lab.kernel.mbufs.outstanding).toBe(0);
        },
      ),
      { numRuns: 40, seed: 20260 },
    );
  });

  it('one loss in a long flow costs no timeout', () => {
    for (const sack of [1, 0]) {
      const lab = new Lab({ delayUs: 5000 });
      lab.kernel.sysctl.sysctlSet('net.inet.tcp.sack.enable', sack, { vnet: lab.a.vnet, jailed: false });
      const [c, s] = lab.pair();
      let n = 0;
      lab.link.drop = (x) => x.from === 'a' && x.len > 1000 && ++n === 30;
      const data = pattern(300_000);
      expect(same(lab.transfer(c, s, data), data)).toBe(true);
      expect(lab.a.tcp.stat.rexmttimeo).toBe(0);
      expect(lab.a.tcp.stat.sndrexmitpack).toBe(1);
    }
  });
});

describe('every order of closing', () => {
  it('client first', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    const [tc, ts] = [tpOf(c), tpOf(s)];
    lab.take();
    soclose(c);
    lab.run(1);
    expect([tc.state, ts.state].map((x) => TCP_STATE_NAMES[x])).toEqual(['FIN_WAIT_2', 'CLOSE_WAIT']);
    soclose(s);
    lab.run(1);
    expect([tc.state, ts.state].map((x) => TCP_STATE_NAMES[x])).toEqual(['TIME_WAIT', 'CLOSED']);
    expect(lines(lab.take(), tc.iss, ts.iss)).toEqual([
      'a F. 1:1(0) ack 1 win 1027',
      'b . 1:1(0) ack 2 win 1027',
      'b F. 1:1(0) ack 2 win 1027',
      'a . 2:2(0) ack 2 win 1027',
    ]);
  });

  it('both at once: CLOSING, then TIME_WAIT on both sides', () => {
    const lab = new Lab({ delayUs: 1000 });
    const [c, s] = lab.pair();
    const [tc, ts] = [tpOf(c), tpOf(s)];
    soclose(c);
    soclose(s);
    lab.run(1.5);
    expect([tc.state, ts.state].map((x) => TCP_STATE_NAMES[x])).toEqual(['CLOSING', 'CLOSING']);
    lab.run(2);
    expect([tc.state, ts.state].map((x) => TCP_STATE_NAMES[x])).toEqual(['TIME_WAIT', 'TIME_WAIT']);
  });

  it('half close: the other side goes on sending', () => {
    const lab = new Lab();
    const [c, s] = lab.pair();
    soshutdown(c, SHUT_WR);
    lab.run(1);
    expect([stateOf(c), stateOf(s)]).toEqual(['FIN_WAIT_2', 'CLOSE_WAIT']);
    expect(read(s)).toBe(null);
    const data = pattern(100_000);
    expect(same(lab.transfer(s, c, data), data)).toBe(true);
    expect(write(c, pattern(1))).toBeLessThan(0); // EPIPE
    soclose(s);
    lab.run(1);
    expect(stateOf(c)).toBe('TIME_WAIT');
    soclose(c);
  });

  it('simultaneous open (RFC 9293 §3.5, figure 8)', () => {
    const lab = new Lab({ delayUs: 1000 });
    lab.pair(); // the neighbours know each other
    const c = lab.a.connect(B_ADDR, 2000, lab.a.socket(), 1000);
    const s = lab.b.connect('10.0.0.1', 1000, lab.b.socket(), 2000);
    lab.run(1.5);
    expect([stateOf(c), stateOf(s)]).toEqual(['SYN_RCVD', 'SYN_RCVD']);
    lab.run(5);
    expect([stateOf(c), stateOf(s)]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    const data = pattern(50_000);
    expect(same(lab.transfer(c, s, data), data)).toBe(true);
    expect(same(lab.transfer(s, c, data), data)).toBe(true);
    expect(info(c).options).toBe(7);
  });

  it('shutdown before the handshake is done: the FIN follows the SYN', () => {
    const lab = new Lab({ delayUs: 1000 });
    lab.b.listen(80);
    const c = lab.a.connect(B_ADDR, 80);
    expect(soshutdown(c, SHUT_WR)).toBe(0);
    expect(stateOf(c)).toBe('SYN_SENT');
    lab.run(20);
    expect(stateOf(c)).toBe('FIN_WAIT_2');
    const all = lab.take().map((x) => `${x.from} ${x.flags}`);
    expect(all.slice(0, 3)).toEqual(['a S', 'b S.', 'a F.']);
  });

  it('to itself: one socket connects to its own port', () => {
    const lab = new Lab();
    const so = lab.a.socket();
    lab.a.connect('10.0.0.1', 1000, so, 1000);
    lab.run(5);
    expect(stateOf(so)).toBe('ESTABLISHED');
    expect(write(so, pattern(10))).toBe(10);
    lab.run(5);
    expect(read(so)?.length).toBe(10);
    soclose(so);
    lab.run(5);
    expect(lab.kernel.mbufs.outstanding).toBe(0);
  });
});

describe('buffers', () => {
  it('the receive buffer grows with a fast flow, the send buffer too', () => {
    const lab = new Lab({ delayUs: 10_000 });
    const [c, s] = lab.pair();
    const data = pattern(8 << 20);
    expect(same(lab.transfer(c, s, data), data)).toBe(true);
    expect(s.rcv.hiwat).toBeGreaterThan(200_000);
    expect(c.snd.hiwat).toBeGreaterThan(100_000);
    expect(s.rcv.hiwat).toBeLessThanOrEqual(2097152);
  });
});

describe('idle connections', () => {
  it('T73 an idle vnet schedules nothing, an idle connection one callout for keepalive', () => {
    const lab = new Lab();
    const before = lab.kernel.callouts.pending;
    const [c, s] = lab.pair();
    lab.run(10_000);
    expect(lab.kernel.callouts.pending - before).toBeLessThanOrEqual(2 + 2); // and the two ARP entries
    let fired = 0;
    const stop = lab.kernel.callouts.nowUs() + 3_600_000_000;
    while (lab.kernel.callouts.nextDeadlineUs() >= 0 && lab.kernel.callouts.nextDeadlineUs() < stop && fired < 1000) {
      lab.host.advance(lab.kernel.callouts.nextDeadlineUs() - lab.kernel.callouts.nowUs());
      fired++;
    }
    expect(fired).toBeLessThan(30); // an hour: no tick of TCP's
    soclose(c);
    soclose(s);
    lab.run(70_000);
    const empty = new Lab();
    lab.run(1);
    empty.run(5000);
    const quiet = empty.kernel.callouts.pending;
    expect(quiet).toBeLessThanOrEqual(2); // none is TCP's
  });
});

describe('T65 races between the end of a connection and its accept', () => {
  it('a RST before accept: the connection leaves the queue, or accept says ECONNABORTED', () => {
    const lab = new Lab();
    const l = lab.b.listen(80);
    const c = lab.a.connect(B_ADDR, 80);
    lab.run(2);
    expect(l.listen!.qlen).toBe(1);
    c.options |= 0x80; // SO_LINGER 0
    c.linger = 0;
    soclose(c);
    lab.run(2);
    const before = lab.b.tcp.pcbinfo.count;
    expect(before).toBe(2);
    soclose(l);
    lab.run(2);
    expect(lab.b.tcp.pcbinfo.count).toBe(0);
    expect(lab.kernel.mbufs.outstanding).toBe(0);
  });

  it('closing a listener resets what waits in its queue and forgets half-open ones', () => {
    const lab = new Lab({ delayUs: 1000 });
    const l = lab.b.listen(80);
    const c = lab.a.connect(B_ADDR, 80);
    lab.run(5);
    const half = lab.a.connect(B_ADDR, 80);
    lab.run(1.5);
    expect(lab.b.tcp.syncache.count).toBe(1);
    soclose(l);
    expect(lab.b.tcp.syncache.count).toBe(0);
    lab.run(5);
    expect(c.error).toBe(54);
    expect(half.error).toBe(54);
    expect(lab.b.tcp.pcbinfo.count).toBe(0);
  });
});

describe('the end of a vnet', () => {
  it('takes connections without users with it, and leaves nothing', () => {
    const lab = new Lab();
    const [c, s] = lab.pair(80);
    soclose(c);
    lab.run(1);
    soclose(s);
    lab.run(1);
    const [c2, s2] = lab.pair(81);
    write(s2, pattern(1000));
    soclose(c2); // FIN_WAIT_1, and data on the way
    const [c3] = lab.pair(82);
    write(c3, pattern(100));
    lab.link.drop = () => true;
    soclose(c3); // FIN_WAIT_1 for ever
    expect(lab.a.tcp.pcbinfo.count).toBeGreaterThan(1);
    const jails = lab.kernel.service(JAILS);
    const jail = jails.list().find((j) => j.vnet === lab.a.vnet)!;
    const pcbinfo = lab.a.tcp.pcbinfo;
    expect(jails.jailRemove(jail.jid).errno).toBe(0);
    lab.run(10);
    expect(pcbinfo.count).toBe(0);
    expect(lab.kernel.kldunload('cc-newreno', true).errno).toBe(0);
  });
});
