// How the price of a line came about, term by term, in exact integers. A rate is in nanos a minute,
// so a second of it is a whole number of sixtieths of a nano: sums are counted in those, and
// rounded up to a micro once.

import { type Entry, EntryKind } from "../gen/farebox/v1/entry_pb";
import { Item, type Price } from "../gen/farebox/v1/usage_pb";
import type { MoneyFormat } from "../money";
import { duration, plural } from "./items";

const SIXTIETHS_A_NANO = 60n;
const SIXTIETHS_A_MICRO = 60_000n;

export interface PriceTerm {
  what: string;
  // How it is multiplied out, e.g. "66 s at $0.09 a minute"; empty for a fee.
  how: string;
  amount: string;
}

interface Term {
  what: string;
  how: string;
  sixtieths: bigint;
}

function overlap(from: bigint, to: bigint, low: bigint, high: bigint): bigint {
  const begin = from > low ? from : low;
  const end = to < high ? to : high;
  return end > begin ? end - begin : 0n;
}

// The billed seconds `from` to `to`, at the one rate or at both.
function block(price: Price, money: MoneyFormat, what: string, from: bigint, to: bigint): Term[] {
  const limit = price.rateAfterSeconds > 0 ? BigInt(price.rateAfterSeconds) : to;
  const pieces = [
    { seconds: overlap(from, to, 0n, limit), rate: price.rateNanosPerMinute },
    { seconds: overlap(from, to, limit, to), rate: price.rateAfterNanosPerMinute },
  ];
  return pieces
    .filter(({ seconds }) => seconds > 0n)
    .map(({ seconds, rate }) => ({
      what,
      how: `${duration(seconds)} at ${money.rate(rate)} a minute`,
      sixtieths: seconds * rate,
    }));
}

export function termsOfCall(price: Price, billed: bigint, money: MoneyFormat): Term[] {
  const terms: Term[] = [];
  const fee = (what: string, micros: bigint) => {
    if (micros !== 0n) terms.push({ what, how: "", sixtieths: micros * SIXTIETHS_A_MICRO });
  };
  if (billed === 0n) {
    fee("Fee for an unanswered call", price.attemptFeeMicros);
    return terms;
  }
  fee("Connection fee", price.connectFeeMicros);
  const first = BigInt(price.initialIncrementSeconds);
  const firstEnd = billed < first ? billed : first;
  terms.push(...block(price, money, "First block", 0n, firstEnd));
  if (billed > first) {
    const each = BigInt(price.incrementSeconds || 1);
    const count = (billed - first + each - 1n) / each;
    terms.push(...block(price, money, `${plural(count, "block")} of ${each} s`, first, billed));
  }
  return terms;
}

function termsOfUnits(price: Price, units: bigint, unit: string, money: MoneyFormat): Term[] {
  const fee = price.unitFeeMicros;
  return [
    {
      what: plural(units, unit),
      how: units === 1n ? "" : `${units} × ${money.exact(fee)}`,
      sixtieths: units * fee * SIXTIETHS_A_MICRO,
    },
  ];
}

// What of an entry or a quote decides on its price.
interface Priced {
  item: Item;
  price?: Price;
  billedSeconds: bigint;
  segments: number;
}

function termsOf(priced: Priced, price: Price, money: MoneyFormat): Term[] {
  switch (priced.item) {
    case Item.OUTBOUND_CALL:
    case Item.INBOUND_CALL:
      return termsOfCall(price, priced.billedSeconds, money);
    case Item.OUTGOING_TEXT:
    case Item.INCOMING_TEXT:
      return termsOfUnits(price, BigInt(priced.segments || 1), "text segment", money);
    case Item.PHONE_NUMBER_PURCHASE:
    case Item.PHONE_NUMBER_RENEWAL:
      return termsOfUnits(price, 1n, "month", money);
    case Item.RING_THROUGH_ATTEMPT:
      return termsOfUnits(price, 1n, "attempt", money);
    default:
      return [];
  }
}

function ceilToMicros(sixtieths: bigint): bigint {
  return (sixtieths + SIXTIETHS_A_MICRO - 1n) / SIXTIETHS_A_MICRO;
}

// The terms of the whole price; none where there is no tariff, or it is free.
export function explainQuote(priced: Priced, money: MoneyFormat): PriceTerm[] {
  return explain(priced, money).terms;
}

function explain(priced: Priced, money: MoneyFormat): { terms: PriceTerm[]; micros: bigint } {
  if (priced.price === undefined) return { terms: [], micros: 0n };
  const terms = termsOf(priced, priced.price, money);
  const exact = terms.reduce((sum, term) => sum + term.sixtieths, 0n);
  const whole = ceilToMicros(exact);
  const rounding = whole * SIXTIETHS_A_MICRO - exact;
  if (rounding > 0n) {
    terms.push({ what: "Rounded up", how: "once, to a millionth", sixtieths: rounding });
  }
  const shown = terms.map((term) => ({
    what: term.what,
    how: term.how,
    amount: exactAmount(term.sixtieths, money),
  }));
  return { terms: shown, micros: whole };
}

// The terms whose sum is what the entry took from the balance; none where it has no tariff.
export function explainPrice(entry: Entry, money: MoneyFormat): PriceTerm[] {
  const { terms, micros } = explain(entry, money);
  // A call may have been charged in parts: this line has what was left to charge.
  const earlier = micros + entry.amountMicros;
  const isPart = entry.kind === EntryKind.HOLD_SETTLED || entry.kind === EntryKind.HOLD_CHARGED;
  if (earlier === 0n || !isPart || terms.length === 0) return terms;
  const part = { what: "Charged earlier in this call", how: "", amount: money.exact(-earlier) };
  return [...terms, part];
}

// Nine digits after the point, and a sign where that is not all.
function exactAmount(sixtieths: bigint, money: MoneyFormat): string {
  const isWhole = sixtieths % SIXTIETHS_A_NANO === 0n;
  const text = money.rate(sixtieths / SIXTIETHS_A_NANO);
  return isWhole ? text : `≈ ${text}`;
}
