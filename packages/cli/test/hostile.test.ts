import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  renderArp,
  renderIfconfig,
  renderJls,
  renderJlsParams,
  renderKldstat,
  renderNetstat,
  renderNetstatIf,
  renderNetstatRoutes,
  renderSockstat,
  SNAPSHOT_VERSION,
} from '../src/index.ts';
import { CONN, CXGBE0, interfaces, sockets } from './fixtures.ts';

const V = SNAPSHOT_VERSION;
const nasty = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('a\nb', '\x1b[31mred', 'x\ty', '\u202eevil', 'a\r\nroot', '"quoted"', '', ' '));

/** Text that obeys the rows: as many lines as rows, and nothing that a terminal would act upon. */
function wellBehaved(text: string, rows: number): void {
  expect(text.split('\n')).toHaveLength(rows + 1);
  expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/); // eslint-disable-line no-control-regex
}

describe('names that somebody else chose', () => {
  it('do not break rows or reach the terminal', () => {
    fc.assert(
      fc.property(nasty, nasty, (name, text) => {
        const i = { ...CXGBE0, name, description: text, groups: [text, 'x'], addresses: [], media: null, nd6: null, ether: null, fib: 0 };
        wellBehaved(renderIfconfig(interfaces(i)), text === '' ? 3 : 4);
        wellBehaved(renderNetstatIf(interfaces(i)), 2);
        wellBehaved(renderSockstat(sockets(CONN), { process: { command: text, pid: 1 }, userName: () => name }), 2);
        wellBehaved(renderNetstat(sockets({ ...CONN, tcp: { ...CONN.tcp!, state: text, cc: name } }), { congestion: true }), 3);
        const route = { family: 'inet', destination: 'default', address: '0.0.0.0', prefixlen: 0, gateway: null, linkIndex: 1, flags: 1, netif: name, source: null, nhop: 1, weight: 1, mtu: 1, use: 0, expire: null } as const;
        wellBehaved(renderNetstatRoutes({ version: V, fib: 0, routes: [route] }), 5);
        wellBehaved(renderArp({ version: V, neighbours: [{ address: '10.0.0.1', ether: null, netif: name, expire: 1, published: false }] }), 1);
        const jail = { jid: 1, name, hostname: text, path: text, dying: false, addresses: [], params: { name, 'host.hostname': text } };
        wellBehaved(renderJls({ version: V, jails: [jail] }), 2);
        wellBehaved(renderJls({ version: V, jails: [jail] }, { verbose: true }), 7);
        wellBehaved(renderJlsParams({ version: V, jails: [jail] }, ['name', 'host.hostname'].map((n) => ({ name: n, negated: false })), { names: true, quote: true }), 1);
        wellBehaved(renderKldstat({ version: V, modules: [{ id: 1, refs: 1, name, moduleVersion: 1, usedBy: [text] }] }, true), 6);
      }),
    );
  });

  it('cannot shift the columns of a table', () => {
    const at = (hostname: string): number => renderJls({ version: V, jails: [{ jid: 1, name: 'x', hostname, path: '/p', dying: false, addresses: [], params: {} }] }).split('\n')[1]!.length;
    expect(at('h'.repeat(200))).toBe(at('short'));
  });
});
