/**
 * Sockets and socket buffers, and the table of protocols behind them (FreeBSD kern/uipc_socket.c, kern/uipc_sockbuf.c).
 *
 * Nothing here blocks: what would block answers EWOULDBLOCK, and a {@link SoUpcall} tells when to try again, from the kernel's software interrupt and never from
 * inside a protocol. Data go in and out as mbuf chains by reference, or are copied by the calls that say so. Neighbours: `tcp`, `udp` and `rawip` register a
 * {@link SockProto}; faces build their API on {@link socreate} and the rest.
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { Socket, SO_RCV_READY, SOCK_DGRAM, sobind, socreate, soreceiveBytes, sosendCopy } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const host = virtualHost();
 * const jail = createStack({ host }).host;
 * jail.addAddress('lo0', '127.0.0.1/8');
 * const so = socreate(jail.vnet, AF_INET, SOCK_DGRAM, 0, jail.cred);
 * if (!(so instanceof Socket)) throw new Error(`errno ${so}`);
 * const me = new Sockaddr(inAddr4(0x7f000001), 7);
 * const buffer = new Uint8Array(2048);
 * let n = 0;
 * sobind(so, me, jail.cred); // => 0, or an errno
 * so.upcall = {
 *   soupcall(s, events) {
 *     if (events & SO_RCV_READY) n = soreceiveBytes(s, buffer, 0, buffer.length, 0); // bytes, or -errno
 *   },
 * };
 * sosendCopy(so, me, Uint8Array.of(1, 2, 3), 0, 3, 0);
 * host.settle(); // what happens soon after happens now; with a host in real time it does so by itself
 * n; // => 3
 * ```
 *
 * @packageDocumentation
 */
export * from './constants.ts';
export { soaccept, sobind, soclose, soconnect, socreate, sodisconnect, sopeeraddr, sosockaddr } from './create.ts';
export { type DgramControl, DgramInfo, type DgramRing } from './dgram.ts';
export { sopathmtu } from './pathmtu.ts';
export { SOCKET, SocketKernel, SOCKETS, SocketVnet } from './kernel.ts';
export { soabort, soref, sorele } from './life.ts';
export { solisten, solistenDequeue, solistenProto, solistenProtoCheck, sonewconn } from './listen.ts';
export { socket } from './module.ts';
export { type SockProto, sockProto, type SockProtoSpec } from './proto.ts';
export { soreceiveBytes, soreceiveChain, soreceiveDgram, soreceiveDgramBytes } from './receive.ts';
export { sosend, sosendBytes, sosendCopy, sosendmsg, sosendPartial } from './send.ts';
export { sotoxsocket, type Xsockbuf, type Xsocket } from './snapshot.ts';
export { sbappendaddr, sbappendstream, sbavail, sbcopydata, sbcopym, sbcut, sbdrop, sbflush, sbreserve, sbsndptr, sbspace, Sockbuf } from './sockbuf.ts';
export { type Linger, sogetopt, soshutdown, sosetopt } from './sockopt.ts';
export { ListenState, Socket, type SockQueue, type SoUpcall, SQ_COMP, SQ_INCOMP, SQ_NONE } from './socket.ts';
export {
  socantrcvmore,
  socantsendmore,
  soisconnected,
  soisconnecting,
  soisdisconnected,
  soisdisconnecting,
  soposterror,
  soreadable,
  soreserve,
  sorwakeup,
  soSbreserve,
  sowriteable,
  sowwakeup,
} from './state.ts';
export { sokill } from './teardown.ts';
export type { UpcallQueue } from './upcall.ts';
export { type GetcredOptions, sysctlGetcred, type Xucred } from './getcred.ts';
export { crCanseesocket, soPcblist, sysctlReqCred } from './visible.ts';
