/* Whether the record of what a connection has outstanding is whole. */
import type { Tcpcb } from '../src/tcpcb.ts';

/** What is wrong with the map of a connection with a function block; empty: nothing. Records tile it, sums are right, and those in flight are in order of time. */
export function mapProblem(tp: Tcpcb): string {
  if (tp.rec === null) return 'no block';
  const { map } = tp.rec;
  let at = map.una;
  let [sacked, lost, records, inFlight] = [0, 0, 0, 0];
  for (let s = map.head; s !== null; s = s.next) {
    const len = (s.end - s.start) | 0;
    if (s.start !== at || len <= 0) return `record ${s.start}-${s.end} at ${at}`;
    if ((s.flags & 1) !== 0) sacked += len;
    else if ((s.flags & 2) !== 0) lost += len;
    else inFlight++;
    if ((s.next === null ? map.tail : s.next.prev) !== s) return 'neighbours disagree';
    records++;
    at = s.end;
  }
  if (at !== map.end) return `records end at ${at}, the map at ${map.end}`;
  if (sacked !== map.sackedBytes || lost !== map.lostBytes || records !== map.records) return `sums: ${[sacked, map.sackedBytes, lost, map.lostBytes, records, map.records]}`;
  if (map.una !== tp.sndUna || map.end !== tp.sndMax) return `map ${map.una}-${map.end}, connection ${tp.sndUna}-${tp.sndMax}`;
  let before = -1;
  for (let s = map.oldest; s !== null; s = s.later) {
    if (s.xmitUs < before || (s.flags & 3) !== 0) return 'order of time';
    before = s.xmitUs;
    inFlight--;
  }
  return inFlight === 0 ? '' : `${inFlight} in flight are not in the order of time`;
}
