import { ESRCH } from '@ns/errno';
import { MAC_VERSION, type MacCred, type MacInpcb, type MacPolicy, type MacSocket, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';

/**
 * The policy of one kernel, with its settings.
 * Source: FreeBSD security/mac_seeotheruids/mac_seeotheruids.c.
 */
export class Seeotheruids implements MacPolicy {
  readonly name = 'mac_seeotheruids';
  readonly fullname = 'MAC/seeotheruids';
  readonly version: typeof MAC_VERSION = MAC_VERSION;
  readonly loadtimeFlags: number = MPC_LOADTIME_FLAG_UNLOADOK;
  /** security.mac.seeotheruids.enabled. */
  enabled: number;
  /** security.mac.seeotheruids.suser_privileged. */
  suserPrivileged: number;

  constructor() {
    this.enabled = 1;
    this.suserPrivileged = 1;
  }

  credCheckVisible(cred: MacCred, other: MacCred): number {
    return this.check(cred, other);
  }

  inpcbCheckVisible(cred: MacCred, inp: MacInpcb): number {
    return this.check(cred, inp.cred);
  }

  socketCheckVisible(cred: MacCred, so: MacSocket): number {
    return this.check(cred, so.cred);
  }

  /** Source: FreeBSD mac_seeotheruids.c, mac_seeotheruids_check(). */
  private check(cred: MacCred, other: MacCred): number {
    if (this.enabled === 0 || cred.uid === other.uid) return 0;
    return this.suserPrivileged !== 0 && cred.uid === 0 ? 0 : ESRCH;
  }
}
