// What people press and fill in.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  children: ComponentChildren;
  kind?: "primary" | "plain" | "quiet" | "danger";
  icon?: IconName;
  // At work: it keeps its place, its width and the focus, and does nothing.
  isBusy?: boolean;
  isDisabled?: boolean;
  type?: "button" | "submit";
  describedBy?: string;
  onClick?: () => void;
}

export function Button(props: ButtonProps) {
  const { kind = "plain", isBusy = false, isDisabled = false, type = "button" } = props;
  const isIdle = !isBusy && !isDisabled;
  return (
    <button
      type={type}
      class={`button ${kind}${isBusy ? " busy" : ""}`}
      aria-disabled={!isIdle}
      aria-describedby={props.describedBy}
      onClick={(event) => {
        if (!isIdle) event.preventDefault();
        else props.onClick?.();
      }}
    >
      {props.icon && <Icon name={props.icon} />}
      <span>{props.children}</span>
      {isBusy && <span class="spinner" aria-hidden="true" />}
      {isBusy && <span class="unseen">, please wait</span>}
    </button>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  problem?: string;
  prefix?: string;
  type?: "text" | "email" | "date" | "password" | "tel" | "search";
  inputMode?: "decimal" | "numeric" | "tel";
  autoComplete?: string;
  maxLength?: number;
  min?: string;
  max?: string;
  name?: string;
  placeholder?: string;
  // The id of a datalist with suggestions.
  list?: string;
  isRequired?: boolean;
}

export function Field(props: FieldProps) {
  const id = useId();
  const { hint, problem } = props;
  // What is wrong tells the rule again, and takes the hint's place, so that nothing moves.
  const described = problem ? `${id}-problem` : hint ? `${id}-hint` : undefined;
  // Its type is known only here, while Preact has another set of attributes for each.
  const kind = { type: props.type ?? "text", list: props.list } as { type: "text"; list?: string };
  return (
    <div class={`field${problem ? " wrong" : ""}`}>
      <label for={id}>{props.label}</label>
      <div class="input">
        {props.prefix && <span aria-hidden="true">{props.prefix}</span>}
        <input
          id={id}
          name={props.name}
          {...kind}
          value={props.value}
          inputMode={props.inputMode}
          autoComplete={props.autoComplete ?? "off"}
          maxLength={props.maxLength}
          min={props.min}
          max={props.max}
          placeholder={props.placeholder}
          required={props.isRequired}
          aria-invalid={problem ? true : undefined}
          aria-describedby={described}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      </div>
      {hint && !problem && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  isLabelHidden?: boolean;
}

// One of a few, side by side.
export function Choice<T extends string>(props: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class={props.isLabelHidden ? "unseen" : ""}>{props.label}</legend>
      <div class="options">
        {props.options.map(([value, words]) => (
          <label key={value}>
            <input
              type="radio"
              name={name}
              value={value}
              checked={value === props.value}
              onChange={() => props.onChange(value)}
            />
            <span>{words}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function Select<T extends string>(props: ChoiceProps<T>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={props.isLabelHidden ? "unseen" : ""}>
        {props.label}
      </label>
      <div class="input">
        <select
          id={id}
          value={props.value}
          onChange={(event) => props.onChange(event.currentTarget.value as T)}
        >
          {props.options.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

interface SwitchProps {
  label: string;
  hint?: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}

export function Switch({ label, hint, isOn, onChange }: SwitchProps) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        checked={isOn}
        aria-checked={isOn}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span class="track" aria-hidden="true" />
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
    </label>
  );
}
