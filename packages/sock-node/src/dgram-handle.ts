import { EADDRNOTAVAIL, EINVAL, EWOULDBLOCK } from '@ns/errno';
import { IFNET, type Ifnet } from '@ns/ifnet';
import {
  IP_ADD_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_TTL,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '@ns/inpcb';
import { mFreem, mToBytes } from '@ns/mbuf';
import {
  DgramInfo,
  SO_BROADCAST,
  SO_RCVBUF,
  SO_SNDBUF,
  sobind,
  type Socket,
  soclose,
  soconnect,
  socreate,
  sodisconnect,
  sogetopt,
  sopeeraddr,
  soreceiveDgram,
  sosendCopy,
  sosetopt,
  sosockaddr,
  type SoUpcall,
} from '@ns/socket';
import { AF_INET, AF_INET6, formatInAddr, inAddrEqual, IPPROTO_IP, IPPROTO_IPV6, parseInAddr } from '@ns/wire';
import type { NetContext } from './context.ts';
import { callOut, type PeerName, peerNameOf, sockaddrOf } from './handle.ts';

/** A datagram with its sender. */
export interface ReceivedDatagram {
  readonly data: Buffer;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
}

/** A datagram socket of the stack, in the terms that `NodeDgram` thinks in. Methods return an errno where nothing else is said. */
export class DgramHandle implements SoUpcall {
  /** Something can be received, or an error waits. */
  onreadable: (() => void) | null;
  private readonly ctx: NetContext;
  private readonly so: Socket;
  private readonly info: DgramInfo;

  private constructor(ctx: NetContext, so: Socket) {
    this.ctx = ctx;
    this.so = so;
    this.info = new DgramInfo();
    this.onreadable = null;
    so.upcall = this;
  }

  static open(ctx: NetContext, v6: boolean): DgramHandle | number {
    const so = socreate(ctx.vnet, v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, ctx.cred);
    return typeof so === 'number' ? so : new DgramHandle(ctx, so);
  }

  soupcall(): void {
    if (this.onreadable !== null) callOut(this.onreadable);
  }

  bind(address: string, port: number): number {
    const sa = sockaddrOf(address, port);
    return sa === null ? EINVAL : sobind(this.so, sa, this.ctx.cred);
  }

  connect(address: string, port: number): number {
    const sa = sockaddrOf(address, port);
    return sa === null ? EINVAL : soconnect(this.so, sa, this.ctx.cred);
  }

  disconnect(): number {
    return sodisconnect(this.so);
  }

  /** Sends one datagram, to the connected peer if `address` is null. A full send buffer drops it silently, as UDP may. */
  send(data: Uint8Array, address: string | null, port: number): number {
    const sa = address === null ? null : sockaddrOf(address, port);
    if (sa === null && address !== null) return EINVAL;
    const n = sosendCopy(this.so, sa, data, 0, data.length, 0);
    return n < 0 ? -n : 0;
  }

  /** The oldest datagram, null when there is none, or the pending errno. */
  receive(): ReceivedDatagram | number | null {
    const m = soreceiveDgram(this.so, this.info, 0);
    if (m === null) return this.so.rcvErrno === 0 || this.so.rcvErrno === EWOULDBLOCK ? null : this.so.rcvErrno;
    const bytes = mToBytes(m);
    mFreem(m);
    const from = this.info.from();
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return { data, address: formatInAddr(from.addr), family: from.addr.af === AF_INET6 ? 'IPv6' : 'IPv4', port: from.port };
  }

  close(): void {
    this.onreadable = null;
    soclose(this.so);
  }

  sockname(): PeerName | null {
    return peerNameOf(sosockaddr(this.so));
  }

  peername(): PeerName | null {
    return peerNameOf(sopeeraddr(this.so));
  }

  setReuseAddr(): void {
    sosetopt(this.so, SOL_SOCKET, SO_REUSEADDR, 1);
  }

  setReusePort(): void {
    sosetopt(this.so, SOL_SOCKET, SO_REUSEPORT, 1);
  }

  setV6Only(): void {
    sosetopt(this.so, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }

  setBroadcast(on: boolean): number {
    return sosetopt(this.so, SOL_SOCKET, SO_BROADCAST, on ? 1 : 0);
  }

  setTtl(ttl: number): number {
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl) : sosetopt(this.so, IPPROTO_IP, IP_TTL, ttl);
  }

  setMulticastTtl(ttl: number): number {
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) : sosetopt(this.so, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
  }

  setMulticastLoop(on: boolean): number {
    const v = on ? 1 : 0;
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, v) : sosetopt(this.so, IPPROTO_IP, IP_MULTICAST_LOOP, v);
  }

  setMulticastInterface(address: string): number {
    const ifp = this.interfaceOf(address);
    if (ifp === undefined) return EADDRNOTAVAIL;
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_MULTICAST_IF, ifp) : sosetopt(this.so, IPPROTO_IP, IP_MULTICAST_IF, ifp);
  }

  /** Joins or leaves a group, on the interface with the address `iface` or by route. */
  membership(join: boolean, group: string, iface: string | null): number {
    const g = parseInAddr(group);
    if (g === null) return EINVAL;
    const ifp = iface === null ? null : this.interfaceOf(iface);
    if (ifp === undefined) return EADDRNOTAVAIL;
    if (this.v6) return sosetopt(this.so, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, { group: g, ifp });
    return sosetopt(this.so, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, { group: g, ifp });
  }

  setRecvBuffer(size: number): number {
    return sosetopt(this.so, SOL_SOCKET, SO_RCVBUF, size);
  }

  setSendBuffer(size: number): number {
    return sosetopt(this.so, SOL_SOCKET, SO_SNDBUF, size);
  }

  recvBuffer(): number {
    return sogetopt(this.so, SOL_SOCKET, SO_RCVBUF) as number;
  }

  sendBuffer(): number {
    return sogetopt(this.so, SOL_SOCKET, SO_SNDBUF) as number;
  }

  private get v6(): boolean {
    return this.so.domain === AF_INET6;
  }

  /** The interface with this address (or, for IPv6, `%name` zone); null for the unspecified address; undefined when there is none. */
  private interfaceOf(address: string): Ifnet | null | undefined {
    const at = address.indexOf('%');
    const table = IFNET.get(this.ctx.vnet);
    if (at >= 0) return table.byName.get(address.slice(at + 1));
    const addr = parseInAddr(address);
    if (addr === null) return undefined;
    if ((addr.w0 | addr.w1 | addr.w2 | addr.w3) === 0) return null;
    for (const ifp of table.list) if (ifp.addrs.some((ifa) => inAddrEqual(ifa.addr, addr))) return ifp;
    return undefined;
  }
}
