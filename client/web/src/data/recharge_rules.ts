// What settings of auto-recharge may be, as the server has it, so that the reader is told before.

import type { AutoRecharge, RechargeLimits } from "../gen/farebox/v1/recharge_pb";
import type { MoneyFormat } from "../money";

export interface Draft {
  enabled: boolean;
  amount: string;
  threshold: string;
  email: string;
}

export type Problems = Partial<Record<"amount" | "threshold" | "email", string>>;

export interface Checked {
  problems: Problems;
  amountMicros: bigint;
  thresholdMicros: bigint;
}

// Where nobody has chosen a month's limit, the server takes so many amounts.
const USUAL_AMOUNTS_A_MONTH = 20n;

// A month's limit that was chosen elsewhere, to be kept; 0 for the usual one, which follows the
// amount.
export function chosenSumMax(before: AutoRecharge | undefined): bigint {
  if (before === undefined) return 0n;
  const { amountMicros, monthlySumMaxMicros } = before;
  return monthlySumMaxMicros === USUAL_AMOUNTS_A_MONTH * amountMicros ? 0n : monthlySumMaxMicros;
}

// `sumMaxMicros` is the chosen limit of a month, 0 for none. Switching off takes what is set
// already as it is: the limits may be tighter by now.
export function check(
  draft: Draft,
  limits: RechargeLimits,
  sumMaxMicros: bigint,
  money: MoneyFormat,
  before?: AutoRecharge,
): Checked {
  const problems: Problems = {};
  const amountMicros = money.parse(draft.amount) ?? 0n;
  const thresholdMicros = money.parse(draft.threshold) ?? 0n;
  const isKept =
    !draft.enabled &&
    amountMicros === (before?.amountMicros ?? 0n) &&
    thresholdMicros === (before?.thresholdMicros ?? 0n);
  if (isKept && draft.email.trim() === (before?.failureEmail ?? "")) {
    return { problems, amountMicros, thresholdMicros };
  }
  if (amountMicros <= limits.amountAboveMicros) {
    problems.amount = `Enter an amount greater than ${money.exact(limits.amountAboveMicros)}.`;
  } else if (amountMicros > limits.chargeMaxMicros) {
    problems.amount = `Enter at most ${money.exact(limits.chargeMaxMicros)}.`;
  } else if (sumMaxMicros > 0n && amountMicros > sumMaxMicros) {
    problems.amount = `Enter at most ${money.exact(sumMaxMicros)}, the limit of a month.`;
  }
  if (thresholdMicros < limits.thresholdMinMicros) {
    problems.threshold = `Enter at least ${money.exact(limits.thresholdMinMicros)}.`;
  }
  if (!/^[^\s@]+@[^\s@]+$/.test(draft.email.trim())) {
    problems.email = "Enter an e-mail address, for example you@example.org.";
  }
  return { problems, amountMicros, thresholdMicros };
}
