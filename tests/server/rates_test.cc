// RateService and OperationsService.

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "tests/server/server_fixture.h"

namespace farebox::server {
namespace {

using grpc::StatusCode;

class Rates : public ServerTest {
 protected:
  std::string Export(absl::string_view deck) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::ExportRatesRequest request;
    request.set_deck(std::string(deck));
    const auto reader = rates_->ExportRates(&context, request);
    std::string csv;
    v1::ExportRatesResponse piece;
    while (reader->Read(&piece)) csv += piece.csv();
    export_status_ = reader->Finish();
    return csv;
  }

  grpc::Status export_status_;
};

TEST_F(Rates, AnImportIsANewVersionThatHoldsAtOnce) {
  OpenAccount("alice", 1'000'000);
  EXPECT_THAT(Import("standard", "item,prefix,rate_per_minute\nOUTBOUND_CALL,1,0.6\n"),
              Answers("rate_deck { deck: 'standard' version: 2 rate_count: 1 current: true "
                      "import_time { seconds: 1767225600 } }"));

  EXPECT_THAT(AuthorizeCall("alice", "a", 10),
              Answers("held_micros: 100000 price { tariff_id: 'standard@2:2' }"));
  EXPECT_THAT(Send<v1::ListRateDecksRequest>(""),
              Answers("rate_decks { version: 2 current: true } rate_decks { version: 1 }"));
}

TEST_F(Rates, ABadDeckNamesLineAndColumnAndNothingOfItIsUsed) {
  const auto answer = Import("standard",
                             "item,prefix,rate_per_minute\n"
                             "OUTBOUND_CALL,1,0.6\n"
                             "OUTBOUND_CALL,44,\"0,5\"\n"
                             "OUTBOUND_CALL,x,1\n");

  EXPECT_THAT(answer, BlamesField("csv"));
  const ErrorDetails details = DetailsOf(answer.status);
  const auto& violations = details.bad_request.field_violations();
  ASSERT_EQ(violations.size(), 2);
  EXPECT_TRUE(absl::StrContains(violations.Get(0).description(), "line 3, column 3"))
      << violations.Get(0).description();
  EXPECT_TRUE(absl::StrContains(violations.Get(1).description(), "line 4, column 2"))
      << violations.Get(1).description();
  EXPECT_EQ(Send<v1::ListRateDecksRequest>("")->rate_decks_size(), 1);
}

TEST_F(Rates, AnImportWithoutANameOrDeckIsRefused) {
  EXPECT_THAT(Import("", "item,prefix,rate_per_minute\n"), BlamesField("deck"));
  EXPECT_THAT(Import("a deck", "item,prefix,rate_per_minute\n"), BlamesField("deck"));
  EXPECT_THAT(Import("empty", ""), BlamesField("csv"));
}

// gRPC says alike that everything was sent and that the caller is gone.
TEST_F(Rates, AnImportThatIsBrokenOffIsNoDeck) {
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::ImportRatesResponse response;
    const auto writer = rates_->ImportRates(&context, &response);
    v1::ImportRatesRequest piece;
    piece.set_deck("half");
    piece.set_csv("item,prefix,rate_per_minute\nOUTBOUND_CALL,1,0.5\n");
    ASSERT_TRUE(writer->Write(piece));
    // By the same connection: the server has read the piece before it.
    EXPECT_EQ(Send<v1::ListRateDecksRequest>("")->rate_decks_size(), 1);
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), StatusCode::CANCELLED);
  }

  // One is taken in at a time: this one after all of them.
  ASSERT_TRUE(Import("whole", "item,prefix,rate_per_minute\nOUTBOUND_CALL,1,0.5\n").status.ok());
  EXPECT_EQ(Send<v1::ListRateDecksRequest>("")->rate_decks_size(), 2);
}

TEST_F(Rates, AnExportIsADeckThatCanBeImportedAgain) {
  const std::string exported = Export("standard");
  ASSERT_TRUE(export_status_.ok());

  ASSERT_TRUE(Import("copy", exported).status.ok());

  EXPECT_EQ(Export("copy"), exported);
  Export("none");
  EXPECT_EQ(export_status_.error_code(), StatusCode::NOT_FOUND);
}

TEST_F(Rates, ADeckOfManyPiecesGoesInAndOutWhole) {
  std::string csv = "item,prefix,rate_per_minute\n";
  for (int i = 0; i < 20'000; ++i) absl::StrAppend(&csv, "OUTBOUND_CALL,", 100'000 + i, ",0.5\n");

  EXPECT_THAT(Import("large", csv), Answers("rate_deck { rate_count: 20000 }"));

  EXPECT_GT(Export("large").size(), csv.size());
  Restart();
  EXPECT_THAT(Send<v1::ListRatesRequest>("deck: 'large' prefix: '119999'"),
              Answers("rates { item: ITEM_OUTBOUND_CALL price { prefix: '119999' "
                      "rate_nanos_per_minute: 500000000 tariff_id: 'large@1:20001' } }"));
}

TEST_F(Rates, ListRatesKeepsToOneItem) {
  const auto texts =
      Send<v1::ListRatesRequest>("deck: 'standard' item: ITEM_OUTGOING_TEXT page_size: 1");
  ASSERT_EQ(texts->rates_size(), 1);
  EXPECT_THAT(texts->rates(0), Shows("item: ITEM_OUTGOING_TEXT"));
  EXPECT_EQ(texts->next_page_token(), "");
  EXPECT_EQ(Send<v1::ListRatesRequest>("deck: 'standard' item: ITEM_OUTBOUND_CALL")->rates_size(),
            3);
  // The places of another item are others.
  const auto calls =
      Send<v1::ListRatesRequest>("deck: 'standard' item: ITEM_OUTBOUND_CALL page_size: 1");
  EXPECT_THAT(Send<v1::ListRatesRequest>(absl::Substitute(
                  "deck: 'standard' item: ITEM_OUTGOING_TEXT page_size: 1 page_token: '$0'",
                  calls->next_page_token())),
              BlamesField("page_token"));
}

TEST_F(Rates, ListRatesPagesByItemAndPrefix) {
  OpenAccount("alice");
  const auto first = Send<v1::ListRatesRequest>("account_id: 'alice' page_size: 2");
  ASSERT_EQ(first->rates_size(), 2);
  EXPECT_THAT(first->rates(0), Shows("item: ITEM_OUTBOUND_CALL price { prefix: '1' }"));
  EXPECT_THAT(first->rates(1), Shows("item: ITEM_OUTBOUND_CALL price { prefix: '1800' }"));
  const std::string next = absl::Substitute("account_id: 'alice' page_size: 2 page_token: '$0'",
                                            first->next_page_token());
  EXPECT_THAT(Send<v1::ListRatesRequest>(next), Answers("rates { price { prefix: '44' } } rates { "
                                                        "item: ITEM_INBOUND_CALL }"));
  EXPECT_EQ(Send<v1::ListRatesRequest>("deck: 'standard' prefix: '18'")->rates_size(), 1);

  // The places of a new version are others.
  ASSERT_TRUE(Import("standard", DeckCsv()).status.ok());
  EXPECT_THAT(Send<v1::ListRatesRequest>(next), BlamesField("page_token"));
}

TEST_F(Rates, VerifyAddsUpTheWholeJournal) {
  OpenAccount("alice", 1'000'000);
  OpenAccount("bob", 5);
  AuthorizeCall("alice", "a", 60);

  const auto report = Send<v1::VerifyRequest>("");

  EXPECT_THAT(report, Answers("ok: true entries: 5 accounts: 2 balance_sum_micros: '1000005' "
                              "held_sum_micros: '200000'"));
  EXPECT_EQ(report->head_hash().size(), 64u);
}

TEST_F(Rates, GetStatusCountsAnswers) {
  OpenAccount("alice", 1'000'000);
  Send<v1::GetBalanceRequest>("account_id: 'nobody'");

  const auto status = Send<v1::GetStatusRequest>("");

  EXPECT_THAT(status, Answers("accounts: 1 entries: 2 batches: 2"));
  int found = 0;
  for (const v1::RpcCount& rpc : status->rpcs()) {
    if (rpc.method() == "farebox.v1.BillingService/GetBalance" && rpc.code() == "NOT_FOUND") {
      EXPECT_EQ(rpc.count(), 1);
      ++found;
    }
  }
  EXPECT_EQ(found, 1);
}

}  // namespace
}  // namespace farebox::server
