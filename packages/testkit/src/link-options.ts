import type { TcpFrame } from './tcp-frame.ts';

/**
 * A frame as a predicate sees it, before anything is done to it.
 * @public
 */
export interface LabFrame {
  /** Number of the frame in this direction, from 1, of all kinds. */
  readonly n: number;
  /** Number of the TCP segment in this direction, from 1; 0 for other frames. */
  readonly tcpN: number;
  /** Virtual time, µs. */
  readonly us: number;
  /** A copy of its bytes, link header first. */
  readonly bytes: Uint8Array;
  /** Its TCP header in host order; null for other frames. */
  readonly tcp: TcpFrame | null;
}

/**
 * What one direction of a link does to frames. Shares are probabilities from 0 to 1, drawn from the direction's own generator; all may be changed while frames are under way.
 * @public
 */
export interface LabPathOptions {
  /** Time of flight, µs. Default 0: arrives 1 µs after its last bit was sent. */
  delayUs?: number;
  /** Bits a second that the sender can put on the wire, of frames without preamble and FCS; default 0: no limit. */
  bandwidth?: number;
  /** Frames that wait for the wire besides the one being sent; what comes when it is full is dropped at the tail. Default 1000. Without a bandwidth nothing waits. */
  queueLimit?: number;
  /** A full queue tells the sender (ENOBUFS), as the queue of an interface does; default false: the frame is gone without a word, as in a router on the way. */
  queueErrors?: boolean;
  /** Share of frames lost on the wire. */
  loss?: number;
  /** Numbers of frames to lose ({@link LabFrame.n}), or a predicate that says which: true loses the frame. */
  drop?: readonly number[] | ((frame: LabFrame) => boolean) | null;
  /** Share of frames that are held back and so overtaken. */
  reorder?: number;
  /** Longest time that a frame is held back, µs (uniform from 1). Default 3000. */
  reorderUs?: number;
  /** Share of frames that arrive twice. */
  duplicate?: number;
  /** Share of IP frames in which one bit behind the link header is inverted, as damage that a link's own check missed. ARP, which has no checksum, is spared. */
  corrupt?: number;
}

/**
 * A link: what both directions have in common, and what differs.
 * @public
 */
export interface LabLinkOptions extends LabPathOptions {
  /** From end a to end b, instead of the common value. */
  readonly ab?: LabPathOptions;
  /** From end b to end a. */
  readonly ba?: LabPathOptions;
  /** Of both interfaces; default 1500. */
  readonly mtu?: number;
  /** Seed of the link; default 1. */
  readonly seed?: number;
  /** IFCAP_* that are on to begin with, of those of {@link LAB_CAPS}; default 0 but for VLAN_MTU and LINKSTATE: checksums are real and no segment is larger than the MTU. */
  readonly capenable?: number;
}

/**
 * What happened to the frames of one direction.
 * @public
 */
export class LabPathStats {
  /** Frames that the sender gave to the link, and their bytes. */
  frames = 0;
  /** Bytes of those. */
  bytes = 0;
  /** Handed to the receiving interface, duplicates included, and their bytes. */
  delivered = 0;
  /** Bytes of those. */
  deliveredBytes = 0;
  /** Lost by chance. */
  lost = 0;
  /** Lost because `drop` said so. */
  dropped = 0;
  /** Did not fit into the queue. */
  queueDrops = 0;
  /** Held back. */
  reordered = 0;
  /** Delivered twice. */
  duplicated = 0;
  /** Delivered with one bit inverted. */
  corrupted = 0;
  /** Longer than the MTU allows. */
  giants = 0;
  /** No carrier, or the interface went away with the frame under way. */
  noCarrier = 0;
  /** The pool was empty. */
  noMbufs = 0;
  /** Most frames that ever waited. */
  queueMax = 0;
}
