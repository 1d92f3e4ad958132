// How something is while it is not simply there: loading, empty, failed; and what to say about it.

import type { ComponentChildren } from "preact";
import type { Problem } from "../data/problems";
import type { Fetched } from "../data/resource";
import { Button } from "./controls";
import { Icon, type IconName } from "./icons";

interface NoteProps {
  kind: "good" | "warning" | "bad" | "plain";
  children: ComponentChildren;
  // Whether a screen reader interrupts for it.
  isUrgent?: boolean;
}

export function Note({ kind, children, isUrgent = kind === "bad" }: NoteProps) {
  return (
    <div class={`note ${kind}`} role={isUrgent ? "alert" : "status"}>
      {(kind === "bad" || kind === "warning") && <Icon name="warning" />}
      <div>{children}</div>
    </div>
  );
}

export function ProblemNote({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <Note kind="bad">
      <p>{problem.text}</p>
      {onRetry && (
        <Button kind="quiet" icon="refresh" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Note>
  );
}

// As high as what will be there, so that nothing jumps.
export function Skeleton({ lines = 3, kind = "line" }: { lines?: number; kind?: string }) {
  return (
    <div class="skeleton" role="status">
      <span class="unseen">Loading</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class={`bone ${kind}`} aria-hidden="true" />
      ))}
    </div>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}

export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="title">{title}</p>
      {children}
    </div>
  );
}

interface ShownProps<T> {
  of: Fetched<T>;
  skeleton: ComponentChildren;
  onRetry: () => void;
  children: (value: T) => ComponentChildren;
}

// What was fetched, or how that went. What was there before stays, with the problem above it.
export function Shown<T>({ of, skeleton, onRetry, children }: ShownProps<T>) {
  const { value, problem } = of;
  return (
    <>
      {problem && <ProblemNote problem={problem} onRetry={onRetry} />}
      {value !== undefined ? children(value) : !problem && skeleton}
    </>
  );
}
