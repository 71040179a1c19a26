import { HELPER_CLASS_TCP, type Helper, HHOOK_TCP_EST_IN, HHOOK_TCP_EST_OUT, HHOOK_TYPE_TCP, khelpModule, type ModuleDecl } from '@ns/kern';
import { Ertt } from './ertt.ts';
import { erttAcked, erttSent } from './measure.ts';

/** The helper `ertt`: congestion control asks `kernel.khelp` for its block of a connection, null for one that began before the helper came. @public */
export const erttHelper: Helper<Ertt> = Object.freeze({
  name: 'ertt',
  classes: HELPER_CLASS_TCP,
  ctor: () => new Ertt(),
  dtor: (e: Ertt) => e.clear(),
  hooks: Object.freeze([
    { type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_IN, func: erttAcked },
    { type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_OUT, func: erttSent },
  ]),
});

/** Module `h-ertt`. Source: FreeBSD h_ertt.c, KHELP_DECLARE_MOD_UMA(ertt). @public */
export function hErtt(): ModuleDecl {
  return khelpModule(erttHelper, 1, [{ name: 'tcp', min: 1, preferred: 1, max: 1 }]);
}
