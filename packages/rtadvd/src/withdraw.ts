import type { Ifnet } from '@ns/ifnet';
import { type InAddr, inAddrEqual } from '@ns/wire';
import { advHolds, type AdvPrefix } from './advert.ts';
import type { RtadvStat } from './rtadv-vnet.ts';

/**
 * How long a prefix that is gone is said to be over: as long as a host may keep addresses of it after it has heard so (RFC 4862 §5.5.3 e), for those that miss the first times.
 * Source: FreeBSD rtadvd/config.c, prefix_timo.
 */
const WITHDRAW_US = 7200 * 1000000;
/** Prefixes that are said to be over at a time; of more, those that have been gone longest are forgotten. */
const MAX_WITHDRAWN = 16;

/** A prefix that hosts have been told of. */
interface Told {
  readonly prefix: InAddr;
  readonly prefixlen: number;
  /** When it was first said to be over, µs; -1 while it is not. */
  goneUs: number;
}

/** The prefixes that a link has been told of, and which of them are gone. Source: FreeBSD rtadvd/config.c, invalidate_prefix(), prefix_timeout(). */
export class ToldPrefixes {
  private readonly stat: RtadvStat;
  private list: Told[];

  constructor(stat: RtadvStat) {
    this.stat = stat;
    this.list = [];
  }

  /** The prefixes that are to be said to be over at `nowUs`, with no lifetime left. */
  withdrawn(ifp: Ifnet, nowUs: number): AdvPrefix[] {
    for (const t of this.list) {
      if (advHolds(ifp, t.prefix, t.prefixlen)) t.goneUs = -1;
      else if (t.goneUs < 0) t.goneUs = nowUs;
    }
    const gone = this.list.filter((t) => t.goneUs >= 0 && nowUs - t.goneUs < WITHDRAW_US).sort((a, b) => b.goneUs - a.goneUs);
    this.stat.withdrawn_left += Math.max(0, gone.length - MAX_WITHDRAWN);
    const kept = gone.slice(0, MAX_WITHDRAWN);
    this.list = [...this.list.filter((t) => t.goneUs < 0), ...kept];
    return kept.map(({ prefix, prefixlen }) => ({ prefix, prefixlen, validSec: 0, preferredSec: 0 }));
  }

  /** Those that have been said to be over, and how long they will be, µs; for displays. */
  gone(ifp: Ifnet, nowUs: number): { readonly prefix: InAddr; readonly prefixlen: number; readonly leftUs: number }[] {
    return this.list
      .filter((t) => t.goneUs >= 0 && nowUs - t.goneUs < WITHDRAW_US && !advHolds(ifp, t.prefix, t.prefixlen))
      .map(({ prefix, prefixlen, goneUs }) => ({ prefix, prefixlen, leftUs: goneUs + WITHDRAW_US - nowUs }));
  }

  /** These have been said. */
  say(prefixes: readonly AdvPrefix[]): void {
    for (const { prefix, prefixlen } of prefixes) {
      if (!this.list.some((t) => t.prefixlen === prefixlen && inAddrEqual(t.prefix, prefix))) this.list.push({ prefix, prefixlen, goneUs: -1 });
    }
  }
}
