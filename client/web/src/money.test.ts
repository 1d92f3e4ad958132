import { describe, expect, test } from "vitest";
import { MoneyFormat, parseMicros } from "./money";

const spaces = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

describe("money", () => {
  const usd = new MoneyFormat("USD", "en-US");

  test.each([
    [0n, "$0.00"],
    [1n, "$0.000001"],
    [-1n, "-$0.000001"],
    [-500_000n, "-$0.50"],
    [7_500n, "$0.0075"],
    [-154_000n, "-$0.154"],
    [25_430_000n, "$25.43"],
    [1_234_567_890_123n, "$1,234,567.890123"],
    [9_223_372_036_854_775_807n, "$9,223,372,036,854.775807"],
    [-9_223_372_036_854_775_808n, "-$9,223,372,036,854.775808"],
  ])("%s micros are exactly %s", (micros, expected) => {
    expect(usd.exact(micros)).toBe(expected);
  });

  test.each([
    [25_439_999n, "$25.43"],
    [9_999n, "$0.00"],
    [-1n, "-$0.01"],
    [-10_000n, "-$0.01"],
    [-1_005_000n, "-$1.01"],
  ])("of %s micros no more is shown than there is", (micros, expected) => {
    expect(usd.floor(micros)).toBe(expected);
  });

  test("each currency has its own digits, each language its own layout", () => {
    expect(spaces(new MoneyFormat("JPY", "ja-JP").exact(1_234_000_000n))).toBe("￥1,234");
    expect(new MoneyFormat("JPY", "en-US").exact(1_234_500_000n)).toBe("¥1,234.5");
    expect(spaces(new MoneyFormat("EUR", "de-DE").exact(-1_234_567_890n))).toBe("-1.234,56789 €");
    expect(spaces(new MoneyFormat("EUR", "fr-FR").exact(1_234_500_000n))).toBe("1 234,50 €");
    expect(new MoneyFormat("KWD", "en-US").exact(1_000_000n)).toMatch(/1\.000$/);
    expect(new MoneyFormat("INR", "en-IN").exact(12_345_678_000_000n)).toBe("₹1,23,45,678.00");
    expect(new MoneyFormat("USD", "ar-EG").exact(1_500_000n)).toMatch(/١٫٥٠/);
  });

  test("what came in has a plus", () => {
    expect(usd.signed(60_000_000n)).toBe("+$60.00");
    expect(usd.signed(-60_000_000n)).toBe("-$60.00");
    expect(usd.signed(0n)).toBe("$0.00");
  });

  test("rates have nine digits at most", () => {
    expect(usd.rate(90_000_000n)).toBe("$0.09");
    expect(usd.rate(4_500_001n)).toBe("$0.004500001");
  });
});

const LOCALES = [
  "af ar ar-EG as bg bn bn-BD ca cs da de de-AT de-CH de-LI el en-AT en-CA en-CH en-DE en-GB",
  "en-IN en-SE en-US en-ZA es es-AR es-CR es-MX es-US et fa fi fr fr-CA fr-CH gu he hi hr hu id is",
  "it it-CH ja kk ko lt lv mk mr ms my nb ne nl nl-BE pl pt pt-AO pt-CV pt-PT ro rm ru sk sl sq",
  "sr sv sw ta te th tr uk ur vi zh zh-TW",
].flatMap((line) => line.split(" "));

describe("what people type", () => {
  test.each([
    ["60", "en-US", 60_000_000n],
    [" 60.5 ", "en-US", 60_500_000n],
    ["1,234.50", "en-US", 1_234_500_000n],
    [".5", "en-US", 500_000n],
    ["60,50", "de-DE", 60_500_000n],
    ["60.50", "de-DE", 60_500_000n],
    ["1.234,50", "de-DE", 1_234_500_000n],
    ["1.000", "de-DE", 1_000_000_000n],
    ["0.500", "de-DE", 500_000n],
    ["00.500", "de-DE", 500_000n],
    ["0,500", "de-DE", 500_000n],
    ["0.500", "en-US", 500_000n],
    ["1 234,5", "fr-FR", 1_234_500_000n],
    ["0.000001", "en-US", 1n],
    ["٢٥٫٥", "ar-EG", 25_500_000n],
    ["١٬٢٣٤٫٥", "ar-EG", 1_234_500_000n],
    ["25.5", "ar-EG", 25_500_000n],
    ["12,34,567.5", "en-IN", 1_234_567_500_000n],
    // Where amounts have other marks than numbers have.
    ["1.000", "de-AT", 1_000_000_000n],
    ["1.000,00", "de-AT", 1_000_000_000n],
    ["1 000,00", "de-AT", 1_000_000_000n],
    ["60.50", "de-AT", 60_500_000n],
    ["1 000.50", "fr-CH", 1_000_500_000n],
    ["1 000,50", "fr-CH", 1_000_500_000n],
    ["1000", "en-DE", 1_000_000_000n],
    ["25.00", "en-DE", 25_000_000n],
    ["25,00", "en-DE", 25_000_000n],
    ["0.500", "en-DE", 500_000n],
    ["0,500", "en-DE", 500_000n],
    ["1.0000", "en-DE", 1_000_000n],
    ["1,000.00", "en-DE", 1_000_000_000n],
    ["1.000,50", "en-DE", 1_000_500_000n],
    ["1,234,567", "en-DE", 1_234_567_000_000n],
    ["1.234.567", "en-DE", 1_234_567_000_000n],
  ])("%j in %s is an amount", (text, locale, expected) => {
    expect(parseMicros(text, locale, "EUR")).toBe(expected);
  });

  test.each([
    "",
    "abc",
    "-5",
    "+5",
    "1e3",
    "0x10",
    "1,23",
    "12,34.5",
    "1.",
    "1.2.3",
    "123,45,678",
    "٥",
    "$5",
    "NaN",
    "0.0000001",
    "1234567890123",
  ])("%j is none", (text) => {
    expect(parseMicros(text, "en-US", "USD")).toBeUndefined();
  });

  test.each([
    ["0,500", "en-US"],
    ["00,500", "en-US"],
    ["0,500.00", "en-US"],
    ["012.500", "de-DE"],
    ["0.500,00", "de-DE"],
    ["0.500.000", "de-DE"],
    ["0 500", "fr-FR"],
  ])("%j in %s is none: no group begins with a zero", (text, locale) => {
    expect(parseMicros(text, locale, "EUR")).toBeUndefined();
  });

  // Once, 1.000 was one euro there, though it is a thousand as a number.
  test.each([
    ["1.000", "EUR"],
    ["1,000", "EUR"],
    ["1.234", "EUR"],
    ["25,000", "EUR"],
    ["999.999", "USD"],
    ["1.000", "JPY"],
    ["1,000", "KWD"],
  ])("%j in en-DE is none in %s: amounts and numbers contradict each other", (text, currency) => {
    expect(parseMicros(text, "en-DE", currency)).toBeUndefined();
  });

  // The page writes them so.
  test.each([
    ["1.000", "KWD", 1_000_000n],
    ["1,000", "JPY", 1_000_000_000n],
  ])("%j in en-DE has the digits of %s, and is that amount", (text, currency, expected) => {
    expect(parseMicros(text, "en-DE", currency)).toBe(expected);
  });

  // Once, Austria's were not: numbers have no point there, and amounts have.
  test.each(["USD", "EUR", "JPY", "KWD"])("%s is read as it is written", (currency) => {
    const sign = (locale: string) =>
      new Intl.NumberFormat(locale, { style: "currency", currency })
        .formatToParts(0)
        .find(({ type }) => type === "currency")?.value ?? "";
    for (const locale of LOCALES) {
      const format = new MoneyFormat(currency, locale);
      for (const micros of [
        500_000n,
        1_000_000n,
        25_000_000n,
        1_000_000_000n,
        1_234_567_890_123n,
        123_456_000_000n,
      ]) {
        const written = format
          .exact(micros)
          .replace(sign(locale), "")
          .replace(/\p{Cf}/gu, "");
        expect(format.parse(written), `${written} in ${locale}`).toBe(micros);
      }
    }
  });

  test.each(["USD", "EUR", "JPY", "KWD"])("%s to be edited is understood again", (currency) => {
    for (const locale of LOCALES) {
      const format = new MoneyFormat(currency, locale);
      for (const micros of [
        1n,
        1_000_000n,
        1_234_000n,
        50_010_000n,
        1_000_000_000n,
        1_234_567_890_123n,
      ]) {
        const shown = format.editable(micros);
        expect(format.parse(shown), `${shown} in ${locale}`).toBe(micros);
      }
    }
  });

  test("three digits after the point are shown as four where they could be a group", () => {
    expect(new MoneyFormat("EUR", "en-DE").editable(1_234_000n)).toBe("1.2340");
    expect(new MoneyFormat("EUR", "en-DE").editable(25_000_000n)).toBe("25.00");
    expect(new MoneyFormat("KWD", "en-DE").editable(1_000_000n)).toBe("1.000");
    expect(new MoneyFormat("EUR", "de-DE").editable(1_234_000n)).toBe("1,234");
  });
});
