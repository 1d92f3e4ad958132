import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { takeFollowed } from "../data/route";

interface PanelProps {
  title: string;
  children: ComponentChildren;
  actions?: ComponentChildren;
  name?: string;
}

export function Panel({ title, children, actions, name }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${name ?? ""}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

// The top of a part of the page: the focus is moved here when it is opened.
export function PartTitle({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (takeFollowed()) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="part-title">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children && <p>{children}</p>}
    </div>
  );
}
