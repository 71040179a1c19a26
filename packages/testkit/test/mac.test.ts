import { EACCES } from '@ns/errno';
import type { ModuleDecl } from '@ns/kern';
import { MAC_VERSION, type MacCred, type MacPolicy, macPolicyModule, MacSlot, type MacSocket, MPC_LOADTIME_FLAG_NOTLATE, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import { macPortacl } from '@ns/mac-portacl';
import { macSeeotheruids } from '@ns/mac-seeotheruids';
import { sysctlInt } from '@ns/sysctl';
import { macPolicySuite, type SuiteRunner } from '@ns/testkit';
import { describe, expect, it } from 'vitest';

const runner: SuiteRunner = { describe, it, expect };

macPolicySuite(runner, { mod: macPortacl, sysctls: { 'security.mac.portacl.rules': 'uid:80:tcp:80', 'security.mac.portacl.port_high': 65535 } });
macPolicySuite(runner, { mod: macSeeotheruids });

const base = { name: 'mac_x', fullname: 'X', version: MAC_VERSION, loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK } as const;
const module = (more: Partial<MacPolicy>, decl: Partial<ModuleDecl> = {}): { mod: () => ModuleDecl } => ({ mod: () => macPolicyModule('x', () => ({ ...base, ...more }), decl) });

/** Labels sockets, sees all of them from the first, and stays. */
function labels(): ModuleDecl {
  return macPolicyModule('labels', () => {
    const slot = new MacSlot<number>();
    return {
      ...base,
      name: 'mac_labels',
      loadtimeFlags: MPC_LOADTIME_FLAG_NOTLATE,
      slot,
      socketCreate: (cred, so) => (slot.set(so, cred.uid), 0),
      socketNewconn: (head, so) => (slot.set(so, slot.get(head) ?? 0), 0),
      socketCheckSend: (cred, so) => ((slot.get(so) ?? cred.uid) === cred.uid ? 0 : EACCES),
      socketCheckReceive: (_cred, so) => (slot.set(so, (slot.get(so) ?? 0) + 1), 0),
    };
  });
}
macPolicySuite(runner, { mod: labels });

/** Names of the tests of the suite that a policy fails. */
function failures(put: { mod: () => ModuleDecl }): string[] {
  const failed: string[] = [];
  macPolicySuite(
    {
      describe: (_name, fn) => fn(),
      it: (name, fn) => {
        try {
          void fn();
        } catch {
          failed.push(name.split(/[ ,]/).slice(0, 2).join(' '));
        }
      },
      expect,
    },
    put,
  );
  return failed;
}

describe('the suite finds a policy', () => {
  it('that is right', () => expect(failures(module({}))).toEqual([]));

  it.each([
    ['that throws', module({ socketCheckSend: (_cred, so) => { if (so.label === null) throw new Error('unlabelled'); return 0; } }), ['answers whatever', 'labels sockets']],
    ['that answers no errno', module({ socketCheckBind: () => -1 }), ['answers whatever']],
    ['that forgets to answer', module({ socketCheckListen: () => undefined as never }), ['answers whatever']],
    ['that changes what it sees', module({ socketCheckConnect: (_cred: MacCred, so: MacSocket) => (Object.assign(so, { fibnum: 7 }), 0) }), ['answers whatever']],
    ['that labels through no slot', module({ socketCreate: (_cred, so) => (new MacSlot<number>().set(so, 1), 0) }), ['labels sockets']],
    ['that throws when it goes', module({ destroy: () => { throw new Error('no'); } }), ['is unloaded']],
    ['with a sysctl elsewhere', module({}, { sysctls: [sysctlInt({ name: 'net.x', descr: 'x', get: () => 1 })] }), ['has its']],
  ] as [string, { mod: () => ModuleDecl }, string[]][])('%s', (_name, put, failed) => {
    expect(failures(put)).toEqual(failed);
  });

  it('that is one for all kernels', () => {
    const shared: MacPolicy = { ...base };
    expect(failures({ mod: () => macPolicyModule('x', () => shared) })).toEqual(['keeps what']);
  });

  it('that keeps its settings for all kernels', () => {
    let value = 1;
    const sysctls = [sysctlInt<never>({ name: 'security.mac.x.value', flags: 0xc0000000, descr: 'x', get: () => value, set: (_req, v) => void (value = v) })];
    expect(failures(module({}, { sysctls: sysctls as never }))).toEqual(['keeps what']);
  });
});
