import { useScope } from "../data/scope";
import type { PriceTerm } from "../words/price";

// The terms of a price and what they add up to.
export function PriceTable({ terms, sum }: { terms: readonly PriceTerm[]; sum: bigint }) {
  const { money } = useScope();
  if (terms.length === 0) return <p class="faint">Free of charge.</p>;
  return (
    <table class="price-table">
      <caption class="unseen">How the price is computed</caption>
      <tbody>
        {terms.map((term) => (
          <tr key={`${term.what} ${term.how}`}>
            <th scope="row">{term.what}</th>
            <td class="faint">{term.how}</td>
            <td class="amount">{term.amount}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row" colSpan={2}>
            In all
          </th>
          <td class="amount">{money.exact(sum)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
