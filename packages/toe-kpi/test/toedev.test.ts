import { EINVAL, ENOTSUP } from '@ns/errno';
import type { if_t } from '@ns/ifnet-kpi';
import { type Mbuf, MbufPool } from '@ns/mbuf';
import { Sockaddr, INADDR_ANY } from '@ns/wire';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { initToedev, type toe_nhop, type toe_socket, type toe_tcpcb, type ToeDev } from '@ns/toe-kpi';

const tp = {} as toe_tcpcb;
const so = {} as toe_socket;
const nh = {} as toe_nhop;
const sa = new Sockaddr(INADDR_ANY, 0);

function packet(pool: MbufPool): Mbuf {
  const m = pool.getHdr();
  if (m === null) throw new Error('pool');
  return m;
}

describe('initToedev', () => {
  it('has a default for every method: errors where work was asked for, nothing elsewhere, and no packet leaks', () => {
    const pool = new MbufPool();
    const tod = initToedev({ name: 't', softc: 1 });
    expect([
      tod.todConnect(tod, so, nh, sa),
      tod.todListenStart(tod, tp),
      tod.todListenStop(tod, tp),
      tod.todOutput(tod, tp),
      tod.todSendRst(tod, tp),
      tod.todSendFin(tod, tp),
      tod.todAllocTlsSession(tod, tp, null, 1),
      tod.todSyncacheRespond(tod, null, packet(pool)),
    ]).toEqual([ENOTSUP, ENOTSUP, ENOTSUP, ENOTSUP, ENOTSUP, ENOTSUP, EINVAL, 0]);
    tod.todInput(tod, tp, packet(pool));
    tod.todRcvd(tod, tp);
    tod.todPcbDetach(tod, tp);
    tod.todL2Update(tod, {} as if_t, sa, null, 0xfff);
    tod.todSyncacheAdded(tod, null);
    tod.todSyncacheRemoved(tod, null);
    tod.todOffloadSocket(tod, null, so);
    tod.todCtloutput(tod, tp, 0, 0);
    tod.todPmtuUpdate(tod, tp, 0, 0);
    expect(pool.outstanding).toBe(0);
  });

  it('takes the methods that are given', () => {
    const calls: unknown[] = [];
    const tod = initToedev({ name: 't', softc: 7, todSendFin: (d, c) => (calls.push(d.softc, c), 0) });
    expect(tod.todSendFin(tod, tp)).toBe(0);
    expect(calls).toEqual([7, tp]);
  });

  it('makes devices of one shape, whatever is given', () => {
    expect(Object.keys(initToedev({ name: 'a', softc: null }))).toEqual(Object.keys(initToedev({ name: 'b', softc: null, todRcvd: () => {} })));
  });

  it('shows nothing of connections and sockets', () => {
    expectTypeOf<toe_tcpcb>().not.toHaveProperty('state');
    expectTypeOf<ToeDev['todConnect']>().parameter(1).toEqualTypeOf<toe_socket>();
  });
});
