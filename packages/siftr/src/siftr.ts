import { Callout } from '@ns/callout';
import { EINVAL } from '@ns/errno';
import { type Kernel, ServiceKey } from '@ns/kern';
import { TCP_CONNS, type TcpConns } from '@ns/tcp-kpi';
import { flowName, HZ, logLine, PktNode, timeval } from './node.ts';

/** Version of the format. Source: FreeBSD siftr.c, MODVERSION_STR. */
const VERSION = '1.2.4';
/** TCP_RTT_SCALE. */
const RTT_SCALE = 32;
/** Segments that wait to be written, at most. */
const QUEUE = 8192;
/** Flows whose segments are counted. Source: FreeBSD siftr.c, SIFTR_EXPECTED_MAX_TCP_FLOWS, which it does not stop at. */
const FLOWS = 65536;
const TICK_US = 1000000 / HZ;

/**
 * Where the log goes: `text` is one line or several, each with its end, for the file of that name. May throw; what it does not take is lost and counted.
 * @public
 */
export type SiftrSink = (logfile: string, text: string) => void;

/** Counters of one direction. Names are those of the last line. */
export class SiftrDir {
  pkts = 0;
  malloc = 0;
  tcpcb = 0;
  inpcb = 0;
  /** Seen before: put into the stack again by somebody. */
  dejavu = 0;
}

/** The logger of one kernel: its settings, and what waits to be written. Source: FreeBSD siftr.c. */
export class Siftr {
  readonly kernel: Kernel;
  readonly conns: TcpConns;
  private readonly sink: SiftrSink;
  /** net.inet.siftr.enabled. */
  enabled: number;
  /** net.inet.siftr.ppl. */
  ppl: number;
  /** net.inet.siftr.genhashes. */
  genhashes: number;
  /** net.inet.siftr.port_filter. */
  portFilter: number;
  /** net.inet.siftr.logfile. */
  logfile: string;
  in: SiftrDir;
  out: SiftrDir;
  /** Lines that the sink did not take. */
  lost: number;
  /** Waiting segments are `ring[0, waiting)`. */
  private readonly ring: PktNode[];
  private waiting: number;
  private readonly flows: Map<string, number>;
  private readonly manager: Callout<Siftr>;

  constructor(kernel: Kernel, sink: SiftrSink | null) {
    this.kernel = kernel;
    this.conns = kernel.service(TCP_CONNS);
    this.sink = sink ?? ((_file, text) => text.trimEnd().split('\n').forEach((line) => kernel.log.info('siftr', line)));
    this.enabled = 0;
    this.ppl = 1;
    this.genhashes = 0;
    this.portFilter = 0;
    this.logfile = '/var/log/siftr.log';
    this.in = new SiftrDir();
    this.out = new SiftrDir();
    this.lost = 0;
    this.ring = [];
    this.waiting = 0;
    this.flows = new Map();
    this.manager = new Callout<Siftr>((s) => s.flush(), this);
  }

  /** The record that the next segment is to be noted in, or null: too many wait. It counts from {@link Siftr.post} on. */
  node(): PktNode | null {
    if (this.waiting === QUEUE) return null;
    const n = this.ring[this.waiting];
    if (n !== undefined) return n;
    const made = new PktNode();
    this.ring.push(made);
    return made;
  }

  /** The record that {@link Siftr.node} gave waits to be written. */
  post(): void {
    this.waiting++;
    if (!this.manager.pending) this.kernel.callouts.reset(this.manager, TICK_US);
  }

  /** Starts or ends the log. EINVAL for anything but 0 and 1. Source: FreeBSD siftr_sysctl_enabled_handler(). */
  enable(value: number): number {
    if (value !== 0 && value !== 1) return EINVAL;
    if (value === this.enabled) return 0;
    this.enabled = value;
    if (value === 1) this.begin();
    else this.end();
    return 0;
  }

  /** Source: FreeBSD siftr_manage_ops(SIFTR_ENABLE). */
  private begin(): void {
    this.in = new SiftrDir();
    this.out = new SiftrDir();
    this.lost = 0;
    const [secs, usecs] = timeval(this.kernel.callouts.nowUs()).split('.');
    this.write(`enable_time_secs=${secs}\tenable_time_usecs=${usecs}\tsiftrver=${VERSION}\thz=${HZ}\ttcp_rtt_scale=${RTT_SCALE}\tsysname=ns\tsysver=0\tipmode=6\n`);
  }

  /** Source: FreeBSD siftr_manage_ops(SIFTR_DISABLE). */
  private end(): void {
    this.flush();
    const [secs, usecs] = timeval(this.kernel.callouts.nowUs()).split('.');
    const { in: i, out: o } = this;
    const skipped = i.malloc + o.malloc + i.tcpcb + o.tcpcb + i.inpcb + o.inpcb;
    const fields = [
      `disable_time_secs=${secs}`,
      `disable_time_usecs=${usecs}`,
      `num_inbound_tcp_pkts=${i.pkts}`,
      `num_outbound_tcp_pkts=${o.pkts}`,
      `total_tcp_pkts=${i.pkts + o.pkts}`,
      `num_inbound_skipped_pkts_malloc=${i.malloc}`,
      `num_outbound_skipped_pkts_malloc=${o.malloc}`,
      'num_inbound_skipped_pkts_mtx=0',
      'num_outbound_skipped_pkts_mtx=0',
      `num_inbound_skipped_pkts_tcpcb=${i.tcpcb}`,
      `num_outbound_skipped_pkts_tcpcb=${o.tcpcb}`,
      `num_inbound_skipped_pkts_inpcb=${i.inpcb}`,
      `num_outbound_skipped_pkts_inpcb=${o.inpcb}`,
      `total_skipped_tcp_pkts=${skipped}`,
      `flow_list=${[...this.flows.keys()].map((f) => `${f},`).join('')}`,
    ];
    this.flows.clear();
    this.write(`${fields.join('\t')}\n`);
  }

  /** Writes what waits. Source: FreeBSD siftr_pkt_manager_thread(). */
  flush(): void {
    this.kernel.callouts.stop(this.manager);
    const lines: string[] = [];
    for (let i = 0; i < this.waiting; i++) {
      const n = this.ring[i] as PktNode;
      if (this.due(n)) lines.push(`${logLine(n)}\n`);
    }
    this.waiting = 0;
    if (lines.length > 0) this.write(lines.join(''));
  }

  /** Whether a segment has a line: each `ppl`-th of its flow, the first included. */
  private due(n: PktNode): boolean {
    const flow = flowName(n);
    const counter = this.flows.get(flow);
    if (counter === undefined) {
      if (this.flows.size === FLOWS) {
        (n.out ? this.out : this.in).malloc++;
        return false;
      }
      this.flows.set(flow, 0);
      return true;
    }
    if (this.ppl <= 1) return true;
    const next = (counter + 1) % this.ppl;
    this.flows.set(flow, next);
    return next === 0;
  }

  private write(text: string): void {
    try {
      this.sink(this.logfile, text);
    } catch {
      this.lost += text.split('\n').length - 1;
    }
  }

  /** The module goes: the log ends in order. */
  destroy(): void {
    this.enable(0);
    this.kernel.callouts.stop(this.manager);
  }
}

/** The logger of a kernel. */
export const SIFTR: ServiceKey<Siftr> = new ServiceKey<Siftr>('siftr');
