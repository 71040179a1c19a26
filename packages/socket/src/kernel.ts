import { EEXIST } from '@ns/errno';
import { defineVnetVar, type EventTag, type Kernel, type LedgerAccount, ServiceKey, type Vnet, type VnetVar } from '@ns/kern';
import { macChecks, type MacHooks } from '@ns/mac-kpi';
import { netstackModuleName } from '@ns/netstack-kpi';
import { AF_INET } from '@ns/wire';
import type { SockProto } from './proto.ts';
import { UpcallQueue } from './upcall.ts';

/** kern.ipc.maxsockbuf. */
const MAXSOCKBUF = 2097152;
/** kern.ipc.maxsockets. */
const MAXSOCKETS = 1048576;

/**
 * Sockets of one kernel: the table of protocols, the queue of upcalls, the limits. Service {@link SOCKETS}.
 * @public
 */
export class SocketKernel {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Queue of upcalls, worked off from the kernel's software interrupt. */
  readonly upcalls: UpcallQueue;
  /** kern.ipc.maxsockbuf: most bytes of storage of a buffer. */
  maxsockbuf: number;
  /** kern.ipc.soacceptqueue (somaxconn): most connections that a listener may ask to have queued. */
  soacceptqueue: number;
  /** kern.ipc.maxsockets. */
  maxsockets: number;
  /** kern.ipc.sooverinterval: seconds between two lines about an overflowing listen queue; 0 = each. */
  sooverinterval: number;
  /** kern.ipc.numopensockets. */
  numopensockets: number;
  /** Whom mandatory access control wants to be asked about sockets; null = nobody. Kept up to date by `MAC_POLICIES_EVENT`. */
  mac: MacHooks | null;
  /** Events that the module listens for. */
  readonly tags: EventTag[];
  private protos: readonly SockProto[];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.upcalls = new UpcallQueue(kernel.swi);
    this.maxsockbuf = MAXSOCKBUF;
    this.soacceptqueue = 128;
    this.maxsockets = MAXSOCKETS;
    this.sooverinterval = 60;
    this.numopensockets = 0;
    this.mac = macChecks(kernel);
    this.tags = [];
    this.protos = [];
  }

  /** Enters a protocol; EEXIST when (domain, type, protocol) is taken in its stack. Source: FreeBSD pf_proto_register(). */
  prRegister(p: SockProto): number {
    if (this.protos.some((q) => q.netstack === p.netstack && q.domain === p.domain && q.type === p.type && q.protocol === p.protocol)) return EEXIST;
    this.protos = [...this.protos, p];
    return 0;
  }

  /** Removes a protocol. */
  prDeregister(p: SockProto): void {
    this.protos = this.protos.filter((q) => q !== p);
  }

  /** Protocols, in order of registration. */
  prList(): readonly SockProto[] {
    return this.protos;
  }

  /** Whether a stack has any protocol of an address family. Source: FreeBSD pffinddomain(). */
  pffinddomain(netstack: string, domain: number): boolean {
    return this.protos.some((p) => p.netstack === netstack && p.domain === domain);
  }

  /** The protocol of a stack for (domain, type, protocol); protocol 0 = the first of the type; a raw one takes any protocol. Source: FreeBSD pffindtype(), pffindproto(). */
  pffindproto(netstack: string, domain: number, type: number, protocol: number): SockProto | null {
    let raw: SockProto | null = null;
    for (const p of this.protos) {
      if (p.domain !== domain || p.type !== type || p.netstack !== netstack) continue;
      if (protocol === 0 || p.protocol === protocol) return p;
      if (p.protocol === 0) raw = p;
    }
    return raw;
  }
}

/** The sockets of a kernel. @public */
export const SOCKETS: ServiceKey<SocketKernel> = new ServiceKey<SocketKernel>('sockets');

/**
 * Sockets of one vnet.
 * @public
 */
export class SocketVnet {
  /** The vnet. */
  readonly vnet: Vnet;
  /** Sockets of its kernel. */
  readonly sk: SocketKernel;
  private readonly accounts: Map<SockProto, SockAccounts>;

  constructor(vnet: Vnet, sk: SocketKernel) {
    this.vnet = vnet;
    this.sk = sk;
    this.accounts = new Map();
  }

  /** Enters a socket of a protocol in the ledger: it holds the module of the protocol, and that of its stack. */
  take(proto: SockProto): void {
    const a = this.accounts.get(proto) ?? this.makeAccounts(proto);
    a.proto.take();
    a.stack.take();
  }

  /** Takes a socket of a protocol out of the ledger. */
  release(proto: SockProto): void {
    const a = this.accounts.get(proto) as SockAccounts;
    a.proto.release();
    a.stack.release();
  }

  private makeAccounts(proto: SockProto): SockAccounts {
    const name = `${proto.name}${proto.domain === AF_INET ? '4' : '6'}`;
    const { ledger } = this.vnet;
    const a: SockAccounts = {
      proto: ledger.account('socket', name, proto.module),
      stack: ledger.account('netstack', `${proto.netstack}.${name}`, netstackModuleName(proto.netstack)),
    };
    this.accounts.set(proto, a);
    return a;
  }
}

/** The ledger's lines for sockets of a protocol. */
interface SockAccounts {
  readonly proto: LedgerAccount;
  readonly stack: LedgerAccount;
}

/** The sockets of a vnet. @public */
export const SOCKET: VnetVar<SocketVnet> = defineVnetVar({
  module: 'socket',
  name: 'sockets',
  init: (vnet: Vnet) => new SocketVnet(vnet, vnet.kernel.service(SOCKETS)),
});
