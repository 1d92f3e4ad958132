// The card on file. Its number never comes to this page: the provider's own page takes it, and
// leads back here.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { explain, type Problem } from "../data/problems";
import { go, pathOf } from "../data/route";
import { safeLink } from "../data/safe_link";
import { type Scope, useScope } from "../data/scope";
import type { Card } from "../gen/farebox/v1/recharge_pb";
import { Button } from "../parts/controls";
import { Confirm } from "../parts/dialog";
import { Panel } from "../parts/panel";
import { Empty, Note, ProblemNote, Shown, Skeleton } from "../parts/states";
import { CardName, describeCard, expiryOf } from "./card_name";

// Where the provider's page leads back to, and what was begun before it was opened.
const RETURN_QUERY = "card";
const SETUP_KEY = "farebox/card-setup";

interface Setup {
  accountId: string;
  setupId: string;
  isSecond: boolean;
}

async function openSetup(scope: Scope, isSecond: boolean): Promise<void> {
  const { accountId, server } = scope;
  const returnUrl = `${window.location.origin}/?${RETURN_QUERY}=entered`;
  const { setupId, url } = await server.recharges.startCardSetup({ accountId, returnUrl });
  const page = safeLink(url);
  if (page === undefined) throw new Error("The payment provider's page cannot be opened.");
  const setup: Setup = { accountId, setupId, isSecond };
  sessionStorage.setItem(SETUP_KEY, JSON.stringify(setup));
  window.location.assign(page);
}

function takeSetup(accountId: string): Setup | undefined {
  const text = sessionStorage.getItem(SETUP_KEY);
  if (text === null) return undefined;
  const setup = JSON.parse(text) as Setup;
  return setup.accountId === accountId ? setup : undefined;
}

async function completeSetup(scope: Scope, setup: Setup): Promise<Card | undefined> {
  const { accountId, server } = scope;
  const { setupId, isSecond } = setup;
  const { card } = await server.recharges.completeCardSetup({
    accountId,
    setupId,
    second: isSecond,
  });
  sessionStorage.removeItem(SETUP_KEY);
  void scope.cards.load();
  // Declines are forgotten: the card may be charged now.
  void scope.charges.follow();
  return card;
}

// What became of a card that was entered on the provider's page.
function SetupResult() {
  const scope = useScope();
  const card = useSignal<Card | undefined>(undefined);
  const problem = useSignal<Problem | undefined>(undefined);
  const finish = async () => {
    const setup = takeSetup(scope.accountId);
    if (setup === undefined) return;
    problem.value = undefined;
    try {
      card.value = await completeSetup(scope, setup);
    } catch (thrown) {
      problem.value = explain(thrown);
    }
  };
  useEffect(() => {
    const query = new URLSearchParams(window.location.search);
    if (!query.has(RETURN_QUERY)) return;
    go(pathOf("overview"), "replace");
    void finish();
  }, []);
  if (problem.value !== undefined) {
    const retry = problem.value.isPassing ? () => void finish() : undefined;
    return <ProblemNote problem={problem.value} onRetry={retry} />;
  }
  if (card.value === undefined) return null;
  return <Note kind="good">{describeCard(card.value)} is on file.</Note>;
}

function AddButton({ words, isSecond }: { words: string; isSecond: boolean }) {
  const scope = useScope();
  const isBusy = useSignal(false);
  const problem = useSignal<Problem | undefined>(undefined);
  const open = async () => {
    isBusy.value = true;
    problem.value = undefined;
    try {
      await openSetup(scope, isSecond);
    } catch (thrown) {
      problem.value = explain(thrown);
      isBusy.value = false;
    }
  };
  return (
    <>
      <Button isBusy={isBusy.value} onClick={() => void open()}>
        {words}
      </Button>
      {problem.value && <ProblemNote problem={problem.value} />}
    </>
  );
}

function CardLine({ card, onDelete }: { card: Card; onDelete: () => void }) {
  return (
    <li class="card-line">
      <div>
        <strong>
          <CardName card={card} />
        </strong>
        <span class="faint">
          {card.primary ? "" : "Backup, "}expires {expiryOf(card)}
        </span>
      </div>
      <Button kind="quiet" onClick={onDelete}>
        Delete<span class="unseen"> {describeCard(card)}</span>
      </Button>
    </li>
  );
}

export function CardsPanel() {
  const scope = useScope();
  const { accountId, cards, autoRecharge, server } = scope;
  const leaving = useSignal<Card | undefined>(undefined);
  useEffect(() => void cards.load(), [cards]);
  const remove = async ({ cardId }: Card) => {
    const reload = () => Promise.all([cards.load(), autoRecharge.load()]);
    try {
      await server.recharges.deleteCard({ accountId, cardId });
      await reload();
    } catch (problem) {
      // It may be off the file all the same, with the answer late or lost.
      await reload();
      if (cards.peek()?.some((card) => card.cardId === cardId) ?? true) throw problem;
    }
  };
  const isAutomatic = autoRecharge.value?.autoRecharge?.enabled ?? false;
  return (
    <Panel title="Card on file" name="cards">
      <SetupResult />
      <Shown
        of={cards.state.value}
        skeleton={<Skeleton lines={2} kind="row" />}
        onRetry={() => cards.load()}
      >
        {(known) =>
          known.length === 0 ? (
            <Empty icon="card" title="No card yet">
              <p>It is entered on the payment provider's page, never here.</p>
              <AddButton words="Add a card" isSecond={false} />
            </Empty>
          ) : (
            <>
              <ul class="lines">
                {known.map((card) => (
                  <CardLine key={card.cardId} card={card} onDelete={() => (leaving.value = card)} />
                ))}
              </ul>
              <div class="actions">
                <AddButton words="Replace card" isSecond={false} />
                {known.length === 1 && <AddButton words="Add a backup card" isSecond={true} />}
              </div>
            </>
          )
        }
      </Shown>
      {leaving.value && (
        <Confirm
          title="Delete this card?"
          action="Delete card"
          onConfirm={() => remove(leaving.value as Card)}
          onClose={() => (leaving.value = undefined)}
        >
          <p>{describeCard(leaving.value)} will not be charged any more.</p>
          {isAutomatic && cards.value?.length === 1 && (
            <p>It is your only card: auto-recharge will be switched off.</p>
          )}
        </Confirm>
      )}
    </Panel>
  );
}
