// @hot
import type { if_t } from '@ns/ifnet-kpi';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { PFIL_CONSUMED, PFIL_DROPPED, PFIL_PASS, PFIL_REALLOCED } from '@ns/pfil-kpi';
import type { PfilHead, PfilHookEntry } from './head.ts';

/**
 * Shows a packet to the hooks of a head, one after the other until one takes it. Consumes m; returns the packet to go on with, which may be another one, or null when there is none:
 * `head.verdict` then says PFIL_DROPPED (a sender is told EACCES) or PFIL_CONSUMED.
 *
 * Guard it: `if (head.nhooksin > 0) ...`. Hooks may send packets, and so come back here.
 *
 * @param ifp - where the packet came in, or where it will go out
 * @param flags - PFIL_IN, PFIL_OUT, or PFIL_OUT | PFIL_FWD
 *
 * Source: FreeBSD pfil.c, pfil_run_hooks().
 * @public
 */
export function pfilRun(head: PfilHead, m0: Mbuf, ifp: if_t, flags: number): Mbuf | null {
  const hooks = head.chain(flags);
  const p = head.packet;
  let m: Mbuf = m0;
  for (let i = 0; i < hooks.length; i++) {
    const hook = hooks[i] as PfilHookEntry;
    hook.packets++;
    const verdict = hook.mbufChk(m, ifp, flags, hook.ruleset, p);
    if (verdict === PFIL_PASS) continue;
    if (verdict === PFIL_REALLOCED) {
      const other = p.m;
      p.m = null;
      if (other !== null) {
        m = other;
        continue;
      }
    }
    return stop(head, hook, m, verdict);
  }
  head.verdict = PFIL_PASS;
  return m;
}

/** The packet does not go on. A verdict that does not exist is a drop; another packet that is none is one consumed. */
function stop(head: PfilHead, hook: PfilHookEntry, m: Mbuf, verdict: number): null {
  if (verdict === PFIL_CONSUMED || verdict === PFIL_REALLOCED) {
    head.verdict = PFIL_CONSUMED;
    return null;
  }
  hook.dropped++;
  mFreem(m);
  head.verdict = PFIL_DROPPED;
  return null;
}
