import { EFAULT, EWOULDBLOCK } from '@ns/errno';
import { MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, type Socket, SOCK_STREAM, soreceiveBytes, sosendCopy, SS_ISCONNECTED, SS_ISCONNECTING } from '@ns/socket';
import type { Sockaddr } from '@ns/wire';
import type { CallNode, Expr } from '../lang/ast.ts';
import { ScriptFailure } from '../run/failure.ts';
import { onFile } from './calls-life.ts';
import { type Attempt, type CallDone, type CallFn, done, failed, type OpenFile, status, type Sys } from './process.ts';
import { bytesOf, checkBytes, field, iovecsOf, isAny, numberOf, numberOr, sockaddrOf } from './value.ts';

/** Most octets of one call: what a script can mean. */
const IO_MAX = 1 << 24;

const blocks = (file: OpenFile, flags: number): boolean => !file.nonblock && (flags & MSG_DONTWAIT) === 0;

const deadline = (sys: Sys, timeoutMs: number): number => (timeoutMs > 0 ? sys.nowUs() + timeoutMs * 1000 : Infinity);

function lengthOf(e: Expr | undefined, call: CallNode): number {
  const n = numberOf(e, 'length', call.line);
  if (n < 0 || n > IO_MAX) throw new ScriptFailure(call.line, `length ${n} out of range`);
  return n;
}

/** A null pointer with a length. */
const isNull = (e: Expr | undefined): boolean => e?.type === 'word' && e.name === 'NULL';

/** Reads up to `len` octets, waiting as the descriptor and the flags say; `check` sees what came. Into a null pointer nothing can be read, and the octets stay. */
function receive(sys: Sys, file: OpenFile, len: number, flags: number, check: (got: Uint8Array) => string, buffer?: Expr): Attempt {
  const { so } = file;
  const nowhere = isNull(buffer) && len > 0;
  const wakeUs = deadline(sys, so.rcv.timeoMs);
  const buf = new Uint8Array(len);
  let have = 0;
  return {
    wakeUs,
    poll(): CallDone | null {
      for (;;) {
        const n = soreceiveBytes(so, buf, have, len - have, (flags & ~MSG_WAITALL & ~MSG_TRUNC) | (nowhere ? MSG_PEEK : 0));
        if (n > 0 && nowhere) return failed(EFAULT);
        if (n > 0) have += n;
        const more = n > 0 && (flags & MSG_WAITALL) !== 0 && (flags & MSG_PEEK) === 0 && so.type === SOCK_STREAM && have < len;
        if (more) continue;
        const waits = n === -EWOULDBLOCK && (have === 0 || (flags & MSG_WAITALL) !== 0) && blocks(file, flags) && sys.nowUs() < wakeUs;
        if (waits) return null;
        if (n < 0 && have === 0) return failed(-n);
        return done(have, check(buf.subarray(0, have)));
      }
    },
  };
}

/** Sends octets, waiting for room as the descriptor says. A partial result counts when no more can be had. */
function send(sys: Sys, file: OpenFile, data: Uint8Array, flags: number, to: Sockaddr | null): Attempt {
  const { so } = file;
  const wakeUs = deadline(sys, so.snd.timeoMs);
  let sent = 0;
  return {
    wakeUs,
    poll(): CallDone | null {
      for (;;) {
        const n = sosendCopy(so, to, data, sent, data.length - sent, flags & ~MSG_DONTWAIT);
        if (n >= 0) sent += n;
        if (sent >= data.length || so.type !== SOCK_STREAM) return n < 0 ? failed(-n) : done(sent);
        if (n > 0) continue;
        if (n === -EWOULDBLOCK && blocks(file, flags) && sys.nowUs() < wakeUs) return null;
        return sent > 0 ? done(sent) : failed(-n);
      }
    },
  };
}

export const readCall: CallFn = onFile((sys, call, file) => receive(sys, file, lengthOf(call.args[2], call), 0, (got) => checkBytes(call.args[1], got), call.args[1]));

export const recvCall: CallFn = onFile((sys, call, file) => {
  const flags = numberOr(call.args[3], 0, 'flags', call.line);
  return receive(sys, file, lengthOf(call.args[2], call), flags, (got) => checkBytes(call.args[1], got), call.args[1]);
});

export const readvCall: CallFn = onFile((sys, call, file) => receiveVector(sys, file, call.args[1], 0, call));

function receiveVector(sys: Sys, file: OpenFile, vector: Expr | undefined, flags: number, call: CallNode): Attempt {
  const iov = iovecsOf(vector, call.line);
  const len = iov.reduce((n, v) => n + v.len, 0);
  return receive(sys, file, lengthOf({ type: 'int', value: len, hex: false }, call), flags, (got) => {
    let o = 0;
    for (const v of iov) {
      const wrong = v.base?.type === 'string' && o < got.length ? checkBytes(v.base, got.subarray(o, o + v.len)) : '';
      if (wrong !== '') return wrong;
      o += v.len;
    }
    return '';
  });
}

function vectorBytes(vector: Expr | undefined, call: CallNode): Uint8Array {
  const iov = iovecsOf(vector, call.line);
  const out = new Uint8Array(lengthOf({ type: 'int', value: iov.reduce((n, v) => n + v.len, 0), hex: false }, call));
  let o = 0;
  for (const v of iov) {
    out.set(bytesOf(v.base, v.len), o);
    o += v.len;
  }
  return out;
}

function sendBuffer(sys: Sys, call: CallNode, file: OpenFile, flags: number, to: Sockaddr | null): Attempt {
  const len = lengthOf(call.args[2], call);
  if (isNull(call.args[1]) && len > 0) return status(EFAULT);
  return send(sys, file, bytesOf(call.args[1], len), flags, to);
}

export const writeCall: CallFn = onFile((sys, call, file) => sendBuffer(sys, call, file, 0, null));

export const sendCall: CallFn = onFile((sys, call, file) => sendBuffer(sys, call, file, numberOr(call.args[3], 0, 'flags', call.line), null));

export const writevCall: CallFn = onFile((sys, call, file) => send(sys, file, vectorBytes(call.args[1], call), 0, null));

/** With an address it connects, where nothing is connected yet, and may write while that goes on. */
export const sendtoCall: CallFn = onFile((sys, call, file) => {
  const flags = numberOr(call.args[3], 0, 'flags', call.line);
  const target = call.args[4];
  const none = target === undefined || isNull(target) || (target.type === 'int' && target.value === 0);
  const to = none ? null : sys.connecting(file, sockaddrOf(target, call.line));
  return sendBuffer(sys, call, file, flags, (file.so.state & SS_ISCONNECTED) !== 0 ? null : to);
});

/** Whether the socket has a peer, or is on the way to one. */
const isOpen = (so: Socket): boolean => (so.state & (SS_ISCONNECTED | SS_ISCONNECTING)) !== 0;

export const sendmsgCall: CallFn = onFile((sys, call, file) => {
  const msg = call.args[1];
  const name = field(msg, 'msg_name')?.value;
  const to = isAny(name) || isOpen(file.so) ? null : sys.connecting(file, sockaddrOf(name, call.line));
  const flags = numberOr(call.args[2], 0, 'flags', call.line);
  return send(sys, file, vectorBytes(field(msg, 'msg_iov')?.value, call), flags, to);
});

export const recvmsgCall: CallFn = onFile((sys, call, file) => {
  const msg = call.args[1];
  const flags = numberOr(call.args[2], 0, 'flags', call.line);
  const want = field(msg, 'msg_flags')?.value;
  const a = receiveVector(sys, file, field(msg, 'msg_iov')?.value, flags, call);
  return {
    wakeUs: a.wakeUs,
    poll(): CallDone | null {
      const d = a.poll();
      if (d === null || d.value < 0 || d.wrong !== '' || isAny(want)) return d;
      const expected = numberOf(want, 'msg_flags', call.line);
      return expected === 0 ? d : done(d.value, `msg_flags is 0, not ${expected}`);
    },
  };
});
