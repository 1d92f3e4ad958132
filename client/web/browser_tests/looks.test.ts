// Every part of the page on each screen, in each scheme, with much and with nothing to show: nobody
// is kept out, nothing is cut off, and a picture of it is kept.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DESKTOP_DARK,
  DESKTOP_LIGHT,
  expectAccessible,
  expectNoSidewaysScrolling,
  PHONE_DARK,
  PHONE_LIGHT,
  shoot,
  Visitor,
} from "./browser";
import { Farebox, UNIT } from "./farebox";

const LOOKS = [DESKTOP_LIGHT, DESKTOP_DARK, PHONE_LIGHT, PHONE_DARK];
const PARTS = ["Overview", "Activity", "Rates", "Numbers", "API keys"];

let farebox: Farebox;
let visitor: Visitor;
let richKey: string;
let poorKey: string;

beforeAll(async () => {
  farebox = await Farebox.start();
  richKey = await farebox.makeKey("demo", "Bookkeeping");
  poorKey = await farebox.openAccount("nobody-yet");
  await farebox.registerCard("demo");
  await farebox.recharges.updateAutoRecharge({
    accountId: "demo",
    autoRecharge: {
      enabled: true,
      amountMicros: 60n * UNIT,
      thresholdMicros: 15n * UNIT,
      failureEmail: "owner@example.org",
    },
  });
  await farebox.recharges.pay({
    accountId: "demo",
    requestId: farebox.nextId(),
    amountMicros: 25n * UNIT,
  });
  visitor = await Visitor.come(farebox);
});

afterAll(async () => {
  await visitor.leave();
  await farebox.end();
});

async function settle(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const isDrawn = [...document.querySelectorAll(".chart")].every((chart) => chart.firstChild);
    return document.querySelector(".bone") === null && isDrawn;
  });
}

async function lookAt(page: Page, name: string): Promise<void> {
  await expectNoSidewaysScrolling(page);
  await expectAccessible(page);
  await shoot(page, name);
}

describe.each(LOOKS)("on $name", (look) => {
  test("the sign-in form is for everybody", async () => {
    await visitor.as(farebox, look);
    const page = await visitor.open("/");
    await page.getByLabel("API key").waitFor();
    await lookAt(page, `${look.name}-sign-in`);
  });

  test("every part of an account with a past is for everybody", async () => {
    await visitor.as(farebox, look);
    const page = await visitor.signIn(richKey);
    for (const part of PARTS) {
      await page.getByRole("link", { name: part, exact: true }).click();
      await page.getByRole("heading", { level: 1, name: part }).waitFor();
      await settle(page);
      await lookAt(page, `${look.name}-${part.toLowerCase().replace(" ", "-")}`);
    }
    await page.getByRole("link", { name: "Activity", exact: true }).click();
    await page.locator(".entry").first().click();
    await page.locator(".detail").waitFor();
    await lookAt(page, `${look.name}-entry`);
    await page.getByRole("link", { name: "Overview", exact: true }).click();
    await page.getByRole("button", { name: "Pay now" }).click();
    await page.getByRole("dialog").waitFor();
    await lookAt(page, `${look.name}-pay`);
  });

  test("every part of an account without one is, too", async () => {
    await visitor.as(farebox, look);
    const page = await visitor.signIn(poorKey);
    await page.getByText("You have no money left.").waitFor();
    for (const part of PARTS) {
      await page.getByRole("link", { name: part, exact: true }).click();
      await page.getByRole("heading", { level: 1, name: part }).waitFor();
      await settle(page);
      await lookAt(page, `${look.name}-empty-${part.toLowerCase().replace(" ", "-")}`);
    }
  });
});

test("nothing on the page moves while it loads", async () => {
  await visitor.as(farebox, DESKTOP_LIGHT);
  const page = await visitor.signIn(richKey);
  await page.addInitScript(() => {
    const moved = window as unknown as { moved: number };
    moved.moved = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        moved.moved += (entry as unknown as { value: number }).value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  for (const path of ["/", "/activity", "/rates", "/numbers", "/keys"]) {
    await page.goto(path);
    await settle(page);
    const moved = await page.evaluate(() => (window as unknown as { moved: number }).moved);
    // What browsers call good is 0.1.
    expect(moved, path).toBeLessThan(0.05);
  }
});
