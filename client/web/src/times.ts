// Times in the account's own zone. Days are written as in date fields: 2026-11-29.

import type { Timestamp } from "@bufbuild/protobuf/wkt";

const DAY_MS = 86_400_000;

export function toMillis(time: Timestamp | undefined): number {
  if (time === undefined) return 0;
  return Number(time.seconds) * 1000 + Math.floor(time.nanos / 1e6);
}

export function toTimestamp(millis: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(millis / 1000);
  return { seconds: BigInt(seconds), nanos: (millis - seconds * 1000) * 1e6 };
}

// A zone that this browser knows; UTC otherwise.
export function knownZone(zone: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone || "UTC";
  } catch {
    return "UTC";
  }
}

// The day before or after.
export function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY_MS).toISOString().slice(0, 10);
}

export function addMonths(day: string, count: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const months = year * 12 + (month - 1) + count;
  const last = new Date(Date.UTC(Math.floor(months / 12), (months % 12) + 1, 0)).getUTCDate();
  const at = Date.UTC(Math.floor(months / 12), months % 12, Math.min(date, last));
  return new Date(at).toISOString().slice(0, 10);
}

export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

export class Calendar {
  readonly zone: string;
  readonly #wall: Intl.DateTimeFormat;
  readonly #dateTime: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #time: Intl.DateTimeFormat;
  readonly #shortDay: Intl.DateTimeFormat;

  constructor(zone: string, locale: string) {
    this.zone = knownZone(zone);
    const timeZone = this.zone;
    this.#wall = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    this.#dateTime = new Intl.DateTimeFormat(locale, {
      timeZone,
      dateStyle: "medium",
      timeStyle: "medium",
    });
    this.#date = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: "medium" });
    this.#time = new Intl.DateTimeFormat(locale, { timeZone, timeStyle: "short" });
    this.#shortDay = new Intl.DateTimeFormat(locale, {
      timeZone: "UTC",
      month: "short",
      day: "numeric",
    });
  }

  dateTime(millis: number): string {
    return this.#dateTime.format(millis);
  }
  date(millis: number): string {
    return this.#date.format(millis);
  }
  time(millis: number): string {
    return this.#time.format(millis);
  }
  shortDay(day: string): string {
    return this.#shortDay.format(Date.parse(`${day}T00:00:00Z`));
  }

  // On which day of the zone the instant lies.
  dayOf(millis: number): string {
    return new Date(this.#wallClock(millis)).toISOString().slice(0, 10);
  }

  // The first instant of the day; where the clocks skip midnight, the first that there is.
  startOf(day: string): number {
    const wanted = Date.parse(`${day}T00:00:00Z`);
    // Zones differ from UTC by at most 14 hours, and two guesses settle on the right difference
    // unless midnight is skipped or comes twice: then the instants around it are looked at.
    const candidates = [wanted - DAY_MS, wanted, wanted + DAY_MS].map(
      (instant) => wanted - (this.#wallClock(instant) - instant),
    );
    const fits = candidates.filter((instant) => this.#wallClock(instant) === wanted);
    if (fits.length > 0) return Math.min(...fits);
    return this.#firstAtOrAfter(wanted, Math.min(...candidates) - DAY_MS / 4);
  }

  // Of a skipped midnight: the instant at which the wall clock jumps over it.
  #firstAtOrAfter(wall: number, from: number): number {
    let low = from;
    let high = from + DAY_MS;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.#wallClock(middle) >= wall) high = middle;
      else low = middle;
    }
    return high;
  }

  // What the clock on the wall shows, as if it were UTC.
  #wallClock(millis: number): number {
    const parts = new Map(this.#wall.formatToParts(millis).map((part) => [part.type, part.value]));
    const field = (name: Intl.DateTimeFormatPartTypes) => Number(parts.get(name));
    return Date.UTC(
      field("year"),
      field("month") - 1,
      field("day"),
      field("hour"),
      field("minute"),
      field("second"),
    );
  }
}
