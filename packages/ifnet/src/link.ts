import { LINK_STATE_DOWN, LINK_STATE_UP } from '@ns/ifnet-kpi';
import type { IfnetCore } from './core.ts';
import { IFNET_LINK_EVENT } from './events.ts';
import type { Ifnet } from './ifnet.ts';

/**
 * The link of an interface has gone up or down. The state is stored at once and announced from a software interrupt, so several changes may become one.
 * Source: FreeBSD if_link_state_change().
 * @public
 */
export function ifLinkStateChange(ifp: Ifnet, state: number): void {
  if (ifp.linkState === state) return;
  ifp.linkState = state;
  if (!ifp.attached) return;
  if (ifp.linkPending++ === 0) ifp.core.linkQueue.push(ifp);
  ifp.core.kernel.swi.schedule(ifp.core.linkSwi);
}

/** Software interrupt: announces. Source: FreeBSD do_link_state_change(). */
export function linkSwi(core: IfnetCore): number {
  const queue = core.linkQueue;
  core.linkQueue = [];
  const now = core.kernel.host.clock.nowUs();
  for (const ifp of queue) {
    const pending = ifp.linkPending;
    if (pending === 0) continue;
    ifp.linkPending = 0;
    ifp.lastchangeUs = now;
    core.kernel.events.invoke(IFNET_LINK_EVENT, ifp.vnet, ifp, ifp.linkState);
    if (pending > 1) ifp.vnet.log.info(ifp.name, `${pending} link states coalesced`);
    if (core.logLinkStateChange) ifp.vnet.log.notice(ifp.name, `link state changed to ${linkStateName(ifp.linkState)}`);
  }
  return queue.length;
}

/** Forgets what is to be announced of an interface that goes away. */
export function linkForget(ifp: Ifnet): void {
  ifp.linkPending = 0;
  ifp.core.linkQueue = ifp.core.linkQueue.filter((x) => x !== ifp);
}

/** UP, DOWN or UNKNOWN. */
function linkStateName(state: number): string {
  return state === LINK_STATE_UP ? 'UP' : state === LINK_STATE_DOWN ? 'DOWN' : 'UNKNOWN';
}
