// What the parts of the page share while one account is signed in.

import { computed, type ReadonlySignal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Account } from "../gen/farebox/v1/account_pb";
import type { Entry } from "../gen/farebox/v1/entry_pb";
import type { RentedNumber } from "../gen/farebox/v1/number_pb";
import {
  type Card,
  type GetAutoRechargeResponse,
  type Recharge,
  RechargeState,
} from "../gen/farebox/v1/recharge_pb";
import { Item } from "../gen/farebox/v1/usage_pb";
import { MoneyFormat } from "../money";
import { Calendar } from "../times";
import { FollowUp } from "./follow_up";
import { LiveAccount } from "./live";
import { Resource } from "./resource";
import { connectServer, type Server } from "./server";

const RECHARGES_SHOWN = 10;
const NUMBERS_PAGE = 1000;
const FINAL: ReadonlySet<RechargeState> = new Set([
  RechargeState.CREDITED,
  RechargeState.DECLINED,
  RechargeState.ABANDONED,
]);

export class Scope {
  readonly accountId: string;
  readonly locale = navigator.language;
  readonly server: Server;
  readonly live: LiveAccount;
  readonly account: Resource<Account>;
  readonly cards: Resource<Card[]>;
  readonly autoRecharge: Resource<GetAutoRechargeResponse>;
  readonly recharges: Resource<Recharge[]>;
  // Of the two before it.
  readonly charges: FollowUp;
  readonly numbers: Resource<RentedNumber[]>;
  // False on a server that charges no cards.
  readonly hasPayments = computed(() => this.cards.state.value.problem?.isMissing !== true);

  // Computed, so that what only formats is not drawn anew whenever the balance moves.
  readonly #currency: ReadonlySignal<string>;
  readonly #zone: ReadonlySignal<string>;
  readonly #formats = new Map<string, MoneyFormat>();
  readonly #calendars = new Map<string, Calendar>();

  constructor(accountId: string, onSessionOver: () => void) {
    this.accountId = accountId;
    const server = connectServer(onSessionOver);
    this.server = server;
    this.live = new LiveAccount(server, accountId);
    this.account = new Resource(async (signal) => {
      const { account } = await server.account.getAccount({ accountId }, { signal });
      if (account === undefined) throw new Error("The server did not tell the account.");
      return account;
    });
    this.cards = new Resource(
      async (signal) => (await server.recharges.getCard({ accountId }, { signal })).cards,
    );
    this.autoRecharge = new Resource((signal) =>
      server.recharges.getAutoRecharge({ accountId }, { signal }),
    );
    this.recharges = new Resource(async (signal) => {
      const request = { accountId, pageSize: RECHARGES_SHOWN };
      return (await server.recharges.listRecharges(request, { signal })).recharges;
    });
    this.charges = new FollowUp(
      () => this.#loadCharges(),
      computed(() => this.recharges.value?.some(({ state }) => !FINAL.has(state)) ?? false),
    );
    this.numbers = new Resource(async (signal) => {
      const request = { accountId, pageSize: NUMBERS_PAGE };
      return (await server.numbers.listNumbers(request, { signal })).numbers;
    });
    this.#currency = computed(
      () => this.live.balance.value?.currency ?? this.account.value?.currencyCode ?? "USD",
    );
    this.#zone = computed(() => this.account.value?.timeZone || "UTC");
    this.live.onEntry((entry) => this.#hear(entry));
    this.live.losses.subscribe((losses) => {
      if (losses > 0) this.#reload();
    });
    void this.account.load();
    void this.cards.load();
  }

  get money(): MoneyFormat {
    const currency = this.#currency.value;
    let format = this.#formats.get(currency);
    if (format === undefined) {
      format = new MoneyFormat(currency, this.locale);
      this.#formats.set(currency, format);
    }
    return format;
  }

  get calendar(): Calendar {
    const zone = this.#zone.value;
    let calendar = this.#calendars.get(zone);
    if (calendar === undefined) {
      calendar = new Calendar(zone, this.locale);
      this.#calendars.set(zone, calendar);
    }
    return calendar;
  }

  // Charges and months change more than the balance.
  #hear(entry: Entry): void {
    if (entry.item === Item.FUNDS_MANUAL || entry.item === Item.FUNDS_AUTO_RECHARGE) {
      void this.#loadCharges();
    }
    const isNumber =
      entry.item === Item.PHONE_NUMBER_PURCHASE || entry.item === Item.PHONE_NUMBER_RENEWAL;
    if (isNumber && !this.numbers.state.peek().isLoading) void this.numbers.load();
  }

  async #loadCharges(): Promise<void> {
    await Promise.all([this.recharges.load(), this.autoRecharge.load()]);
  }

  // Nobody was told of what has become of it.
  #reload(): void {
    for (const resource of this.#resources) {
      if (resource.peek() !== undefined) void resource.load();
    }
  }

  get #resources() {
    return [this.account, this.cards, this.autoRecharge, this.recharges, this.numbers];
  }

  end(): void {
    this.live.end();
    this.charges.end();
    for (const resource of this.#resources) resource.stop();
  }
}

export const ScopeContext = createContext<Scope | undefined>(undefined);

export function useScope(): Scope {
  const scope = useContext(ScopeContext);
  if (scope === undefined) throw new Error("nobody is signed in");
  return scope;
}
