import { StringDecoder } from 'node:string_decoder';

/*
 * What the program `ns` and a stack say to each other: lines of JSON over a local socket.
 *
 * The stack greets with a Hello. A client makes requests with numbers of its own choosing; each answer carries the number, and an exec ends with `exit` or `error`.
 */

/** Version of this protocol. */
export const PROTOCOL_VERSION = 1;
/** Longest request, bytes: a command line with the files that it reads. */
export const REQUEST_MAX = 262144;
/** Longest answer, characters of JSON; output is cut into pieces below it. */
export const ANSWER_MAX = 1048576;
/** Characters of output in one answer. */
export const CHUNK = 32768;

/** First line from the stack. */
export interface Hello {
  readonly ns: number;
  readonly name: string;
  readonly pid: number;
}

/** A request. An exec brings the files along that the command reads; of one that is missing the stack asks with `need`, before the command has done anything. */
export type Request =
  | {
      readonly id: number;
      readonly op: 'exec';
      readonly words: string | readonly string[];
      readonly jail: string | number | null;
      /** Text, or an errno, by path. */
      readonly files?: Readonly<Record<string, string | number>>;
    }
  | { readonly id: number; readonly op: 'interrupt' }
  | { readonly id: number; readonly op: 'info' }
  | { readonly id: number; readonly op: 'down' };

/** What a stack tells of itself. */
export interface Info {
  readonly name: string;
  readonly pid: number;
  /** Seconds. */
  readonly uptime: number;
  readonly jails: number;
  readonly config: string;
}

/** An answer, or a piece of one. */
export type Answer =
  | { readonly id: number; readonly out: string }
  | { readonly id: number; readonly err: string }
  | { readonly id: number; readonly file: number; readonly open: string }
  | { readonly id: number; readonly file: number; /** base64 */ readonly data: string }
  | { readonly id: number; readonly file: number; readonly close: true }
  | { readonly id: number; readonly info: Info }
  | { readonly id: number; readonly need: string }
  | { readonly id: number; readonly exit: number }
  | { readonly id: number | null; readonly error: string };

/** Cuts a stream of bytes into lines, none longer than `max` bytes. */
export class LineReader {
  private readonly max: number;
  private decoder: StringDecoder;
  private rest: string;
  private restBytes: number;

  constructor(max: number) {
    this.max = max;
    this.decoder = new StringDecoder('utf8');
    this.rest = '';
    this.restBytes = 0;
  }

  /** The lines that are complete now, without their newlines; null once one is too long. */
  push(chunk: Uint8Array): string[] | null {
    let last = 0;
    for (let i = chunk.indexOf(10); i >= 0; i = chunk.indexOf(10, i + 1)) {
      if (this.restBytes + i - last > this.max) return null;
      this.restBytes = 0;
      last = i + 1;
    }
    this.restBytes += chunk.length - last;
    if (this.restBytes > this.max) return null;
    const lines = (this.rest + this.decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))).split('\n');
    this.rest = lines.pop() as string;
    return lines;
  }
}

const isId = (v: unknown): v is number => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0;

function isFiles(v: unknown): v is Record<string, string | number> {
  return typeof v === 'object' && v !== null && !Array.isArray(v) && Object.values(v).every((t) => typeof t === 'string' || typeof t === 'number');
}

/** Reads a request; a text says what is wrong with it. */
export function parseRequest(line: string): Request | string {
  let v: unknown;
  try {
    v = JSON.parse(line);
  } catch {
    return 'not JSON';
  }
  if (typeof v !== 'object' || v === null || Array.isArray(v)) return 'not an object';
  const { id, op, words, jail, files } = v as Record<string, unknown>;
  if (!isId(id)) return 'id is not a number';
  if (op === 'interrupt' || op === 'info' || op === 'down') return { id, op };
  if (op !== 'exec') return 'unknown op';
  const isWords = typeof words === 'string' || (Array.isArray(words) && words.every((w) => typeof w === 'string'));
  if (!isWords) return 'words is neither a text nor an array of texts';
  const isJail = jail === undefined || jail === null || typeof jail === 'string' || isId(jail);
  if (!isJail) return 'jail is neither a name nor a number';
  if (files !== undefined && !isFiles(files)) return 'files is not a table of texts';
  return { id, op, words: words as string | readonly string[], jail: jail ?? null, ...(files !== undefined && { files }) };
}

/** Reads an answer; null for what is none. The stack is our own, but it may be of another version. */
export function parseAnswer(line: string): Answer | Hello | null {
  try {
    const v: unknown = JSON.parse(line);
    return typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Answer | Hello) : null;
  } catch {
    return null;
  }
}

export const encode = (message: Hello | Request | Answer): string => `${JSON.stringify(message)}\n`;
