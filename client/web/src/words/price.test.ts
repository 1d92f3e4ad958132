import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { EntryKind, EntrySchema } from "../gen/farebox/v1/entry_pb";
import { Item } from "../gen/farebox/v1/usage_pb";
import { MoneyFormat } from "../money";
import { duration } from "./items";
import { explainPrice } from "./price";

const money = new MoneyFormat("USD", "en-US");
const LONDON_MOBILE = {
  prefix: "447",
  connectFeeMicros: 10_000n,
  rateNanosPerMinute: 90_000_000n,
  initialIncrementSeconds: 30,
  incrementSeconds: 6,
};

function call(fields: object) {
  return create(EntrySchema, { kind: EntryKind.HOLD_SETTLED, item: Item.OUTBOUND_CALL, ...fields });
}

function tell(fields: object): string[] {
  const terms = explainPrice(call(fields), money);
  return terms.map(({ what, how, amount }) => [what, how, amount].filter(Boolean).join(" | "));
}

test("a call is its fee and its blocks", () => {
  expect(tell({ price: LONDON_MOBILE, billedSeconds: 96n, amountMicros: -154_000n })).toEqual([
    "Connection fee | $0.01",
    "First block | 30 s at $0.09 a minute | $0.045",
    "11 blocks of 6 s | 1 min 6 s at $0.09 a minute | $0.099",
  ]);
});

test("what does not end with a micro is rounded up once", () => {
  const price = { rateNanosPerMinute: 4_500_000n, initialIncrementSeconds: 1, incrementSeconds: 1 };
  expect(tell({ price, billedSeconds: 7n, amountMicros: -525n })).toEqual([
    "First block | 1 s at $0.0045 a minute | $0.000075",
    "6 blocks of 1 s | 6 s at $0.0045 a minute | $0.00045",
  ]);
  expect(
    tell({ price: { ...price, rateNanosPerMinute: 1n }, billedSeconds: 1n, amountMicros: -1n }),
  ).toEqual([
    "First block | 1 s at $0.000000001 a minute | ≈ $0.00",
    "Rounded up | once, to a millionth | ≈ $0.000000999",
  ]);
});

test("the second rate is a line of its own", () => {
  const price = { ...LONDON_MOBILE, rateAfterSeconds: 60, rateAfterNanosPerMinute: 60_000_000n };
  expect(tell({ price, billedSeconds: 96n, amountMicros: -136_000n })).toEqual([
    "Connection fee | $0.01",
    "First block | 30 s at $0.09 a minute | $0.045",
    "11 blocks of 6 s | 30 s at $0.09 a minute | $0.045",
    "11 blocks of 6 s | 36 s at $0.06 a minute | $0.036",
  ]);
});

test("what was charged during the call is taken off", () => {
  expect(tell({ price: LONDON_MOBILE, billedSeconds: 96n, amountMicros: -54_000n }).at(-1)).toBe(
    "Charged earlier in this call | -$0.10",
  );
});

test("an unanswered call costs its attempt fee or nothing", () => {
  const price = { ...LONDON_MOBILE, attemptFeeMicros: 5_000n };
  expect(tell({ price, billedSeconds: 0n, amountMicros: -5_000n })).toEqual([
    "Fee for an unanswered call | $0.005",
  ]);
  expect(tell({ price: LONDON_MOBILE, billedSeconds: 0n })).toEqual([]);
});

test("texts are priced by the segment", () => {
  const item = Item.OUTGOING_TEXT;
  const price = { unitFeeMicros: 7_500n };
  const text = call({ kind: EntryKind.DEBIT, item, price, segments: 3, amountMicros: -22_500n });
  expect(explainPrice(text, money)).toEqual([
    { what: "3 text segments", how: "3 × $0.0075", amount: "$0.0225" },
  ]);
});

test("lengths are told in hours, minutes and seconds", () => {
  expect([0n, 59n, 60n, 95n, 3600n, 3661n].map(duration)).toEqual([
    "0 s",
    "59 s",
    "1 min",
    "1 min 35 s",
    "1 h",
    "1 h 1 min 1 s",
  ]);
});
