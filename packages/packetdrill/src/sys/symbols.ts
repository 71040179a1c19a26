import * as errnos from '@ns/errno';
import * as inpcb from '@ns/inpcb';
import * as socket from '@ns/socket';
import * as tcp from '@ns/tcp';
import * as wire from '@ns/wire';

/** Constants of system headers that no package of the stack has a use for. Source: FreeBSD sys/fcntl.h, sys/poll.h, sys/filio.h, netinet/ip.h, netinet/tcp.h. */
const HEADERS: Readonly<Record<string, number>> = Object.freeze({
  O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_NONBLOCK: 4, O_APPEND: 8, F_GETFD: 1, F_SETFD: 2, F_GETFL: 3, F_SETFL: 4, FD_CLOEXEC: 1,
  POLLIN: 1, POLLPRI: 2, POLLOUT: 4, POLLERR: 8, POLLHUP: 0x10, POLLNVAL: 0x20, POLLRDNORM: 0x40, POLLWRNORM: 4, POLLRDBAND: 0x80, POLLWRBAND: 0x100, POLLINIGNEOF: 0x2000,
  POLLRDHUP: 0x4000,
  FIONREAD: 0x4004667f, SIOCINQ: 0x4004667f, FIONBIO: 0x8004667e, FIOASYNC: 0x8004667d, FIONWRITE: 0x40046677, SIOCOUTQ: 0x40046677, FIONSPACE: 0x40046676, SIOCATMARK: 0x40047307,
  PF_INET: 2, PF_INET6: 28, SOCK_NONBLOCK: 0x20000000, SOCK_CLOEXEC: 0x10000000, SOL_TCP: 6, SOL_IP: 0, SOL_IPV6: 41, IPPROTO_UDPLITE: 136, INADDR_ANY: 0, INADDR_LOOPBACK: 0x7f000001,
  IPTOS_DSCP_CS0: 0x00, IPTOS_DSCP_CS1: 0x20, IPTOS_DSCP_AF11: 0x28, IPTOS_DSCP_AF12: 0x30, IPTOS_DSCP_AF13: 0x38, IPTOS_DSCP_CS2: 0x40, IPTOS_DSCP_AF21: 0x48, IPTOS_DSCP_AF22: 0x50,
  IPTOS_DSCP_AF23: 0x58, IPTOS_DSCP_CS3: 0x60, IPTOS_DSCP_AF31: 0x68, IPTOS_DSCP_AF32: 0x70, IPTOS_DSCP_AF33: 0x78, IPTOS_DSCP_CS4: 0x80, IPTOS_DSCP_AF41: 0x88, IPTOS_DSCP_AF42: 0x90,
  IPTOS_DSCP_AF43: 0x98, IPTOS_DSCP_CS5: 0xa0, IPTOS_DSCP_VA: 0xb0, IPTOS_DSCP_EF: 0xb8, IPTOS_DSCP_CS6: 0xc0, IPTOS_DSCP_CS7: 0xe0,
  IPTOS_ECN_NOTECT: 0, IPTOS_ECN_ECT1: 1, IPTOS_ECN_ECT0: 2, IPTOS_ECN_CE: 3,
  TCP_MAXRXTSHIFT: 12, TCP_MAXWIN: 65535, TCP_MAX_WINSHIFT: 14, EAGAIN: 35,
});

const PACKAGES: readonly Readonly<Record<string, unknown>>[] = Object.freeze([socket, tcp, inpcb, wire, errnos]);

/** Value of a constant as the system under test has it; null if it does not know the name. */
export function symbol(name: string): number | null {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name)) return null;
  if (Object.hasOwn(HEADERS, name)) return HEADERS[name] as number;
  for (const pkg of PACKAGES) {
    const v = pkg[name];
    if (typeof v === 'number') return v;
  }
  return null;
}
