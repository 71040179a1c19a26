/** A lifetime that does not end, seconds. Source: RFC 4861 §4.6.2. @public */
export const ND6_INFINITE_LIFETIME = 0xffffffff;

/** Below this remaining lifetime an unauthenticated advertisement shortens nothing, seconds. */
const TWOHOUR = 7200;
const SEC = 1000000;

/**
 * The valid lifetime that an address of `remaining` seconds gets by an advertisement of `advertised` seconds: nobody on the link can make it invalid at once by a forged message.
 * Source: RFC 4862 §5.5.3 (e); FreeBSD nd6_rtr.c, prelist_update().
 * @public
 */
export function slaacValidLifetime(remaining: number, advertised: number): number {
  if (advertised > TWOHOUR || advertised > remaining) return advertised;
  return remaining <= TWOHOUR ? remaining : TWOHOUR;
}

/** Kernel time (µs) at which a lifetime of `sec` seconds that begins at `nowUs` ends; 0 for one that does not. */
export function lifetimeEndUs(nowUs: number, sec: number): number {
  return sec >= ND6_INFINITE_LIFETIME ? 0 : Math.max(1, nowUs + sec * SEC);
}

/** Whole seconds that are left of a lifetime that ends at `endUs`, rounded up; {@link ND6_INFINITE_LIFETIME} for one that does not end. */
export function lifetimeLeft(nowUs: number, endUs: number): number {
  return endUs === 0 ? ND6_INFINITE_LIFETIME : Math.max(0, Math.ceil((endUs - nowUs) / SEC));
}
