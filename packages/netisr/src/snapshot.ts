import type { Netisr, NetisrProto } from './netisr.ts';
import { netisrDispatchName, NETISR_DISPATCH_DEFAULT, netisrPolicyName } from './proto.ts';
import type { Workstream } from './workstream.ts';

/** A registered protocol, for `netstat -Q`. @public */
export interface NetisrProtoRow {
  /** As `netstat -Q` prints it. */
  readonly name: string;
  /** NETISR_*. */
  readonly proto: number;
  /** Packets that one workstream holds. */
  readonly qlimit: number;
  /** source, flow or cpu. */
  readonly policy: string;
  /** default, deferred, hybrid or direct. */
  readonly dispatch: string;
  /** Three letters: C m2cpuid, D drainedcpu, F m2flow; `-` where there is none. */
  readonly flags: string;
}

/** The queue of one protocol in one workstream, for `netstat -Q`. @public */
export interface NetisrWorkRow {
  /** Number of the workstream. */
  readonly wsid: number;
  /** Its CPU; the same number. */
  readonly cpu: number;
  /** As `netstat -Q` prints it. */
  readonly name: string;
  /** Packets waiting. */
  readonly len: number;
  /** Most that ever waited. */
  readonly watermark: number;
  /** Handled without being queued. */
  readonly dispatched: number;
  /** Handled without being queued, in hybrid mode. */
  readonly hybridDispatched: number;
  /** Dropped because the queue was full. */
  readonly qdrops: number;
  /** Ever queued. */
  readonly queued: number;
  /** Ever handled. */
  readonly handled: number;
}

/** State of netisr at one moment: what `netstat -Q` prints. @public */
export interface NetisrSnapshot {
  /** Workstreams there are. */
  readonly numthreads: number;
  /** Workstreams there may be. */
  readonly maxthreads: number;
  /** Queue limit of protocols that name none. */
  readonly defaultqlimit: number;
  /** Largest queue limit. */
  readonly maxqlimit: number;
  /** deferred, hybrid or direct. */
  readonly dispatch: string;
  /** Whether workstreams are bound to CPUs: never. */
  readonly bindthreads: boolean;
  /** By number. */
  readonly protocols: readonly NetisrProtoRow[];
  /** By workstream, then protocol. */
  readonly workstreams: readonly NetisrWorkRow[];
}

/** Makes the snapshot. */
export function snapshotOf(n: Netisr, protos: readonly (NetisrProto | null)[], streams: readonly Workstream[]): NetisrSnapshot {
  const protocols: NetisrProtoRow[] = [];
  const workstreams: NetisrWorkRow[] = [];
  for (const np of protos) {
    if (np === null) continue;
    const nh = np.handler;
    protocols.push({
      name: nh.name,
      proto: nh.proto,
      qlimit: np.qlimit,
      policy: netisrPolicyName(nh.policy),
      dispatch: netisrDispatchName(nh.dispatch ?? NETISR_DISPATCH_DEFAULT),
      flags: `${nh.m2cpuid === undefined ? '-' : 'C'}${nh.drainedcpu === undefined ? '-' : 'D'}${nh.m2flow === undefined ? '-' : 'F'}`,
    });
  }
  for (const nws of streams) {
    for (const np of protos) {
      if (np === null) continue;
      const w = nws.work[np.handler.proto];
      if (w === undefined) continue;
      workstreams.push({
        wsid: nws.cpu,
        cpu: nws.cpu,
        name: np.handler.name,
        len: w.len,
        watermark: w.watermark,
        dispatched: w.dispatched,
        hybridDispatched: w.hybridDispatched,
        qdrops: w.qdrops,
        queued: w.queued,
        handled: w.handled,
      });
    }
  }
  return {
    numthreads: streams.length,
    maxthreads: streams.length,
    defaultqlimit: n.defaultqlimit,
    maxqlimit: n.maxqlimit,
    dispatch: netisrDispatchName(n.dispatchPolicy),
    bindthreads: false,
    protocols,
    workstreams,
  };
}
