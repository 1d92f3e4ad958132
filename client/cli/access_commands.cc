#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/facts.h"
#include "client/cli/pages.h"
#include "client/cli/table.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "farebox/v1/access.pb.h"

namespace farebox::cli {
namespace {

std::string AccountsOf(const v1::ApiKey& key) {
  return key.account_ids().empty() ? "all" : absl::StrJoin(key.account_ids(), ", ");
}

// ---- key

int RunCreate(Session* session, v1::CreateApiKeyRequest request, const std::string& expires) {
  if (!expires.empty()) {
    const absl::StatusOr<absl::Time> time = ParseTimeAhead(expires, session->zone(), absl::Now());
    if (!time.ok()) return session->Fail(time.status());
    FillTimestamp(*time, request.mutable_key()->mutable_expire_time());
  }
  return session->Answer<v1::CreateApiKeyResponse>(
      session->client().CreateApiKey(request, session->call_options()),
      [&](const auto& response) {
        session->Note("The key is shown this once: keep it where only its user reads it.");
        Facts facts(session);
        facts.Add("key", {response.secret(), Tone::kStrong})
            .Add("key id", response.key().key_id())
            .Add("role", Word(response.key().role()))
            .Add("accounts", AccountsOf(response.key()))
            .Add("expires", FormatTime(response.key().expire_time(), session->zone()));
        facts.Print();
      },
      "see `farebox key list`, and revoke a new key that nobody has");
}

void AddKeyCreate(Commands* commands, CLI::App* group) {
  struct Arguments {
    v1::CreateApiKeyRequest request;
    std::vector<std::string> accounts;
    std::string expires;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command =
      commands->Add(group, "create", "Make a key and show it, once", [arguments](Session* session) {
        v1::CreateApiKeyRequest request = arguments->request;
        for (const std::string& account : arguments->accounts) {
          request.mutable_key()->add_account_ids(account);
        }
        return RunCreate(session, std::move(request), arguments->expires);
      });
  v1::ApiKey* const key = arguments->request.mutable_key();
  AddChoice<v1::Role>(
      command, "ROLE", [key](v1::Role role) { key->set_role(role); }, "What it may do")
      ->required();
  command
      ->add_option("--account", arguments->accounts,
                   "An account that it is confined to; may be repeated. A customer's has one")
      ->type_name("ACCOUNT");
  command->add_option("--label", *key->mutable_label(), "What it is for")->type_name("TEXT");
  const NumberRange calls = {.min = 0, .max = std::numeric_limits<int32_t>::max()};
  AddNumber(
      command, "--rate",
      [key](int64_t rate) { key->set_calls_per_second(static_cast<int32_t>(rate)); },
      "How many calls a second it may make; what the server's settings say by default", "CALLS",
      calls);
  AddNumber(
      command, "--burst",
      [key](int64_t burst) { key->set_calls_burst(static_cast<int32_t>(burst)); },
      "How many calls at once; by default as many as in a second", "CALLS", calls);
  command
      ->add_option(
          "--expires", arguments->expires,
          "When nobody is let in by it any more: 2026-03-01, \"2026-03-01 14:30\", 24h (from now)")
      ->type_name("TIME");
}

void AddKeyRevoke(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::RevokeApiKeyRequest>();
  CLI::App* const command =
      commands->Add(group, "revoke", "End a key at once", [request](Session* session) {
        return session->Answer<v1::RevokeApiKeyResponse>(
            session->client().RevokeApiKey(*request, session->call_options()),
            [session](const auto& response) {
              Facts facts(session);
              facts.Add("key id", {response.key().key_id(), Tone::kStrong})
                  .Add("revoked", FormatTime(response.key().revoke_time(), session->zone()));
              facts.Print();
            });
      });
  command->add_option("KEY-ID", *request->mutable_key_id(), "From key list")
      ->type_name("")
      ->required();
}

void AddLink(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::CreateSignInLinkRequest>();
  CLI::App* const command = commands->Add(
      group, "link", "Make a link that signs a browser in to an account, once",
      [request](Session* session) {
        return session->Answer<v1::CreateSignInLinkResponse>(
            session->client().CreateSignInLink(*request, session->call_options()),
            [session](const auto& response) {
              session->Note("Whoever opens it can do what the account's owner can.");
              Facts facts(session);
              facts.Add("link", {response.url(), Tone::kStrong})
                  .Add("good until", FormatTime(response.expire_time(), session->zone()));
              facts.Print();
            });
      });
  command->add_option("ACCOUNT", *request->mutable_account_id(), "The account")
      ->type_name("")
      ->required();
}

void ShowKeys(Session* session, const v1::ListApiKeysResponse& response) {
  Table table({{"key id"},
               {"role"},
               {"accounts"},
               {"label"},
               {"made"},
               {"expires"},
               {"revoked"},
               {"last used"}});
  for (const v1::ApiKey& key : response.keys()) {
    const bool is_over = key.has_revoke_time();
    table.AddRow({{key.key_id(), is_over ? Tone::kFaint : Tone::kStrong},
                  Word(key.role()),
                  AccountsOf(key),
                  key.label(),
                  FormatTime(key.create_time(), session->zone()),
                  FormatTime(key.expire_time(), session->zone()),
                  FormatTime(key.revoke_time(), session->zone()),
                  FormatTime(key.last_used_time(), session->zone())});
  }
  session->Print(table);
  NoteMore(session, response);
}

void AddKeyList(Commands* commands, CLI::App* group) {
  auto limit = std::make_shared<int64_t>(100);
  CLI::App* const command =
      commands->Add(group, "list", "List the keys, newest first", [limit](Session* session) {
        return session->Answer<v1::ListApiKeysResponse>(
            FetchPages(session, v1::ListApiKeysRequest(), *limit, kPageSizeMax,
                       &client::Client::ListApiKeys, &v1::ListApiKeysResponse::keys),
            [session](const auto& response) { ShowKeys(session, response); });
      });
  AddLimit(command, limit.get());
}

// ---- audit

void ShowAudit(Session* session, const v1::ListAuditLogResponse& response) {
  Table table({{"time"}, {"who"}, {"role"}, {"from"}, {"what"}, {"account"}, {"event"}, {"how"}});
  for (const v1::AuditRecord& record : response.records()) {
    const bool is_bad = record.event() == v1::AUDIT_EVENT_DENIED;
    const size_t slash = record.method().rfind('/');
    table.AddRow({FormatTime(record.time(), session->zone()),
                  {record.caller(), Tone::kStrong},
                  Word(record.role()),
                  record.peer(),
                  record.method().substr(slash + 1),
                  record.account_id(),
                  {Word(record.event()), is_bad ? Tone::kBad : Tone::kPlain},
                  record.problem().empty() ? record.code() : record.problem()});
  }
  session->Print(table);
  NoteMore(session, response);
}

void AddAudit(Commands* commands) {
  struct Arguments {
    v1::ListAuditLogRequest request;
    int64_t limit = 100;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = commands->Add(
      "audit", "Show who has changed what, newest first", [arguments](Session* session) {
        return session->Answer<v1::ListAuditLogResponse>(
            FetchPages(session, arguments->request, arguments->limit, kPageSizeMax,
                       &client::Client::ListAuditLog, &v1::ListAuditLogResponse::records),
            [session](const auto& response) { ShowAudit(session, response); });
      });
  command->add_option("ACCOUNT", *arguments->request.mutable_account_id(), "Of this account only")
      ->type_name("");
  AddLimit(command, &arguments->limit);
}

}  // namespace

void AddAccessCommands(Commands* commands) {
  CLI::App* const group = commands->AddGroup("key", "Make and end the keys that callers need");
  AddKeyCreate(commands, group);
  AddKeyRevoke(commands, group);
  AddLink(commands, group);
  AddKeyList(commands, group);
  AddAudit(commands);
}

}  // namespace farebox::cli
