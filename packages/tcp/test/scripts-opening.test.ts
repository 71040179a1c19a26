/* Every segment in the states before a connection: nobody there, LISTEN, half open, SYN-SENT, and two SYNs that have crossed. */
import { describe, it } from 'vitest';
import { begin, crossingBy, type Dress, DRESSES, halfOpenBy, has, listenBy, OFF, type Pen, type Seg, segments, SWITCHES, type Switches, synSentBy, wanted } from './script-grid.ts';
import { inClosed, inCrossing, inHalfOpen, inListen, inSynSent } from './script-oracle.ts';
import { FAMILIES, type Family } from './script-parts.ts';

interface Case {
  readonly f: Family;
  readonly dress: Dress;
  readonly sw: Switches;
}

const ALL: Switches = { insecure_rst: 1, insecure_syn: 1, insecure_ack: 1, drop_synfin: 1 };

function cases(f: Family): readonly (readonly [string, Case])[] {
  const out: Case[] = [];
  for (const dress of DRESSES) out.push({ f, dress, sw: OFF });
  for (const s of SWITCHES) out.push({ f, dress: DRESSES[0]!, sw: { ...OFF, [s]: 1 } });
  out.push({ f, dress: DRESSES[0]!, sw: ALL });
  return out.map((k) => [[k.dress.name, ...SWITCHES.filter((s) => k.sw[s] === 1)].join(', '), k]);
}

const list = (state: string, n: number): string => `+0 \`sockstat -P tcp -s | grep -c ' ${state}' | grep ${n}\``;
/** Options of a segment while nothing of ours is out that could be echoed. */
const early = (d: Dress): string => d.in.replace('ecr 100', 'ecr 0!');
/** A SYN|ACK that answers a segment with these options: none but our MSS, or as in `dress` where it has that of the peer's SYN. */
const synAck = (p: Pen, text: string, options: string): void => void p.add(`+0 > ${text} win 65535 <${options}>${p.dress.road.out}`);

describe.each(FAMILIES)('CLOSED over IPv%i: a port that nobody listens at', (f) => {
  it.each(cases(f))('%s', (_, { dress, sw }) => {
    const ask: Seg = { flags: '.', seq: 9, len: 0, ack: 9 };
    // The first number of all is the one that scripts count from.
    const p = begin(f, dress, sw).add('+0 bind(3, ..., ...) = 0').take({ ...ask, seq: 0 }, early(dress)).expect('R 9:9(0)');
    for (const s of [...segments([0, 17], [0, 1, -1]), ask]) {
      if (!wanted({ dress, sw }, s, 1, 5)) continue;
      const reply = sw.drop_synfin === 1 && has(s, 'S') && has(s, 'F') ? null : inClosed(s);
      p.take(s, early(dress));
      if (reply === null) p.take(ask, early(dress)).expect('R 9:9(0)');
      else p.expect(reply);
    }
    p.play();
  });
});

/** What net.inet.tcp.blackhole keeps silent: SYNs to closed ports, all that is for closed ports, and what fits nothing at a listener. */
describe.each(FAMILIES)('black holes over IPv%i', (f) => {
  it.each([0, 1, 2, 3])('net.inet.tcp.blackhole=%i', (blackhole) => {
    const ask: Seg = { flags: '.', seq: 9, len: 0, ack: 9 };
    const base = (): Pen => begin(f, DRESSES[0]!, OFF).add('+0 bind(3, ..., ...) = 0').take({ ...ask, seq: 0 }).expect('R 9:9(0)');
    // Silence is shown by the answer to the next one, without the black hole.
    const hole = (n: number): string => `+0 \`sysctl net.inet.tcp.blackhole=${n}\``;
    const closed = base();
    const listener = base().add('+0 listen(3, 2) = 0');
    for (const s of segments([0, 17], [0, 1, -1])) {
      const reply = inClosed(s);
      const dark = blackhole >= 2 || (blackhole === 1 && has(s, 'S'));
      closed.add(hole(blackhole)).take(s).add(hole(0));
      if (reply !== null && !dark) closed.expect(reply);
      closed.take(ask).expect('R 9:9(0)');
      const answer = inListen(s, OFF);
      if (answer !== null && answer.startsWith('S')) continue;
      listener.add(hole(blackhole)).take(s).add(hole(0));
      if (answer !== null && blackhole < 3) listener.expect(answer);
      listener.take(ask).expect('R 9:9(0)');
    }
    closed.play();
    listener.play();
  });
});

describe.each(FAMILIES)('LISTEN over IPv%i', (f) => {
  it.each(cases(f))('%s', (_, { dress, sw }) => {
    const ask: Seg = { flags: '.', seq: 9, len: 0, ack: 9 };
    const p = listenBy(begin(f, dress, sw)).take({ ...ask, seq: 0 }, early(dress)).expect('R 9:9(0)');
    const open: Seg[] = [];
    for (const s of segments([0, 17], [0, 1, -1])) {
      if (!wanted({ dress, sw }, s, 1, 5)) continue;
      const reply = inListen(s, sw);
      if (reply !== null && reply.startsWith('S')) {
        open.push(s);
        continue;
      }
      p.take(s, early(dress));
      if (reply === null) p.take(ask, early(dress)).expect('R 9:9(0)');
      else p.expect(reply);
    }
    p.add(list('SYN_RCVD', 0), list('LISTEN', 1)).play();
    for (const s of open) {
      const q = listenBy(begin(f, dress, sw)).take(s, dress.theirs);
      synAck(q, inListen(s, sw)!, dress.ours(q.mss));
      // Neither its text nor its FIN is taken.
      q.add(list('SYN_RCVD', 1)).ack(1, 1).add('+0 accept(3, ..., ...) = 4', '+0 fcntl(4, F_SETFL, O_RDWR | O_NONBLOCK) = 0', '+0 read(4, ..., 10) = -1 EWOULDBLOCK', list('ESTABLISHED', 1)).play();
    }
  });
});

describe.each(FAMILIES)('half open over IPv%i: what the syncache says (65535 bytes of window)', (f) => {
  it.each(cases(f))('%s', (_, { dress, sw }) => {
    const start = (): Pen => halfOpenBy(begin(f, dress, sw));
    const win = dress.scale === 0 ? 65535 : 1024;
    const write = (p: Pen, reply: string): void => {
      if (reply.startsWith('S')) synAck(p, reply, dress.ours(p.mss).replace('TS val 100', 'TS val ...'));
      else if (reply.startsWith('R')) p.expect(reply);
      else p.add(`+0 > ${reply} win ${win}${dress.out.length === 0 ? '' : ` <${dress.out.join(',')}>`}${dress.road.out}`);
    };
    const p = start();
    let n = 0;
    for (const s of segments([0, 1, 2, 65535, 65536, -1], [0, 1, 2, -1])) {
      if (!wanted({ dress, sw }, s, 2, 9)) continue;
      const o = inHalfOpen(s, sw, 65535);
      if (o.state === 'SYN_RCVD') {
        // A SYN has the options of the first one; a segment that is not to count must not count by them.
        p.take(s, has(s, 'S') ? dress.theirs.replace('ecr 0', 'ecr 0!') : dress.in);
        if (o.reply === null) p.take({ flags: '.', seq: 1, len: 0, ack: 9 }).expect('R 9:9(0)');
        else write(p, o.reply);
        n++;
      } else if (n++ % 3 === 0) {
        const q = start().take(s);
        if (o.state === 'gone') q.take({ flags: '.', seq: 1, len: 0, ack: 1 }).expect('R 1:1(0)').add(list('SYN_RCVD', 0), list('LISTEN', 1));
        else q.add(list('SYN_RCVD', 0), '+0 accept(3, ..., ...) = 4', '+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0');
        q.play();
      }
    }
    // And the handshake can be completed as ever.
    p.add(list('SYN_RCVD', 1)).ack(1, 1).add('+0 accept(3, ..., ...) = 4', list('ESTABLISHED', 1)).play();
  });
});

describe.each(FAMILIES)('SYN-SENT over IPv%i', (f) => {
  it.each(cases(f))('%s', (_, { dress, sw }) => {
    const ask: Seg = { flags: '.', seq: 9, len: 0, ack: 9 };
    const p = synSentBy(begin(f, dress, sw));
    for (const s of segments([0, 1, 1000], [0, 1, 2, -1])) {
      if (!wanted({ dress, sw }, s, 1, 5)) continue;
      const o = inSynSent(s, sw);
      const options = has(s, 'S') ? dress.theirs.replace('ecr 0', 'ecr 100') : dress.in;
      if (o.state === 'SYN_SENT') {
        p.take(s, options);
        if (o.reply === null) p.take(ask).expect('R 9:9(0)');
        else p.expect(o.reply);
        continue;
      }
      const q = synSentBy(begin(f, dress, sw)).take(s, options, '+.1');
      if (o.state === 'SYN_RECEIVED') synAck(q, o.reply!, dress.ours(q.mss).replace('TS val 100', 'TS val ...'));
      else if (o.reply !== null) q.expect(o.reply, [], '+0', q.space - s.len);
      q.add(`+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [${o.error}], [4]) = 0`);
      if (o.state !== 'CLOSED') q.add(list(o.state.replace('SYN_RECEIVED', 'SYN_RCVD'), 1), `+0 getsockopt(3, SOL_SOCKET, SO_RCVBUF, [${Math.ceil(65536 / q.mss) * q.mss}], [4]) = 0`);
      const got = has(s, '.') ? s.len : 0;
      if (o.state !== 'CLOSED') q.add(`+0 read(3, ..., 10) = ${got > 0 ? got : o.state === 'CLOSE_WAIT' ? 0 : '-1 EWOULDBLOCK'}`);
      q.play();
    }
    p.add('+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0', list('SYN_SENT', 1), '+0 getsockopt(3, SOL_SOCKET, SO_RCVBUF, [65536], [4]) = 0').play();
  });
});

describe.each(FAMILIES)('SYNs that have crossed, over IPv%i', (f) => {
  it.each(cases(f))('%s', (_, { dress, sw }) => {
    const start = (): Pen => crossingBy(begin(f, dress, sw));
    const p = start();
    let n = 0;
    const buffer = Math.ceil(65536 / p.mss) * p.mss;
    for (const s of segments([-1, 0, 1, 2, buffer, buffer + 65], [0, 1, 2, -1])) {
      // A script takes the number of a SYN|ACK for the peer's first.
      if ((has(s, 'S') && has(s, '.') && s.seq !== 0) || !wanted({ dress, sw }, s, 2, 9)) continue;
      // Nothing but a SYN|ACK has offered a window yet; once something has, it is whole units of the field.
      const o = inCrossing(s, sw, buffer, dress.sack);
      const options = has(s, 'S') ? dress.theirs.replace('ecr 0', 'ecr 100') : dress.in;
      const write = (q: Pen, reply: string): void => {
        if (reply.startsWith('S')) synAck(q, reply, dress.ours(q.mss).replace('TS val 100', 'TS val ...'));
        else q.expect(reply, o.sack, o.delayed ? '+.04' : '+0', q.space - o.unread);
      };
      if (!o.moved) {
        p.take(s, options);
        if (o.reply === null) p.take({ flags: '.', seq: 1, len: 0, ack: 9 }).expect('R 9:9(0)');
        else write(p, o.reply);
        continue;
      }
      if (n++ % 3 !== 0) continue;
      const q = start().take(s, options);
      if (o.reply !== null) write(q, o.reply);
      q.add(`+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [${o.error}], [4]) = 0`);
      if (o.state !== 'CLOSED') q.add(list(o.state, 1));
      q.play();
    }
    p.add(list('SYN_RCVD', 1), '+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0').ack(1, 1).add(list('ESTABLISHED', 1)).play();
  });
});
