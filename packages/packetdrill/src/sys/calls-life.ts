import { EBADF, ECONNABORTED, EINPROGRESS, EMFILE, EWOULDBLOCK } from '@ns/errno';
import { type Socket, soaccept, sobind, soclose, soconnect, socreate, solisten, solistenDequeue, soshutdown, SO_LINGER, SS_ISCONNECTED, SS_ISCONNECTING } from '@ns/socket';
import type { CallNode } from '../lang/ast.ts';
import { ScriptFailure } from '../run/failure.ts';
import { type Attempt, at, type CallDone, type CallFn, done, failed, type OpenFile, status, type Sys } from './process.ts';
import { numberOf, numberOr, sockaddrOf } from './value.ts';

const SOCK_NONBLOCK = 0x20000000;
const SOCK_CLOEXEC = 0x10000000;
const AF_INET = 2;
const AF_INET6 = 28;

/** The open descriptor of an argument; null = EBADF. */
export function fileOf(sys: Sys, call: CallNode, index: number = 0): OpenFile | null {
  return sys.files.get(numberOf(call.args[index], 'descriptor', call.line)) ?? null;
}

/** Begins a call on the descriptor of the first argument. */
export function onFile(fn: (sys: Sys, call: CallNode, file: OpenFile) => Attempt): CallFn {
  return (sys, call) => {
    const file = fileOf(sys, call);
    return file === null ? status(EBADF) : fn(sys, call, file);
  };
}

export const socketCall: CallFn = (sys, call) => {
  const dom = numberOr(call.args[0], sys.config.socketAf === 4 ? AF_INET : AF_INET6, 'domain', call.line);
  const word = numberOf(call.args[1], 'type', call.line);
  const so = socreate(sys.vnet, dom, word & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), numberOr(call.args[2], 0, 'protocol', call.line), sys.cred);
  if (typeof so === 'number') return status(so);
  sys.socketMade();
  return at({ value: 0, errno: 0, wrong: '', opened: { so, nonblock: (word & SOCK_NONBLOCK) !== 0 } });
};

export const bindCall: CallFn = onFile((sys, call, file) => {
  const asked = sockaddrOf(call.args[1], call.line);
  return status(sobind(file.so, asked ?? sys.bindAddress(file), sys.cred));
});

export const listenCall: CallFn = onFile((_sys, call, file) => status(solisten(file.so, numberOf(call.args[1], 'backlog', call.line))));

export const acceptCall: CallFn = onFile((_sys, _call, file) => ({
  wakeUs: Infinity,
  poll(): CallDone | null {
    const so = solistenDequeue(file.so);
    if (so === EWOULDBLOCK) return file.nonblock ? failed(EWOULDBLOCK) : null;
    if (typeof so === 'number') return failed(so);
    const peer = soaccept(so);
    if (typeof peer === 'number') {
      soclose(so);
      return failed(peer === EMFILE ? EMFILE : ECONNABORTED);
    }
    return { value: 0, errno: 0, wrong: '', opened: { so, nonblock: file.nonblock } };
  },
}));

/** Waits for the outcome of a handshake. Source: FreeBSD uipc_syscalls.c, kern_connectat(). */
function connectResult(file: OpenFile): Attempt {
  const { so } = file;
  return {
    wakeUs: Infinity,
    poll(): CallDone | null {
      if ((so.state & SS_ISCONNECTING) !== 0 && so.error === 0) return file.nonblock ? failed(EINPROGRESS) : null;
      const errno = so.error;
      so.error = 0;
      so.state &= ~SS_ISCONNECTING;
      return errno === 0 ? done(0) : failed(errno);
    },
  };
}

export const connectCall: CallFn = onFile((sys, call, file) => {
  const to = sys.connecting(file, sockaddrOf(call.args[1], call.line));
  const errno = soconnect(file.so, to, sys.cred);
  return errno !== 0 ? status(errno) : connectResult(file);
});

/** A socket with SO_LINGER keeps a blocking close until its data are out. */
function lingering(sys: Sys, so: Socket, seconds: number): Attempt {
  const wakeUs = sys.nowUs() + seconds * 1_000_000;
  return { wakeUs, poll: () => ((so.state & SS_ISCONNECTED) === 0 || sys.nowUs() >= wakeUs ? done(0) : null) };
}

export const closeCall: CallFn = onFile((sys, _call, file) => {
  const { so } = file;
  sys.files.delete(file.fd);
  const linger = (so.options & SO_LINGER) !== 0 && so.linger > 0 && (so.state & SS_ISCONNECTED) !== 0 && !file.nonblock;
  const errno = soclose(so);
  return linger ? lingering(sys, so, so.linger) : status(errno);
});

export const shutdownCall: CallFn = onFile((_sys, call, file) => status(soshutdown(file.so, numberOf(call.args[1], 'how', call.line))));

/** Arguments that a call must have. */
export function needArgs(call: CallNode, least: number, most: number = least): void {
  const n = call.args.length;
  if (n >= least && n <= most) return;
  throw new ScriptFailure(call.line, `${call.name}() takes ${least === most ? least : `${least} to ${most}`} arguments, not ${n}`);
}
