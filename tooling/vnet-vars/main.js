/** `pnpm vnet-vars`: lists per-vnet variables, and fields of them, that no source file reads. */
import { formatDead, scanWorkspace } from './scan.js';

const dead = scanWorkspace();
for (const line of formatDead(dead)) console.log(line);
console.log(dead.length === 0 ? 'vnet-vars: every per-vnet variable and field is read' : `vnet-vars: ${dead.length} never read`);
process.exitCode = dead.length === 0 ? 0 : 1;
