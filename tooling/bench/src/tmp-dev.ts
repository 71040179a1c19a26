import { bulk, connects, memory, rtt } from './core.js';
import { makePair } from './pair.js';
const [,, what, kind = 'nocsum', n = '1'] = process.argv;
const p = makePair(kind as 'nocsum');
const r = what === 'bulk' ? await bulk(p) : what === 'rtt' ? await rtt(p) : what === 'connect' ? await connects(p, Number(n)) : await memory(p, 10000);
console.log(what, kind, n, r);
process.exit(0);
