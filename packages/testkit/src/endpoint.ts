import { EWOULDBLOCK } from '@ns/errno';
import type { Clock } from '@ns/callout';
import { type Socket, soclose, soreceiveBytes, sosendCopy, soshutdown, type SoUpcall, SHUT_WR, SO_CONNECTED, SO_DISCONNECTED, SO_ERROR_EVENT, SS_ISCONNECTED } from '@ns/socket';
import type { Pattern } from './pattern.ts';

const READ_SIZE = 65536;

/** What an endpoint does with its socket. @public */
export interface EndpointPlan {
  /** Bytes to send. */
  readonly send: number;
  /** What they are. */
  readonly sendPattern: Pattern;
  /** Bytes expected. */
  readonly receive: number;
  /** What they have to be. */
  readonly receivePattern: Pattern;
  /** Most bytes of one write; default: as many as fit. */
  readonly chunk?: number;
  /** Shut down for writing when all is sent. */
  readonly finish: boolean;
}

/**
 * One end of a transfer: writes its bytes as the socket takes them, and checks each byte that comes in.
 * @public
 */
export class LabEndpoint implements SoUpcall {
  /** The socket; closed by {@link LabEndpoint.close}. */
  readonly so: Socket;
  /** Bytes that the socket has taken. */
  sent: number;
  /** Bytes that came in and were right. */
  received: number;
  /** Position of the first wrong byte; -1: none. */
  wrongAt: number;
  /** Bytes beyond what was expected. */
  surplus: number;
  /** End of data was read. */
  eof: boolean;
  /** Errno that ended it; 0: none. */
  error: number;
  /** Whether the connection is established. */
  connected: boolean;
  /** Whether the socket has been closed here. */
  closed: boolean;
  /** Reading is suspended: the window closes as the buffer fills. {@link LabEndpoint.resume} goes on. */
  paused: boolean;
  /** When the last byte came in, µs; NaN before. */
  lastUs: number;
  private readonly plan: EndpointPlan;
  private readonly clock: Clock;
  private readonly buf: Uint8Array;
  private shut: boolean;

  constructor(so: Socket, plan: EndpointPlan, clock: Clock) {
    this.so = so;
    this.plan = plan;
    this.clock = clock;
    this.sent = 0;
    this.received = 0;
    this.wrongAt = -1;
    this.surplus = 0;
    this.eof = false;
    this.error = 0;
    this.connected = (so.state & SS_ISCONNECTED) !== 0;
    this.closed = false;
    this.paused = false;
    this.lastUs = NaN;
    this.buf = new Uint8Array(READ_SIZE);
    this.shut = false;
    so.upcall = this;
  }

  /** All is sent and received as planned. */
  get done(): boolean {
    return this.sent >= this.plan.send && this.received >= this.plan.receive;
  }

  /** What the socket says: reads and writes. */
  soupcall(_so: Socket, events: number): void {
    if (this.closed) return;
    if ((events & SO_CONNECTED) !== 0) this.connected = true;
    if ((events & (SO_ERROR_EVENT | SO_DISCONNECTED)) !== 0 && this.so.error !== 0) this.fail(this.so.error);
    this.read();
    this.write();
  }

  /** Begins, or goes on after {@link LabEndpoint.paused}. */
  resume(): void {
    this.paused = false;
    this.read();
    this.write();
  }

  /** Closes the socket, once. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.so.upcall = null;
    soclose(this.so);
  }

  private fail(errno: number): void {
    if (this.error === 0) this.error = errno;
  }

  private write(): void {
    const { plan, so } = this;
    if (!this.connected || this.shut || this.error !== 0) return;
    while (this.sent < plan.send) {
      const p = plan.sendPattern;
      const want = Math.min(plan.send - this.sent, p.run(this.sent), plan.chunk ?? Infinity);
      const n = sosendCopy(so, null, p.bytes, p.offset(this.sent), want, 0);
      if (n <= 0) {
        if (n !== -EWOULDBLOCK) this.fail(-n);
        return;
      }
      this.sent += n;
    }
    if (!plan.finish) return;
    this.shut = true;
    const errno = soshutdown(so, SHUT_WR);
    if (errno !== 0) this.fail(errno);
  }

  private read(): void {
    const { plan, so, buf } = this;
    while (!this.paused && !this.eof && !this.closed) {
      const n = soreceiveBytes(so, buf, 0, buf.length, 0);
      if (n === 0) this.eof = true;
      else if (n === -EWOULDBLOCK) return;
      else if (n < 0) {
        if (this.connected) this.fail(-n);
        return;
      } else this.take(plan, n);
    }
  }

  private take(plan: EndpointPlan, n: number): void {
    const want = Math.min(n, plan.receive - this.received);
    this.surplus += n - want;
    const ok = plan.receivePattern.match(this.received, this.buf, 0, want);
    if (ok < want && this.wrongAt < 0) this.wrongAt = this.received + ok;
    this.received += ok < want ? 0 : want;
    this.lastUs = this.clock.nowUs();
  }
}
