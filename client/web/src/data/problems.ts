// What went wrong, as the reader is told, and whether trying again helps.

import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
} from "../gen/google/rpc/error_details_pb";

export interface Problem {
  // A whole sentence, or some.
  text: string;
  // The reason of the API, e.g. CARD_DECLINED; empty where there is none.
  reason: string;
  // The field of the request that is wrong; empty where none is named.
  field: string;
  // The same again may succeed.
  isPassing: boolean;
  // The server has looked at the change itself, and so at what earlier deliveries of it did.
  isVerdict: boolean;
  // The server does not offer it at all.
  isMissing: boolean;
  metadata: Record<string, string>;
}

const WORDS: Record<string, string> = {
  ACCOUNT_CLOSED: "This account is closed.",
  ACCOUNT_NOT_FOUND: "This account cannot be found.",
  ACCOUNT_SUSPENDED: "This account is suspended. Please contact support.",
  CARD_SETUP_NOT_DONE: "No card was entered on the payment page. Please start again.",
  CARD_SETUP_NOT_FOUND: "That card registration is not known any more. Please start again.",
  DESTINATION_BLOCKED: "This destination is blocked for your account.",
  INSUFFICIENT_BALANCE: "There is not enough money available. Add funds first.",
  NO_CARD: "There is no card on file. Add a card first.",
  NO_RATE: "There is no rate for this destination, so it cannot be called or texted.",
  NUMBER_NOT_FOUND: "Your account does not have this number.",
  NUMBER_TAKEN: "This number is already taken. Please choose another one.",
  OVERLOADED: "The server is busy. Nothing was changed; please try again.",
  PERMISSION_DENIED: "Your key does not allow this.",
  PROVIDER_UNAVAILABLE: "The payment provider cannot be reached. Nothing was charged.",
  RECHARGE_IN_PROGRESS: "Another charge of your card is still in progress.",
  REQUEST_ID_REUSED: "This was asked before with other values. Please start again.",
  SHUTTING_DOWN: "The server is restarting. Nothing was changed; please try again.",
  STORAGE_FULL: "The server cannot take changes at the moment. Nothing was changed.",
};

const PASSING: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Aborted,
  Code.Canceled,
  Code.Unknown,
]);

// By these nothing is said about the change, whatever reason they have: an earlier delivery of it
// may have been the one that was carried out.
const OPEN: ReadonlySet<Code> = new Set([
  ...PASSING,
  Code.Internal,
  Code.DataLoss,
  Code.Unauthenticated,
  Code.PermissionDenied,
]);

function factsOf(problem: ConnectError): ErrorInfo | undefined {
  return problem.findDetails(ErrorInfoSchema)[0];
}

// By these the server knows nobody by the page's cookie, or somebody else, who has signed in in
// another tab: the account of this page is not there for others.
const SESSION_OVER: ReadonlySet<string> = new Set(["UNAUTHENTICATED", "ACCOUNT_NOT_FOUND"]);

// Whether it is to be asked who is signed in. By the reason: a proxy says 401 too, of its own.
export function isSessionOver(problem: unknown): boolean {
  return problem instanceof ConnectError && SESSION_OVER.has(factsOf(problem)?.reason ?? "");
}

export function isAborted(problem: unknown): boolean {
  return ConnectError.from(problem).code === Code.Canceled;
}

// The sentence of an error of the server's, as a sentence.
function sentence(message: string): string {
  const trimmed = message.trim().replace(/\.$/, "");
  return trimmed === "" ? "" : `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}

export function explain(thrown: unknown): Problem {
  const problem = ConnectError.from(thrown);
  const facts = factsOf(problem);
  const [bad] = problem.findDetails(BadRequestSchema);
  const violation = bad?.fieldViolations[0];
  const reason = facts?.reason ?? "";
  const isFromServer = facts !== undefined;
  let text = WORDS[reason] ?? (isFromServer ? sentence(problem.rawMessage) : "");
  if (reason === "FIELD_INVALID" && violation !== undefined) {
    text = sentence(violation.description) || text;
  }
  const metadata = { ...facts?.metadata };
  if (reason === "CARD_DECLINED") {
    const why = sentence(problem.rawMessage.split(" was declined: ")[1] ?? "");
    const what = metadata.decline_code ? "The card was declined." : "The payment was not made.";
    text = `${what} ${why}`;
  }
  if (text === "") {
    text = PASSING.has(problem.code)
      ? "The server cannot be reached at the moment."
      : sentence(problem.rawMessage) || "That did not work.";
  }
  return {
    text,
    reason,
    field: violation?.field ?? "",
    isPassing: PASSING.has(problem.code),
    // Without a reason it is not the server's: proxies answer too, with codes of their own.
    isVerdict: reason !== "" && !OPEN.has(problem.code) && !SESSION_OVER.has(reason),
    isMissing: problem.code === Code.Unimplemented,
    metadata,
  };
}

// Whether a payment that was refused has surely moved no money. What the bank has not refused may
// have been charged, and gone back to the card as the account was closed meanwhile.
export function isUncharged({ reason, metadata }: Problem): boolean {
  return reason !== "CARD_DECLINED" || Boolean(metadata.decline_code);
}
