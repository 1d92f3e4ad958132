import { expect, test } from "vitest";
import { countries, digitsOf } from "./calling_codes";

const known = countries("en-US");

test("every country has a name and a code", () => {
  expect(known.length).toBeGreaterThan(200);
  expect(known).toContainEqual({ code: "44", name: "United Kingdom" });
  for (const { code, name } of known) {
    expect(code).toMatch(/^\d{1,3}$/);
    expect(name).not.toBe("");
  }
});

test.each([
  ["+44", "44"],
  ["+44 20 7183-8750", "442071838750"],
  ["United Kingdom +44", "44"],
  ["united kingdom", "44"],
  ["germ", "49"],
  ["Niger", "227"],
  ["x", ""],
  ["nowhere at all", ""],
  ["", ""],
])("%j means %j", (typed, expected) => {
  expect(digitsOf(typed, known)).toBe(expected);
});
