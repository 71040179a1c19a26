import type { NetisrSnapshot } from '@ns/netisr';
import { checkSnapshot, type Snapshot } from '../snapshot/version.ts';
import { left, right, vis } from '../text/format.ts';

/** Dispatch of packets in a kernel at one moment. @public */
export type IsrSnapshot = Snapshot & NetisrSnapshot;

const setting = (name: string, current: string | number, limit: string | number): string => `${left(name, 25)} ${right(current, 12)} ${right(limit, 12)}`;

/** Dispatch of packets as `netstat -Q` shows it. Source: FreeBSD netstat/netisr.c. @public */
export function renderNetstatIsr(s: IsrSnapshot): string {
  checkSnapshot('netstat -Q', s);
  const rows = [
    'Configuration:',
    setting('Setting', 'Current', 'Limit'),
    setting('Thread count', s.numthreads, s.maxthreads),
    setting('Default queue limit', s.defaultqlimit, s.maxqlimit),
    setting('Dispatch policy', s.dispatch, 'n/a'),
    setting('Threads bound to CPUs', s.bindthreads ? 'enabled' : 'disabled', 'n/a'),
    '',
    'Protocols:',
    `${left('Name', 6)} ${right('Proto', 5)} ${right('QLimit', 6)} ${left('Policy', 6)} ${left('Dispatch', 8)} ${left('Flags', 5)}`,
  ];
  for (const p of s.protocols) {
    rows.push(`${left(vis(p.name), 6, 6)} ${right(p.proto, 5)} ${right(p.qlimit, 6)} ${right(p.policy, 6)} ${right(p.dispatch, 8)}   ${p.flags}`);
  }
  const heads = ['Len', 'WMark', "Disp'd", "HDisp'd", 'QDrops', 'Queued', 'Handled'].map((h, i) => right(h, i < 2 ? 5 : 8)).join(' ');
  rows.push('', 'Workstreams:', `${right('WSID', 4)} ${right('CPU', 3)}   ${left('Name', 6)} ${heads}`);
  for (const w of s.workstreams) {
    const counts = [w.len, w.watermark, w.dispatched, w.hybridDispatched, w.qdrops, w.queued, w.handled].map((n, i) => right(n, i < 2 ? 5 : 8)).join(' ');
    rows.push(`${right(w.wsid, 4)} ${right(w.cpu, 3)}   ${left(vis(w.name), 6, 6)} ${counts}`);
  }
  return rows.map((r) => `${r}\n`).join('');
}
