// Texts that customers and operators can set are shown as they are, whatever they say.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Visitor } from "./browser";
import { Farebox, UNIT } from "./farebox";

const IMAGE = "<img src=x onerror=hacked=1>";
const SCRIPT = "<script>hacked=1</script>";
// Without spaces, as the user of a SIP address has none.
const DESTINATION = "<svg/onload=hacked=1>";
const LINK = 'javascript:hacked=1//"><b>';

let farebox: Farebox;
let visitor: Visitor;
let key: string;

beforeAll(async () => {
  farebox = await Farebox.start();
  farebox.importDeck(
    "hostile",
    [
      "item,prefix,description,connect_fee,rate_per_minute,initial_increment,increment,unit_fee",
      `OUTBOUND_CALL,,${IMAGE},0.01,0.09,30,6,`,
      `INCOMING_TEXT,,${SCRIPT},,,,,0.0075`,
      `PHONE_NUMBER_PURCHASE,,${IMAGE},,,,,1.50`,
      `PHONE_NUMBER_RENEWAL,,${IMAGE},,,,,1.00`,
      "",
    ].join("\n"),
  );
  key = await farebox.openAccount("hostile", 100n * UNIT, { deck: "hostile" });
  await farebox.makeKey("hostile", IMAGE);
  await farebox.credit("hostile", UNIT, IMAGE);
  await farebox.debit("hostile", UNIT, SCRIPT);
  await farebox.call("hostile", DESTINATION, 95n, DESTINATION);
  await farebox.text("hostile", IMAGE);
  await farebox.text("hostile", LINK);
  await farebox.registerCard("hostile");
  visitor = await Visitor.come(farebox);
});

afterAll(async () => {
  await visitor.leave();
  await farebox.end();
});

async function expectUnharmed(page: Page): Promise<void> {
  const hacked = await page.evaluate(() => (window as unknown as { hacked?: number }).hacked);
  expect(hacked).toBeUndefined();
  expect(await page.locator("img[src=x], main script, main svg[onload], main b").count()).toBe(0);
  expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
}

test("what others have set is text and nothing else", async () => {
  const page = await visitor.signIn(key);
  await page.locator(".entry").getByText(LINK).first().waitFor();
  await expectUnharmed(page);

  await page.goto("/activity");
  for (const text of [IMAGE, SCRIPT, DESTINATION, LINK]) {
    await page.getByText(text).first().waitFor();
  }
  const lines = await page.locator(".entry").count();
  for (let line = 0; line < lines; line += 1) {
    await page.locator(".entry").nth(line).click();
    await page.locator(".detail").waitFor();
    await expectUnharmed(page);
  }

  await page.goto("/rates");
  await page.getByText(IMAGE).first().waitFor();
  await page.getByLabel("Destination").fill("+44");
  await page.locator(".quote").getByText(IMAGE).waitFor();
  await expectUnharmed(page);

  await page.goto("/keys");
  await page.getByText(IMAGE).first().waitFor();
  await page.getByRole("button", { name: `Revoke ${IMAGE}` }).click();
  await page.getByRole("dialog").getByText(IMAGE).waitFor();
  await expectUnharmed(page);
});

test("what the customer types is text and nothing else", async () => {
  const page = await visitor.open("/keys?<script>hacked=1</script>#<img src=x>");
  await page.getByLabel("What it is for").fill(SCRIPT);
  await page.getByRole("button", { name: "Make key" }).click();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByRole("region", { name: "Your keys" }).getByText(SCRIPT).first().waitFor();
  await expectUnharmed(page);

  await page.goto("/rates");
  await page.getByLabel("Destination").fill("<b>nowhere</b>");
  await page.getByText("No country begins like that").waitFor();
  await page.goto("/numbers");
  await page.getByLabel("Number", { exact: true }).fill(IMAGE.slice(0, 24));
  await page.getByRole("button", { name: "Show price" }).click();
  await page.getByText("Enter a number with its country code").waitFor();
  await page.goto("/?card=<script>hacked=1</script>");
  await page.getByRole("button", { name: "Pay now" }).waitFor();
  await expectUnharmed(page);
});

test("a document from elsewhere cannot frame the page, and scripts in it do not run", async () => {
  const page = await visitor.open("/");
  const answer = await page.request.get("/", { headers: { accept: "text/html" } });
  const policy = answer.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain("unsafe");
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hacked = 1";
    document.body.append(script);
  });
  await expectUnharmed(page);
  // It was the policy that has stopped it.
  expect(visitor.forgive().join("\n")).toContain("script-src");
});
