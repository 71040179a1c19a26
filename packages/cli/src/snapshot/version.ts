/**
 * Version of the snapshots that renderers take. It changes when a field changes its meaning or goes; new fields leave it alone.
 * @public
 */
export const SNAPSHOT_VERSION = 1;

/** What all snapshots have. @public */
export interface Snapshot {
  /** {@link SNAPSHOT_VERSION} of whoever made it. */
  readonly version: number;
}

/**
 * Throws unless this renderer understands the snapshot: it may come from another process with another version of this package.
 * @public
 */
export function checkSnapshot(what: string, s: Snapshot): void {
  if (s.version === SNAPSHOT_VERSION) return;
  const newer = typeof s.version === 'number' && s.version > SNAPSHOT_VERSION;
  throw new RangeError(`${what}: snapshot version ${String(s.version)} ${newer ? 'is newer than' : 'is not'} ${SNAPSHOT_VERSION}, which this tool understands`);
}

/** A snapshot as JSON, one line. @public */
export const renderJson = (s: object): string => `${JSON.stringify(s)}\n`;
