// Money as the server counts it: whole micros, a millionth of the currency's unit, as bigint. No
// amount becomes a floating-point number anywhere between the server and the reader.

const MICROS_DIGITS = 6;
const MICROS = 1_000_000n;
const ZERO_TO_NINE = "0123456789";

// A language and what it does with numbers.
export class MoneyFormat {
  readonly #currency: string;
  readonly #locale: string;
  readonly #minorDigits: number;
  readonly #digits: string[];
  readonly #formats = new Map<number, Intl.NumberFormat>();

  constructor(currency: string, locale: string) {
    this.#currency = currency;
    this.#locale = locale;
    this.#minorDigits = Math.min(minorDigitsOf(currency, locale), MICROS_DIGITS);
    this.#digits = digitsOf(locale);
  }

  get currency(): string {
    return this.#currency;
  }

  // Every digit that is not zero, and at least those that the currency usually has: $0.0075.
  exact(micros: bigint): string {
    return this.#format(micros, this.#digitsNeeded(micros));
  }

  // As it is written on a bank note, never more than there is: $25.43 for 25.4399.
  floor(micros: bigint): string {
    const step = 10n ** BigInt(MICROS_DIGITS - this.#minorDigits);
    const rest = ((micros % step) + step) % step;
    return this.#format(micros - rest, this.#minorDigits);
  }

  // As exact, with a plus before what came in.
  signed(micros: bigint): string {
    return micros > 0n ? `+${this.exact(micros)}` : this.exact(micros);
  }

  // Rates a minute have nine digits after the point.
  rate(nanos: bigint): string {
    return this.#format(nanos, this.#digitsNeeded(nanos, 9), 9);
  }

  // Whole units where they are whole, for the ticks of a chart.
  short(micros: bigint): string {
    return micros % MICROS === 0n ? this.#format(micros, 0) : this.exact(micros);
  }

  // What somebody typed, or undefined where that is no amount, or more than one.
  parse(text: string): bigint | undefined {
    return parseMicros(text, this.#locale, this.#currency);
  }

  // What `parse` takes, without the sign of the currency: for a field to be edited.
  editable(micros: bigint): string {
    const digits = this.#digitsNeeded(micros);
    const text = this.#bare(micros, digits);
    // Three digits after the point can be meant for a group, and are refused then; four cannot.
    return digits === 3 && this.parse(text) !== micros ? this.#bare(micros, 4) : text;
  }

  // Without the sign of the currency, and without groups.
  #bare(micros: bigint, digits: number): string {
    const parts = this.#parts(micros, digits, MICROS_DIGITS, { useGrouping: false });
    const wanted = ["minusSign", "integer", "decimal", "fraction"];
    return parts
      .filter((part) => wanted.includes(part.type))
      .map((part) => part.value)
      .join("");
  }

  #digitsNeeded(value: bigint, scale = MICROS_DIGITS): number {
    let digits = scale;
    let rest = value;
    while (digits > this.#minorDigits && rest % 10n === 0n) {
      rest /= 10n;
      digits -= 1;
    }
    return digits;
  }

  #format(value: bigint, digits: number, scale = MICROS_DIGITS): string {
    return this.#parts(value, digits, scale)
      .map((part) => part.value)
      .join("");
  }

  // Intl lays the number out; its whole part goes in as a bigint, and the digits after the point,
  // for which it would want a float, are put in by hand.
  #parts(value: bigint, digits: number, scale: number, options?: Intl.NumberFormatOptions) {
    const unit = 10n ** BigInt(scale);
    const size = value < 0n ? -value : value;
    const whole = size / unit;
    const fraction = String(size % unit)
      .padStart(scale, "0")
      .slice(0, digits);
    const template = value < 0n && whole === 0n ? -1n : value < 0n ? -whole : whole;
    return this.#layout(digits, options)
      .formatToParts(template)
      .map((part) => {
        if (part.type === "fraction") return { ...part, value: this.#localDigits(fraction) };
        if (part.type === "integer" && whole === 0n) {
          return { ...part, value: this.#localDigits("0") };
        }
        return part;
      });
  }

  #layout(digits: number, options?: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = options ? digits + 100 : digits;
    let format = this.#formats.get(key);
    if (format === undefined) {
      format = new Intl.NumberFormat(this.#locale, {
        style: "currency",
        currency: this.#currency,
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
        ...options,
      });
      this.#formats.set(key, format);
    }
    return format;
  }

  #localDigits(digits: string): string {
    return digits.replace(/\d/g, (digit) => this.#digits[Number(digit)] ?? digit);
  }
}

function minorDigitsOf(currency: string, locale: string): number {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}

// Zero to nine as that language writes them.
function digitsOf(locale: string): string[] {
  const plain = new Intl.NumberFormat(locale, { useGrouping: false });
  return [...ZERO_TO_NINE].map((digit) => plain.format(BigInt(digit)));
}

function withPlainDigits(text: string, locale: string): string {
  const digits = digitsOf(locale);
  return [...text].map((letter) => ZERO_TO_NINE[digits.indexOf(letter)] ?? letter).join("");
}

// How a layout writes numbers.
interface Marks {
  decimal: string;
  group: string;
  // Digits of a group that is neither the first nor the last: two in India.
  groupSize: number;
}

// Amounts are laid out as currency, which has other marks than plain numbers in some languages: in
// Austria 1.000,00 and 1 000,00. People write both.
function marksOf(locale: string, currency: string): Marks[] {
  const layouts: Intl.NumberFormatOptions[] = [{ style: "currency", currency }, {}];
  return layouts.map((layout) => {
    const format = new Intl.NumberFormat(locale, { ...layout, minimumFractionDigits: 1 });
    const parts = format.formatToParts(1_234_567_890.5);
    const find = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
    const group = find("group");
    const groups = parts.filter(({ type }) => type === "integer");
    return {
      decimal: find("decimal") || ".",
      group: /\s/.test(group) ? " " : group,
      groupSize: [...(groups[1]?.value ?? "")].length,
    };
  });
}

// An amount above zero as people of that language write it, with or without groups, in micros. A
// point is taken for a decimal point too, but where it can be meant for a group: nobody should pay
// 1.000 where they meant 1,000. Nor is one of two layouts guessed where each reads another amount:
// for en-DE, 1.000 is one as currency and a thousand as a number.
export function parseMicros(text: string, locale: string, currency: string): bigint | undefined {
  const typed = withPlainDigits(text.trim(), locale).replace(/\s/g, " ");
  const layouts = marksOf(locale, currency);
  const readings = layouts.map((marks) => microsOf(withoutGroups(typed, marks)));
  const [micros, ...others] = new Set(readings.filter((reading) => reading !== undefined));
  if (micros !== undefined) {
    const isClear = others.length === 0 || isAsWritten(typed, layouts[0], locale, currency);
    return isClear ? micros : undefined;
  }
  // No group is a lone zero: 0.500 is a half, never 500.
  const isGroup = /\.\d{3}$/.test(typed) && !/^0+\./.test(typed);
  return isGroup && layouts.some(({ group }) => group === ".") ? undefined : microsOf(typed);
}

// With as many digits after the point as amounts of that currency usually have, so that the page
// itself may have written it: 1.000 in dinars of Kuwait, 1,000 in yen.
function isAsWritten(typed: string, layout: Marks | undefined, locale: string, currency: string) {
  const decimal = layout?.decimal ?? ".";
  const point = typed.lastIndexOf(decimal);
  const digits = point < 0 ? 0 : typed.length - point - decimal.length;
  return digits === minorDigitsOf(currency, locale);
}

// With a point for its decimal mark; empty where groups are not as they should be, or begin with a
// zero.
function withoutGroups(typed: string, { decimal, group, groupSize }: Marks): string {
  const point = typed.lastIndexOf(decimal);
  const whole = point < 0 ? typed : typed.slice(0, point);
  const fraction = point < 0 ? "0" : typed.slice(point + decimal.length);
  const [first = "", ...groups] = group === "" ? [whole] : whole.split(group);
  const last = groups.pop();
  const areOf = (size: number) =>
    first.length <= size && groups.every((digits) => digits.length === size);
  if (last !== undefined) {
    if (!/^[1-9]\d*$/.test(first) || last.length !== 3) return "";
    if (!areOf(3) && !areOf(groupSize)) return "";
  }
  const digits = [first, ...groups, last ?? ""].join("");
  return `${digits === "" && point >= 0 ? "0" : digits}.${fraction}`;
}

// Undefined where it is no number, or has too many digits.
function microsOf(number: string): bigint | undefined {
  const found = /^(\d{1,12})(?:\.(\d{1,6}))?$/.exec(number);
  if (found === null) return undefined;
  const [, whole = "0", fraction = ""] = found;
  return BigInt(whole) * MICROS + BigInt(fraction.padEnd(MICROS_DIGITS, "0"));
}
