import { ECONNABORTED } from '@ns/errno';
import { INET, inPcbForeach } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import type { Jail } from '@ns/vnet';
import { SBS_CANTRCVMORE, SBS_CANTSENDMORE, SO_DISCONNECTED, SO_ERROR_EVENT, SO_RCV_READY, SO_SND_READY, SS_FREED, SS_ISCONNECTED, SS_ISCONNECTING, SS_NOFDREF } from './constants.ts';
import { sorele } from './life.ts';
import { solistenAbortQueues } from './listen.ts';
import { Socket, SQ_NONE } from './socket.ts';

/**
 * Takes a socket from a program that did not close it, because its jail, its vnet or its kernel goes: the connection is reset, the program is told by one last upcall and reads
 * ECONNABORTED, and from then on every call finds it gone. Its `soclose` does nothing any more.
 * Differs: FreeBSD kills the processes of a jail, which closes their descriptors.
 * @public
 */
export function sokill(so: Socket): void {
  if ((so.state & (SS_FREED | SS_NOFDREF)) !== 0) return;
  const upcall = so.upcall;
  if (so.listen !== null) solistenAbortQueues(so);
  so.proto.abort(so);
  if (so.error === 0) so.error = ECONNABORTED;
  so.state &= ~(SS_ISCONNECTED | SS_ISCONNECTING);
  so.state |= SS_NOFDREF;
  so.rcv.state |= SBS_CANTRCVMORE;
  so.snd.state |= SBS_CANTSENDMORE;
  so.sv.sk.upcalls.post(so, SO_ERROR_EVENT | SO_DISCONNECTED | SO_RCV_READY | SO_SND_READY);
  sorele(so);
  so.upcall = upcall;
}

/** {@link sokill} for all sockets of a vnet, or of those of them that a jail or one inside it has made. */
export function sokillAll(vnet: Vnet, jail: Jail | null): void {
  for (const info of INET.get(vnet).infos) {
    inPcbForeach(info, (inp) => {
      const so = inp.socket;
      if (!(so instanceof Socket) || so.qstate !== SQ_NONE) return;
      const owner = so.cred.jail;
      if (jail === null || (owner !== null && (owner === jail || owner.isWithin(jail)))) sokill(so);
    });
  }
}
