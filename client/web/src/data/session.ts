// Who is signed in. The session itself is a cookie that no script can read: here is only what the
// server tells about it.

import { signal } from "@preact/signals";

export interface SignedIn {
  accountId: string;
  expireMillis: number;
}

export type SessionState =
  | { kind: "asking" }
  | { kind: "unreachable" }
  // `asksForKey` is false on a server that asks nobody who they are.
  | { kind: "out"; asksForKey: boolean; because: string }
  | { kind: "in"; who: SignedIn };

// As the server takes them.
export type Credentials = { api_key: string } | { account_id: string } | { code: string };

interface SessionAnswer {
  account_id?: string;
  expire_time?: string;
  access?: string;
  message?: string;
}

const ENDED = "Your session has ended. Please sign in again.";
// Other tabs of this browser hear of it here.
const CHANNEL = "farebox-session";

export const session = signal<SessionState>({ kind: "asking" });

const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(CHANNEL);
let expiry: ReturnType<typeof setTimeout> | undefined;

async function ask(method: string, body?: Credentials): Promise<[Response, SessionAnswer]> {
  const response = await fetch("/session", {
    method,
    // The second says that no form of another site has sent it.
    headers: { "content-type": "application/json", "connect-protocol-version": "1" },
    body: body === undefined ? null : JSON.stringify(body),
    cache: "no-store",
  });
  const text = await response.text();
  try {
    return [response, text === "" ? {} : (JSON.parse(text) as SessionAnswer)];
  } catch {
    return [response, {}];
  }
}

function enter(answer: SessionAnswer): void {
  const who = {
    accountId: answer.account_id ?? "",
    expireMillis: Date.parse(answer.expire_time ?? "") || 0,
  };
  const before = session.peek();
  if (before.kind !== "in" || before.who.accountId !== who.accountId) {
    session.value = { kind: "in", who };
  }
  clearTimeout(expiry);
  if (who.expireMillis > 0) {
    // Every use moves the end: whether it is over, the server knows.
    const pause = Math.min(Math.max(who.expireMillis - Date.now(), 0) + 1000, 2 ** 31 - 1);
    expiry = setTimeout(() => void lookForSession(), pause);
  }
}

function leave(because: string, asksForKey = true): void {
  clearTimeout(expiry);
  session.value = { kind: "out", asksForKey, because };
}

// Asks the server whether somebody is signed in.
export async function lookForSession(): Promise<void> {
  const before = session.peek();
  try {
    const [response, answer] = await ask("GET");
    if (response.ok) enter(answer);
    else if (response.status === 401) {
      leave(before.kind === "in" ? ENDED : "", answer.access !== "open");
    } else if (before.kind !== "in") session.value = { kind: "unreachable" };
  } catch {
    if (before.kind !== "in") session.value = { kind: "unreachable" };
  }
}

// Signs in; returns what went wrong, in words, or nothing.
export async function signIn(credentials: Credentials): Promise<string> {
  try {
    const [response, answer] = await ask("POST", credentials);
    if (response.ok) {
      enter(answer);
      channel?.postMessage("changed");
      return "";
    }
    return describeRefusal(response, credentials);
  } catch {
    return "The server cannot be reached. Please try again.";
  }
}

function describeRefusal(response: Response, credentials: Credentials): string {
  const isKey = "api_key" in credentials;
  switch (response.status) {
    case 401:
    case 404:
      if ("code" in credentials) return "This sign-in link was used before, or is too old.";
      return isKey ? "This key is not known, has expired or was revoked." : "No such account.";
    case 403:
      return "This key is not for a billing page: it takes a customer's key for one account.";
    case 429:
      return "Too many attempts. Please wait a minute before the next one.";
    default:
      return response.status < 500
        ? "This cannot be used to sign in."
        : "The server cannot sign you in at the moment. Please try again.";
  }
}

export async function signOut(): Promise<void> {
  try {
    const [response] = await ask("DELETE");
    if (!response.ok && response.status !== 401) return;
    channel?.postMessage("changed");
    await lookForSession();
    const after = session.peek();
    if (after.kind === "out") session.value = { ...after, because: "You have signed out." };
  } catch {
    // Nobody was told: the session goes on, and so does the page.
  }
}

// An answer of the server's has said that nobody is signed in, or somebody else.
export function noticeSessionOver(): void {
  if (session.peek().kind === "in") void lookForSession();
}

if (channel !== undefined) channel.onmessage = () => void lookForSession();
