export function diffLines(before: string, after: string): { readonly removed: number; readonly added: number; readonly hunks: string };
