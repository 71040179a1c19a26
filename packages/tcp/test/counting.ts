/* A function block of the least kind: a segment is lost when three full ones above it have arrived. For tests of the seam. */
import { EAGAIN, EINVAL } from '@ns/errno';
import type { Kernel, ModuleDecl } from '@ns/kern';
import { SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN } from '@ns/kern';
import { type AckNews, type LossRecovery, type RecoveryConn, SEG_LOST, SEG_SACKED, type SentSegment, TCP_FUNCTIONS, type TcpFunctionBlock } from '@ns/tcp-kpi';

export class Counting implements LossRecovery {
  sent = 0;
  sentAgain = 0;
  arrived = 0;
  over = 0;
  ended: 'no' | 'went on' | 'discarded' = 'no';
  readonly conn: RecoveryConn;

  constructor(conn: RecoveryConn) {
    this.conn = conn;
  }

  transmitted(seg: SentSegment, again: boolean): void {
    if (again) this.sentAgain += (seg.end - seg.start) | 0;
    else this.sent += (seg.end - seg.start) | 0;
  }

  delivered(seg: SentSegment): void {
    this.arrived += (seg.end - seg.start) | 0;
  }

  acknowledged(news: AckNews): void {
    const { conn } = this;
    let found = news.reneged;
    let above = conn.map.sackedBytes;
    for (let s = conn.map.head; s !== null && above > 2 * conn.tp.maxseg; s = s.next) {
      if ((s.flags & SEG_SACKED) !== 0) above -= (s.end - s.start) | 0;
      else if ((s.flags & SEG_LOST) === 0 && s.rexmits === 0) {
        conn.markLost(s);
        found = true;
      }
    }
    if (found && !conn.inRtoRecovery) conn.enterRecovery(false);
  }

  nextSeg(): SentSegment | null {
    return this.conn.map.firstLost();
  }

  timeout(): void {}

  rexmtTimeout(): void {
    for (let s = this.conn.map.head; s !== null; s = s.next) this.conn.markLost(s);
  }

  undone(): void {}

  recovered(): void {
    this.over++;
  }

  fini(discarded: boolean): void {
    this.ended = discarded ? 'discarded' : 'went on';
  }

  snapshot(): Readonly<Record<string, number>> {
    return { sent: this.sent, sentAgain: this.sentAgain };
  }
}

/** A block and what it has made, in order. */
export interface CountingBlock extends TcpFunctionBlock {
  readonly made: Counting[];
}

export function countingBlock(name = 'counting', aliases: readonly string[] = []): CountingBlock {
  const made: Counting[] = [];
  return {
    name,
    aliases,
    made,
    handoffOk: (conn) => (conn.state < 2 ? 0 : conn.state < 4 ? EAGAIN : conn.sackPermitted ? 0 : EINVAL),
    init: (conn) => {
      if (!conn.sackPermitted) return EINVAL;
      const c = new Counting(conn);
      made.push(c);
      return c;
    },
  };
}

export function countingModule(block: TcpFunctionBlock): ModuleDecl {
  return {
    name: `tcp-${block.name}`,
    version: 1,
    depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
    quiesce: (kernel: Kernel): number => kernel.service(TCP_FUNCTIONS).deregister(block, { quiesce: true }),
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel: Kernel): number => kernel.service(TCP_FUNCTIONS).register(block),
        exit: (kernel: Kernel): void => void kernel.service(TCP_FUNCTIONS).deregister(block, { force: true }),
      },
    ],
  };
}
