import { describe, expect, it } from 'vitest';
import { ifDelAddr, ifDown, ifUp } from '@ns/ifnet';
import { IN6_IFF_NODAD, ND6_IFF_IFDISABLED, ND6_IFF_NO_DAD } from '@ns/ip6';
import { AF_INET6, parseInAddr } from '@ns/wire';
import { ND6_DAD_EVENT, nd6Ifinfo, nd6SetIfinfo } from '../src/index.ts';
import { Hub, Lab, messages, naPacket, nsPacket, SEC, type TestIf } from './lab.ts';

const ME = '02:00:00:00:00:01';
const MY_LL = 'fe80::ff:fe00:1';
const none = new Uint8Array(0);

function setup(dad = 1): { lab: Lab; em: TestIf; msgs: () => ReturnType<typeof messages> } {
  const lab = new Lab({ dad });
  const em = lab.ether(ME);
  return { lab, em, msgs: () => messages(em.port.take()) };
}

/** An interface whose link-local address has been tested. */
function ready(dad = 1): ReturnType<typeof setup> {
  const s = setup(dad);
  s.lab.host.advance(10 * SEC);
  s.em.port.take();
  return s;
}

describe('duplicate address detection (RFC 4862 §5.4)', () => {
  it('the link-local address waits a random time, is asked for once from ::, and is ready a second later', () => {
    const { lab, em } = setup();
    expect(lab.addrs(em, true)).toEqual([`${MY_LL}/64 tentative`]);
    let sentAt = -1;
    for (let t = 0; t < 30 && sentAt < 0; t++) {
      const ms = messages(em.port.take());
      if (ms.length > 0) {
        sentAt = t;
        expect(ms).toMatchObject([{ src: '::', dst: 'ff02::1:ff00:1', to: '33:33:ff:00:00:01', hlim: 255, type: 135, target: MY_LL }]);
        expect(ms[0]!.opts.length).toBe(1);
        expect(ms[0]!.opts[0]).toMatch(/^0e01/); // a nonce, and no link-layer address
      }
      lab.host.advance(0.1 * SEC);
    }
    expect(sentAt).toBeGreaterThan(0);
    expect(sentAt).toBeLessThanOrEqual(10);
    lab.host.advance(0.8 * SEC);
    expect(lab.addrs(em, true)).toEqual([`${MY_LL}/64 tentative`]);
    lab.host.advance(0.2 * SEC);
    expect(lab.addrs(em, true)).toEqual([`${MY_LL}/64`]);
  });

  it('a configured address is tested at once, dad_count times, RetransTimer apart', () => {
    const { lab, em, msgs } = ready(3);
    lab.addr(em.ifp, '2001:db8::1/64');
    for (let i = 0; i < 3; i++) {
      expect(msgs()).toMatchObject([{ src: '::', type: 135, target: '2001:db8::1' }]);
      lab.host.advance(1 * SEC - 1);
      expect(lab.addrs(em)).toEqual(['2001:db8::1/64 tentative']);
      lab.host.advance(1);
    }
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64']);
    expect(msgs()).toEqual([]);
  });

  it('an advertisement for it makes it a duplicate, for good', () => {
    const { lab, em } = ready();
    const events: string[] = [];
    lab.kernel.events.register(ND6_DAD_EVENT, (_ifp, ifa, unique) => events.push(`${ifa.addr} ${unique}`));
    lab.addr(em.ifp, '2001:db8::1/64');
    lab.in(em, naPacket('2001:db8::1', 'ff02::1', 0x20));
    lab.host.advance(10 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 duplicated']);
    expect(events).toEqual(['2001:db8::1 false']);
    expect(lab.nd.stat.dad_duplicated).toBe(1);
    expect(lab.logs('DAD detected duplicate IPv6 address 2001:db8::1')).toBe(1);
    // Only that address: the interface goes on.
    expect(nd6Ifinfo(em.ifp)!.flags & ND6_IFF_IFDISABLED).toBe(0);
  });

  it('somebody who tests it too makes it a duplicate', () => {
    const { lab, em } = ready();
    lab.addr(em.ifp, '2001:db8::1/64');
    lab.in(em, nsPacket('2001:db8::1', { src: '::', opts: none }));
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 duplicated']);
  });

  it('somebody who only resolves it does not, and hears nothing', () => {
    const { lab, em, msgs } = ready();
    lab.addr(em.ifp, '2001:db8::1/64');
    msgs();
    lab.in(em, nsPacket('2001:db8::1'));
    expect(msgs()).toEqual([]);
    lab.host.advance(1 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64']);
  });

  it('our own solicitation that comes back is no duplicate; the test goes on until it does not (RFC 7527)', () => {
    const { lab, em } = ready();
    lab.addr(em.ifp, '2001:db8::1/64');
    const [frame] = em.port.take();
    lab.inject(em, frame!);
    expect(lab.nd.stat.dad_looped).toBe(1);
    lab.host.advance(3 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 tentative']);
    expect(messages(em.port.take()).length).toBe(3);
    lab.host.advance(2 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64']);
    expect(lab.logs('looped back')).toBe(1);
  });

  it('with dad_enhanced off there is no nonce, and an echo is a duplicate', () => {
    const { lab, em } = ready();
    lab.nd.dadEnhanced = false;
    lab.addr(em.ifp, '2001:db8::1/64');
    const [frame] = em.port.take();
    expect(messages([frame!])[0]!.opts).toEqual([]);
    lab.inject(em, frame!);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 duplicated']);
  });

  it('a duplicate of the link-local address made of the link address stops IPv6 on the interface, until that is put right', () => {
    const { lab, em, msgs } = setup();
    lab.addr(em.ifp, '2001:db8::1/64');
    lab.host.advance(0.9 * SEC); // the test takes a second, after a delay of up to one more
    lab.in(em, naPacket(MY_LL, 'ff02::1', 0x20));
    expect(lab.addrs(em, true)[0]).toBe(`${MY_LL}/64 duplicated`);
    expect(nd6Ifinfo(em.ifp)!.flags & ND6_IFF_IFDISABLED).not.toBe(0);
    expect(lab.logs('disable IPv6')).toBe(1);
    msgs();
    lab.in(em, nsPacket('2001:db8::1'));
    expect(msgs()).toEqual([]);
    // RFC 4862 §5.4.5: not by asking for it.
    nd6SetIfinfo(em.ifp, { clear: ND6_IFF_IFDISABLED });
    expect(nd6Ifinfo(em.ifp)!.flags & ND6_IFF_IFDISABLED).not.toBe(0);
  });

  it('two hosts with the same link address on one link: both stop', () => {
    const lab = new Lab({ dad: 1 });
    const hub = new Hub(lab);
    const a = lab.ether(ME, null, { hub });
    const other = lab.newVnet('other');
    const b = lab.ether(ME, null, { hub, vnet: other });
    lab.host.advance(5 * SEC);
    const states = [a, b].map((t) => lab.addrs(t, true)[0]);
    // The one that tests first sees the other's test; the other sees its answer or its test.
    expect(states.filter((s) => s!.endsWith('duplicated')).length).toBeGreaterThanOrEqual(1);
    expect(states).toContain(`${MY_LL}/64 duplicated`);
  });

  it('no test with dad_count 0, IN6_IFF_NODAD, or ND6_IFF_NO_DAD', () => {
    const { lab, em, msgs } = ready();
    lab.addr(em.ifp, '2001:db8::1/64', IN6_IFF_NODAD);
    nd6SetIfinfo(em.ifp, { set: ND6_IFF_NO_DAD });
    lab.addr(em.ifp, '2001:db8::2/64');
    nd6SetIfinfo(em.ifp, { clear: ND6_IFF_NO_DAD });
    lab.nd.dadCount = 0;
    lab.addr(em.ifp, '2001:db8::3/64');
    expect(msgs()).toEqual([]);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64', '2001:db8::2/64', '2001:db8::3/64']);
  });

  it('an interface that goes down and comes back tests its addresses again, duplicates too', () => {
    const { lab, em } = ready();
    lab.addr(em.ifp, '2001:db8::1/64');
    lab.addr(em.ifp, '2001:db8::2/64');
    lab.in(em, naPacket('2001:db8::2', 'ff02::1', 0x20));
    lab.host.advance(2 * SEC);
    ifDown(em.ifp);
    lab.host.advance(10 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 tentative', '2001:db8::2/64 tentative']);
    ifUp(em.ifp);
    lab.host.advance(3 * SEC);
    expect(lab.addrs(em, true)).toEqual([`${MY_LL}/64`, '2001:db8::1/64', '2001:db8::2/64']);
  });

  it('an address that is deleted during its test leaves nothing behind', () => {
    const { lab, em, msgs } = ready();
    const armed = lab.kernel.callouts.pending;
    lab.addr(em.ifp, '2001:db8::1/64');
    expect(lab.kernel.callouts.pending).toBeGreaterThan(armed);
    ifDelAddr(em.ifp, parseInAddr('2001:db8::1')!, AF_INET6);
    expect(lab.kernel.callouts.pending).toBe(armed);
    msgs();
    lab.host.advance(5 * SEC);
    expect(msgs()).toEqual([]);
  });
});

describe('optimistic addresses (RFC 4429)', () => {
  it('are usable at once, answer without override, ask as somebody else, and become ordinary', () => {
    const { lab, em, msgs } = ready();
    lab.nd.dadOptimistic = true;
    lab.addr(em.ifp, '2001:db8::1/64');
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 tentative optimistic']);
    msgs();
    lab.in(em, nsPacket('2001:db8::1'));
    expect(msgs()).toMatchObject([{ type: 136, flags: 0x40 }]);
    lab.send(em, '2001:db8::2');
    expect(msgs()).toMatchObject([{ type: 135, src: MY_LL }]);
    lab.host.advance(1 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64']);
  });

  it('a duplicate is found all the same', () => {
    const { lab, em } = ready();
    lab.nd.dadOptimistic = true;
    lab.addr(em.ifp, '2001:db8::1/64');
    lab.in(em, naPacket('2001:db8::1', 'ff02::1', 0x20));
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 duplicated']);
  });
});

describe('stable identifiers (RFC 7217)', () => {
  function stable(): ReturnType<typeof setup> {
    const lab = new Lab({ dad: 1, stable: true });
    const em = lab.ether(ME);
    return { lab, em, msgs: () => messages(em.port.take()) };
  }
  const ll = (lab: Lab, em: TestIf): string => lab.addrs(em, true)[0]!;

  it('the link-local address tells nothing of the link address', () => {
    const { lab, em } = stable();
    lab.host.advance(3 * SEC);
    expect(ll(lab, em)).toMatch(/^fe80::[0-9a-f:]+\/64$/);
    expect(ll(lab, em)).not.toContain('ff:fe');
  });

  it('a duplicate gives way to the next identifier, three times, and then stays one; IPv6 goes on', () => {
    const { lab, em } = stable();
    const tried = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const text = ll(lab, em).split('/')[0]!;
      tried.add(text);
      lab.host.advance(1 * SEC);
      lab.in(em, naPacket(text, 'ff02::1', 0x20));
    }
    expect(tried.size).toBe(4);
    expect(ll(lab, em)).toMatch(/duplicated$/);
    expect(lab.addrs(em, true).length).toBe(1);
    expect(nd6Ifinfo(em.ifp)!.flags & ND6_IFF_IFDISABLED).toBe(0);
  });
});
