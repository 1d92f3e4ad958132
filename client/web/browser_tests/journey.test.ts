// What the owner of an account does, element by element, with a mouse and on a phone.

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DESKTOP_LIGHT, PHONE_DARK, Visitor } from "./browser";
import { Farebox, UNIT } from "./farebox";

let farebox: Farebox;
let visitor: Visitor;

beforeAll(async () => {
  farebox = await Farebox.start();
  visitor = await Visitor.come(farebox);
});

afterAll(async () => {
  await visitor.leave();
  await farebox.end();
});

function panel(page: Page, name: string) {
  return page.getByRole("region", { name, exact: true });
}

async function go(page: Page, part: string): Promise<void> {
  await page.getByRole("link", { name: part, exact: true }).click();
  await page.getByRole("heading", { level: 1, name: part }).waitFor();
}

// The provider's page, as the customer goes through it.
async function chooseCard(page: Page, token: string): Promise<void> {
  await page.locator(`input[value="${token}"]`).check();
  await page.getByRole("button", { name: "Use this card" }).click();
  await page.getByRole("link", { name: "Go back" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

describe.each([DESKTOP_LIGHT, PHONE_DARK])("on $name", (look) => {
  const account = `walk-${look.name}`;
  let page: Page;
  let key: string;

  beforeAll(async () => {
    key = await farebox.openAccount(account, 20n * UNIT, {
      timeZone: "America/New_York",
      lowBalanceThresholdMicros: 10n * UNIT,
    });
    await visitor.as(farebox, look);
    page = await visitor.open("/");
  });

  test("a wrong key is refused in words, the right one lets in", async () => {
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This is needed to sign in.").waitFor();
    await page.getByLabel("API key").fill("fbx_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This key is not known, has expired or was revoked.").waitFor();
    await page.getByLabel("API key").fill(key);
    await page.keyboard.press("Enter");
    await page.getByText("$20.00").first().waitFor();
  });

  test("the balance moves when money does, without a reload", async () => {
    const balance = page.locator(".balance");
    await balance.getByText("Live").waitFor();
    await farebox.call(account, "+12025550177", 120n);
    await balance.locator(".main dd").getByText("$20.00").waitFor({ state: "detached" });
    const shown = await balance.locator(".main dd").getAttribute("title");
    const { balanceMicros } = await farebox.billing.getBalance({ accountId: account });
    expect(shown).toBe(`$${Number(balanceMicros) / 1e6}`);
    await farebox.debit(account, balanceMicros - 5n * UNIT);
    await balance.getByText("Your balance is low.").waitFor();
    await farebox.debit(account, 5n * UNIT);
    await balance.getByText("You have no money left.").waitFor();
    await balance
      .getByText("Calls in and out, texts in and out, and number purchases do not work.")
      .waitFor();
  });

  test("a card is registered on the provider's page", async () => {
    const cards = panel(page, "Card on file");
    await cards.getByText("No card yet").waitFor();
    await cards.getByRole("button", { name: "Add a card" }).click();
    await chooseCard(page, "pm_card_visa");
    await cards.getByText("Visa ending in 4242 is on file.").waitFor();
    expect(new URL(page.url()).search).toBe("");
  });

  test("Pay now asks, charges once for a double click, and tells", async () => {
    await page.getByRole("button", { name: "Pay now" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Continue" }).click();
    await dialog.getByText("Enter an amount, for example 25.").waitFor();
    await dialog.getByLabel("Amount in USD").fill("1,000,000");
    await dialog.getByRole("button", { name: "Continue" }).click();
    await dialog.getByText("At most $1,000.00 can be charged at once.").waitFor();
    await dialog.getByRole("button", { name: "$100" }).click();
    await dialog.getByLabel("Amount in USD").fill("30.25");
    await dialog.getByRole("button", { name: "Continue" }).click();
    await dialog.getByText("will be charged to Visa ending in 4242").waitFor();
    await dialog.getByRole("button", { name: "Back" }).click();
    await dialog.getByRole("button", { name: "Continue" }).click();
    await dialog.getByRole("button", { name: "Pay $30.25" }).dblclick();
    await dialog.getByText("$30.25 was paid.").waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    await panel(page, "Last charges").getByText("$30.25").waitFor();
    const { recharges } = await farebox.recharges.listRecharges({ accountId: account });
    expect(recharges.length).toBe(1);
    const { balanceMicros } = await farebox.billing.getBalance({ accountId: account });
    expect(balanceMicros).toBe(30_250_000n);
  });

  test("auto-recharge shows its rules and keeps to them", async () => {
    const auto = panel(page, "Auto-recharge");
    await auto.getByText("Greater than $50.00.").waitFor();
    await auto.getByText("At least $10.00.").waitFor();
    await auto.getByLabel("Recharge amount").fill("50");
    await auto.getByLabel("When the balance falls below").fill("9.99");
    await auto.getByLabel("E-mail when it fails").fill("nobody");
    await auto.getByRole("button", { name: "Update" }).click();
    await auto.getByText("Enter an amount greater than $50.00.").waitFor();
    await auto.getByText("Enter at least $10.00.").waitFor();
    await auto.getByText("Enter an e-mail address").waitFor();
    await auto.getByText("Recharge by itself").click();
    await auto.getByLabel("Recharge amount").fill("60");
    await auto.getByLabel("When the balance falls below").fill("12.50");
    await auto.getByLabel("E-mail when it fails").fill("owner@example.org");
    await auto.getByRole("button", { name: "Update" }).click();
    await auto.getByText("Updated.").waitFor();
    const { autoRecharge } = await farebox.recharges.getAutoRecharge({ accountId: account });
    expect(autoRecharge).toMatchObject({
      enabled: true,
      amountMicros: 60n * UNIT,
      thresholdMicros: 12_500_000n,
      failureEmail: "owner@example.org",
    });
  });

  test("a balance that falls is recharged before one's eyes", async () => {
    await farebox.debit(account, 20n * UNIT);
    await panel(page, "Last charges").getByText("Auto-recharge").waitFor();
    await page.locator(".balance .main dd").getByText("$70.25").waitFor();
  });

  test("the charts are drawn for each range", async () => {
    for (const range of ["7 days", "90 days", "1 year", "30 days"]) {
      await page.getByText(range, { exact: true }).click();
      await page.locator(".balance-chart canvas").waitFor();
    }
    await page.getByRole("img", { name: /^Balance over time/ }).hover();
    await page.locator(".balance-chart .tooltip").waitFor();
    await panel(page, "Spend by item").getByText("Outbound calls").waitFor();
  });

  test("a line of the activity opens into how its price came about", async () => {
    await go(page, "Activity");
    await page.getByLabel("Item").selectOption({ label: "Outbound calls" });
    await page.locator(".entry").first().click();
    const detail = page.locator(".detail");
    await detail.getByText("In all").waitFor();
    await detail.getByText("a minute").first().waitFor();
    await page.keyboard.press("Enter");
    await detail.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Clear" }).click();
  });

  test("the activity is filtered by kind and by days", async () => {
    await page.getByText("Credits", { exact: true }).click();
    await page.locator(".entry", { hasText: "Payment" }).first().waitFor();
    expect(await page.locator(".entry", { hasText: "Adjustment" }).count()).toBe(0);
    await page.getByText("Debits", { exact: true }).click();
    await page.locator(".entry", { hasText: "Adjustment" }).first().waitFor();
    expect(await page.locator(".entry", { hasText: "Payment" }).count()).toBe(0);
    await page.getByText("All", { exact: true }).click();
    await page.getByLabel("To", { exact: true }).fill("2020-01-01");
    await page.getByText("Nothing matches").waitFor();
    await page.getByLabel("From", { exact: true }).fill("2021-01-01");
    await page.getByText("From is after To.").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator(".entry").first().waitFor();
  });

  test("the activity is exported as a file", async () => {
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`activity-${account}.csv`);
    const lines = readFileSync(await file.path(), "utf8")
      .trim()
      .split("\r\n");
    await page.getByRole("dialog").getByText("exported.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
    const { entries } = await farebox.accounts.listActivity({ accountId: account, pageSize: 500 });
    expect(lines.length).toBe(entries.length + 1);
  });

  test("a destination is priced as a quote, and by the rates", async () => {
    await go(page, "Rates");
    await page.getByLabel("Destination").fill("+447400123456");
    const result = page.locator(".quote");
    await result.getByText("A call of 1 min to +447400123456 costs").waitFor();
    await page.getByText("15 min", { exact: true }).click();
    await result.getByText("A call of 15 min to +447400123456 costs").waitFor();
    await page.getByLabel("Destination").fill("United Kingdom");
    await result.getByText("to +44 costs").waitFor();
    await panel(page, "Rates for +44").getByRole("row").nth(3).waitFor();
    await page.getByText("Text", { exact: true }).click();
    await result.getByText("A text of one segment to +44 costs").waitFor();
    await page.getByText("Number", { exact: true }).click();
    await result.getByText("a month").waitFor();
    await page.getByLabel("Destination").fill("+999");
    await page.getByText("There is no rate for this destination").waitFor();
  });

  test("a number is bought, listed and released", async () => {
    await go(page, "Numbers");
    await page.getByText("No numbers yet").waitFor();
    await page.getByLabel("Number", { exact: true }).fill("12");
    await page.getByRole("button", { name: "Show price" }).click();
    await page.getByText("Enter a number with its country code").waitFor();
    const number = look.isPhone ? "+12025550142" : "+12025550141";
    await page.getByLabel("Number", { exact: true }).fill(number);
    await page.getByRole("button", { name: "Show price" }).click();
    await page.getByRole("button", { name: "Buy number" }).dblclick();
    await page.getByText(`${number} is yours.`).waitFor();
    const numbers = panel(page, "Your numbers");
    await numbers.getByText("Next renewal").waitFor();
    await numbers.getByRole("button", { name: `Release ${number}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await numbers.getByRole("button", { name: `Release ${number}` }).click();
    await page.getByRole("button", { name: "Release number" }).click();
    await page.getByText("No numbers yet").waitFor();
  });

  test("a key is made, shown once, copied and revoked", async () => {
    await go(page, "API keys");
    await page.getByLabel("What it is for").fill("Bookkeeping");
    await page.getByLabel("Ends").selectOption({ label: "In 30 days" });
    await page.getByRole("button", { name: "Make key" }).click();
    const secret = await page.locator(".secret").textContent();
    expect(secret).toMatch(/^fbx_.{43}$/);
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByText("Copied.").waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.locator(".secret").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Revoke Bookkeeping" }).click();
    await page.getByRole("button", { name: "Revoke key" }).click();
    await panel(page, "Your keys").getByText("Revoked").waitFor();
  });

  test("a card is replaced, backed up and deleted", async () => {
    await go(page, "Overview");
    const cards = panel(page, "Card on file");
    await cards.getByRole("button", { name: "Add a backup card" }).click();
    await chooseCard(page, "pm_card_mastercard");
    await cards.getByText("Mastercard ending in 4444 is on file.").waitFor();
    await cards.getByRole("button", { name: "Delete Mastercard ending in 4444" }).click();
    await page.getByRole("button", { name: "Delete card" }).click();
    await cards.getByText("Mastercard •••• ending in 4444").waitFor({ state: "detached" });
    await cards.getByRole("button", { name: "Replace card" }).click();
    await chooseCard(page, "pm_card_amex");
    await cards.getByText("American Express ending in 0005 is on file.").waitFor();
    await cards.getByRole("button", { name: "Delete American Express ending in 0005" }).click();
    await page.getByText("auto-recharge will be switched off").waitFor();
    await page.getByRole("button", { name: "Delete card" }).click();
    await cards.getByText("No card yet").waitFor();
    const recharge = panel(page, "Auto-recharge");
    await recharge.getByRole("switch", { checked: false }).waitFor();
  });

  test("a decline is told, charges nothing, and stays on the list", async () => {
    await farebox.registerCard(account, "pm_card_chargeDeclinedInsufficientFunds");
    await page.reload();
    const before = (await farebox.billing.getBalance({ accountId: account })).balanceMicros;
    await page.getByRole("button", { name: "Pay now" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "$25" }).click();
    await dialog.getByRole("button", { name: "Continue" }).click();
    await dialog.getByRole("button", { name: "Pay $25.00" }).click();
    await dialog.getByText("The card was declined.").waitFor();
    await dialog.getByText("Nothing was charged.").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await panel(page, "Last charges").getByText("Declined").waitFor();
    const after = (await farebox.billing.getBalance({ accountId: account })).balanceMicros;
    expect(after).toBe(before);
  });

  test("signing out ends the session", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You have signed out.").waitFor();
    await page.reload();
    await page.getByLabel("API key").waitFor();
  });
});
