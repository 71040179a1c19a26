import { GRPREC_CHANGE_TO_EXCLUDE_MODE, GRPREC_MODE_IS_EXCLUDE } from '@ns/wire';
import type { McastIo, McastRecord } from './mcast-report.ts';

/** Bytes of a group record beside its addresses: type, auxiliary length, number of sources (RFC 3376 §4.2.4, RFC 3810 §5.2.4). */
const RECORD_FIXED = 4;

/** Sends records in as many reports as it takes. */
export function mcastSend(io: McastIo, records: readonly McastRecord[]): void {
  const { addrLen } = io;
  const room = io.room();
  const hdr = RECORD_FIXED + addrLen;
  let batch: McastRecord[] = [];
  let used = 0;
  for (const whole of records) {
    for (const r of pieces(whole, Math.floor((room - hdr) / addrLen))) {
      const len = hdr + addrLen * r.sources.length;
      if (used + len > room) {
        if (used > 0) io.report(batch, used);
        batch = [];
        used = 0;
      }
      batch.push(r);
      used += len;
    }
  }
  if (used > 0) io.report(batch, used);
}

/** A record in as many as fit into packets: exclude lists are cut short, others go on in the next (RFC 3376 §4.2.16, RFC 3810 §5.2.15). */
function pieces(r: McastRecord, max: number): McastRecord[] {
  if (r.sources.length <= max) return [r];
  if (r.type === GRPREC_MODE_IS_EXCLUDE || r.type === GRPREC_CHANGE_TO_EXCLUDE_MODE) return [{ ...r, sources: r.sources.slice(0, max) }];
  const out: McastRecord[] = [];
  for (let i = 0; i < r.sources.length; i += max) out.push({ ...r, sources: r.sources.slice(i, i + max) });
  return out;
}
