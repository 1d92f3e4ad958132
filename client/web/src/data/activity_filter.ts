// Which lines of the bill are shown, and the same filter as requests have it.

import { ActivityShow } from "../gen/farebox/v1/account_pb";
import type { Entry } from "../gen/farebox/v1/entry_pb";
import { EntryKind } from "../gen/farebox/v1/entry_pb";
import type { Item } from "../gen/farebox/v1/usage_pb";
import { addDays, type Calendar, isDay, toMillis, toTimestamp } from "../times";

export type Show = "all" | "debits" | "credits";

export interface Filter {
  // Days of the account's zone, both within; empty for none.
  fromDay: string;
  toDay: string;
  show: Show;
  // Undefined: all of them.
  item: Item | undefined;
}

export const EVERYTHING: Filter = { fromDay: "", toDay: "", show: "all", item: undefined };

const SHOWS: Record<Show, ActivityShow> = {
  all: ActivityShow.ALL,
  debits: ActivityShow.DEBITS,
  credits: ActivityShow.CREDITS,
};

export function problemOf(filter: Filter): string {
  if (filter.fromDay !== "" && !isDay(filter.fromDay)) return "From is not a day.";
  if (filter.toDay !== "" && !isDay(filter.toDay)) return "To is not a day.";
  const isBoth = filter.fromDay !== "" && filter.toDay !== "";
  return isBoth && filter.fromDay > filter.toDay ? "From is after To." : "";
}

export function requestOf(filter: Filter, calendar: Calendar) {
  return {
    ...(filter.fromDay !== "" && { fromTime: toTimestamp(calendar.startOf(filter.fromDay)) }),
    ...(filter.toDay !== "" && { toTime: toTimestamp(calendar.startOf(addDays(filter.toDay, 1))) }),
    show: SHOWS[filter.show],
    items: filter.item === undefined ? [] : [filter.item],
  };
}

const BILL_KINDS: ReadonlySet<EntryKind> = new Set([
  EntryKind.DEBIT,
  EntryKind.CREDIT,
  EntryKind.HOLD_CHARGED,
  EntryKind.HOLD_SETTLED,
]);

// Whether a line that has just come is one of those that are shown.
export function matches(filter: Filter, entry: Entry, calendar: Calendar): boolean {
  const isReleased = entry.kind === EntryKind.HOLD_RELEASED && entry.amountMicros !== 0n;
  if (!BILL_KINDS.has(entry.kind) && !isReleased) return false;
  const isCredit = entry.kind === EntryKind.CREDIT;
  if (filter.show !== "all" && (filter.show === "credits") !== isCredit) return false;
  if (filter.item !== undefined && filter.item !== entry.item) return false;
  const day = calendar.dayOf(toMillis(entry.time));
  if (filter.fromDay !== "" && day < filter.fromDay) return false;
  return filter.toDay === "" || day <= filter.toDay;
}
