import type { CallNode } from '../lang/ast.ts';
import { CannotRun } from '../run/failure.ts';
import { readCall, readvCall, recvCall, recvmsgCall, sendCall, sendmsgCall, sendtoCall, writeCall, writevCall } from './calls-io.ts';
import { acceptCall, bindCall, closeCall, connectCall, listenCall, needArgs, shutdownCall, socketCall } from './calls-life.ts';
import { fcntlCall, getsockoptCall, ioctlCall, setsockoptCall } from './calls-opt.ts';
import { pollCall } from './calls-poll.ts';
import type { Attempt, CallFn, Sys } from './process.ts';

/** A call, and how many arguments it has. */
interface Entry {
  readonly fn: CallFn;
  readonly least: number;
  readonly most: number;
}

const entry = (fn: CallFn, least: number, most: number = least): Entry => ({ fn, least, most });

const CALLS: ReadonlyMap<string, Entry> = new Map([
  ['socket', entry(socketCall, 3)],
  ['bind', entry(bindCall, 3)],
  ['listen', entry(listenCall, 2)],
  ['accept', entry(acceptCall, 3)],
  ['connect', entry(connectCall, 3)],
  ['close', entry(closeCall, 1)],
  ['shutdown', entry(shutdownCall, 2)],
  ['read', entry(readCall, 3)],
  ['readv', entry(readvCall, 3)],
  ['recv', entry(recvCall, 4)],
  ['recvfrom', entry(recvCall, 6)],
  ['recvmsg', entry(recvmsgCall, 3)],
  ['write', entry(writeCall, 3)],
  ['writev', entry(writevCall, 3)],
  ['send', entry(sendCall, 4)],
  ['sendto', entry(sendtoCall, 6)],
  ['sendmsg', entry(sendmsgCall, 3)],
  ['getsockopt', entry(getsockoptCall, 5)],
  ['setsockopt', entry(setsockoptCall, 5)],
  ['fcntl', entry(fcntlCall, 2, 3)],
  ['ioctl', entry(ioctlCall, 3)],
  ['poll', entry(pollCall, 3)],
]);

/** Begins a system call of a script. Refuses one that there is not. */
export function beginCall(sys: Sys, call: CallNode): Attempt {
  const e = CALLS.get(call.name);
  if (e === undefined) throw new CannotRun(call.line, `no system call ${call.name}()`);
  needArgs(call, e.least, e.most);
  return e.fn(sys, call);
}
