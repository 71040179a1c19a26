/** How one run of a soak went. */
export interface Outcome {
  readonly name: string;
  /** What went wrong; empty if nothing did. */
  readonly problem: string;
  /** Figures. */
  readonly detail: string;
}

/** What may be made smaller or larger; the defaults are those of the nightly form. */
export interface SoakOptions {
  /** lossy: bytes of a transfer. */
  readonly bytes?: number | undefined;
  /** lossy: transfers. */
  readonly seeds?: number | undefined;
  /** flood: SYNs. */
  readonly syns?: number | undefined;
  /** fuzz: seconds of real time. */
  readonly seconds?: number | undefined;
  /** fuzz: the first seed. */
  readonly seed?: number | undefined;
}
