import { RuleTester } from 'eslint';
import ts from 'typescript-eslint';
import { afterAll, describe, it } from 'vitest';
import hot from '../hot.js';
import noModuleState from '../no-module-state.js';

RuleTester.describe = describe;
RuleTester.it = it;
RuleTester.itOnly = it.only;
RuleTester.afterAll = afterAll;

const tester = new RuleTester({ languageOptions: { parser: ts.parser } });

tester.run('no-module-state', noModuleState, {
  valid: [
    'export const ETHER_HDR_LEN = 14;',
    'export const NAMES = ["a", "b"] as const;',
    'export const FLAGS: readonly number[] = [1, 2];',
    'export const TABLE: Readonly<Record<string, number>> = { a: 1 };',
    'export const OPS: IfOps = { transmit };',
    'const BY_NAME: ReadonlyMap<string, number> = new Map([["a", 1]]);',
    'export const DRIVER = Object.freeze({ name: "epair" });',
    'export const TCP = new VnetVar<TcpVnet>({ module: "tcp", name: "tcp", init });',
    'export const JAILS = new ServiceKey<JailTable>("jails");',
    'export const ROUTE = defineVnetVar({ module: "route" });',
    // A table is computed once, at load, by statements of the module itself.
    'const CRC = new Uint32Array(256); for (let n = 0; n < 256; n++) CRC[n] = n * 3; export const crc = (i: number): number => CRC[i]!;',
    'export function f() { let n = 0; const seen = new Map(); seen.set(n, n); n++; return seen; }',
    'export class A { static readonly LEN = 4; n = 0; readonly seen = new Map(); }',
    'declare let ambient: number;',
    'const order = { a: 1 } as const; export const g = () => order.a;',
  ],
  invalid: [
    { code: 'let next = 1;', errors: [{ messageId: 'binding' }] },
    { code: 'export let next = 1;', errors: [{ messageId: 'binding' }] },
    { code: 'var a, b = 2;', errors: [{ messageId: 'binding' }, { messageId: 'binding' }] },
    { code: 'const cache = new Map<string, number>();', errors: [{ messageId: 'mutable' }] },
    { code: 'export const pcbs: Map<string, number> = new Map();', errors: [{ messageId: 'mutable' }] },
    { code: 'const listeners = new WeakMap();', errors: [{ messageId: 'mutable' }] },
    { code: 'const queue: number[] = [];', errors: [{ messageId: 'mutable' }] },
    { code: 'const counters = {};', errors: [{ messageId: 'mutable' }] },
    { code: 'const counters: Record<string, number> = {};', errors: [{ messageId: 'mutable' }] },
    { code: 'const a = [] as number[];', errors: [{ messageId: 'mutable' }] },
    { code: 'const uh = new UdpHdr();', errors: [{ messageId: 'mutable' }] },
    { code: 'const scratch = new Uint8Array(64); export function f(i: number) { scratch[i] = 1; }', errors: [{ messageId: 'written' }] },
    { code: 'const scratch = new Uint8Array(64); export const f = () => { scratch.fill(0); };', errors: [{ messageId: 'written' }] },
    { code: 'const stat: Stat = { n: 0 }; export function hit() { stat.n++; }', errors: [{ messageId: 'written' }] },
    { code: 'const reg: Registry = make(); export class A { add() { reg.table.set("a", 1); } }', errors: [{ messageId: 'written' }] },
    { code: 'export class A { static count = 0; }', errors: [{ messageId: 'binding' }] },
    { code: 'export class A { static readonly seen = new Set(); }', errors: [{ messageId: 'mutable' }] },
  ],
});

const HOT = '/** @hot the receive path */\n';
tester.run('hot', hot, {
  valid: [
    'export const f = (a: number[]) => [...a];',
    'const x = 1; // @hot only counts at the top\nexport const f = (a: number[]) => [...a];',
    `${HOT}import { a, b } from './a.ts'; export function f(n: number): number { for (let i = 0; i < n; i++) a(i); return b; }`,
    `${HOT}export class A { m(): number { return 1; } } export const g = (): number => 2;`,
    '/** Not marked: see @hotel. */\nexport const f = (a: number[]) => [...a];',
  ],
  invalid: [
    { code: `${HOT}export const f = (a: number[]) => g(...a);`, errors: [{ messageId: 'spread' }] },
    { code: `${HOT}export function f(...a: number[]) { return a; }`, errors: [{ messageId: 'spread' }] },
    { code: `${HOT}export function f() { const { a } = g(); return a; }`, errors: [{ messageId: 'destructure' }] },
    { code: `${HOT}export function f() { const [a] = g(); return a; }`, errors: [{ messageId: 'destructure' }] },
    { code: `${HOT}export const f = () => 1n;`, errors: [{ messageId: 'bigint' }] },
    { code: `${HOT}export function* f() { yield 1; }`, errors: [{ messageId: 'generator' }] },
    { code: `${HOT}export async function f() { return 1; }`, errors: [{ messageId: 'generator' }] },
    { code: `${HOT}export function f(a: A) { a.each(() => 1); }`, errors: [{ messageId: 'closure' }] },
    { code: `${HOT}export class A { m() { return function () { return 1; }; } }`, errors: [{ messageId: 'closure' }] },
    { code: `${HOT}export function f() { try { g(); } finally { h(); } }`, errors: [{ messageId: 'try' }] },
    { code: `${HOT}export function f(a: number[]) { for (const x of a) g(x); }`, errors: [{ messageId: 'iterator' }] },
  ],
});
