import { ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENOPROTOOPT } from '@ns/errno';
import { AF_INET, type IcmpNotice, type IcmpQuote, inAddr4, inAddr6In } from '@ns/wire';

const inetctlerrmap: readonly number[] = [
  0, 0, 0, 0, 0, EMSGSIZE, EHOSTDOWN, EHOSTUNREACH,
  EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED, ECONNREFUSED, EMSGSIZE, EHOSTUNREACH, 0, 0,
  0, 0, EHOSTUNREACH, 0, ENOPROTOOPT, ECONNREFUSED,
];

/** The errno that a PRC_* code means to a socket; 0 = none. Source: FreeBSD ip_input.c, inetctlerrmap[]. @public */
export function inetCtlErrmap(cmd: number): number {
  return inetctlerrmap[cmd] ?? 0;
}

/**
 * The notice of an error that quotes `q`, of either family; `zone` is the link it came in on.
 * @public
 */
export function quoteNotice(cmd: number, mtu: number, q: IcmpQuote, zone: number): IcmpNotice {
  const v4 = q.af === AF_INET;
  return {
    af: q.af,
    proto: q.proto,
    cmd,
    errno: inetCtlErrmap(cmd),
    mtu,
    src: v4 ? inAddr4(q.src3) : inAddr6In(q.src0, q.src1, q.src2, q.src3, zone),
    dst: v4 ? inAddr4(q.dst3) : inAddr6In(q.dst0, q.dst1, q.dst2, q.dst3, zone),
    sport: q.sport,
    dport: q.dport,
    seq: q.seq,
    data0: q.data0,
    data1: q.data1,
    quoted: q.l4len,
    ipLen: q.iplen,
  };
}
