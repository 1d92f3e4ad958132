// Two tabs, two people, no network, a server that restarts, answers that are lost.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { RechargeState } from "../src/gen/farebox/v1/recharge_pb";
import { DESKTOP_LIGHT, Visitor } from "./browser";
import { Farebox, UNIT } from "./farebox";

let farebox: Farebox;
let visitor: Visitor;
let key: string;
let account = "";
let count = 0;

beforeAll(async () => {
  farebox = await Farebox.start();
  visitor = await Visitor.come(farebox);
});

afterAll(async () => {
  await visitor.leave();
  await farebox.end();
});

beforeEach(async () => {
  count += 1;
  account = `steady-${count}`;
  key = await farebox.openAccount(account, 50n * UNIT);
  await visitor.as(farebox, DESKTOP_LIGHT);
});

function balance(page: Page) {
  return page.locator(".balance .main dd");
}

// Returns the dialog that tells what becomes of it.
async function payNow(page: Page, dollars: number) {
  await page.getByRole("button", { name: "Pay now" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: `$${dollars}` }).click();
  await dialog.getByRole("button", { name: "Continue" }).click();
  await dialog.getByRole("button", { name: `Pay $${dollars}.00` }).click();
  return dialog;
}

test("two tabs show the same balance, and sign out together", async () => {
  const first = await visitor.signIn(key);
  const second = await visitor.open("/");
  await second.getByText("Live").waitFor();
  await first.getByText("Live").waitFor();
  await farebox.debit(account, 8n * UNIT);
  await balance(first).getByText("$42.00").waitFor();
  await balance(second).getByText("$42.00").waitFor();
  await first.getByRole("button", { name: "Sign out" }).click();
  await second.getByLabel("API key").waitFor();
});

test("a second sign-in is shown its own account, in every tab", async () => {
  const otherKey = await farebox.openAccount(`${account}-other`, 7n * UNIT);
  const first = await visitor.signIn(key);
  await balance(first).getByText("$50.00").waitFor();
  const second = await visitor.open("/");
  await second.getByRole("button", { name: "Sign out" }).click();
  await second.getByLabel("API key").fill(otherKey);
  await second.getByRole("button", { name: "Sign in" }).click();
  await balance(second).getByText("$7.00").waitFor();
  await balance(first).getByText("$7.00").waitFor();
  expect(await first.locator(".balance").getByText("$50.00").count()).toBe(0);
});

test("a page that is open lives through a restart of the server", async () => {
  const page = await visitor.signIn(key);
  await page.getByText("Live").waitFor();
  await farebox.halt("SIGKILL");
  await page.getByText("The server cannot be reached. Trying again.").waitFor();
  await farebox.run();
  await page.getByText("Live").waitFor();
  await farebox.debit(account, 5n * UNIT);
  await balance(page).getByText("$45.00").waitFor();
  visitor.forgive();
});

test("without a network the page says so, and catches up after it", async () => {
  const page = await visitor.signIn(key);
  await page.getByText("Live").waitFor();
  await visitor.context.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  await farebox.debit(account, 6n * UNIT);
  await page.getByRole("link", { name: "Numbers" }).click();
  await page.getByText("The server cannot be reached at the moment.").waitFor();
  await visitor.context.setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("No numbers yet").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await balance(page).getByText("$44.00").waitFor();
  visitor.forgive();
});

test("a session that ends shows the form, and a key that is revoked ends it", async () => {
  const page = await visitor.signIn(key);
  await page.getByText("Live").waitFor();
  const { keys } = await farebox.access.listApiKeys({ accountId: account });
  await farebox.access.revokeApiKey({ keyId: keys[0]?.keyId ?? "" });
  // The page may have noticed by itself: the stream of its balance ends with the key.
  await page
    .getByRole("link", { name: "Numbers" })
    .click({ timeout: 2_000 })
    .catch(() => undefined);
  await page.getByText("Your session has ended. Please sign in again.").waitFor();
  const next = await farebox.makeKey(account);
  await page.getByLabel("API key").fill(next);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Sign out").waitFor();
});

test("a payment whose answer is lost is asked for again, and charged once", async () => {
  await farebox.registerCard(account);
  const page = await visitor.signIn(key);
  let lost = 0;
  await page.route("**/farebox.v1.RechargeService/Pay", async (route) => {
    lost += 1;
    if (lost > 2) return route.continue();
    await route.fetch();
    return route.abort("connectionreset");
  });
  const dialog = await payNow(page, 25);
  await dialog.getByText("$25.00 was paid.").waitFor();
  expect(lost).toBe(3);
  // The answer is that of the first delivery, and so is the balance in it.
  expect(await dialog.getByText("Your balance is now").count()).toBe(0);
  const { recharges } = await farebox.recharges.listRecharges({ accountId: account });
  expect(recharges.length).toBe(1);
  const { balanceMicros } = await farebox.billing.getBalance({ accountId: account });
  expect(balanceMicros).toBe(75n * UNIT);
  visitor.forgive();
});

// Once, the refusal of the proxy was taken for the server's: after a 403 the next try was a second
// charge, and after a 401 there was none.
test.each([401, 403])(
  "a payment that was lost is not ended by a proxy's %i, and charged once",
  async (status) => {
    await farebox.registerCard(account);
    const page = await visitor.signIn(key);
    let asked = 0;
    await page.route("**/farebox.v1.RechargeService/Pay", async (route) => {
      asked += 1;
      if (asked > 2) return route.continue();
      if (asked === 1) await route.fetch();
      return route.fulfill({ status: asked === 1 ? 502 : status, body: "<html>proxy</html>" });
    });
    const dialog = await payNow(page, 25);
    await dialog.getByText("$25.00 was paid.").waitFor();
    const { recharges } = await farebox.recharges.listRecharges({ accountId: account });
    expect(recharges.length).toBe(1);
    visitor.forgive();
  },
);

test("a payment that was begun before a reload is seen to its end, and charged once", async () => {
  await farebox.registerCard(account);
  const page = await visitor.signIn(key);
  await page.route("**/farebox.v1.RechargeService/Pay", async (route) => {
    await route.fetch();
    // The page may be gone already.
    await route.abort("connectionreset").catch(() => undefined);
  });
  const dialog = await payNow(page, 50);
  await balance(page).getByText("$100.00").waitFor();
  await page.reload();
  // Not before: an answer that is still held back would get through, and end the payment.
  await page.unroute("**/farebox.v1.RechargeService/Pay");
  await page.getByRole("button", { name: "Pay now" }).click();
  await dialog.getByText("$50.00 was paid.").waitFor();
  const { recharges } = await farebox.recharges.listRecharges({ accountId: account });
  expect(recharges.length).toBe(1);
  visitor.forgive();
});

// Once, the retry in the second window made a new name, since the first one's answer had ended it.
test("a window that is closed and opened while the first answer is slow charges once", async () => {
  await farebox.registerCard(account);
  const page = await visitor.signIn(key);
  let asked = 0;
  let answer = () => {};
  const isAnswered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.route("**/farebox.v1.RechargeService/Pay", async (route) => {
    asked += 1;
    const isSecond = asked === 2;
    if (asked > 2) return route.continue();
    await isAnswered;
    if (!isSecond) return route.continue();
    // Lost, once the first one's answer has come.
    await balance(page).getByText("$75.00").waitFor();
    await page.waitForTimeout(500);
    return route.abort("connectionreset");
  });
  const dialog = await payNow(page, 25);
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Pay now" }).click();
  await dialog.getByText("Charging $25.00.").waitFor();
  await expect.poll(() => asked).toBe(2);
  answer();
  await dialog.getByText("$25.00 was paid.").waitFor();
  const { recharges } = await farebox.recharges.listRecharges({ accountId: account });
  expect(recharges.length).toBe(1);
  visitor.forgive();
});

test("a bank that asks the customer is shown, and answered on its own page", async () => {
  await farebox.registerCard(account, "pm_card_authenticationRequired");
  const page = await visitor.signIn(key);
  const dialog = await payNow(page, 25);
  const opened = visitor.context.waitForEvent("page");
  await dialog.getByRole("link", { name: "Confirm with your bank" }).click();
  const bank = await opened;
  await bank.getByRole("button", { name: "Yes, pay" }).click();
  await bank.getByText("The account is credited in a moment.").waitFor();
  await bank.close();
  await dialog.getByText("$25.00 was paid.").waitFor();
  await balance(page).getByText("$75.00").waitFor();
});

// Once, the page asked as soon as the server had forgotten the declines, before the card was
// charged, and showed nothing of what became of it.
test("a charge that is tried again and declined again is told without a reload", async () => {
  await farebox.registerCard(account, "pm_card_chargeDeclinedInsufficientFunds");
  await farebox.debit(account, 45n * UNIT);
  const autoRecharge = {
    enabled: true,
    amountMicros: 60n * UNIT,
    thresholdMicros: 10n * UNIT,
    failureEmail: "owner@example.org",
  };
  await farebox.recharges.updateAutoRecharge({ accountId: account, autoRecharge });
  const states = async () => {
    const { recharges } = await farebox.recharges.listRecharges({ accountId: account });
    return recharges.map(({ state }) => state);
  };
  await expect.poll(states, { timeout: 30_000 }).toEqual([RechargeState.DECLINED]);
  const page = await visitor.signIn(key);
  const declined = page.getByRole("region", { name: "Last charges" }).getByText("Declined");
  await page.getByRole("button", { name: "Try again now" }).waitFor();
  // The two panels ask for what they show each for itself.
  await expect.poll(() => declined.count(), { timeout: 30_000 }).toBe(1);
  await page.route("**/farebox.v1.RechargeService/RetryRecharge", async (route) => {
    await route.fulfill({ contentType: "application/proto", body: "" });
    // The charge, once the page has asked what became of it.
    await page.waitForResponse("**/farebox.v1.RechargeService/ListRecharges");
    await farebox.recharges.retryRecharge({ accountId: account });
  });
  await page.getByRole("button", { name: "Try again now" }).click();
  await declined.nth(1).waitFor();
  await page.getByText("It does not charge at present:").waitFor();
});

// Once, the page said that the server cannot be reached, went on showing the card, and then refused
// to delete it.
test("a card is gone from the page though the answer that it was deleted is lost", async () => {
  await farebox.registerCard(account);
  const page = await visitor.signIn(key);
  await page.route("**/farebox.v1.RechargeService/DeleteCard", async (route) => {
    await route.fetch();
    await route.abort("connectionreset");
  });
  const cards = page.getByRole("region", { name: "Card on file" });
  await cards.getByRole("button", { name: "Delete Visa" }).click();
  await page.getByRole("button", { name: "Delete card" }).click();
  await cards.getByText("No card yet").waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  visitor.forgive();
});

// Once, the page took it for a refusal that the account is not there for the other one's key, said
// that nothing was charged, and forgot the payment.
test("a payment outlives that another tab has signed in to another account", async () => {
  const otherKey = await farebox.openAccount(`${account}-other`, 7n * UNIT);
  await farebox.registerCard(account, "pm_card_authenticationRequired");
  const page = await visitor.signIn(key);
  const dialog = await payNow(page, 25);
  await dialog.getByRole("link", { name: "Confirm with your bank" }).waitFor();
  // Without a word to this tab.
  const status = await page.evaluate(async (secret) => {
    const headers = { "content-type": "application/json", "connect-protocol-version": "1" };
    const body = JSON.stringify({ api_key: secret });
    return (await fetch("/session", { method: "POST", headers, body })).status;
  }, otherKey);
  expect(status).toBe(200);
  await balance(page).getByText("$7.00").waitFor();
  const kept = await page.evaluate((of) => sessionStorage.getItem(`farebox/pay/${of}`), account);
  expect(kept).not.toBeNull();
});

test("an entry that comes while one reads further down waits for the reader", async () => {
  await farebox.debitMany(account, 400);
  const page = await visitor.signIn(key, "/activity");
  await page.locator(".entry").first().waitFor();
  await page.getByText("Live").waitFor({ state: "detached" });
  await page.mouse.wheel(0, 6_000);
  await page.locator('[data-row="100"]').waitFor();
  const where = await page.evaluate(() => window.scrollY);
  await farebox.debit(account, 3n * UNIT, "Late in the day");
  await page.getByRole("button", { name: "1 new entry" }).waitFor();
  expect(await page.evaluate(() => window.scrollY)).toBe(where);
  await page.getByRole("button", { name: "1 new entry" }).click();
  await page.locator('[data-row="0"]').getByText("Late in the day").waitFor();
});

// Once, the lists had a hole for ever where the server had no stream from the last entry seen on.
test.each([
  ["/", ".short .entry"],
  ["/activity", ".entry"],
])("entries that nobody was told of are on the list of %s", async (address, entries) => {
  const page = await visitor.signIn(key, address);
  await page.locator(entries).first().waitFor();
  let watches = 0;
  await page.route("**/farebox.v1.BillingService/WatchAccount", async (route) => {
    watches += 1;
    if (watches > 1) return route.continue();
    // As the end of a stream is sent: a flag, its length, and what went wrong.
    const text = JSON.stringify({ error: { code: "invalid_argument", message: "too far behind" } });
    const head = Buffer.from([2, 0, 0, 0, text.length]);
    const body = Buffer.concat([head, Buffer.from(text)]);
    return route.fulfill({ contentType: "application/connect+proto", body });
  });
  await visitor.context.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  await farebox.debit(account, 2n * UNIT);
  await visitor.context.setOffline(false);
  await page.locator(entries).getByText("-$2.00").waitFor();
  visitor.forgive();
});

test("the keyboard alone is enough", async () => {
  const page = await visitor.signIn(key, "/activity");
  await farebox.debitMany(account, 60);
  await page.locator('[data-row="15"]').waitFor();
  await page.locator('[data-row="0"] > .entry').focus();
  for (let step = 0; step < 40; step += 1) await page.keyboard.press("ArrowDown");
  await page.locator('[data-row="40"] > .entry:focus').waitFor();
  await page.keyboard.press("Enter");
  await page.locator('[data-row="40"] .detail').waitFor();
  await page.goto("/");
  await page.keyboard.press("Tab");
  await page.getByRole("link", { name: "Skip to the content" }).press("Enter");
  await page.getByRole("button", { name: "Pay now" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Pay now" }).and(page.locator(":focus")).waitFor();
});
