// API keys of the account: made, shown once, ended.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { explain, type Problem } from "../data/problems";
import { Resource } from "../data/resource";
import { useScope } from "../data/scope";
import type { ApiKey } from "../gen/farebox/v1/access_pb";
import { Role } from "../gen/farebox/v1/access_rule_pb";
import { Button, Field, Select } from "../parts/controls";
import { Confirm, Dialog } from "../parts/dialog";
import { Panel, PartTitle } from "../parts/panel";
import { Empty, Note, ProblemNote, Shown, Skeleton } from "../parts/states";
import { toMillis, toTimestamp } from "../times";

const DAY_MS = 86_400_000;
const PAGE_SIZE = 1000;

type Lifetime = "30" | "90" | "365" | "";
const LIFETIMES: readonly (readonly [Lifetime, string])[] = [
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
  ["", "Never"],
];

function KeyShown({ secret, onClose }: { secret: string; onClose: () => void }) {
  const isCopied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      isCopied.value = true;
    } catch {
      isCopied.value = false;
    }
  };
  return (
    <Dialog title="Your new key" onClose={onClose}>
      <div class="dialog-body">
        <Note kind="warning">It is shown only now. Whoever has it can use your account.</Note>
        <code class="secret">{secret}</code>
      </div>
      <footer>
        <span class="said" role="status">
          {isCopied.value && "Copied."}
        </span>
        <Button icon="copy" onClick={() => void copy()}>
          Copy
        </Button>
        <Button kind="primary" onClick={onClose}>
          I have kept it
        </Button>
      </footer>
    </Dialog>
  );
}

function MakePanel({ onMade }: { onMade: () => void }) {
  const { accountId, server } = useScope();
  const label = useSignal("");
  const lifetime = useSignal<Lifetime>("90");
  const isBusy = useSignal(false);
  const problem = useSignal<Problem | undefined>(undefined);
  const secret = useSignal("");
  const make = async () => {
    isBusy.value = true;
    problem.value = undefined;
    const days = Number(lifetime.value);
    const key = {
      role: Role.CUSTOMER,
      accountIds: [accountId],
      label: label.value.trim(),
      ...(days > 0 && { expireTime: toTimestamp(Date.now() + days * DAY_MS) }),
    };
    try {
      secret.value = (await server.access.createApiKey({ key, accountId })).secret;
      label.value = "";
      onMade();
    } catch (thrown) {
      problem.value = explain(thrown);
    }
    isBusy.value = false;
  };
  return (
    <Panel title="Make a key" name="make-key">
      <form
        class="filters"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <Field
          label="What it is for"
          name="label"
          value={label.value}
          maxLength={60}
          placeholder="Bookkeeping"
          onInput={(value) => (label.value = value)}
        />
        <Select
          label="Ends"
          value={lifetime.value}
          options={LIFETIMES}
          onChange={(value) => (lifetime.value = value)}
        />
        <Button kind="primary" type="submit" isBusy={isBusy.value}>
          Make key
        </Button>
      </form>
      {problem.value && <ProblemNote problem={problem.value} />}
      {secret.value !== "" && (
        <KeyShown secret={secret.value} onClose={() => (secret.value = "")} />
      )}
    </Panel>
  );
}

function KeyLine({ apiKey, onRevoke }: { apiKey: ApiKey; onRevoke: () => void }) {
  const { calendar } = useScope();
  const revoked = toMillis(apiKey.revokeTime);
  const ends = toMillis(apiKey.expireTime);
  const used = toMillis(apiKey.lastUsedTime);
  const isExpired = ends > 0 && ends <= Date.now();
  const isOver = revoked > 0 || isExpired;
  return (
    <li class="key-line">
      <div>
        <strong>{apiKey.label || "Without a name"}</strong>
        <span class={`badge ${isOver ? "plain" : "good"}`}>
          {revoked > 0 ? "Revoked" : isExpired ? "Expired" : "Active"}
        </span>
        <p class="faint">
          <code>{apiKey.keyId}</code>, made {calendar.date(toMillis(apiKey.createTime))}
          {ends > 0 && `, ends ${calendar.date(ends)}`}
          {used > 0 ? `, last used ${calendar.date(used)}` : ", never used"}
        </p>
      </div>
      {!isOver && (
        <Button kind="quiet" onClick={onRevoke}>
          Revoke<span class="unseen"> {apiKey.label || apiKey.keyId}</span>
        </Button>
      )}
    </li>
  );
}

export function KeysPart() {
  const { accountId, server } = useScope();
  const leaving = useSignal<ApiKey | undefined>(undefined);
  const keys = useMemo(
    () =>
      new Resource(async (abort) => {
        const request = { accountId, pageSize: PAGE_SIZE };
        return (await server.access.listApiKeys(request, { signal: abort })).keys;
      }),
    [accountId, server],
  );
  useEffect(() => void keys.load(), [keys]);
  const revoke = async (key: ApiKey) => {
    await server.access.revokeApiKey({ keyId: key.keyId, accountId });
    await keys.load();
  };
  return (
    <>
      <PartTitle title="API keys">
        Each lets a program, or this page, see and use your account.
      </PartTitle>
      <MakePanel onMade={() => void keys.load()} />
      <Panel title="Your keys" name="keys">
        <Shown of={keys.state.value} skeleton={<Skeleton lines={3} />} onRetry={() => keys.load()}>
          {(known) =>
            known.length === 0 ? (
              <Empty icon="keys" title="No keys yet" />
            ) : (
              <ul class="lines">
                {known.map((key) => (
                  <KeyLine key={key.keyId} apiKey={key} onRevoke={() => (leaving.value = key)} />
                ))}
              </ul>
            )
          }
        </Shown>
      </Panel>
      {leaving.value && (
        <Confirm
          title="Revoke this key?"
          action="Revoke key"
          onConfirm={() => revoke(leaving.value as ApiKey)}
          onClose={() => (leaving.value = undefined)}
        >
          <p>
            Nobody is let in by <strong>{leaving.value.label || leaving.value.keyId}</strong> from
            then on. Whoever signed in with it is signed out.
          </p>
        </Confirm>
      )}
    </>
  );
}
