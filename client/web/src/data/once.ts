// A change that moves money has one name for all its deliveries: a double click, a lost answer or a
// page that was loaded anew asks for the same change again, never for a second one. The name is
// kept with the tab until the outcome is known.

import { newRequestId } from "./request_id";

// What is kept of a change.
export interface Kept {
  requestId: string;
  content: string;
}

export class Decision {
  readonly #key: string;

  // `account` and `what` name the kind of change, e.g. "pay".
  constructor(account: string, what: string) {
    this.#key = `farebox/${what}/${account}`;
  }

  // The change under way, where its outcome is not known yet.
  get pending(): Kept | undefined {
    const text = sessionStorage.getItem(this.#key);
    if (text === null) return undefined;
    try {
      const kept = JSON.parse(text) as Partial<Kept>;
      if (typeof kept.requestId !== "string" || typeof kept.content !== "string") return undefined;
      return { requestId: kept.requestId, content: kept.content };
    } catch {
      return undefined;
    }
  }

  // The name for this change: the one it had, or a new one where it is another change.
  nameFor(content: string): string {
    const { pending } = this;
    if (pending?.content === content) return pending.requestId;
    const requestId = newRequestId();
    this.#store({ requestId, content });
    return requestId;
  }

  // This one is asked for again: it is pending, also where another window has settled it meanwhile.
  // What was begun since stays.
  keep(kept: Kept): void {
    if (this.pending === undefined) this.#store(kept);
  }

  // The outcome of this one is known: the same again is another change. What was begun since stays.
  settle(requestId: string): void {
    if (this.pending?.requestId === requestId) sessionStorage.removeItem(this.#key);
  }

  #store(kept: Kept): void {
    sessionStorage.setItem(this.#key, JSON.stringify(kept));
  }
}
