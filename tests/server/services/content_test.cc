#include "server/services/content.h"

#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "storage/check.h"

namespace farebox::server {
namespace {

template <typename Request>
uint64_t Fingerprint(absl::string_view text) {
  Request request;
  FAREBOX_CHECK(google::protobuf::TextFormat::ParseFromString(std::string(text), &request));
  return FingerprintOf(request);
}

// Journals have these: a retry that comes after an upgrade must still be known.
TEST(Content, FingerprintsNeverChange) {
  EXPECT_EQ(Fingerprint<v1::AuthorizeRequest>(
                "requested_seconds: 60 hold_ttl_seconds: 90 usage { call { direction: "
                "DIRECTION_OUTBOUND from: '1' to: '2' } }"),
            14772883478378213470u);
  EXPECT_EQ(Fingerprint<v1::ReauthorizeRequest>(
                "hold_id: 5 used_seconds: 50 requested_seconds: 60 hold_ttl_seconds: 90"),
            16032113435187741328u);
  EXPECT_EQ(Fingerprint<v1::DebitRequest>("usage { text { direction: DIRECTION_OUTBOUND from: 'a' "
                                          "to: 'b' body: 'c' } } description: 'd'"),
            2243606872957326572u);
  EXPECT_EQ(
      Fingerprint<v1::DebitRequest>("settlement { hold_id: 5 used_seconds: 60 final: false }"),
      203265486744304708u);
  EXPECT_EQ(Fingerprint<v1::DebitRequest>("amount_micros: 5 item: ITEM_ADJUSTMENT"),
            3671807830744880848u);
  EXPECT_EQ(Fingerprint<v1::ReleaseRequest>("hold_id: 5"), 12320483806551699747u);
  EXPECT_EQ(Fingerprint<v1::CreditRequest>("amount_micros: 5 reason: CREDIT_REASON_REFUND "
                                           "refunded_entry_id: 4 description: 'd'"),
            6818391739829100075u);
  EXPECT_EQ(Fingerprint<v1::CreateAccountRequest>(
                "account { account_id: 'a' currency_code: 'USD' metadata { key: 'k' value: '' } "
                "blocked_prefixes: '1' }"),
            18362143199504497492u);
  EXPECT_EQ(Fingerprint<v1::UpdateAccountRequest>(
                "account { account_id: 'a' email: 'e' } update_mask { paths: 'email' }"),
            3194659076279877445u);
  EXPECT_EQ(Content(ContentKind::kSuspendAccount).Fingerprint(), 15874345324738025261u);
}

TEST(Content, EveryFieldCounts) {
  std::set<uint64_t> seen;
  const auto is_new = [&](uint64_t fingerprint) { return seen.insert(fingerprint).second; };
  for (const char* text :
       {"", "hold_id: 1", "used_seconds: 1", "requested_seconds: 1", "hold_ttl_seconds: 1"}) {
    EXPECT_TRUE(is_new(Fingerprint<v1::ReauthorizeRequest>(text))) << text;
  }
  for (const char* text :
       {"amount_micros: 1", "amount_micros: 2", "amount_micros: 1 item: ITEM_REFUND",
        "amount_micros: 1 description: 'a'", "used_seconds: 1", "settlement { hold_id: 1 }",
        "settlement { hold_id: 1 final: false }", "settlement { hold_id: 1 used_seconds: 1 }",
        "usage { call { from: 'a' } }", "usage { call { to: 'a' } }",
        "usage { call { from: 'a' direction: DIRECTION_INBOUND } }", "usage { text { from: 'a' } }",
        "usage { text { segments: 1 } }", "usage { text { body: 'a' } }",
        "usage { phone_number { number: 'a' } }",
        "usage { phone_number { number: 'a' kind: KIND_PURCHASE } }",
        "usage { ring_through { from: 'a' } }", "usage { ring_through { to: 'a' } }"}) {
    EXPECT_TRUE(is_new(Fingerprint<v1::DebitRequest>(text))) << text;
  }
  for (const char* text : {"amount_micros: 1", "reason: CREDIT_REASON_PAYMENT",
                           "refunded_entry_id: 1", "description: 'a'"}) {
    EXPECT_TRUE(is_new(Fingerprint<v1::CreditRequest>(text))) << text;
  }
}

TEST(Content, WhatTheDefaultsSayNeedNotBeSaid) {
  EXPECT_EQ(Fingerprint<v1::DebitRequest>("settlement { hold_id: 1 final: true }"),
            Fingerprint<v1::DebitRequest>("settlement { hold_id: 1 }"));
  EXPECT_EQ(Fingerprint<v1::CreditRequest>("account_id: 'a' request_id: 'b' amount_micros: 1"),
            Fingerprint<v1::CreditRequest>("amount_micros: 1"));
}

TEST(Content, LabelsCountInAnyOrder) {
  EXPECT_EQ(Fingerprint<v1::CreateAccountRequest>(
                "account { metadata { key: 'a' value: '1' } metadata { key: 'b' value: '2' } }"),
            Fingerprint<v1::CreateAccountRequest>(
                "account { metadata { key: 'b' value: '2' } metadata { key: 'a' value: '1' } }"));
  EXPECT_NE(Fingerprint<v1::CreateAccountRequest>("account { metadata { key: 'a' value: '' } }"),
            Fingerprint<v1::CreateAccountRequest>("account { }"));
}

}  // namespace
}  // namespace farebox::server
