import { TcpHdr, TcpOpt } from '@ns/wire';
import type { SackHole } from './sack.ts';
import type { SentSeg } from './sendmap.ts';

/**
 * The local variables of tcpOutput, which its steps share: one record for each vnet, since output never recurses.
 */
export class OutState {
  readonly th: TcpHdr;
  readonly to: TcpOpt;
  /** Nothing was outstanding when output began. */
  idle: boolean;
  /** Where the segment begins, from sndUna. */
  off: number;
  /** Payload bytes. */
  len: number;
  /** TH_* */
  flags: number;
  /** What the peer and the network take. */
  sendwin: number;
  /** Window to advertise. */
  recwin: number;
  /** More segments follow this one. */
  sendalot: boolean;
  /** Segment by the interface. */
  tso: boolean;
  /** The hole that this segment fills, or null. */
  hole: SackHole | null;
  /** The segment of the function block's map that is sent again, or null. */
  seg: SentSeg | null;
  /** Bytes of options. */
  optlen: number;

  constructor() {
    this.th = new TcpHdr();
    this.to = new TcpOpt();
    this.idle = false;
    this.off = 0;
    this.len = 0;
    this.flags = 0;
    this.sendwin = 0;
    this.recwin = 0;
    this.sendalot = false;
    this.tso = false;
    this.hole = null;
    this.seg = null;
    this.optlen = 0;
  }
}
