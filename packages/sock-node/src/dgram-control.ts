import type { SendCallback } from './dgram-send.ts';
import {
  type Cmsg,
  IP_RECVDSTADDR,
  IP_RECVIF,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_SENDSRCADDR,
  IP_TOS,
  IP_TTL,
  IPV6_DONTFRAG,
  IPV6_HOPLIMIT,
  IPV6_NEXTHOP,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
} from '@ns/inpcb';
import { IFNET } from '@ns/ifnet';
import type { DgramInfo, Socket } from '@ns/socket';
import { sosetopt } from '@ns/socket';
import { type InAddr, IPPROTO_IP, IPPROTO_IPV6 } from '@ns/wire';
import { validateNumber, validateString } from './args.ts';
import type { NetContext } from './context.ts';
import { nodeError } from './errors.ts';

/**
 * What one datagram is sent with besides what its socket says. Interface and next hop are for IPv6.
 * @public
 */
export interface DgramControl {
  /** TTL or hop limit, 0 to 255. */
  hopLimit?: number;
  /** TOS or traffic class, 0 to 255. */
  trafficClass?: number;
  /** Source address, one of ours. */
  source?: string;
  /** Name of the interface that it leaves by. */
  interface?: string;
  /** The neighbour that it goes to first. The superuser's. */
  nextHop?: string;
  /** Whether it must not be fragmented. */
  dontFragment?: boolean;
}

/**
 * What is known of a datagram that came in, beside its sender: in the `rinfo` of `message`, as `control`, when the socket was made with `control: true`.
 * @public
 */
export interface ReceivedControl {
  /** Address that it was sent to. */
  readonly destination: string;
  /** Name of the interface that it came in by. */
  readonly interface: string;
  /** TTL or hop limit that was left. */
  readonly hopLimit: number;
  /** TOS or traffic class. */
  readonly trafficClass: number;
}

/**
 * Where a datagram of `sendmsg()` goes, and how.
 * @public
 */
export interface SendmsgOptions extends DgramControl {
  /** Not on a connected socket. */
  port?: number;
  /** Left out: this host, or the peer of a connected socket. */
  address?: string;
}

/**
 * What sockets of this package have beyond those of Node.
 * @public
 */
export interface ControlSocket {
  /** Sends one datagram with ancillary data. An error goes to the callback, if there is one. */
  sendmsg(msg: string | NodeJS.ArrayBufferView, options: SendmsgOptions, cb?: SendCallback): void;
}

const invalid = (name: string, value: unknown): TypeError => nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.${name}' is invalid. Received ${JSON.stringify(value)}`);

function octet(value: unknown, name: string): number {
  validateNumber(value, `options.${name}`);
  return value as number;
}

function addressOf(ctx: NetContext, value: unknown, name: string): InAddr {
  validateString(value, `options.${name}`);
  const a = ctx.parseAddr(value as string);
  if (a === null) throw invalid(name, value);
  return a;
}

/** The ancillary data that `o` comes to on a socket of the family. Throws for what is no value at all; the stack judges the rest. */
export function cmsgsOf(ctx: NetContext, v6: boolean, o: DgramControl): Cmsg[] {
  const level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  const out: Cmsg[] = [];
  if (o.hopLimit !== undefined) out.push({ level, type: v6 ? IPV6_HOPLIMIT : IP_TTL, data: octet(o.hopLimit, 'hopLimit') });
  if (o.trafficClass !== undefined) out.push({ level, type: v6 ? IPV6_TCLASS : IP_TOS, data: octet(o.trafficClass, 'trafficClass') });
  const source = o.source === undefined ? null : addressOf(ctx, o.source, 'source');
  if (!v6) {
    if (source !== null) out.push({ level, type: IP_SENDSRCADDR, data: source });
    for (const name of ['interface', 'nextHop', 'dontFragment'] as const) if (o[name] !== undefined) throw invalid(name, o[name]);
    return out;
  }
  if (source !== null || o.interface !== undefined) {
    if (o.interface !== undefined) validateString(o.interface, 'options.interface');
    const ifp = o.interface === undefined ? null : IFNET.get(ctx.vnet).byName.get(o.interface);
    if (ifp === undefined) throw invalid('interface', o.interface);
    out.push({ level, type: IPV6_PKTINFO, data: { addr: source, ifindex: ifp === null ? 0 : ifp.index } });
  }
  if (o.nextHop !== undefined) out.push({ level, type: IPV6_NEXTHOP, data: addressOf(ctx, o.nextHop, 'nextHop') });
  if (o.dontFragment !== undefined) out.push({ level, type: IPV6_DONTFRAG, data: o.dontFragment ? 1 : 0 });
  return out;
}

/** Asks for what {@link receivedControl} tells. */
export function askControl(so: Socket, v6: boolean): void {
  if (v6) for (const o of [IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS]) sosetopt(so, IPPROTO_IPV6, o, 1);
  else for (const o of [IP_RECVDSTADDR, IP_RECVIF, IP_RECVTTL, IP_RECVTOS]) sosetopt(so, IPPROTO_IP, o, 1);
}

/** What `info` says of a datagram. */
export function receivedControl(ctx: NetContext, info: DgramInfo): ReceivedControl {
  const ifp = IFNET.get(ctx.vnet).list.find((i) => i.index === info.ifindex);
  return { destination: ctx.formatAddr(info.to()), interface: ifp === undefined ? '' : ifp.name, hopLimit: info.ttl, trafficClass: info.tos };
}
