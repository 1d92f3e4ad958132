// The lines of a bill in plain words.

import type { Entry } from "../gen/farebox/v1/entry_pb";
import { EntryKind } from "../gen/farebox/v1/entry_pb";
import { Direction, Item, type Price, type Usage } from "../gen/farebox/v1/usage_pb";

export const ITEM_NAMES: Record<Item, string> = {
  [Item.UNSPECIFIED]: "Other",
  [Item.RING_THROUGH_ATTEMPT]: "Ring-through attempts",
  [Item.PHONE_NUMBER_PURCHASE]: "Number purchases",
  [Item.PHONE_NUMBER_RENEWAL]: "Number renewals",
  [Item.OUTBOUND_CALL]: "Outbound calls",
  [Item.INBOUND_CALL]: "Inbound calls",
  [Item.OUTGOING_TEXT]: "Outgoing texts",
  [Item.INCOMING_TEXT]: "Incoming texts",
  [Item.FUNDS_MANUAL]: "Payments",
  [Item.FUNDS_AUTO_RECHARGE]: "Auto-recharges",
  [Item.REFUND]: "Refunds",
  [Item.ADJUSTMENT]: "Adjustments",
  [Item.PROMOTION]: "Promotions",
};

const LINE_NAMES: Record<Item, string> = {
  [Item.UNSPECIFIED]: "Entry",
  [Item.RING_THROUGH_ATTEMPT]: "Ring-through attempt",
  [Item.PHONE_NUMBER_PURCHASE]: "Number purchase",
  [Item.PHONE_NUMBER_RENEWAL]: "Number renewal",
  [Item.OUTBOUND_CALL]: "Outbound call",
  [Item.INBOUND_CALL]: "Inbound call",
  [Item.OUTGOING_TEXT]: "Outgoing text",
  [Item.INCOMING_TEXT]: "Incoming text",
  [Item.FUNDS_MANUAL]: "Payment",
  [Item.FUNDS_AUTO_RECHARGE]: "Auto-recharge",
  [Item.REFUND]: "Refund",
  [Item.ADJUSTMENT]: "Adjustment",
  [Item.PROMOTION]: "Promotion",
};

// What money is spent on, in the order in which bills list it.
export const SPENT_ITEMS: readonly Item[] = [
  Item.OUTBOUND_CALL,
  Item.INBOUND_CALL,
  Item.OUTGOING_TEXT,
  Item.INCOMING_TEXT,
  Item.RING_THROUGH_ATTEMPT,
  Item.PHONE_NUMBER_PURCHASE,
  Item.PHONE_NUMBER_RENEWAL,
  Item.ADJUSTMENT,
];

export const ALL_ITEMS: readonly Item[] = [
  ...SPENT_ITEMS,
  Item.FUNDS_MANUAL,
  Item.FUNDS_AUTO_RECHARGE,
  Item.REFUND,
  Item.PROMOTION,
];

export function nameOfItem(item: Item): string {
  return ITEM_NAMES[item] ?? "Other";
}

export function nameOfLine(entry: Entry): string {
  if (entry.kind === EntryKind.HOLD_CHARGED) return "Call in progress";
  return LINE_NAMES[entry.item] ?? "Entry";
}

function parties(from: string, to: string, direction: Direction): string {
  return direction === Direction.INBOUND ? `from ${from}` : `to ${to}`;
}

// Which rate it is, e.g. "The rate for +447, United Kingdom mobile".
export function nameOfRate({ prefix, description }: Price): string {
  const name = prefix === "" ? "The general rate" : `The rate for +${prefix}`;
  return description === "" ? name : `${name}, ${description}`;
}

// To or from whom; empty where it is about nobody.
export function counterpart(usage: Usage | undefined): string {
  switch (usage?.kind.case) {
    case "call":
    case "text": {
      const { from, to, direction } = usage.kind.value;
      return parties(from, to, direction);
    }
    case "phoneNumber":
      return usage.kind.value.number;
    case "ringThrough":
      return `to ${usage.kind.value.to}`;
    default:
      return "";
  }
}

// 95 seconds are 1 min 35 s.
export function duration(seconds: bigint): string {
  const hours = seconds / 3600n;
  const minutes = (seconds % 3600n) / 60n;
  const rest = seconds % 60n;
  const words = [
    hours > 0n ? `${hours} h` : "",
    minutes > 0n ? `${minutes} min` : "",
    rest > 0n || seconds === 0n ? `${rest} s` : "",
  ];
  return words.filter((word) => word !== "").join(" ");
}

export function plural(count: number | bigint, one: string, many = `${one}s`): string {
  return `${count.toLocaleString()} ${count === 1 || count === 1n ? one : many}`;
}
