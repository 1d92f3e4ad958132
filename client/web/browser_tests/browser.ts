// A real browser, and what is looked at on every page: nothing wrong for those who cannot see or
// use a mouse, nothing that the Content-Security-Policy had to stop, nothing that is thrown.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import type { Farebox } from "./farebox";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Look {
  name: string;
  width: number;
  height: number;
  scheme: "light" | "dark";
  isPhone: boolean;
}

export const DESKTOP = { name: "desktop", width: 1280, height: 900, isPhone: false };
export const PHONE = { name: "phone", width: 390, height: 844, isPhone: true };
export const DESKTOP_LIGHT: Look = { ...DESKTOP, name: "desktop-light", scheme: "light" };
export const DESKTOP_DARK: Look = { ...DESKTOP, name: "desktop-dark", scheme: "dark" };
export const PHONE_LIGHT: Look = { ...PHONE, name: "phone-light", scheme: "light" };
export const PHONE_DARK: Look = { ...PHONE, name: "phone-dark", scheme: "dark" };

const shots = process.env.FAREBOX_SCREENSHOTS ?? path.join(tmpdir(), "farebox-screenshots");

export class Visitor {
  readonly #profile = mkdtempSync(path.join(tmpdir(), "farebox-browser-"));
  readonly #problems: string[] = [];
  #browser: Browser | undefined;
  #context: BrowserContext | undefined;

  static async come(farebox: Farebox, look: Look = DESKTOP_LIGHT): Promise<Visitor> {
    const visitor = new Visitor();
    visitor.#browser = await chromium.launch({
      executablePath: "/usr/bin/chromium-headless-shell",
      args: [...FLAGS, `--disk-cache-dir=${visitor.#profile}`],
    });
    await visitor.as(farebox, look);
    return visitor;
  }

  // Somebody else, without a cookie, before another screen.
  async as(farebox: Farebox, look: Look): Promise<void> {
    await this.#context?.close();
    if (this.#browser === undefined) throw new Error("there is no browser");
    this.#context = await this.#browser.newContext({
      baseURL: farebox.url,
      viewport: { width: look.width, height: look.height },
      deviceScaleFactor: look.isPhone ? 2 : 1,
      hasTouch: look.isPhone,
      isMobile: look.isPhone,
      colorScheme: look.scheme,
      reducedMotion: "reduce",
      locale: "en-US",
      acceptDownloads: true,
    });
    await this.#context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await this.#context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  }

  get context(): BrowserContext {
    if (this.#context === undefined) throw new Error("nobody has come");
    return this.#context;
  }

  async open(address: string): Promise<Page> {
    const page = await this.context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => this.#problems.push(`thrown: ${error.message}`));
    page.on("console", (message) => {
      const text = message.text();
      // What the browser itself says of an answer that is none of ours to mend.
      const isAnswer = text.startsWith("Failed to load resource");
      if (message.type() === "error" && !isAnswer) this.#problems.push(text);
    });
    await page.goto(address);
    return page;
  }

  // With the key typed in.
  async signIn(key: string, address = "/"): Promise<Page> {
    const page = await this.open(address);
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "Overview" }).waitFor();
    return page;
  }

  async leave(): Promise<void> {
    await this.#browser?.close();
    rmSync(this.#profile, { recursive: true, force: true });
    expect(this.#problems).toEqual([]);
  }

  // What was said on the console, and forgotten now: for tests that cut the line.
  forgive(): string[] {
    return this.#problems.splice(0);
  }
}

export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const found = await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return found.violations.map(({ id, help, nodes }) => ({
      id,
      help,
      where: nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`),
    }));
  });
  expect(violations).toEqual([]);
}

// Nothing is wider than the window.
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const widths = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(widths[0]).toBeLessThanOrEqual(widths[1] ?? 0);
}

export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, `${name}.png`) });
}
