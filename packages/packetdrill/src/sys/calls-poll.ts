import { EINVAL } from '@ns/errno';
import { type Socket, soreadable, sowriteable, SBS_CANTRCVMORE, SBS_CANTSENDMORE } from '@ns/socket';
import type { CallNode, Expr } from '../lang/ast.ts';
import { ScriptFailure } from '../run/failure.ts';
import { needArgs } from './calls-life.ts';
import { type Attempt, type CallDone, type CallFn, done, status, type Sys } from './process.ts';
import { symbol } from './symbols.ts';
import { field, isAny, numberOf } from './value.ts';

const bit = (name: string): number => symbol(name) as number;
const POLLIN = bit('POLLIN');
const POLLOUT = bit('POLLOUT');
const POLLPRI = bit('POLLPRI');
const POLLHUP = bit('POLLHUP');
const POLLNVAL = bit('POLLNVAL');
const POLLRDNORM = bit('POLLRDNORM');
const POLLRDHUP = bit('POLLRDHUP');

/** What poll() says of a socket. Source: FreeBSD uipc_socket.c, sopoll_generic(). */
function revents(so: Socket, events: number): number {
  if (so.listen !== null) return so.listen.qlen > 0 ? events & (POLLIN | POLLRDNORM) : 0;
  let r = 0;
  if (soreadable(so)) r |= events & (POLLIN | POLLRDNORM);
  if (sowriteable(so)) r |= events & POLLOUT;
  if (so.oobmark > 0) r |= events & POLLPRI;
  if ((so.rcv.state & SBS_CANTRCVMORE) !== 0) {
    r |= events & POLLRDHUP;
    if ((so.snd.state & SBS_CANTSENDMORE) !== 0) r |= POLLHUP;
  }
  return (r & POLLHUP) !== 0 ? r & ~POLLOUT : r;
}

interface PollFd {
  readonly fd: number;
  readonly events: number;
  readonly want: Expr | undefined;
}

function pollFds(call: CallNode): PollFd[] {
  const list = call.args[0];
  if (list?.type !== 'array') throw new ScriptFailure(call.line, 'an array of {fd, events, revents} expected');
  return list.items.map((e) => ({
    fd: numberOf(field(e, 'fd')?.value, 'fd', call.line),
    events: numberOf(field(e, 'events')?.value, 'events', call.line),
    want: field(e, 'revents')?.value,
  }));
}

function begin(sys: Sys, call: CallNode, fds: readonly PollFd[], timeoutMs: number): Attempt {
  const wakeUs = timeoutMs < 0 ? Infinity : sys.nowUs() + timeoutMs * 1000;
  return {
    wakeUs,
    poll(): CallDone | null {
      const got = fds.map(({ fd, events }) => {
        const file = sys.files.get(fd);
        return fd < 0 ? 0 : file === undefined ? POLLNVAL : revents(file.so, events);
      });
      const ready = got.filter((r) => r !== 0).length;
      if (ready === 0 && sys.nowUs() < wakeUs) return null;
      const wrong = fds.findIndex((p, i) => !isAny(p.want) && numberOf(p.want, 'revents', call.line) !== got[i]);
      return done(ready, wrong < 0 ? '' : `revents of ${fds[wrong]?.fd} is 0x${(got[wrong] as number).toString(16)}`);
    },
  };
}

export const pollCall: CallFn = (sys, call) => {
  needArgs(call, 3);
  const fds = pollFds(call);
  if (numberOf(call.args[1], 'number of descriptors', call.line) !== fds.length) return status(EINVAL);
  return begin(sys, call, fds, numberOf(call.args[2], 'timeout', call.line));
};
