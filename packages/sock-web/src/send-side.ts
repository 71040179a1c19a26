import { EPIPE, errnoException, EWOULDBLOCK } from '@ns/errno';
import { SBS_CANTSENDMORE, sbspace, SHUT_WR, sosendBytes, sosendCopy, soshutdown, type Socket as KernSocket } from '@ns/socket';
import { bytesOf } from './context.ts';
import { Deferred, ignore } from './deferred.ts';

/** Bytes queued before the stream, the send buffer apart, asks its producer to wait: as much as a Node stream takes. */
const HIGH_WATER = 16384;
/** Writes from this size on travel in memory of their own by reference; smaller ones are copied into the pool. */
const EXT_MIN = 4096;

/** Whom a {@link SendSide} tells what the socket as a whole has to know. */
export interface SendOwner {
  /** The FIN is on its way. */
  sendDone(): void;
  /** The stack refused a write. */
  sendFailed(errno: number): void;
  /** The application aborted the stream, or wrote what cannot be written: nothing whole can be sent any more. */
  sendAborted(reason: unknown): void;
}

/** The sending half of a stream socket: a WritableStream before the send buffer. */
export class SendSide {
  readonly writable: WritableStream<ArrayBufferView | ArrayBuffer>;
  /** Fulfilled with the FIN. */
  readonly fin: Deferred<void>;
  /** Nothing can be sent any more: the FIN is out, or the socket has failed. */
  done: boolean;
  private readonly owner: SendOwner;
  private so: KernSocket | null;
  private controller: WritableStreamDefaultController | null;
  /** The write under way, of which bytes from `off` on have not been taken. */
  private chunk: Uint8Array | null;
  private off: number;
  private write: Deferred<void> | null;
  /** Writes that the stream has and that are not done. */
  private queued: number;
  /** A FIN follows the last of them. */
  private ending: boolean;
  private failure: unknown;

  constructor(owner: SendOwner) {
    this.fin = new Deferred();
    this.done = false;
    this.owner = owner;
    this.so = null;
    this.controller = null;
    this.chunk = null;
    this.off = 0;
    this.write = null;
    this.queued = 0;
    this.ending = false;
    this.failure = null;
    this.writable = new WritableStream<ArrayBufferView | ArrayBuffer>(
      {
        start: (controller) => this.start(controller),
        write: (chunk) => this.writeChunk(chunk),
        close: () => this.close(),
      },
      { highWaterMark: HIGH_WATER, size: (chunk) => this.enter(chunk) },
    );
  }

  private start(controller: WritableStreamDefaultController): void {
    this.controller = controller;
    // The abort() of the underlying sink would only come after a write that waits, for ever perhaps.
    const onAbort = (): void => {
      this.controller = null; // the stream is on its way to be errored, with this reason
      this.owner.sendAborted(controller.signal.reason);
    };
    controller.signal.addEventListener('abort', onAbort, { once: true });
  }

  /** The connection is there. */
  open(so: KernSocket): void {
    this.so = so;
    this.resume();
    if (this.ending && this.queued === 0) this.sendFin();
  }

  /** A write has not been taken wholly. */
  get cut(): boolean {
    return this.chunk !== null;
  }

  /* ---- writes ---- */

  /** Called for each chunk on its way into the queue. */
  private enter(chunk: unknown): number {
    this.queued++;
    return bytesOf(chunk)?.length ?? 1;
  }

  private writeChunk(chunk: unknown): Promise<void> | undefined {
    const bytes = bytesOf(chunk);
    if (bytes === null) {
      const e = new TypeError('A chunk must be an ArrayBuffer or a view of one');
      this.owner.sendAborted(e);
      throw e;
    }
    if (this.done) throw this.failure ?? errnoException(EPIPE, 'write');
    this.chunk = bytes;
    this.off = 0;
    const errno = this.flush();
    if (errno !== 0) {
      this.owner.sendFailed(errno);
      throw this.failure;
    }
    if (this.chunk === null) return undefined;
    this.write = new Deferred();
    return this.write.promise;
  }

  /** Hands over as much of the write under way as there is room for. Returns an errno. */
  private flush(): number {
    const so = this.so;
    const chunk = this.chunk;
    if (so === null || chunk === null) return 0;
    while (this.off < chunk.length) {
      const n = this.hand(so, chunk);
      if (n === -EWOULDBLOCK) return 0;
      if (n < 0) return -n;
      this.off += n;
    }
    this.chunk = null;
    this.queued--;
    if (this.ending && this.queued === 0) this.sendFin();
    return 0;
  }

  private hand(so: KernSocket, chunk: Uint8Array): number {
    const left = chunk.length - this.off;
    const space = sbspace(so.snd);
    const n = left < space ? left : space;
    if (n < EXT_MIN) return sosendCopy(so, null, chunk, this.off, left, 0);
    const copy = new Uint8Array(chunk.subarray(this.off, this.off + n));
    return sosendBytes(so, copy, 0, n, null, null, 0);
  }

  /** There may be room. Goes on when there is for what is left or for a third of the buffer, lest a write goes out in crumbs. */
  resume(): void {
    const so = this.so;
    const chunk = this.chunk;
    if (so === null || chunk === null) return;
    const left = chunk.length - this.off;
    const third = Math.floor(so.snd.hiwat / 3);
    if (sbspace(so.snd) < (left < third ? left : third) && (so.snd.state & SBS_CANTSENDMORE) === 0) return;
    const errno = this.flush();
    if (errno !== 0) this.owner.sendFailed(errno);
    else if (this.chunk === null) this.settle();
  }

  private settle(): void {
    this.write?.resolve();
    this.write = null;
  }

  /* ---- the end ---- */

  /** The stream was closed, and all its writes are done. */
  private close(): Promise<void> | undefined {
    if (this.done) {
      if (this.failure !== null) throw this.failure;
      return undefined;
    }
    this.queued = 0;
    this.ending = true;
    if (this.so !== null) this.sendFin();
    return this.fin.promise;
  }

  /**
   * Ends sending after what was written. A stream that the application has locked cannot be closed from here: it stays open, for the application to close, but its writes
   * fail from then on.
   */
  end(): void {
    if (this.done || this.ending) return;
    if (!this.writable.locked) {
      this.writable.close().catch(ignore);
      return;
    }
    this.ending = true;
    if (this.so !== null && this.queued === 0) this.sendFin();
  }

  private sendFin(): void {
    if (this.done) return;
    this.done = true;
    soshutdown(this.so as KernSocket, SHUT_WR); // that the peer is gone already is no error of this side
    this.fin.resolve();
    this.owner.sendDone();
  }

  /** The socket has failed, or is closed with `error` for a reason: writes reject with it. */
  fail(error: unknown): void {
    this.so = null;
    if (this.done) return;
    this.done = true;
    this.failure = error;
    this.chunk = null;
    this.controller?.error(error);
    this.write?.reject(error);
    this.write = null;
    this.fin.reject(error);
  }
}
