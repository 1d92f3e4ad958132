// A window above the page: the browser's own, which keeps the focus in it and gives it back.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { explain, type Problem } from "../data/problems";
import { Button } from "./controls";
import { Icon } from "./icons";
import { ProblemNote } from "./states";

interface DialogProps {
  title: string;
  onClose: () => void;
  // While something is under way that must be seen to its end.
  isHeld?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, isHeld = false, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opened = dialog.current;
    const before = document.activeElement;
    opened?.showModal();
    return () => {
      opened?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!isHeld) onClose();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <button
          type="button"
          class="button quiet bare"
          aria-label="Close"
          aria-disabled={isHeld}
          onClick={() => !isHeld && onClose()}
        >
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  // What the button does, e.g. "Release number".
  action: string;
  children: ComponentChildren;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

// Asks before something that cannot be taken back.
export function Confirm({ title, action, children, onConfirm, onClose }: ConfirmProps) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const confirm = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (thrown) {
      setProblem(explain(thrown));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} isHeld={isBusy}>
      <div class="dialog-body">
        {children}
        {problem && <ProblemNote problem={problem} />}
      </div>
      <footer>
        <Button onClick={onClose} isDisabled={isBusy}>
          Cancel
        </Button>
        <Button kind="danger" isBusy={isBusy} onClick={() => void confirm()}>
          {action}
        </Button>
      </footer>
    </Dialog>
  );
}
