/** What the command line says. */
export interface Args {
  readonly paths: readonly string[];
  readonly list: string | null;
  readonly root: string;
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
  readonly pcap: string | null;
  readonly compat: 'google' | null;
  /** Commands before those of each script. */
  readonly init: string | null;
  readonly defines: Readonly<Record<string, string>>;
  /** Options of scripts that count before their own. */
  readonly scriptOptions: Readonly<Record<string, string>>;
}

export const USAGE: string = [
  'usage: packetdrill [--json] [--verbose] [--quiet] [--pcap DIR] [--compat google] [--init COMMANDS] [-D NAME=VALUE]',
  '                   [--list FILE [--root DIR]] [--option=value ...] PATH ...',
  '  PATH             a script, or a directory whose *.pkt files are run',
  '  --list FILE      run the scripts that the lines of FILE name, below --root',
  '  --json           one JSON object a line for each script',
  '  --verbose        show each packet as tcpdump does',
  '  --quiet          only the last line',
  '  --pcap DIR       write a pcapng file for each script that fails',
  '  --compat google  the scripts are meant for Google\'s interpreter: what is about Linux alone is passed over, with a warning',
  '  --init COMMANDS  run these before each script',
  '  --option=value   an option of the language, before that of the script: --tolerance_usecs=1000',
].join('\n');

/** Reads the command line; a text says what is wrong with it. */
export function parseArgs(argv: readonly string[]): Args | string {
  const a = { paths: [] as string[], list: null as string | null, root: '.', json: false, verbose: false, quiet: false, pcap: null as string | null, compat: null as string | null, init: null as string | null };
  const defines: Record<string, string> = {};
  const scriptOptions: Record<string, string> = {};
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    const value = (): string => argv[++i] ?? '';
    const option = /^--([a-z0-9_]+)=(.*)$/s.exec(word);
    if (word === '--list') a.list = value();
    else if (word === '--root') a.root = value();
    else if (word === '--pcap') a.pcap = value();
    else if (word === '--compat') a.compat = value();
    else if (word === '--init') a.init = value();
    else if (word === '--json') a.json = true;
    else if (word === '--verbose' || word === '-v') a.verbose = true;
    else if (word === '--quiet' || word === '-q') a.quiet = true;
    else if (word === '-D' || /^-D./.test(word)) {
      const m = /^([A-Za-z_][A-Za-z_0-9]*)=(.*)$/s.exec(word === '-D' ? value() : word.slice(2));
      if (m === null) return '-D needs NAME=VALUE';
      defines[m[1] as string] = m[2] as string;
    } else if (option !== null) scriptOptions[option[1] as string] = option[2] as string;
    else if (word.startsWith('-')) return `unknown option ${word}`;
    else a.paths.push(word);
  }
  if (a.list === '' || a.root === '' || a.pcap === '' || a.init === '') return 'an option lacks its value';
  const { compat } = a;
  if (compat !== null && compat !== 'google') return `--compat ${compat}: google expected`;
  if (a.paths.length === 0 && a.list === null) return 'no scripts';
  return { ...a, compat, defines, scriptOptions };
}
