import { EWOULDBLOCK } from '@ns/errno';
import { mFreem } from '@ns/mbuf';
import { SHUT_RD, type Socket as KernSocket, soreadable, soreceiveBytes, soreceiveChain, soshutdown } from '@ns/socket';

/** Most bytes handed to a reader at a time that brings no buffer. */
const READ_MAX = 65536;

/** Whom a {@link RecvSide} tells that nothing more will be read. */
export interface RecvOwner {
  /** The end was read, or what is left is of no interest. */
  recvDone(ended: boolean): void;
  /** Reading failed. */
  recvFailed(errno: number): void;
}

/**
 * The receiving half of a stream socket: a byte stream behind the receive buffer. It holds nothing itself (its high-water mark is 0) and takes bytes only for a read that
 * waits.
 */
export class RecvSide {
  readonly readable: ReadableStream<Uint8Array>;
  /** Nothing will be read any more: the end, an error, or the application's own wish. */
  done: boolean;
  private readonly owner: RecvOwner;
  private so: KernSocket | null;
  private controller: ReadableByteStreamController | null;
  /** A read waits. */
  private wanted: boolean;
  /** What the socket still had when it failed, with `failure` to come after it. */
  private rest: Uint8Array | null;
  private failure: unknown;

  constructor(owner: RecvOwner) {
    this.done = false;
    this.owner = owner;
    this.so = null;
    this.controller = null;
    this.wanted = false;
    this.rest = null;
    this.failure = null;
    this.readable = new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.controller = controller;
      },
      pull: () => {
        this.wanted = true;
        this.resume();
      },
      cancel: () => this.cancel(),
    });
  }

  /** The connection is there. */
  open(so: KernSocket): void {
    this.so = so;
    if (this.done) discard(so);
    else this.resume();
  }

  /** There may be something to read: serves the read that waits. The stream may ask for more meanwhile. */
  resume(): void {
    if (!this.wanted || this.done) return;
    if (this.rest !== null) this.readRest(this.rest);
    else if (this.so !== null) this.read(this.so);
  }

  private read(so: KernSocket): void {
    if (!soreadable(so)) return;
    const into = this.buffer(so.rcv.cc);
    const n = soreceiveBytes(so, into, 0, into.length, 0);
    if (n > 0) this.deliver(into, n);
    else if (n === 0) this.end();
    else if (n !== -EWOULDBLOCK) this.owner.recvFailed(-n);
  }

  private readRest(rest: Uint8Array): void {
    if (rest.length === 0) {
      this.breakOff(this.failure);
      return;
    }
    const into = this.buffer(rest.length);
    const n = Math.min(into.length, rest.length);
    into.set(rest.subarray(0, n));
    this.rest = rest.subarray(n);
    this.deliver(into, n);
  }

  /** What the read that waits is to be served from: the reader's own buffer, or one for the `cc` bytes that are there. */
  private buffer(cc: number): Uint8Array<ArrayBuffer> {
    const view = this.controller?.byobRequest?.view ?? null;
    if (view !== null) return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
    return new Uint8Array(cc < READ_MAX ? cc || 1 : READ_MAX);
  }

  private deliver(bytes: Uint8Array<ArrayBuffer>, n: number): void {
    const c = this.controller as ReadableByteStreamController;
    this.wanted = false; // before the stream may ask again
    if (c.byobRequest !== null) c.byobRequest.respond(n);
    else c.enqueue(n === bytes.length ? bytes : bytes.subarray(0, n));
  }

  private end(): void {
    this.close();
    this.owner.recvDone(true);
  }

  /** The application does not want what waits and what will come. Taking it first lets the peer's window open. */
  private cancel(): void {
    if (this.done) return;
    this.done = true;
    this.rest = null;
    if (this.so !== null) discard(this.so);
    this.owner.recvDone(false);
  }

  /** Readers see the end. */
  close(): void {
    this.so = null;
    if (this.done) return;
    this.done = true;
    this.rest = null;
    const c = this.controller as ReadableByteStreamController;
    c.close();
    c.byobRequest?.respond(0);
  }

  /** Readers see `error`, after the rest that an earlier error left to them. */
  fail(error: unknown): void {
    this.so = null;
    if (this.done || this.rest !== null) return;
    this.breakOff(error);
  }

  private breakOff(error: unknown): void {
    this.done = true;
    this.rest = null;
    this.controller?.error(error);
  }

  /** Readers see what the socket still has, and then `error`. The socket is not needed after this. */
  failAfterRest(error: unknown): void {
    const so = this.so;
    this.so = null;
    if (this.done) return;
    const cc = so === null ? 0 : so.rcv.cc;
    if (so === null || cc === 0) {
      this.fail(error);
      return;
    }
    const rest = new Uint8Array(cc);
    const n = soreceiveBytes(so, rest, 0, cc, 0);
    this.rest = n === cc ? rest : rest.subarray(0, n < 0 ? 0 : n);
    this.failure = error;
    this.resume();
  }
}

/** Throws away what waits, so that the peer's window opens, and what will come. */
function discard(so: KernSocket): void {
  if (so.rcv.cc > 0) mFreem(soreceiveChain(so, so.rcv.cc, 0));
  soshutdown(so, SHUT_RD);
}
