import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EntryKind, EntrySchema } from "../gen/farebox/v1/entry_pb";
import { Item } from "../gen/farebox/v1/usage_pb";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb";
import { Calendar } from "../times";
import { EVERYTHING, matches, problemOf, requestOf } from "./activity_filter";
import { stubSessionStorage } from "./fake_session_storage";
import { Decision } from "./once";
import { explain, isSessionOver, isUncharged } from "./problems";
import { newRequestId } from "./request_id";
import { safeLink } from "./safe_link";

describe("request ids", () => {
  test("are UUIDs of version 7, which ascend with time", () => {
    const early = newRequestId(1_764_400_000_000);
    const late = newRequestId(1_764_400_000_001);

    expect(early).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(early < late).toBe(true);
    expect(newRequestId()).not.toBe(newRequestId());
  });
});

describe("a decision", () => {
  beforeEach(() => {
    stubSessionStorage();
  });
  afterEach(() => vi.unstubAllGlobals());

  test("keeps its name until its outcome is known, also after a reload", () => {
    const first = new Decision("acme", "pay").nameFor("25");

    expect(new Decision("acme", "pay").nameFor("25")).toBe(first);
    expect(new Decision("acme", "pay").pending).toEqual({ requestId: first, content: "25" });

    new Decision("acme", "pay").settle(first);
    expect(new Decision("acme", "pay").pending).toBeUndefined();
    expect(new Decision("acme", "pay").nameFor("25")).not.toBe(first);
  });

  test("is settled by its own name alone", () => {
    const first = new Decision("acme", "pay").nameFor("25");
    const second = new Decision("acme", "pay").nameFor("26");

    new Decision("acme", "pay").settle(first);

    expect(new Decision("acme", "pay").pending?.requestId).toBe(second);
  });

  test("about something else, or somebody else's, has another name", () => {
    const first = new Decision("acme", "pay").nameFor("25");

    expect(new Decision("other", "pay").nameFor("25")).not.toBe(first);
    expect(new Decision("acme", "number").nameFor("25")).not.toBe(first);
    expect(new Decision("acme", "pay").nameFor("26")).not.toBe(first);
  });

  test("that cannot be read is none", () => {
    sessionStorage.setItem("farebox/pay/acme", "{broken");
    expect(new Decision("acme", "pay").pending).toBeUndefined();
    sessionStorage.setItem("farebox/pay/acme", '{"requestId": 5}');
    expect(new Decision("acme", "pay").pending).toBeUndefined();
  });
});

describe("problems", () => {
  const failing = (code: Code, reason: string, message: string, field = "") =>
    new ConnectError(message, code, undefined, [
      { desc: ErrorInfoSchema, value: { reason, domain: "farebox" } },
      ...(field === ""
        ? []
        : [
            {
              desc: BadRequestSchema,
              value: { fieldViolations: [{ field, description: "must be more than 50.00 USD" }] },
            },
          ]),
    ]);

  test("are told in the page's words where it has some, in the server's otherwise", () => {
    const denied = explain(failing(Code.FailedPrecondition, "NO_CARD", "no card is on file"));
    expect(denied.text).toBe("There is no card on file. Add a card first.");
    const other = explain(failing(Code.FailedPrecondition, "RECHARGE_LIMIT", "at most 5 USD"));
    expect(other.text).toBe("At most 5 USD.");
  });

  // Once, "Nothing was charged" was said of what the statement shows as a charge and a refund.
  test("of a card tell what the bank has refused from what was given up", () => {
    const declined = (why: string, decline_code: string) => {
      const metadata = { decline_code };
      const value = { reason: "CARD_DECLINED", domain: "farebox", metadata };
      const message = `the card of account acme was declined: ${why}`;
      const details = [{ desc: ErrorInfoSchema, value }];
      return explain(new ConnectError(message, Code.FailedPrecondition, undefined, details));
    };

    const refused = declined("There is not enough money on it.", "insufficient_funds");
    expect(refused.text).toBe("The card was declined. There is not enough money on it.");
    expect(isUncharged(refused)).toBe(true);
    const paidBack = declined("the account was closed meanwhile; the money went back", "");
    expect(paidBack.text).toBe(
      "The payment was not made. The account was closed meanwhile; the money went back.",
    );
    expect(isUncharged(paidBack)).toBe(false);
    expect(isUncharged(explain(failing(Code.FailedPrecondition, "NO_CARD", "x")))).toBe(true);
  });

  test("name the field", () => {
    const field = "auto_recharge.amount_micros";
    const told = explain(failing(Code.InvalidArgument, "FIELD_INVALID", "bad", field));
    expect(told).toMatchObject({ field, text: "Must be more than 50.00 USD.", isPassing: false });
  });

  test("of the network pass", () => {
    expect(explain(new TypeError("Failed to fetch"))).toMatchObject({
      text: "The server cannot be reached at the moment.",
      isPassing: true,
    });
    expect(explain(failing(Code.Unavailable, "OVERLOADED", "x")).isPassing).toBe(true);
  });

  test.each([
    ["CARD_DECLINED", Code.FailedPrecondition],
    ["REQUEST_ID_REUSED", Code.AlreadyExists],
    ["FIELD_INVALID", Code.InvalidArgument],
    ["NUMBER_NOT_FOUND", Code.NotFound],
  ])("by %s the server has decided on the change", (reason, code) => {
    expect(explain(failing(code, reason, "x")).isVerdict).toBe(true);
  });

  test.each([
    ["INTERNAL", Code.Internal],
    ["JOURNAL_DAMAGED", Code.DataLoss],
    ["CANCELLED", Code.Canceled],
    ["PAYMENT_PENDING", Code.Unavailable],
    ["STORAGE_FAILED", Code.Unavailable],
    ["OVERLOADED", Code.ResourceExhausted],
    ["DEADLINE_EXCEEDED", Code.DeadlineExceeded],
    ["UNAUTHENTICATED", Code.Unauthenticated],
    ["PERMISSION_DENIED", Code.PermissionDenied],
    // Another tab has signed in to another account.
    ["ACCOUNT_NOT_FOUND", Code.NotFound],
  ])("by %s it has not", (reason, code) => {
    expect(explain(failing(code, reason, "x")).isVerdict).toBe(false);
  });

  // What connect-es makes of answers with the status 400, 403, 404 and 502, and of none.
  test.each([
    [Code.Internal],
    [Code.PermissionDenied],
    [Code.Unimplemented],
    [Code.Unavailable],
    [Code.Unknown],
    [Code.FailedPrecondition],
  ])("without a reason nothing is decided: that was not the server (code %s)", (code) => {
    expect(explain(new ConnectError("x", code)).isVerdict).toBe(false);
  });
});

test("only the server says that nobody is signed in, or somebody else", () => {
  const told = (code: Code, reason: string) =>
    new ConnectError("x", code, undefined, [{ desc: ErrorInfoSchema, value: { reason } }]);

  expect(isSessionOver(told(Code.Unauthenticated, "UNAUTHENTICATED"))).toBe(true);
  expect(isSessionOver(told(Code.NotFound, "ACCOUNT_NOT_FOUND"))).toBe(true);
  expect(isSessionOver(told(Code.NotFound, "NUMBER_NOT_FOUND"))).toBe(false);
  expect(isSessionOver(new ConnectError("HTTP 401", Code.Unauthenticated))).toBe(false);
});

describe("the filter of the activity", () => {
  const calendar = new Calendar("America/New_York", "en-US");
  const at = (iso: string, fields: object) =>
    create(EntrySchema, {
      kind: EntryKind.DEBIT,
      item: Item.OUTBOUND_CALL,
      time: { seconds: BigInt(Date.parse(iso) / 1000), nanos: 0 },
      ...fields,
    });

  test("asks for whole days of the account's zone", () => {
    const request = requestOf(
      { ...EVERYTHING, fromDay: "2026-11-01", toDay: "2026-11-01" },
      calendar,
    );
    // The day on which the clocks go back has 25 hours.
    expect(Number(request.toTime?.seconds) - Number(request.fromTime?.seconds)).toBe(25 * 3600);
    expect(requestOf(EVERYTHING, calendar)).toEqual({ show: 1, items: [] });
  });

  test("keeps to days, kinds and items as the server does", () => {
    const filter = { ...EVERYTHING, fromDay: "2026-11-28", toDay: "2026-11-28" };
    expect(matches(filter, at("2026-11-28T05:00:00Z", {}), calendar)).toBe(true);
    expect(matches(filter, at("2026-11-28T04:59:59Z", {}), calendar)).toBe(false);
    expect(matches(filter, at("2026-11-29T05:00:00Z", {}), calendar)).toBe(false);
    const credits = { ...EVERYTHING, show: "credits" as const };
    expect(matches(credits, at("2026-11-28T05:00:00Z", {}), calendar)).toBe(false);
    const credit = at("2026-11-28T05:00:00Z", { kind: EntryKind.CREDIT });
    expect(matches(credits, credit, calendar)).toBe(true);
    expect(matches({ ...EVERYTHING, item: Item.REFUND }, credit, calendar)).toBe(false);
    for (const kind of [EntryKind.HOLD, EntryKind.DECLINE, EntryKind.HOLD_RELEASED]) {
      expect(matches(EVERYTHING, at("2026-11-28T05:00:00Z", { kind }), calendar)).toBe(false);
    }
    const attempt = { kind: EntryKind.HOLD_RELEASED, amountMicros: -1n };
    expect(matches(EVERYTHING, at("2026-11-28T05:00:00Z", attempt), calendar)).toBe(true);
  });

  test("says what is wrong with days", () => {
    const days = (fromDay: string, toDay: string) => problemOf({ ...EVERYTHING, fromDay, toDay });
    expect(days("2026-11-02", "2026-11-01")).toBe("From is after To.");
    expect(days("2026-11-01", "2026-11-01")).toBe("");
    expect(days("11/01/2026", "")).toBe("From is not a day.");
  });
});

test("only addresses of pages are followed", () => {
  expect(safeLink("https://example.org/pay?a=1")).toBe("https://example.org/pay?a=1");
  expect(safeLink("http://127.0.0.1:8080/x")).toBe("http://127.0.0.1:8080/x");
  for (const url of ["javascript:alert(1)", "data:text/html,x", "//x", "", "/local", "ftp://x"]) {
    expect(safeLink(url), url).toBeUndefined();
  }
});
