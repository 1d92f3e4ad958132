#include "client/cli/facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace farebox::cli {

Facts& Facts::Add(std::string name, Cell value) {
  if (!value.text.empty()) facts_.push_back({std::move(name), std::move(value)});
  return *this;
}

Facts& Facts::AddMoney(std::string name, int64_t micros, absl::string_view currency) {
  facts_.push_back({std::move(name),
                    {session_->Money(micros, currency), micros < 0 ? Tone::kBad : Tone::kPlain},
                    /*is_money=*/true});
  return *this;
}

Facts& Facts::AddNumber(std::string name, int64_t number) {
  return number == 0 ? *this : Add(std::move(name), absl::StrCat(number));
}

void Facts::Print() const {
  size_t point_max = 0;
  for (const Fact& fact : facts_) {
    if (fact.is_money) point_max = std::max(point_max, fact.value.text.find('.'));
  }
  Table table({{}, {}});
  for (const Fact& fact : facts_) {
    Cell value = fact.value;
    if (fact.is_money) value.text.insert(0, point_max - value.text.find('.'), ' ');
    table.AddRow({{fact.name, Tone::kFaint}, std::move(value)});
  }
  session_->Print(table);
}

}  // namespace farebox::cli
