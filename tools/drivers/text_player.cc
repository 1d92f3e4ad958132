#include "tools/drivers/text_player.h"

#include "absl/strings/str_cat.h"
#include "storage/check.h"

namespace farebox::drivers {
namespace {

// Answers come without being waited for; this only bounds a wait.
constexpr absl::Duration kLongWait = absl::Seconds(60);

absl::string_view ItemOf(const Party& party) {
  return party.outbound ? "OUTGOING_TEXT" : "INCOMING_TEXT";
}

// What a gateway expects: the text is not sent.
bool IsOrdinaryRefusal(absl::string_view reason) {
  return reason == "INSUFFICIENT_BALANCE" || reason == "NO_RATE" ||
         reason == "DESTINATION_BLOCKED" || reason == "ACCOUNT_SUSPENDED" ||
         reason == "ACCOUNT_CLOSED";
}

}  // namespace

TextPlayer::TextPlayer(TextPlayerOptions options, const DeckPrices* prices, Billing* billing,
                       const Clock* clock)
    : options_(std::move(options)),
      prices_(prices),
      billing_(billing),
      clock_(clock),
      random_(options_.seed) {
  FAREBOX_CHECK(options_.texts_at_once > 0);
}

void TextPlayer::Play(const std::vector<LoggedText>& log) {
  log_ = &log;
  const int64_t started = MonotonicNanos();
  size_t next = 0;
  while (next < log.size() || !active_.empty()) {
    while (next < log.size() && active_.size() < options_.texts_at_once) Start(next++);
    billing_->Flush();
    for (const Answer& answer : inbox_.Take(kLongWait)) Handle(answer);
  }
  tally_.nanos = MonotonicNanos() - started;
}

void TextPlayer::Start(size_t index) {
  ++tally_.uses;
  const v1::Operation operation = OperationOf((*log_)[index], index);
  const bool repeat = static_cast<int>(random_() % 1000) < options_.repeat_per_mille;
  if (repeat) ++tally_.repeated;
  const int times = repeat ? 2 : 1;
  active_[index] = {.operation = operation, .waiting = times};
  for (int i = 0; i < times; ++i) Send(index, operation);
}

v1::Operation TextPlayer::OperationOf(const LoggedText& text, size_t index) const {
  v1::Operation operation;
  v1::DebitRequest* const request = operation.mutable_debit();
  request->set_account_id(text.party.account_id);
  request->set_request_id(absl::StrCat(options_.run_id, "-", index));
  v1::Text* const usage = request->mutable_usage()->mutable_text();
  usage->set_direction(text.party.outbound ? v1::DIRECTION_OUTBOUND : v1::DIRECTION_INBOUND);
  usage->set_from(text.party.from);
  usage->set_to(text.party.to);
  if (text.body.empty()) {
    usage->set_segments(text.segments);
  } else {
    usage->set_body(text.body);
  }
  return operation;
}

void TextPlayer::Send(size_t index, const v1::Operation& operation) {
  const int64_t sent = MonotonicNanos();
  billing_->Apply(operation, [this, index, sent](const v1::OperationResult& result) {
    inbox_.Post({.text = index,
                 .moments = {.sent_nanos = sent, .answered_nanos = MonotonicNanos()},
                 .result = result});
  });
}

void TextPlayer::Handle(const Answer& answer) {
  const auto found = active_.find(answer.text);
  ActiveText& active = found->second;
  history_.operations.push_back(Observe(active.operation, answer.result, answer.moments));
  if (IsReplayed(answer.result)) ++tally_.replayed;
  if (!active.result.has_value()) {
    tally_.first_answer_nanos.push_back(answer.moments.answered_nanos - answer.moments.sent_nanos);
    if (!IsTransient(answer.result)) active.result = answer.result;
  }
  if (--active.waiting > 0) return;
  Conclude((*log_)[answer.text], active);
  active_.erase(found);
}

void TextPlayer::Conclude(const LoggedText& text, const ActiveText& active) {
  const std::string& request_id = RequestIdOf(active.operation);
  const DeckRate* const rate = prices_->Find(ItemOf(text.party), text.party.to, clock_->Now());
  if (!active.result.has_value()) {
    ++tally_.unanswered;
    const int64_t price = rate == nullptr ? 0 : rate->unit_fee_micros * text.segments;
    books_.ChargeIfKept(text.party.account_id, UseKey(0, request_id), request_id, price);
    return;
  }
  const std::string reason = ReasonOf(*active.result);
  if ((reason == "NO_RATE") != (rate == nullptr)) {
    tally_.problems.push_back(absl::StrCat(text.party.to, " has ", rate == nullptr ? "no" : "a",
                                           " rate in the deck, but the answer was ",
                                           reason.empty() ? "a debit" : reason, "."));
    return;
  }
  if (reason.empty()) {
    ConcludePaid(text, active, rate);
  } else if (IsOrdinaryRefusal(reason)) {
    ++tally_.denied[reason];
  } else {
    ++tally_.errors[absl::StrCat("Debit: ", reason)];
  }
}

void TextPlayer::ConcludePaid(const LoggedText& text, const ActiveText& active,
                              const DeckRate* rate) {
  ++tally_.granted;
  books_.Charge(text.party.account_id, UseKey(0, RequestIdOf(active.operation)),
                rate->unit_fee_micros * text.segments);
  const int32_t segments = active.result->debit().segments();
  if (segments == text.segments) return;
  tally_.problems.push_back(absl::StrCat("A text of ", text.segments, " segments was counted as ",
                                         segments, ": ", text.body));
}

}  // namespace farebox::drivers
