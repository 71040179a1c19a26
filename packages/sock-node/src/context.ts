import dns from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Kernel, Vnet } from '@ns/kern';
import type { Ucred } from '@ns/vnet';

/** The longest delay that setInterval takes. */
const FOREVER_MS = 0x7fffffff;

/** What every socket of one `createNet()` shares: the stack it lives in, and what keeps the process alive meanwhile. */
export class NetContext {
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly cred: Ucred;
  readonly lookup: LookupFunction;
  private refs: number;
  private timer: NodeJS.Timeout | null;

  constructor(vnet: Vnet, cred: Ucred, lookup: LookupFunction | undefined) {
    this.kernel = vnet.kernel;
    this.vnet = vnet;
    this.cred = cred;
    this.lookup = lookup ?? (dns.lookup as LookupFunction);
    this.refs = 0;
    this.timer = null;
  }

  /** One more open socket that keeps the process alive. */
  ref(): void {
    if (this.refs++ === 0) this.timer = setInterval(() => {}, FOREVER_MS);
  }

  /** One less. */
  unref(): void {
    if (--this.refs > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }
}

/** Whether one socket counts: opened, and neither closed nor unref'd. */
export class KeepAlive {
  private readonly ctx: NetContext;
  private open: boolean;
  private wanted: boolean;

  constructor(ctx: NetContext) {
    this.ctx = ctx;
    this.open = false;
    this.wanted = true;
  }

  setOpen(open: boolean): void {
    this.update(open, this.wanted);
  }

  setWanted(wanted: boolean): void {
    this.update(this.open, wanted);
  }

  get hasRef(): boolean {
    return this.wanted;
  }

  private update(open: boolean, wanted: boolean): void {
    const was = this.open && this.wanted;
    this.open = open;
    this.wanted = wanted;
    const is = open && wanted;
    if (is && !was) this.ctx.ref();
    if (was && !is) this.ctx.unref();
  }
}
