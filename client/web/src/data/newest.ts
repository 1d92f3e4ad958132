// The newest few entries out of two sources that overtake each other: what was asked for, and what
// was told meanwhile.

import type { Entry } from "../gen/farebox/v1/entry_pb";

// Each once, newest first, `count` at most.
export function newestOf(
  some: readonly Entry[],
  others: readonly Entry[],
  count: number,
): readonly Entry[] {
  const byId = new Map([...some, ...others].map((entry) => [entry.entryId, entry]));
  return [...byId.values()]
    .sort((one, other) => (one.entryId > other.entryId ? -1 : 1))
    .slice(0, count);
}
