import { EDOM, EINVAL, ENOBUFS, ENOPROTOOPT } from '@ns/errno';
import { describe, expect, it } from 'vitest';
import {
  SB_AUTOSIZE,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_LISTENINCQLEN,
  SO_LISTENQLEN,
  SO_LISTENQLIMIT,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SETFIB,
  SO_SNDBUF,
  SO_SNDLOWAT,
  SO_TYPE,
  SO_USER_COOKIE,
  SOL_SOCKET,
  sogetopt,
  solisten,
  soposterror,
  sosetopt,
  sotoxsocket,
} from '@ns/socket';
import { lab, open } from './harness.ts';

describe('socket options (FreeBSD numbers)', () => {
  it.each([
    ['SO_REUSEADDR', SO_REUSEADDR, 0x4],
    ['SO_KEEPALIVE', SO_KEEPALIVE, 0x8],
    ['SO_BROADCAST', SO_BROADCAST, 0x20],
    ['SO_REUSEPORT', SO_REUSEPORT, 0x200],
  ])('%s is a switch', (_name, option, number) => {
    const so = open(lab());
    expect(option).toBe(number);
    expect(sogetopt(so, SOL_SOCKET, option)).toBe(0);
    expect(sosetopt(so, SOL_SOCKET, option, true)).toBe(0);
    expect(sogetopt(so, SOL_SOCKET, option)).toBe(1);
    expect(so.options).toBe(option);
    expect(sosetopt(so, SOL_SOCKET, option, 0)).toBe(0);
    expect(so.options).toBe(0);
    expect(sosetopt(so, SOL_SOCKET, option, 'yes')).toBe(EINVAL);
  });

  it('buffers: sizes, low-water marks, limits; a size that was set is not changed any more', () => {
    const l = lab();
    const so = open(l);
    expect(so.rcv.flags & SB_AUTOSIZE).not.toBe(0);
    expect(sosetopt(so, SOL_SOCKET, SO_RCVBUF, 10_000)).toBe(0);
    expect(so.rcv.flags & SB_AUTOSIZE).toBe(0);
    expect(sogetopt(so, SOL_SOCKET, SO_RCVBUF)).toBe(10_000);
    expect(sosetopt(so, SOL_SOCKET, SO_SNDBUF, 3_000_000)).toBe(ENOBUFS);
    expect(sosetopt(so, SOL_SOCKET, SO_SNDBUF, 0)).toBe(EINVAL);
    expect(sosetopt(so, SOL_SOCKET, SO_SNDLOWAT, 100_000)).toBe(0);
    expect(sogetopt(so, SOL_SOCKET, SO_SNDLOWAT)).toBe(8192);
    expect(sosetopt(so, SOL_SOCKET, SO_RCVLOWAT, 12)).toBe(0);
    expect(so.rcv.lowat).toBe(12);
    l.kernel.sysctl.sysctlSet('kern.ipc.maxsockbuf', 100_000, { vnet: l.vnet, jailed: false });
    expect(sosetopt(so, SOL_SOCKET, SO_RCVBUF, 99_000)).toBe(ENOBUFS);
  });

  it('linger, timeouts, cookie', () => {
    const so = open(lab());
    expect(sosetopt(so, SOL_SOCKET, SO_LINGER, { onoff: 1, linger: 5 })).toBe(0);
    expect(sogetopt(so, SOL_SOCKET, SO_LINGER)).toEqual({ onoff: SO_LINGER, linger: 5 });
    expect(sosetopt(so, SOL_SOCKET, SO_LINGER, { onoff: 1, linger: -1 })).toBe(EDOM);
    expect(sosetopt(so, SOL_SOCKET, SO_LINGER, 5)).toBe(EINVAL);
    expect(sosetopt(so, SOL_SOCKET, SO_RCVTIMEO, 1500)).toBe(0);
    expect(so.rcv.timeoMs).toBe(1500);
    expect(sosetopt(so, SOL_SOCKET, SO_USER_COOKIE, 42)).toBe(0);
    expect(sogetopt(so, SOL_SOCKET, SO_USER_COOKIE)).toBe(42);
  });

  it('SO_ERROR is told once', () => {
    const so = open(lab());
    soposterror(so, 61);
    expect(sogetopt(so, SOL_SOCKET, SO_ERROR)).toBe(61);
    expect(sogetopt(so, SOL_SOCKET, SO_ERROR)).toBe(0);
  });

  it('what a socket is, and its queue', () => {
    const l = lab();
    const so = open(l);
    expect(sogetopt(so, SOL_SOCKET, SO_TYPE)).toBe(1);
    expect(sogetopt(so, SOL_SOCKET, SO_PROTOCOL)).toBe(250);
    expect(sogetopt(so, SOL_SOCKET, SO_DOMAIN)).toBe(2);
    expect(sogetopt(so, SOL_SOCKET, SO_ACCEPTCONN)).toBe(0);
    solisten(so, 9);
    expect(sogetopt(so, SOL_SOCKET, SO_ACCEPTCONN)).toBe(1);
    expect([SO_LISTENQLIMIT, SO_LISTENQLEN, SO_LISTENINCQLEN].map((o) => sogetopt(so, SOL_SOCKET, o))).toEqual([9, 0, 0]);
    for (const o of [SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_LISTENQLEN, 0x1009, 3]) expect(sosetopt(so, SOL_SOCKET, o, 1)).toBe(ENOPROTOOPT);
    expect(sogetopt(so, SOL_SOCKET, 0x1009)).toBe(-ENOPROTOOPT);
    expect(sotoxsocket(so)).toMatchObject({ proto: 'pair', type: 1, qlimit: 9, rcv: { cc: 0, hiwat: 8192 } });
  });

  it('SO_SETFIB goes by what the netstack allows; the null stack has table 0 only', () => {
    const so = open(lab());
    expect(sosetopt(so, SOL_SOCKET, SO_SETFIB, 0)).toBe(0);
    expect(sosetopt(so, SOL_SOCKET, SO_SETFIB, 1)).toBe(EINVAL);
  });

  it('other levels are for the protocol, which here has none', () => {
    const so = open(lab());
    expect(sosetopt(so, 6, 1, 1)).toBe(ENOPROTOOPT);
    expect(sogetopt(so, 6, 1)).toBe(-ENOPROTOOPT);
  });
});
