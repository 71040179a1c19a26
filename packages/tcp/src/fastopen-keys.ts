import { Callout, type CalloutWheel } from '@ns/callout';
import type { Random } from '@ns/kern';
import { AF_INET, type InAddr } from '@ns/wire';
import { SipHash24 } from './siphash.ts';

/** Bytes of a key and of a pre-shared key: those of SipHash. Source: FreeBSD TCP_FASTOPEN_KEY_LEN, TCP_FASTOPEN_PSK_LEN. */
export const TCP_FASTOPEN_KEY_LEN = 16;
/** Bytes of the cookies that we give. Source: FreeBSD TCP_FASTOPEN_COOKIE_LEN. */
export const TCP_FASTOPEN_COOKIE_LEN = 8;
/** Keys in use at a time. */
export const TCP_FASTOPEN_MAX_KEYS = 2;
/** Pre-shared keys in use at a time. */
export const TCP_FASTOPEN_MAX_PSKS = 2;

/** Verdict of {@link FastopenKeys.check}: there is no key to make cookies with. */
export const TFO_NO_KEY = -1;
/** Verdict: not a cookie of ours; `cookie` has one to give. */
export const TFO_BAD_COOKIE = 0;
/** Verdict: good; `cookie` has the newest. */
export const TFO_GOOD_COOKIE = 1;

/**
 * The secrets that a server makes cookies with: a cookie is the SipHash-2-4 of the client's address. The newest key makes them, each installed one is honoured, so a key can be
 * changed without refusing the clients of the last. With pre-shared keys a client must send the SipHash of its cookie under one of those: who has seen cookies pass cannot use them.
 * No callout runs while the server side is off.
 * Source: RFC 7413 §4.1.2; FreeBSD tcp_fastopen.c.
 */
export class FastopenKeys {
  /** `net.inet.tcp.fastopen.acceptany`: every cookie is good. */
  acceptany: boolean;
  /** `net.inet.tcp.fastopen.autokey`: seconds until a new key is made, 0 = never. */
  autokeySec: number;
  /** Whether the server side is on. */
  enabled: boolean;
  /** Whether pre-shared keys are asked for. */
  pskEnabled: boolean;
  /** The cookie to give to the client of the last {@link FastopenKeys.check}. */
  readonly cookie: Uint8Array;
  /** The newest first. */
  private readonly keys: SipHash24[];
  private readonly psks: SipHash24[];
  private readonly random: Random;
  private readonly wheel: CalloutWheel;
  private readonly callout: Callout<FastopenKeys>;
  private readonly want: Uint8Array;
  private readonly plain: Uint8Array;

  constructor(wheel: CalloutWheel, random: Random) {
    this.acceptany = false;
    this.autokeySec = 120;
    this.enabled = false;
    this.pskEnabled = false;
    this.cookie = new Uint8Array(TCP_FASTOPEN_COOKIE_LEN);
    this.keys = [];
    this.psks = [];
    this.random = random;
    this.wheel = wheel;
    this.callout = new Callout<FastopenKeys>(autokey, this);
    this.want = new Uint8Array(TCP_FASTOPEN_COOKIE_LEN);
    this.plain = new Uint8Array(TCP_FASTOPEN_COOKIE_LEN);
  }

  /** `net.inet.tcp.fastopen.numkeys` */
  get numkeys(): number {
    return this.keys.length;
  }

  /** `net.inet.tcp.fastopen.numpsks` */
  get numpsks(): number {
    return this.psks.length;
  }

  /** Installs a key of {@link TCP_FASTOPEN_KEY_LEN} bytes; beyond the limit the oldest goes. Source: tcp_fastopen_addkey_locked(). */
  addKey(key: Uint8Array): void {
    this.keys.unshift(new SipHash24(key));
    if (this.keys.length > TCP_FASTOPEN_MAX_KEYS) this.keys.pop();
  }

  /** Installs a pre-shared key. Source: tcp_fastopen_addpsk_locked(). */
  addPsk(psk: Uint8Array): void {
    this.psks.unshift(new SipHash24(psk));
    if (this.psks.length > TCP_FASTOPEN_MAX_PSKS) this.psks.pop();
  }

  /** Turns the server side on, with a first key if there is none and keys are made by themselves; or off, which forgets all keys. Source: sysctl_net_inet_tcp_fastopen_server_enable(). */
  setEnabled(on: boolean): void {
    if (this.enabled === on) return;
    this.enabled = on;
    if (!on) {
      this.keys.length = 0;
      this.psks.length = 0;
      this.wheel.stop(this.callout);
    } else if (this.autokeySec > 0 && this.keys.length === 0) {
      this.rotate();
    }
  }

  /** Off forgets the pre-shared keys. Source: sysctl_net_inet_tcp_fastopen_psk_enable(). */
  setPskEnabled(on: boolean): void {
    this.pskEnabled = on;
    if (!on) this.psks.length = 0;
  }

  /** Source: sysctl_net_inet_tcp_fastopen_autokey(). */
  setAutokey(sec: number): void {
    this.autokeySec = sec;
    if (!this.enabled) return;
    if (sec > 0) this.wheel.reset(this.callout, sec * 1e6);
    else this.wheel.stop(this.callout);
  }

  /** A fresh key, and the next after `autokeySec`. Source: tcp_fastopen_autokey_callout(). */
  rotate(): void {
    const key = new Uint8Array(TCP_FASTOPEN_KEY_LEN);
    this.random.fill(key);
    this.addKey(key);
    if (this.autokeySec > 0) this.wheel.reset(this.callout, this.autokeySec * 1e6);
  }

  /**
   * Whether the first `len` bytes of `got` are a cookie of client `faddr`: TFO_*.
   * Differs: with `acceptany` FreeBSD takes a request for a cookie as one, and gives cookies of zeros also when it has a key.
   * Source: tcp_fastopen_check_cookie().
   */
  check(faddr: InAddr, got: Uint8Array, len: number): number {
    if (this.keys.length > 0) cookieOf(this.keys[0] as SipHash24, faddr, this.cookie);
    else if (this.acceptany) this.cookie.fill(0);
    else return TFO_NO_KEY;
    if (this.acceptany && len > 0) return TFO_GOOD_COOKIE;
    if (len !== TCP_FASTOPEN_COOKIE_LEN) return TFO_BAD_COOKIE;
    let good = 0;
    // Each is tried, whichever matches: the time taken says nothing.
    for (const key of this.keys) {
      cookieOf(key, faddr, this.want);
      good |= this.pskEnabled ? this.matchesPsk(got) : equal(got, this.want);
    }
    return good;
  }

  /** For the end of the vnet. */
  destroy(): void {
    this.setEnabled(false);
  }

  /** Source: tcp_fastopen_find_cookie_match_locked(). */
  private matchesPsk(got: Uint8Array): number {
    let good = 0;
    this.plain.set(this.want);
    for (const psk of this.psks) {
      hashBytes(psk, this.plain, TCP_FASTOPEN_COOKIE_LEN, this.want);
      good |= equal(got, this.want);
    }
    return good;
  }
}

function autokey(k: FastopenKeys): void {
  k.rotate();
}

/** The cookie that a client sends which has the pre-shared key: into `out`, 8 bytes. Source: tcp_fastopen_make_psk_cookie(). */
export function pskCookie(psk: Uint8Array, cookie: Uint8Array, len: number, out: Uint8Array): void {
  hashBytes(new SipHash24(psk), cookie, len, out);
}

/** SipHash of an address in network byte order: what FreeBSD makes of it, so that machines which share a key share its cookies. Source: tcp_fastopen_make_cookie(). */
function cookieOf(key: SipHash24, faddr: InAddr, out: Uint8Array): void {
  key.begin();
  if (faddr.af === AF_INET) {
    key.end(swap(faddr.w3), 0, 4);
  } else {
    key.add(swap(faddr.w0), swap(faddr.w1));
    key.add(swap(faddr.w2), swap(faddr.w3));
    key.end();
  }
  put(key, out);
}

/** SipHash of the first `len` bytes. */
function hashBytes(key: SipHash24, bytes: Uint8Array, len: number, out: Uint8Array): void {
  key.begin();
  const whole = len & ~7;
  for (let i = 0; i < whole; i += 8) key.add(le32(bytes, i, len), le32(bytes, i + 4, len));
  key.end(le32(bytes, whole, len), le32(bytes, whole + 4, len), len - whole);
  put(key, out);
}

/** Four bytes at `i`, those from `len` on as zeros. */
function le32(b: Uint8Array, i: number, len: number): number {
  let w = 0;
  for (let j = 3; j >= 0; j--) w = (w << 8) | (i + j < len ? (b[i + j] as number) : 0);
  return w;
}

const swap = (w: number): number => (w << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24);

function put(key: SipHash24, out: Uint8Array): void {
  for (let i = 0; i < 4; i++) {
    out[i] = key.lo >>> (8 * i);
    out[4 + i] = key.hi >>> (8 * i);
  }
}

/** 1 if the cookies are the same, else 0; takes the same time for any. */
function equal(a: Uint8Array, b: Uint8Array): number {
  let diff = 0;
  for (let i = 0; i < TCP_FASTOPEN_COOKIE_LEN; i++) diff |= (a[i] as number) ^ (b[i] as number);
  return diff === 0 ? 1 : 0;
}
