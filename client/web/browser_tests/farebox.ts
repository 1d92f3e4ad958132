// The real server on a ledger of its own, and what its operator does.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AccessService } from "../src/gen/farebox/v1/access_pb";
import { Role } from "../src/gen/farebox/v1/access_rule_pb";
import { AccountService } from "../src/gen/farebox/v1/account_pb";
import { BillingService, CreditReason } from "../src/gen/farebox/v1/billing_pb";
import { RechargeService } from "../src/gen/farebox/v1/recharge_pb";
import { Direction, Item } from "../src/gen/farebox/v1/usage_pb";

export const UNIT = 1_000_000n;
export const HISTORY_DAYS = 45;

const binaries = process.env.FAREBOX_BINARIES ?? "";
const demoData = process.env.FAREBOX_DEMO_DATA ?? "";

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not happen`);
}

export class Farebox {
  readonly #folder: string;
  readonly #httpPort: number;
  #process: ChildProcess | undefined;
  #ids = 0;

  private constructor(folder: string, httpPort: number) {
    this.#folder = folder;
    this.#httpPort = httpPort;
  }

  // With the account "demo", which has weeks of activity, so many tiny debits among it, and a deck
  // of the same name.
  static async start(bulk = 0): Promise<Farebox> {
    const folder = mkdtempSync(path.join(tmpdir(), "farebox-page-"));
    execFileSync(path.join(binaries, "farebox-demo-history"), [
      path.join(folder, "ledger"),
      ...["--deck", path.join(demoData, "deck.csv")],
      ...["--calls", path.join(demoData, "calls.csv")],
      ...["--texts", path.join(demoData, "texts.csv")],
      ...["--days", String(HISTORY_DAYS), "--bulk", String(bulk)],
    ]);
    const farebox = new Farebox(folder, await freePort());
    await farebox.run();
    return farebox;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  async run(): Promise<void> {
    const portFile = path.join(this.#folder, "port");
    rmSync(portFile, { force: true });
    const log = path.join(this.#folder, "log");
    const options = [
      ...["--data", path.join(this.#folder, "ledger")],
      ...["--listen", "127.0.0.1:0", "--port-file", portFile],
      ...["--http-listen", `127.0.0.1:${this.#httpPort}`],
      ...["--access", "keys", "--admin-key-file", this.#adminKeyFile],
      ...["--payments", "simulated"],
    ];
    const started = spawn(path.join(binaries, "farebox-server"), options, {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [started.stdout, started.stderr]) {
      stream?.on("data", (data) => {
        said += data;
        writeFileSync(log, said);
      });
    }
    this.#process = started;
    await until(`a start of the server (${said})`, () => existsSync(portFile));
    await until("an answer by HTTP", () =>
      fetch(`${this.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  // Ends it in good order, or at once.
  async halt(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const ended = this.#process;
    this.#process = undefined;
    if (ended === undefined || ended.exitCode !== null) return;
    const isOver = new Promise((resolve) => ended.once("exit", resolve));
    ended.kill(signal);
    await isOver;
  }

  async end(): Promise<void> {
    await this.halt("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #adminKeyFile(): string {
    return path.join(this.#folder, "admin.key");
  }

  get #transport() {
    const key = readFileSync(this.#adminKeyFile, "utf8").trim();
    return createConnectTransport({
      baseUrl: this.url,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", `Bearer ${key}`);
          return next(request);
        },
      ],
    });
  }

  get billing() {
    return createClient(BillingService, this.#transport);
  }
  get accounts() {
    return createClient(AccountService, this.#transport);
  }
  get access() {
    return createClient(AccessService, this.#transport);
  }
  get recharges() {
    return createClient(RechargeService, this.#transport);
  }

  nextId(): string {
    this.#ids += 1;
    return `test-${Date.now()}-${this.#ids}`;
  }

  // An account on the demo's deck, with a key of its customer.
  async openAccount(accountId: string, micros = 0n, settings = {}): Promise<string> {
    await this.accounts.createAccount({
      account: { accountId, currencyCode: "USD", deck: "demo", timeZone: "UTC", ...settings },
      requestId: this.nextId(),
    });
    if (micros > 0n) await this.credit(accountId, micros);
    return this.makeKey(accountId);
  }

  async makeKey(accountId: string, label = "page"): Promise<string> {
    const key = { role: Role.CUSTOMER, accountIds: [accountId], label };
    return (await this.access.createApiKey({ key })).secret;
  }

  async credit(accountId: string, amountMicros: bigint, description = ""): Promise<void> {
    await this.billing.credit({
      accountId,
      requestId: this.nextId(),
      amountMicros,
      reason: CreditReason.PAYMENT,
      description,
    });
  }

  async debit(accountId: string, amountMicros: bigint, description = ""): Promise<void> {
    await this.billing.debit({
      accountId,
      requestId: this.nextId(),
      charge: { case: "amountMicros", value: amountMicros },
      item: Item.ADJUSTMENT,
      description,
    });
  }

  async call(accountId: string, to: string, usedSeconds: bigint, from = "+12025550123") {
    const call = { direction: Direction.OUTBOUND, from, to };
    return this.billing.debit({
      accountId,
      requestId: this.nextId(),
      charge: { case: "usage", value: { kind: { case: "call", value: call } } },
      usedSeconds,
    });
  }

  // A text that somebody has sent to the account.
  async text(accountId: string, from: string, to = "+12025550123"): Promise<void> {
    const text = {
      direction: Direction.INBOUND,
      from,
      to,
      length: { case: "segments" as const, value: 2 },
    };
    await this.billing.debit({
      accountId,
      requestId: this.nextId(),
      charge: { case: "usage", value: { kind: { case: "text", value: text } } },
    });
  }

  // Many small debits at once.
  async debitMany(accountId: string, count: number): Promise<void> {
    for (let done = 0; done < count; done += 1000) {
      const operations = Array.from({ length: Math.min(1000, count - done) }, () => ({
        request: {
          case: "debit" as const,
          value: {
            accountId,
            requestId: this.nextId(),
            charge: { case: "amountMicros" as const, value: 1n },
            item: Item.OUTGOING_TEXT,
          },
        },
      }));
      await this.billing.applyBatch({ operations });
    }
  }

  // A test card of the simulated provider's, without its page.
  async registerCard(accountId: string, token = "pm_card_visa"): Promise<void> {
    const { setupId, url } = await this.recharges.startCardSetup({ accountId });
    await fetch(url, { method: "POST", body: new URLSearchParams({ setup_id: setupId, token }) });
    await this.recharges.completeCardSetup({ accountId, setupId });
  }

  // The deck of a name, made of lines.
  importDeck(name: string, csv: string): void {
    const file = path.join(this.#folder, `${name}.csv`);
    writeFileSync(file, csv);
    const port = readFileSync(path.join(this.#folder, "port"), "utf8").trim();
    execFileSync(
      path.join(binaries, "farebox"),
      [...["--server", `127.0.0.1:${port}`], ...["rates", "import", name, file]],
      { env: { ...process.env, FAREBOX_API_KEY_FILE: this.#adminKeyFile } },
    );
  }
}
