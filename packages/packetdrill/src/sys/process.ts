import type { Socket } from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import type { InAddr, Sockaddr } from '@ns/wire';
import type { Vnet } from '@ns/kern';
import type { CallNode } from '../lang/ast.ts';
import type { Config } from '../run/config.ts';

/** An open descriptor. */
export class OpenFile {
  /** Number in the script. */
  readonly fd: number;
  readonly so: Socket;
  nonblock: boolean;

  constructor(fd: number, so: Socket, nonblock: boolean) {
    this.fd = fd;
    this.so = so;
    this.nonblock = nonblock;
  }
}

/** How a call ended. */
export interface CallDone {
  /** Return value; -1 with an errno. */
  readonly value: number;
  readonly errno: number;
  /** What is wrong with what it has written to memory; '' = nothing. */
  readonly wrong: string;
  /** A descriptor was made for this socket, to be known by the number that the script expects. */
  readonly opened?: { readonly so: Socket; readonly nonblock: boolean };
}

/** A call that has begun. */
export interface Attempt {
  /** The result, or null while it blocks. */
  poll(): CallDone | null;
  /** When it is to be asked again at the latest, µs of the kernel's clock. */
  readonly wakeUs: number;
}

/** What calls may use of the run. */
export interface Sys {
  readonly config: Config;
  readonly vnet: Vnet;
  readonly cred: Ucred;
  readonly files: Map<number, OpenFile>;
  nowUs(): number;
  /** A socket was made: it is the one under test from now on. */
  socketMade(): void;
  /** A connect is about to happen, to `to` unless the script has a peer already; the address to connect to. */
  connecting(file: OpenFile, to: Sockaddr | null): Sockaddr;
  /** The local address of a bind that leaves it to us. */
  bindAddress(file: OpenFile): Sockaddr;
  /** Address of the family of the script's sockets: mapped where a v6 socket speaks IPv4. */
  socketAddress(a: InAddr): InAddr;
}

/** A call that has ended. */
export const done = (value: number, wrong: string = ''): CallDone => ({ value, errno: 0, wrong });

/** A call that has failed. */
export const failed = (errno: number): CallDone => ({ value: -1, errno, wrong: '' });

/** A call that takes no time. */
export const at = (d: CallDone): Attempt => ({ poll: () => d, wakeUs: Infinity });

/** 0, or -1 with that errno. */
export const status = (errno: number): Attempt => at(errno === 0 ? done(0) : failed(errno));

/** Begins a call. */
export type CallFn = (sys: Sys, call: CallNode) => Attempt;
