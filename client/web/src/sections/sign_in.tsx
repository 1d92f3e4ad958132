import { useSignal } from "@preact/signals";
import { go } from "../data/route";
import { type Credentials, lookForSession, session, signIn } from "../data/session";
import { Button, Field } from "../parts/controls";
import { Note } from "../parts/states";

interface SignInProps {
  asksForKey: boolean;
  because: string;
}

export function SignIn({ asksForKey, because }: SignInProps) {
  const typed = useSignal("");
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const submit = async () => {
    const text = typed.value.trim();
    if (text === "" || isBusy.value) {
      problem.value = text === "" ? "This is needed to sign in." : problem.value;
      return;
    }
    const credentials: Credentials = asksForKey ? { api_key: text } : { account_id: text };
    isBusy.value = true;
    problem.value = await signIn(credentials);
    isBusy.value = false;
  };
  return (
    <main class="sign-in">
      <div class="brand">
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1 tabIndex={-1}>Sign in to billing</h1>
      </div>
      {because !== "" && <Note kind="plain">{because}</Note>}
      <form
        class="panel"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field
          label={asksForKey ? "API key" : "Account"}
          name={asksForKey ? "key" : "account"}
          type={asksForKey ? "password" : "text"}
          autoComplete={asksForKey ? "current-password" : "username"}
          value={typed.value}
          maxLength={200}
          hint={
            asksForKey
              ? "It begins with fbx_. Whoever gave you the account gives it out."
              : "This server asks nobody for a key: the name of the account is enough."
          }
          problem={problem.value}
          onInput={(value) => {
            typed.value = value;
            problem.value = "";
          }}
        />
        <Button kind="primary" type="submit" isBusy={isBusy.value}>
          Sign in
        </Button>
      </form>
    </main>
  );
}

// Nobody knows whether somebody is signed in.
export function Unreachable() {
  const isBusy = useSignal(false);
  const retry = async () => {
    isBusy.value = true;
    await lookForSession();
    isBusy.value = false;
  };
  return (
    <main class="sign-in">
      <h1 tabIndex={-1}>The server cannot be reached</h1>
      <Note kind="warning">
        <p>Your account is fine: only this page cannot be shown at the moment.</p>
        <Button icon="refresh" isBusy={isBusy.value} onClick={() => void retry()}>
          Try again
        </Button>
      </Note>
    </main>
  );
}

// A sign-in link carries a code that is good once; it is taken out of the address at once.
export async function followSignInLink(): Promise<void> {
  const code = window.location.hash.slice(1);
  go("/", "replace");
  const problem = await signIn({ code });
  if (problem === "") return;
  // The link was opened before, maybe by this very browser.
  await lookForSession();
  const state = session.peek();
  if (state.kind === "out") session.value = { ...state, because: problem };
}
