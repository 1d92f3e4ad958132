#include "client/cli/statement.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/civil_time.h"
#include "client/cli/decimal.h"
#include "client/cli/show.h"
#include "client/cli/times.h"
#include "client/cli/words.h"

namespace farebox::cli {
namespace {

// Paper has no dark mode, no links and no scrolling; tables may be broken between their rows, and
// their headings are on each page.
constexpr absl::string_view kStyle = R"css(
  :root { color-scheme: light; --ink: #1b2530; --faint: #5b6875; --line: #d8dee4; --mark: #0b6e6e; }
  * { box-sizing: border-box; }
  html { background: #eef1f4; }
  body { margin: 2rem auto; max-width: 52rem; padding: 3rem; background: #fff; color: var(--ink);
         font: 15px/1.5 "Inter", "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
  h1 { margin: 0; font-size: 1.7rem; letter-spacing: -0.01em; }
  h2 { margin: 2.2rem 0 0.5rem; font-size: 1.05rem; break-after: avoid; }
  header { display: flex; justify-content: space-between; gap: 2rem; align-items: flex-start;
           padding-bottom: 1.2rem; border-bottom: 3px solid var(--mark); }
  header p { margin: 0.2rem 0 0; color: var(--faint); }
  dl { display: grid; grid-template-columns: auto auto; gap: 0 1.2rem; margin: 0; }
  dt { color: var(--faint); }
  dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
  .sums { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; margin-top: 1.6rem;
          background: var(--line); border: 1px solid var(--line); break-inside: avoid; }
  .sums div { padding: 0.8rem 1rem; background: #fff; }
  .sums span { display: block; color: var(--faint); font-size: 0.85rem; }
  .sums strong { font-size: 1.15rem; font-variant-numeric: tabular-nums; }
  table { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
  thead { display: table-header-group; }
  th { color: var(--faint); font-weight: 600; text-align: left; }
  th, td { padding: 0.35rem 0.6rem 0.35rem 0; border-bottom: 1px solid var(--line);
           vertical-align: top; overflow-wrap: anywhere; }
  th:last-child, td:last-child { padding-right: 0; }
  tr { break-inside: avoid; }
  .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
  tfoot td { font-weight: 600; border-bottom: 0; }
  footer { margin-top: 2.4rem; color: var(--faint); font-size: 0.85rem; }
  @page { margin: 16mm 15mm 18mm; }
  @media print {
    html { background: none; }
    body { margin: 0; max-width: none; padding: 0; font-size: 10.5pt; }
  }
)css";

constexpr int kDecimalsMin = 2;
constexpr int kDecimalsMax = 6;

int DecimalsOf(int64_t micros) {
  int decimals = kDecimalsMax;
  for (; decimals > kDecimalsMin && micros % 10 == 0; --decimals) micros /= 10;
  return decimals;
}

// Amounts with as many decimals as the finest of them needs, so that points are below each other.
class Amounts {
 public:
  void Include(int64_t micros) { decimals_ = std::max(decimals_, DecimalsOf(micros)); }

  std::string Format(int64_t micros) const {
    std::string text = FormatMicros(micros);
    const size_t decimals = text.size() - text.find('.') - 1;
    text.append(static_cast<size_t>(decimals_) - decimals, '0');
    // A minus sign as wide as a plus sign.
    return absl::StrReplaceAll(text, {{"-", "−"}});
  }

 private:
  int decimals_ = kDecimalsMin;
};

// "Outbound call" of OUTBOUND_CALL.
std::string Name(v1::Item item) {
  std::string name = absl::StrReplaceAll(Word(item), {{"-", " "}});
  if (name.empty()) return "Other";
  name[0] = absl::ascii_toupper(static_cast<unsigned char>(name[0]));
  return name;
}

std::string LongDate(absl::CivilDay day) {
  const absl::Time start = absl::FromCivil(day, absl::UTCTimeZone());
  return absl::StrCat(day.day(), " ", absl::FormatTime("%B %Y", start, absl::UTCTimeZone()));
}

absl::CivilDay DayOf(const google::protobuf::Timestamp& time, absl::TimeZone zone) {
  return absl::ToCivilDay(absl::FromUnixSeconds(time.seconds()), zone);
}

// Writes the page from the top down.
class Page {
 public:
  explicit Page(const Statement& statement)
      : statement_(statement), summary_(statement.summary), range_(statement.summary.range()) {
    Include(range_);
    for (const v1::SummaryPeriod& day : summary_.periods()) Include(day);
    for (const v1::Entry& line : statement.lines) {
      amounts_.Include(line.amount_micros());
      amounts_.Include(line.balance_after_micros());
    }
  }

  std::string Write() {
    Head();
    Sums();
    Items();
    Days();
    Lines();
    absl::StrAppend(&html_, "<footer>As of entry ", summary_.as_of_entry_id(),
                    " of the journal. Days are those of ", EscapeHtml(summary_.time_zone()),
                    ".</footer>\n</body>\n</html>\n");
    return std::move(html_);
  }

 private:
  // Sums need no more decimals than what they are of.
  void Include(const v1::SummaryPeriod& period) {
    amounts_.Include(period.opening_balance_micros());
    amounts_.Include(period.closing_balance_micros());
    for (const v1::ItemTotal& item : period.items()) {
      amounts_.Include(item.total().debit_micros());
      amounts_.Include(item.total().credit_micros());
    }
  }

  std::string Period() const {
    const absl::CivilDay first = DayOf(range_.start_time(), statement_.zone);
    const absl::CivilDay last = DayOf(range_.end_time(), statement_.zone) - 1;
    if (first == last) return LongDate(first);
    return absl::StrCat(LongDate(first), " – ", LongDate(last));
  }

  void Head() {
    const std::string account = EscapeHtml(summary_.account_id());
    absl::StrAppend(
        &html_, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta http-equiv=\"Content-Security-Policy\" ",
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<title>Statement ", account, ", ", Period(), "</title>\n<style>", kStyle,
        "</style>\n</head>\n<body>\n<header>\n<div><h1>Statement</h1><p>", Period(), "</p></div>\n",
        "<dl><dt>Account</dt><dd>", account, "</dd><dt>Currency</dt><dd>",
        EscapeHtml(summary_.currency_code()), "</dd></dl>\n</header>\n");
  }

  void Sum(absl::string_view name, int64_t micros) {
    absl::StrAppend(&html_, "<div><span>", name, "</span><strong>", amounts_.Format(micros),
                    "</strong></div>\n");
  }

  void Sums() {
    absl::StrAppend(&html_, "<section class=\"sums\">\n");
    Sum("Opening balance", range_.opening_balance_micros());
    Sum("Money in", range_.total().credit_micros());
    Sum("Charges", -range_.total().debit_micros());
    Sum("Closing balance", range_.closing_balance_micros());
    absl::StrAppend(&html_, "</section>\n");
  }

  void Items() {
    if (range_.total().debit_count() == 0) return;
    absl::StrAppend(
        &html_, "<h2>Charges by item</h2>\n<table>\n<thead><tr><th>Item</th>",
        "<th class=\"n\">Number</th><th class=\"n\">Amount</th></tr></thead>\n<tbody>\n");
    for (const v1::ItemTotal& item : range_.items()) {
      if (item.total().debit_count() == 0) continue;
      absl::StrAppend(&html_, "<tr><td>", Name(item.item()), "</td><td class=\"n\">",
                      item.total().debit_count(), "</td><td class=\"n\">",
                      amounts_.Format(item.total().debit_micros()), "</td></tr>\n");
    }
    absl::StrAppend(&html_, "</tbody>\n<tfoot><tr><td>All</td><td class=\"n\">",
                    range_.total().debit_count(), "</td><td class=\"n\">",
                    amounts_.Format(range_.total().debit_micros()),
                    "</td></tr></tfoot>\n</table>\n");
  }

  void Days() {
    absl::StrAppend(&html_, "<h2>Day by day</h2>\n<table>\n<thead><tr><th>Day</th>",
                    "<th class=\"n\">Entries</th><th class=\"n\">Charges</th>",
                    "<th class=\"n\">Money in</th><th class=\"n\">Balance</th></tr></thead>\n",
                    "<tbody>\n");
    for (const v1::SummaryPeriod& day : summary_.periods()) {
      const v1::ActivityTotal& total = day.total();
      const int64_t count = total.debit_count() + total.credit_count();
      if (count == 0) continue;
      absl::StrAppend(&html_, "<tr><td>", LongDate(DayOf(day.start_time(), statement_.zone)),
                      "</td><td class=\"n\">", count, "</td><td class=\"n\">",
                      amounts_.Format(total.debit_micros()), "</td><td class=\"n\">",
                      amounts_.Format(total.credit_micros()), "</td><td class=\"n\">",
                      amounts_.Format(day.closing_balance_micros()), "</td></tr>\n");
    }
    absl::StrAppend(&html_, "</tbody>\n</table>\n");
  }

  void Lines() {
    if (statement_.lines.empty()) return;
    absl::StrAppend(&html_, "<h2>", statement_.has_all_lines ? "All entries" : "Money in",
                    "</h2>\n<table>\n<thead><tr><th>Time</th><th>For</th>",
                    "<th class=\"n\">Amount</th><th class=\"n\">Balance</th></tr></thead>\n",
                    "<tbody>\n");
    for (const v1::Entry& line : statement_.lines) {
      const std::string usage = DescribeUsage(line.usage());
      const std::string remarks = Remarks(line);
      absl::StrAppend(&html_, "<tr><td class=\"n\">", FormatTime(line.time(), statement_.zone),
                      "</td><td>", usage.empty() ? Name(line.item()) : EscapeHtml(usage),
                      remarks.empty() ? "" : ", ", EscapeHtml(remarks), "</td><td class=\"n\">",
                      amounts_.Format(line.amount_micros()), "</td><td class=\"n\">",
                      amounts_.Format(line.balance_after_micros()), "</td></tr>\n");
    }
    absl::StrAppend(&html_, "</tbody>\n</table>\n");
  }

  const Statement& statement_;
  const v1::GetSummaryResponse& summary_;
  const v1::SummaryPeriod& range_;
  Amounts amounts_;
  std::string html_;
};

}  // namespace

std::string StatementHtml(const Statement& statement) { return Page(statement).Write(); }

std::string EscapeHtml(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        if (!absl::ascii_iscntrl(static_cast<unsigned char>(c))) escaped += c;
    }
  }
  return escaped;
}

}  // namespace farebox::cli
