import type { Card } from "../gen/farebox/v1/recharge_pb";

const BRANDS: Record<string, string> = {
  amex: "American Express",
  diners: "Diners Club",
  discover: "Discover",
  jcb: "JCB",
  mastercard: "Mastercard",
  unionpay: "UnionPay",
  visa: "Visa",
};

export function brandOf(card: Card): string {
  return BRANDS[card.brand] ?? (card.brand || "Card");
}

export function expiryOf(card: Card): string {
  return `${String(card.expiryMonth).padStart(2, "0")}/${card.expiryYear}`;
}

export function describeCard(card: Card): string {
  return `${brandOf(card)} ending in ${card.lastFour}`;
}

export function CardName({ card }: { card: Card }) {
  return (
    <span class="card-name">
      {brandOf(card)} <span aria-hidden="true">••••</span>
      <span class="unseen">ending in</span> {card.lastFour}
    </span>
  );
}
