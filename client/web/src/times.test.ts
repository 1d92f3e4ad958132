import { describe, expect, test } from "vitest";
import { addDays, addMonths, Calendar, isDay, toMillis, toTimestamp } from "./times";

describe("the account's zone", () => {
  test.each([
    ["UTC", "2026-11-29", "2026-11-29T00:00:00Z"],
    ["America/New_York", "2026-11-29", "2026-11-29T05:00:00Z"],
    ["America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"],
    ["America/New_York", "2026-03-09", "2026-03-09T04:00:00Z"],
    ["Asia/Kathmandu", "2026-11-29", "2026-11-28T18:15:00Z"],
    ["Pacific/Kiritimati", "2026-11-29", "2026-11-28T10:00:00Z"],
    ["Pacific/Pago_Pago", "2026-11-29", "2026-11-29T11:00:00Z"],
    // The clocks of Havana and Beirut skip midnight, those of Havana in autumn show it twice.
    ["America/Havana", "2026-03-08", "2026-03-08T05:00:00Z"],
    ["Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"],
    ["America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"],
    ["Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z"],
  ])("in %s %s begins at %s", (zone, day, expected) => {
    const start = new Calendar(zone, "en-US").startOf(day);
    expect(new Date(start).toISOString()).toBe(expected.replace("Z", ".000Z"));
  });

  test.each(["UTC", "America/Havana", "Asia/Beirut", "Australia/Lord_Howe", "Asia/Kathmandu"])(
    "every day in %s begins on it, and the second before is another day's",
    (zone) => {
      const calendar = new Calendar(zone, "en-US");
      for (let day = "2026-01-01"; day < "2027-01-01"; day = addDays(day, 1)) {
        expect(calendar.dayOf(calendar.startOf(day))).toBe(day);
        expect(calendar.dayOf(calendar.startOf(day) - 1000)).toBe(addDays(day, -1));
      }
    },
  );

  test("a zone that nobody knows is UTC", () => {
    expect(new Calendar("Mars/Olympus", "en-US").zone).toBe("UTC");
    expect(new Calendar("", "en-US").zone).toBe("UTC");
  });
});

describe("days", () => {
  test("follow each other over months and years", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addDays("2028-03-01", -1)).toBe("2028-02-29");
    expect(addMonths("2026-03-31", -1)).toBe("2026-02-28");
    expect(addMonths("2026-11-29", -12)).toBe("2025-11-29");
    expect(addMonths("2026-11-29", 2)).toBe("2027-01-29");
  });

  test("are checked", () => {
    expect(isDay("2026-11-29")).toBe(true);
    for (const text of ["", "2026-02-30", "29.11.2026", "2026-1-1", "26-11-29"]) {
      expect(isDay(text), text).toBe(false);
    }
  });
});

test("instants go to the server and back", () => {
  for (const millis of [0, 1_764_400_000_123, -1]) {
    const { seconds, nanos } = toTimestamp(millis);
    expect(toMillis({ $typeName: "google.protobuf.Timestamp", seconds, nanos })).toBe(millis);
  }
});
