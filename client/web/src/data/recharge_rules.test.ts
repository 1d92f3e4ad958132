import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AutoRechargeSchema, RechargeLimitsSchema } from "../gen/farebox/v1/recharge_pb";
import { MoneyFormat } from "../money";
import { check, chosenSumMax } from "./recharge_rules";

const UNIT = 1_000_000n;

const settings = (amount: bigint, sumMax: bigint) =>
  create(AutoRechargeSchema, { amountMicros: amount * UNIT, monthlySumMaxMicros: sumMax * UNIT });

test("a month's limit that was chosen stays, the usual one follows the amount", () => {
  expect(chosenSumMax(settings(60n, 300n))).toBe(300n * UNIT);
  expect(chosenSumMax(settings(60n, 1200n))).toBe(0n);
  expect(chosenSumMax(settings(0n, 0n))).toBe(0n);
  expect(chosenSumMax(undefined)).toBe(0n);
});

test("an amount is at most what may be charged at once, and in a month", () => {
  const limits = create(RechargeLimitsSchema, { chargeMaxMicros: 1000n * UNIT });
  const money = new MoneyFormat("USD", "en-US");
  const problemOf = (amount: string, sumMax: bigint) => {
    const draft = { enabled: true, amount, threshold: "10", email: "owner@example.org" };
    return check(draft, limits, sumMax * UNIT, money).problems.amount;
  };

  expect(problemOf("1001", 0n)).toBe("Enter at most $1,000.00.");
  expect(problemOf("301", 300n)).toBe("Enter at most $300.00, the limit of a month.");
  expect(problemOf("300", 300n)).toBeUndefined();
  expect(problemOf("301", 0n)).toBeUndefined();
});

test("what is set already is switched off whatever the limits are by now", () => {
  const limits = create(RechargeLimitsSchema, { amountAboveMicros: 90n * UNIT });
  const money = new MoneyFormat("USD", "en-US");
  const before = create(AutoRechargeSchema, {
    amountMicros: 60n * UNIT,
    thresholdMicros: 10n * UNIT,
    failureEmail: "owner@example.org",
  });
  const draft = { enabled: false, amount: "60", threshold: "10", email: "owner@example.org" };

  expect(check(draft, limits, 0n, money, before).problems).toEqual({});
  const other = { ...draft, amount: "61" };
  expect(check(other, limits, 0n, money, before).problems.amount).toBeDefined();
  const on = { ...draft, enabled: true };
  expect(check(on, limits, 0n, money, before).problems.amount).toBeDefined();
});
