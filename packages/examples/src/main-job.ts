import net, { type AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { once } from 'node:events';
import { exec } from '@ns/cli';
import { createNet, httpAgent, serve } from '@ns/sock-node';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { Capture } from './capture.ts';
import { download, type Download, fileServer } from './download.ts';
import { type Fixture, makeFixture } from './fixture-file.ts';
import { ProgressBar } from './progress.ts';
import { Report } from './report.ts';

/*
 * Two virtual hosts, an HTTP download between them, and the same download over the operating system's loopback.
 *
 *   npx pnpm@10 start [--json] [--mib N] [--capture FILE]
 */

const SERVER = '10.0.0.1';
const CLIENT = '10.0.0.2';
const DEFAULT_MIB = 256;

interface Hosts {
  readonly stack: Stack;
  readonly server: StackJail;
  readonly client: StackJail;
  /** The client's interface. */
  readonly ifname: string;
}

/** Boots a kernel with two jails, each with its own stack, joined by an epair. */
function boot(): Hosts {
  const stack = createStack();
  const server = stack.jail({ name: 'server', vnet: 'new', 'host.hostname': 'server.example' });
  const client = stack.jail({ name: 'client', vnet: 'new', 'host.hostname': 'client.example' });
  const link = stack.link(server, `${SERVER}/24`, client, `${CLIENT}/24`);
  return { stack, server, client, ifname: link.b };
}

/** The commands whose output shows the machine at work; taken in the middle of the transfer. */
function showcase({ stack }: Hosts): { command: string; stdout: string }[] {
  const run = (line: string, jail?: string): { command: string; stdout: string } => {
    const r = exec(stack.kernel, line, jail === undefined ? {} : { jail });
    return { command: jail === undefined ? line : `jexec ${jail} ${line}`, stdout: r.stdout + r.stderr };
  };
  return [run('jls'), run('ifconfig epair0b', 'client'), run('netstat -an', 'server'), run('sockstat -46', 'client')];
}

async function downloadOverStack(hosts: Hosts, file: Fixture, report: Report): Promise<Download> {
  const listener = serve(createNet(hosts.server), fileServer(file));
  listener.listen(80);
  const agent = httpAgent(createNet(hosts.client));
  const bar = new ProgressBar(file.bytes);
  let shown = false;
  const d = await download({ host: SERVER, port: 80, agent }, (n) => {
    bar.update(n);
    if (shown || n < file.bytes / 2) return;
    shown = true;
    report.keep(showcase(hosts));
  });
  bar.end();
  agent.destroy();
  listener.close();
  return d;
}

async function downloadOverLoopback(file: Fixture): Promise<Download> {
  const server = fileServer(file);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const d = await download({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false, createConnection: (o) => net.connect(o as net.NetConnectOpts) }, () => {});
  server.close();
  return d;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean' }, mib: { type: 'string' }, capture: { type: 'string' } },
  });
  const report = new Report(values.json === true);
  const mib = Math.max(1, Number(values.mib ?? DEFAULT_MIB));
  const hosts = boot();
  report.begin(SERVER, CLIENT, mib);
  const file = await makeFixture(mib);
  try {
    const capture = new Capture(hosts.client.interface(hosts.ifname), values.capture ?? 'capture.pcapng');
    const ours = await downloadOverStack(hosts, file, report);
    const captured = capture.close();
    const baseline = await downloadOverLoopback(file);
    const verified = ours.sha256 === file.sha256 && ours.bytes === file.bytes && baseline.sha256 === file.sha256;
    report.end({ ours, baseline, verified, sha256: file.sha256, captured });
    const leaks = [...hosts.client.remove(), ...hosts.server.remove()].filter((r) => !r.clean);
    for (const l of leaks) report.leak(l.name, l.leftovers.map((x) => `${x.count} ${x.kind} ${x.name}`).join(', '));
    hosts.stack.shutdown();
    return verified && leaks.length === 0 ? 0 : 1;
  } finally {
    await file.remove();
  }
}

process.exitCode = await main();
