// The page around its parts: who is signed in, where to go, and what is shown while nobody is.

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { follow, PARTS, type Part, part, pathOf } from "./data/route";
import { Scope, ScopeContext, useScope } from "./data/scope";
import { noticeSessionOver, session, signOut } from "./data/session";
import { Button } from "./parts/controls";
import { Icon } from "./parts/icons";
import { Note } from "./parts/states";
import { ActivityPart } from "./sections/activity";
import { KeysPart } from "./sections/keys";
import { NumbersPart } from "./sections/numbers";
import { OverviewPart } from "./sections/overview";
import { RatesPart } from "./sections/rates";
import { SignIn, Unreachable } from "./sections/sign_in";

const NAMES: Record<Part, string> = {
  overview: "Overview",
  activity: "Activity",
  rates: "Rates",
  numbers: "Numbers",
  keys: "API keys",
};

const SHOWN: Record<Part, ComponentType> = {
  overview: OverviewPart,
  activity: ActivityPart,
  rates: RatesPart,
  numbers: NumbersPart,
  keys: KeysPart,
};

// Said only when it has been so for a while: a restart takes a second, and is nobody's business.
const UNSAID_MS = 2_000;

export function App() {
  const state = session.value;
  switch (state.kind) {
    case "asking":
      return <main class="asking" aria-busy="true" />;
    case "unreachable":
      return <Unreachable />;
    case "out":
      return <SignIn asksForKey={state.asksForKey} because={state.because} />;
    case "in":
      return <SignedIn key={state.who.accountId} accountId={state.who.accountId} />;
  }
}

function SignedIn({ accountId }: { accountId: string }) {
  const scope = useMemo(() => new Scope(accountId, noticeSessionOver), [accountId]);
  useEffect(() => () => scope.end(), [scope]);
  const Shown = SHOWN[part.value];
  document.title = `${NAMES[part.value]} – Billing`;
  return (
    <ScopeContext.Provider value={scope}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <TopBar />
      <main id="main" tabIndex={-1}>
        <ConnectionNote />
        <Shown />
      </main>
    </ScopeContext.Provider>
  );
}

function TopBar() {
  const { accountId } = useScope();
  const isBusy = useSignal(false);
  const leave = async () => {
    isBusy.value = true;
    await signOut();
    isBusy.value = false;
  };
  return (
    <header class="top-bar">
      <div class="inner">
        <p class="brand">
          <img src="/icon.svg" alt="" width="28" height="28" />
          <span class="account">
            <span class="unseen">Account </span>
            {accountId}
          </span>
        </p>
        <nav aria-label="Parts of this page">
          <ul>
            {PARTS.map((name) => (
              <li key={name}>
                <a
                  href={pathOf(name)}
                  aria-current={name === part.value ? "page" : undefined}
                  onClick={follow}
                >
                  <Icon name={name} />
                  <span>{NAMES[name]}</span>
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <Button kind="quiet" icon="signOut" isBusy={isBusy.value} onClick={() => void leave()}>
          Sign out
        </Button>
      </div>
    </header>
  );
}

function ConnectionNote() {
  const { live } = useScope();
  const state = live.connection.value;
  const isDown = state === "offline" || state === "waiting";
  const isSaid = useSignal(false);
  useEffect(() => {
    isSaid.value = false;
    if (!isDown) return;
    const timer = setTimeout(
      () => {
        isSaid.value = true;
      },
      state === "offline" ? 0 : UNSAID_MS,
    );
    return () => clearTimeout(timer);
  }, [isDown, state, isSaid]);
  if (!isDown || !isSaid.value) return null;
  return (
    <div class="floating">
      <Note kind="warning">
        {state === "offline"
          ? "You are offline. What you see may be old; it goes on by itself."
          : "The server cannot be reached. Trying again."}
      </Note>
    </div>
  );
}
