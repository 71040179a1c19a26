import fc from 'fast-check';
import { soclose, type Socket } from '@ns/socket';
import { tcpPcblist, TCPS_SYN_RECEIVED, type XtcpcbList } from '@ns/tcp';
import { JAIL_CREATE, JAILS } from '@ns/vnet';
import { describe, expect, it } from 'vitest';
import { MSS, Peer, SACKOK } from './peer.ts';

const SYN = [...MSS(1460), ...SACKOK, 0, 0];

function list(p: Peer): XtcpcbList {
  const r = p.kernel.sysctl.sysctlGet('net.inet.tcp.pcblist', { vnet: p.vnet, jailed: false });
  return r.value as XtcpcbList;
}

describe('the list of connections', () => {
  it('T106 takes in half-open connections: 100 of them in one read, beside few sockets', () => {
    const p = new Peer();
    p.listen();
    for (let i = 1; i <= 100; i++) p.inject('S 0:0(0)', { opts: SYN, sport: i });
    expect(p.tcp.syncache.count).toBe(100);
    const { count, pcbs } = list(p);
    expect([count, pcbs.length]).toEqual([101, 101]);
    const half = pcbs.filter((x) => x.syncache);
    expect(half.map((x) => x.fport).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(half.every((x) => x.state === TCPS_SYN_RECEIVED && x.lport === 8080 && x.socket === null && x.uid === 0)).toBe(true);
    p.run(60_000);
    expect(list(p).count).toBe(1);
  });

  it('shows half-open connections of the host to a jail only with syncache.see_other', () => {
    const p = new Peer();
    p.listen();
    p.inject('S 0:0(0)', { opts: SYN });
    const jails = p.kernel.service(JAILS);
    const { jail } = jails.jailSet({ name: 'other', persist: true }, JAIL_CREATE);
    const { cred } = jails.jailAttach((jail as { jid: number }).jid);
    expect(tcpPcblist(p.vnet, cred).count).toBe(0);
    p.sysctl('syncache.see_other', 1);
    expect(tcpPcblist(p.vnet, cred).pcbs.map((x) => x.syncache)).toEqual([true]);
  });

  it('T107 a list is never cut short: what comes or goes after it is not in it, and shows in the generation of the next', () => {
    const p = new Peer();
    p.listen();
    const seen = [list(p)];
    const step = (f: () => void): void => {
      f();
      seen.push(list(p));
    };
    let so: Socket | null = null;
    step(() => (so = p.socket()));
    step(() => p.inject('S 0:0(0)', { opts: SYN }));
    step(() => p.inject('R 1:1(0)'));
    step(() => soclose(so as Socket));
    expect(seen.map((s) => s.count)).toEqual([1, 2, 3, 2, 1]);
    expect(seen.map((s) => s.pcbs.length)).toEqual([1, 2, 3, 2, 1]);
    expect(new Set(seen.map((s) => s.gen)).size).toBe(5);
    expect(list(p).gen).toBe(seen[4]!.gen);
  });

  it('T107 whatever is opened and closed, it has as many rows as there are pcbs and half-open connections, each once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }), (ops) => {
        const p = new Peer();
        p.listen();
        const open: Socket[] = [];
        let port = 1;
        for (const op of ops) {
          const before = list(p);
          if (op === 0) open.push(p.socket());
          else if (op === 1) p.inject('S 0:0(0)', { opts: SYN, sport: port++ });
          else if (op === 2 && port > 1) p.inject('R 1:1(0)', { sport: --port });
          else if (open.length > 0) soclose(open.pop() as Socket);
          const after = tcpPcblist(p.vnet);
          expect(after.count).toBe(p.tcp.pcbinfo.count + p.tcp.syncache.count);
          expect(new Set(after.pcbs.map((x) => `${x.lport} ${x.fport} ${x.gencnt}`)).size).toBe(after.count);
          if (before.count !== after.count) expect(after.gen).not.toBe(before.gen);
        }
      }),
      { numRuns: 20 },
    );
  });
});
