/* What accurate ECN would report (RFC 9768 §3.2.1), counted for each connection with ECN. */
import { describe, expect, it } from 'vitest';
import { tcpInfo } from './opt.ts';
import { MSS, Peer } from './peer.ts';

const NOT_ECT = 0;
const ECT1 = 1;
const ECT0 = 2;
const CE = 3;

describe('marks received', () => {
  it('are counted by segment and by payload byte, of connections that negotiated ECN alone', () => {
    for (const agreed of [true, false]) {
      const p = new Peer({ sysctls: { 'ecn.enable': 1 } });
      const so = p.connect();
      p.inject(`${agreed ? 'SE' : 'S'}. 0:0(0) ack 1`, { opts: MSS(1460) });
      let at = 1;
      for (const [tos, n] of [[ECT0, 100], [ECT1, 30], [CE, 50], [NOT_ECT, 7], [ECT0, 1], [CE, 20]] as const) {
        p.inject(`. ${at}:${at + n}(${n}) ack 1`, { tos });
        at += n;
      }
      p.inject(`. ${at}:${at}(0) ack 1`, { tos: CE });
      const { ecnRcvce, ecnRcvect0, ecnRcvect1 } = p.tcp.stat;
      expect([ecnRcvce, ecnRcvect0, ecnRcvect1]).toEqual(agreed ? [3, 2, 1] : [0, 0, 0]);
      const i = tcpInfo(so);
      expect([i.receivedCe, i.receivedCeBytes, i.receivedE0Bytes, i.receivedE1Bytes]).toEqual(agreed ? [3, 70, 101, 30] : [0, 0, 0, 0]);
    }
  });
});
