import { ECONNABORTED, EBADF, EBUSY } from '@ns/errno';
import { afterEach, describe, expect, it } from 'vitest';
import { INET } from '@ns/inpcb';
import { SO_DISCONNECTED, SO_ERROR_EVENT, sobind, soclose, sosockaddr, sogetopt } from '@ns/socket';
import { type Lab, lab, open, recv, sa, send } from './lab.ts';

let l: Lab;
afterEach(() => {
  expect(l.stack.shutdown()).toEqual({ leftovers: [], problems: [] });
});

describe('the end of things', () => {
  it('a jail that is removed takes its sockets, and their programs are told', () => {
    l = lab();
    const so = open(l.b, 7);
    const other = open(l.a, 7);
    const events: number[] = [];
    so.upcall = { soupcall: (_so, e) => void events.push(e) };
    send(other, 'x', sa('10.0.0.2', 7));
    l.host.settle();
    events.length = 0;
    expect(l.b.remove()).toEqual([expect.objectContaining({ clean: true })]);
    l.host.settle();
    expect((events[0] ?? 0) & (SO_ERROR_EVENT | SO_DISCONNECTED)).toBe(SO_ERROR_EVENT | SO_DISCONNECTED);
    expect(recv(so)).toBe(ECONNABORTED);
    expect(recv(so)).toBe(0);
    expect(send(so, 'x', sa('10.0.0.1', 7))).toBeLessThan(0);
    expect(sobind(so, sa('0.0.0.0', 9), l.a.cred)).toBe(EBADF);
    expect(sosockaddr(so)).toBe(EBADF);
    expect(sogetopt(so, 0, 4)).toBe(-EBADF);
    expect(soclose(so)).toBe(0);
    expect(send(other, 'still', sa('10.0.0.1', 7))).toBe(5);
    l.host.settle();
    expect(recv(other)).toEqual(['still', '10.0.0.1:7']);
  });

  it('udp cannot be unloaded while it has sockets', () => {
    l = lab();
    const so = open(l.a, 7);
    const r = l.stack.kernel.kldunload('udp');
    expect(r.errno).toBe(EBUSY);
    expect(r.message).toContain('udp');
    soclose(so);
    expect(l.stack.kernel.kldunload('udp').errno).toBe(0);
    expect(INET.get(l.a.vnet).protosw[17]).toBeNull();
  });

  it('T62 TCP, UDP and raw IP keep their pcbs in sets of the one kind', () => {
    l = lab();
    expect(INET.get(l.a.vnet).infos.map((i) => i.name).sort()).toEqual(['raw', 'tcp', 'udp']);
    const so = open(l.a, 7);
    const list = l.stack.kernel.sysctl.sysctlGet('net.inet.udp.pcblist', { vnet: l.a.vnet, jailed: false }).value;
    expect(list).toMatchObject({ name: 'udp', count: 1, pcbs: [{ lport: 7, fport: 0, socket: { proto: 'udp', rcv: { cc: 0, hiwat: 42080 } } }] });
    soclose(so);
  });
});
