"""Small breaks of the code, one promise each, and the test that has to fail for it.

`tools/mutate` makes them, one at a time, and looks. A text that is to be broken occurs once in its
file; where the code has changed, the break is changed with it, which a test of this list demands.
"""


def mutation(name, file, old, new, test, gtest_filter=None, target=None):
    """`target`: what is built, if it is more than the test's program."""
    return {"name": name, "file": file, "old": old, "new": new, "test": test,
            "gtest_filter": gtest_filter, "targets": (target or f"bin/{test}").split()}


SERVER = "bin/farebox-server"

MUTATIONS = [
    # ---- farebox_storage
    mutation(
        "error-value-cuts-a-character", "storage/errors.cc",
        "  while (size > 0 && (static_cast<unsigned char>(value[size]) & 0xC0) == 0x80) --size;\n",
        "  while (size > kValueBytesMax) --size;\n",
        "storage_test", "ErrorsTest.AValueThatIsRefusedIsGivenBackAsFarAsItIsShort"),
    mutation(
        "verify-lets-time-run-back", "storage/verify.cc",
        "batch.last >= batch.first && batch.time >= before.time;",
        "batch.last >= batch.first;",
        "storage_test", "VerifyTest.BatchOfAnEarlierTimeIsNamed"),
    mutation(
        "extension-shortens-a-life", "storage/account_state.cc",
        "entry.expire_time = std::max(hold.expire_time, account.now + Bounded(offer.lifetime));",
        "entry.expire_time = account.now + Bounded(offer.lifetime);",
        "ledger_contract_test", "*ExtensionNeverShortensALife*"),
    mutation(
        "other-content-is-replayed", "storage/pending_batch.cc",
        "first->request_id == command.request_id &&\n"
        "                           first->fingerprint == command.fingerprint;",
        "first->request_id == command.request_id;",
        "ledger_contract_test", "*RequestIdWithOtherContentIsRefused*"),
    mutation(
        "reauthorize-state-before-field", "storage/account_state.cc",
        "  FAREBOX_ASSIGN_OR_RETURN(HoldOffer offer, extend.resize(budget, hold));\n"
        "  if (const Reason refusal = RefusalOf(state.terms); refusal != Reason::kNone) {\n"
        "    return decline(refusal, hold.detail);\n"
        "  }\n",
        "  if (const Reason refusal = RefusalOf(state.terms); refusal != Reason::kNone) {\n"
        "    return decline(refusal, hold.detail);\n"
        "  }\n"
        "  FAREBOX_ASSIGN_OR_RETURN(HoldOffer offer, extend.resize(budget, hold));\n",
        "server_billing_test", "Billing.ReauthorizeOfATextBlamesItsSecondsAndIsRecordedNowhere"),

    # ---- farebox_sqlite
    mutation(
        "newest-batch-error-is-bare", "storage/sqlite/journal_reader.cc",
        "if (newest_batch_.Step() != SQLITE_ROW) "
        "return AsJournalDamage(0, connection_.LastError());",
        "if (newest_batch_.Step() != SQLITE_ROW) return connection_.LastError();",
        "journal_files_test", "JournalFilesTest.AnUnreadableNewestBatchIsDamageOfTheJournal"),
    mutation(
        "failed-sync-is-retried", "storage/sqlite/journal_file.cc",
        "  FAREBOX_RETURN_IF_ERROR(failure_);\n  times_ = AppendTimes();\n",
        "  times_ = AppendTimes();\n",
        "journal_faults_test", "FailingDiskTest.AFailedSyncIsNeverRetried"),
    mutation(
        "restore-mark-forgets-the-earlier-restore", "storage/sqlite/restore.cc",
        "mark.IsThere() ? std::min(head.time, mark.ForgottenSince()) : head.time;",
        "mark.IsThere() ? std::max(head.time, mark.ForgottenSince()) : head.time;",
        "backup_test", "RestoreTest.TheMarkSaysSinceWhenTheLedgerMayHaveForgottenWhatHappened"),
    mutation(
        "backup-reads-back-the-newest-update-only", "storage/sqlite/make_backup.cc",
        "    if (!was_verified) before_ = BatchHead();\n", "",
        "backup_test", "BackupTest.WhatAnUpdateHasNotReadBackTheNextOneReads"),

    # ---- farebox_transport
    mutation(
        "flood-unanswered-calls-pay-for-unread", "server/transport/conduct.cc",
        "Add(read, earned_by_answers, &unpaid_behind_);",
        "Add(read, earned, &unpaid_behind_);",
        "transport_test", "ConductTest.UnansweredCallsDoNotPayForBytesThatAreHardToRead"),
    mutation(
        "flood-good-conduct-is-saved-up", "server/transport/conduct.cc",
        "*sum = std::max(*sum + more - free, int64_t{0});",
        "*sum = *sum + more - free;",
        "transport_test", "ConductTest.GoodConductIsNotSavedUp"),
    mutation(
        "flood-late-look-forgives-once", "server/transport/conduct.cc",
        "const int64_t paid = earned + looks * limits::kFreeBytesPerLook;",
        "const int64_t paid = earned + limits::kFreeBytesPerLook;",
        "transport_test", "ConductTest.ALookThatComesLateForgivesAsMuchAsThoseThatWereMissed"),

    # ---- farebox_server_base
    mutation(
        "due-thread-misses-a-wake", "server/base/due_thread.cc",
        "!stopping_ && !is_woken_", "!stopping_",
        "server_unit_test", "DueThreadTest.ACallThatComesWhileItWorksIsHeard"),
    mutation(
        "failed-work-rests-after-a-leap-back", "server/base/failed_work.cc",
        "if (since >= absl::ZeroDuration() && since < rest_) return false;",
        "if (since < rest_) return false;",
        "server_unit_test", "FailedWorkTest.AClockThatIsSetBackEndsTheRest"),
    mutation(
        "lanes-next-takes-all-threads", "server/base/lanes.cc",
        "return thread_count_ == 1 || next_threads_ < thread_count_ - 1;",
        "return thread_count_ >= 1 || next_threads_ < thread_count_ - 1;",
        "server_unit_test", "LanesTest.WhatIsNextLeavesAThreadToTheRest"),
    mutation(
        "blocked-handler-is-no-warning", "server/base/watchdog.cc",
        'Log(LogLevel::kWarning, "handler_blocked"',
        'Log(LogLevel::kInfo, "handler_blocked"',
        "server_unit_test", "WatchdogTest.AHandlerThatBlocksIsCountedAndLogged"),

    # ---- farebox_security
    mutation(
        "certificate-with-two-uris-is-the-first", "server/security/certificate_name.cc",
        'if (uris.size() == 1 && absl::StartsWith(uris[0], "spiffe://")) return uris[0];',
        'if (!uris.empty() && absl::StartsWith(uris[0], "spiffe://")) return uris[0];',
        "server_access_test", "TlsTest.ACommonNameCountsWhereItWasToldToAndThereIsNoUri"),
    mutation(
        "http-certificate-is-not-decoded", "server/security/http_callers.cc",
        ".certificate = absl::HexStringToBytes(parts[3])};",
        ".certificate = std::string(parts[3])};",
        "server_access_test", "TlsTest.OverHttpACertificateIsKnownAsItIsByGrpc"),
    mutation(
        "http-needs-no-certificate", "server/security/tls.cc",
        "(is_needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0)",
        "(is_needed ? SSL_VERIFY_CLIENT_ONCE : 0)",
        "server_access_test", "HttpNeedsCertificateTest.NobodyConnectsWithoutOne"),
    mutation(
        "tls-context-is-made-at-each-look", "server/security/tls.cc",
        "    if (*read == *current_) return last_problem_.clear();\n", "",
        "server_access_test", "TlsFilesTest.ConnectionsOfHttpShareWhatIsParsedOnce"),
    mutation(
        "tls-known-identity-never-expires", "server/security/tls.cc",
        "if (identity.expire_time > now) return identity;",
        "if (known != nullptr || identity.expire_time > now) return identity;",
        "server_access_test", "TlsIdentityTest.WhatIsKnownIsNotParsedAgainButMayHaveExpired"),
    mutation(
        "tls-files-being-written-are-taken", "server/security/tls.cc",
        "const bool is_settled = last_read_.has_value() && *read == *last_read_;",
        "const bool is_settled = !last_read_.has_value() || *read == *last_read_;",
        "server_access_test", "TlsFilesTest.FilesThatAreBeingWrittenAreNotTaken"),
    mutation(
        "key-scheme-has-a-case", "server/security/access_control.cc",
        "absl::StartsWithIgnoreCase(authorization, kScheme)",
        "absl::StartsWith(authorization, kScheme)",
        "server_http_test", "ConnectTest.TheSchemeOfAKeyIsWrittenInAnyCase"),
    mutation(
        "admin-key-draft-is-not-replaced", "server/security/admin_key.cc",
        "  unlink(path.c_str());\n", "",
        "server_access_test", "FirstKeyTest.WhatAKilledStartHasLeftIsReplaced"),
    mutation(
        "admin-key-of-a-killed-start-is-left", "server/security/admin_key.cc",
        "const bool is_good = std::getline(draft, secret) && keys.Find(secret) != nullptr;",
        "const bool is_good = std::getline(draft, secret) && keys.Find(secret) == nullptr;",
        "server_access_test", "AdminKeyTest.AStartThatWasKilledBeforeTheFileHadItsNameIsFinished"),
    mutation(
        "audit-drain-does-not-wait", "server/security/audit_log.cc",
        "  AwaitChanges();\n  lanes_.Drain();\n", "  lanes_.Drain();\n",
        "server_unit_test", "AuditLogTest.ADrainWaitsForTheLastLineOfAChange"),
    mutation(
        "audit-lost-line-counts-as-written", "server/security/audit_log.cc",
        "  Count(event, count, /*are_written=*/false);\n",
        "  Count(event, count, /*are_written=*/true);\n",
        "server_unit_test", "AuditLogTest.ADrainDoesNotWaitForEver"),

    # ---- farebox_services
    mutation(
        "currency-of-the-past", "server/services/currency_codes.cc",
        '"CZK", "DJF", "DKK",', '"CZK", "DEM", "DJF", "DKK",',
        "server_input_test", "BadInput.CreateAccountNamesTheFieldToBlame"),
    mutation(
        "error-gives-an-enum-back-that-was-left-out", "server/services/fields.cc",
        'return number == 0 ? "" : absl::StrCat(number);',
        "return absl::StrCat(number);",
        "server_input_test", "BadInput.AnErrorGivesAnEnumBackOnlyWhereItWasSent"),
    mutation(
        "overflow-blames-usage-for-a-call", "server/services/answers.cc",
        'return request.usage().has_call() ? "requested_seconds" : "usage";',
        'return request.usage().has_text() ? "requested_seconds" : "usage";',
        "server_input_test", "BadInput.APriceThatNoHoldCanHaveBlamesWhatItIsOf"),
    mutation(
        "no-rate-does-not-say-where-to", "server/services/answers.cc",
        "reason == Reason::kNoRate || reason == Reason::kDestinationBlocked;",
        "reason == Reason::kDestinationBlocked;",
        "server_billing_test", "Billing.ARefusedUsageSaysWhatWasMissingOrWhereItWent"),
    mutation(
        "denial-forgets-which-call-it-was", "server/services/command_factory.cc",
        "      .detail = std::move(detail)};\n  return command;",
        "      .detail = detail.substr(0, 0)};\n  return command;",
        "server_billing_test", "Billing.ADenialForTheAccountsStateKeepsWhichCallItWas"),
    mutation(
        "change-of-an-account-is-never-replayed", "server/services/account_service.cc",
        "call->response()->set_replayed(outcome.replayed);",
        "call->response()->set_replayed(false);",
        "server_billing_test", "Replay.EveryChangeGivesItsFirstAnswerAgain"),
    mutation(
        "summary-by-month-too-soon", "server/services/summary.cc",
        "end - query->first > static_cast<absl::civil_diff_t>(limits::kSummaryPeriodsMax)) {",
        "end - query->first >= static_cast<absl::civil_diff_t>(limits::kSummaryPeriodsMax)) {",
        "server_activity_test", "Summary.AnOldAccountIsSummedUpByMonthWhereNobodyAsksForDays"),
    mutation(
        "results-beside-their-operations", "server/services/operations_in_flight.cc",
        "FillResult(operation, outcomes[next_outcome_++], result);",
        "FillResult(operation, outcomes[next_operation_ % outcomes.size()], result);",
        "server_streams_test", "Apply.ABatchIsAnsweredInOrderEachOperationByItself"),
    mutation(
        "page-token-of-another-query", "server/services/page_token.cc",
        "wire::PutString(query, &content);",
        "wire::PutString(query.substr(0, 5), &content);",
        "server_unit_test", "PageToken.IsRefusedByAnotherQuery"),
    mutation(
        "hold-is-final-though-more-is-affordable", "server/services/hold_pricing.cc",
        "(longer->is_positive() && *longer > budget);",
        "(longer->is_positive() && *longer >= budget);",
        "server_unit_test", "OfferHold.IsFinalWhereNotOneSecondMoreIsAffordable"),
    mutation(
        "default-deadline-is-twice-as-long", "server/services/rpc_method.cc",
        "return clock_->Now() + bounds_.default_timeout;",
        "return clock_->Now() + 2 * bounds_.default_timeout;",
        "server_concurrency_test", "SmallQueue.ACallWithoutADeadlineIsNotBegunAfterTwoSeconds"),
    mutation(
        "revocation-waits-in-the-audit-log", "server/services/access_service.cc",
        "{.audit_turn = Lanes::Turn::kNext}),",
        "{.audit_turn = Lanes::Turn::kInOrder}),",
        "server_access_test", "BusyCustomerTest.RevokesAKeyBeforeMostOfItsOtherCallsAreAnswered"),

    # ---- farebox_web
    mutation(
        "chunk-begins-without-a-bound", "server/web/http_request_reader.cc",
        "if (wants_more && buffer_.size() > header_bytes_max_) {",
        "if (wants_more && buffer_.size() > 100 * header_bytes_max_) {",
        "web_test", "HttpRequestReaderTest.WhatAChunkBeginsWithHasABound"),
    mutation(
        "trailers-are-headers", "server/web/http_request_reader.cc",
        "Request HttpRequestReader::TakeRequest(std::string body) {\n",
        "Request HttpRequestReader::TakeRequest(std::string body) {\n  KeepHeaders();\n",
        "web_test", "HttpRequestReaderTest.WhatFollowsTheLastChunkIsNoHeader"),
    mutation(
        "date-without-its-weekday", "server/web/http_worker.cc",
        '"%a, %d %b %Y %H:%M:%S GMT"', '"%d %b %Y %H:%M:%S GMT"',
        "web_test", "HttpListenerTest.SaysWhenItAnswered"),
    mutation(
        "body-has-no-time-of-its-own", "server/web/http_connection.cc",
        "  // The body has a time of its own.\n"
        "  transport_->SetTimeout(shared_->bounds.read_timeout);\n",
        "",
        "web_test", "HttpListenerTest.HeadAndBodyHaveATimeEach"),
    mutation(
        "proxy-on-this-machine-is-one-peer", "server/web/connection_limiter.cc",
        "  if (peer.is_local) return true;\n", "",
        "web_test", "ConnectionLimiterTest.AProxyOnThisMachineStandsForMany"),
    mutation(
        "refused-sign-ins-fill-the-log", "server/web/session_routes.cc",
        "refused_turns_(parts.clock, limits::kRefusedSignInLinesPerSecond)",
        "refused_turns_(parts.clock, 10 * limits::kRefusedSignInLinesPerSecond)",
        "server_http_test", "SessionsTest.AFloodOfGuessesIsFiveLinesASecond"),
    mutation(
        "figures-know-no-certificates", "server/web/operations_routes.cc",
        ".certificate = request.certificate});", ".certificate = {}});",
        "server_access_test", "TlsTest.WhoReadsTheFiguresMayHaveACertificate"),

    # ---- farebox_payments, farebox_recharge
    mutation(
        "webhook-signature-of-many-parts", "server/recharge/webhook_signature.cc",
        "absl::MaxSplits(',', limits::kSignaturePartsMax)",
        "absl::MaxSplits(',', 2 * limits::kSignaturePartsMax)",
        "payments_unit_test",
        "WebhookSignatureTest.OneThatComesAfterMoreThanAProviderSendsIsNotLookedAt"),
    mutation(
        "stripe-idempotency-error-is-a-refusal", "server/recharge/stripe_objects.cc",
        "} else if (IsOwnRefusal(answer.status) && !type.empty() && "
        'type != "idempotency_error") {',
        "} else if (IsOwnRefusal(answer.status) && !type.empty()) {",
        "payments_unit_test", "StripeObjectsTest.OnlyTheProvidersOwnWordsRefuse"),
    mutation(
        "tightened-limits-charge-too-much", "server/recharge/recharge_rules.cc",
        "std::min(settings.amount_micros(), charge_max.value()) / step * step;",
        "settings.amount_micros() / step * step;",
        "recharge_test",
        "PlanRechargeTest.AFixedAmountThatTheLimitsAllowNoMoreIsMadeOneThatTheyDo"),
    mutation(
        "recharge-that-failed-does-not-rest", "server/recharge/recharge_worker.cc",
        "if (!lanes_.IsBusy(account_id) && !failed_.Rests(account_id)) Look(account_id);",
        "if (!lanes_.IsBusy(account_id)) Look(account_id);",
        "recharge_test",
        "RechargeWorkerTest.AnAccountThatCannotBeWorkedOnRestsThoughItsAttemptIsDue"),
    mutation(
        "recharge-limits-that-are-none", "server/recharge/recharge_settings.cc",
        "if (!is_valid || units[2] <= units[0]) {",
        "if (!is_valid || units[2] < units[0]) {",
        "server_unit_test", "ReadConfig.RefusesLimitsThatAreNone"),
    mutation(
        "auto-recharge-stays-on-by-tightened-limits", "server/recharge/recharge_settings.cc",
        "const bool keeps_amounts = !asked.enabled() && KeepsAmounts(asked, stored);",
        "const bool keeps_amounts =\n"
        "      !asked.enabled() && asked.amount_micros() == 0 && KeepsAmounts(asked, stored);",
        "server_payments_test",
        "RepeatedPaymentsTest.AutoRechargeIsSwitchedOffWhateverTheLimitsAreByThen"),

    # ---- farebox_notices, farebox_numbers, farebox_outbox
    mutation(
        "low-balance-is-told-twice", "server/notices/low_balance.cc",
        "const bool is_over = rise > notice.entry_id() ||",
        "const bool is_over = rise >= notice.entry_id() ||",
        "notices_test", "LowBalanceTest.AFallIsOverWhenMoneyHasComeIn"),
    mutation(
        "number-has-twice-the-grace", "server/numbers/number_rental.cc",
        "return absl::FromUnixMicros(rental.past_due_micros()) + parts_.grace;",
        "return absl::FromUnixMicros(rental.past_due_micros()) + 2 * parts_.grace;",
        "numbers_test", "NumberRentalTest.WhatCannotPayIsTriedDailyAndReleasedAfterTheGrace"),
    mutation(
        "number-is-released-after-a-restore", "server/numbers/number_rental.cc",
        "if (is_over && !parts_.is_held()) return End(account, /*is_unpaid=*/true, record);",
        "if (is_over) return End(account, /*is_unpaid=*/true, record);",
        "numbers_test",
        "NumberWorkerTest.NothingIsReleasedOnALedgerThatMayHaveForgottenWhatWasPaid"),
    mutation(
        "mail-that-was-broken-off-counts-as-a-try", "server/outbox/mailer.cc",
        "  if (is_broken_off_.load() && result.outcome == Outcome::kTryLater) return false;\n", "",
        "outbox_test", "MailWorkerTest.AServerThatNeverAnswersHoldsUpNeitherTheDiskNorTheEnd"),

    # ---- farebox_server
    mutation(
        "nan-is-a-time", "server/config.cc",
        "const bool is_number = !std::isnan(std::strtod(text.c_str(), nullptr));",
        "const bool is_number = !text.empty();",
        "server_unit_test", "ReadConfig.RefusesTimesThatAreNoNumbersOrTooLong"),
    mutation(
        "hand-over-tells-health", "server/server.cc",
        "  serving_.Close();\n  streams_.EndAll();\n  exports_.EndAll();\n  watchers_->Drain();\n",
        "  serving_.Leave();\n  serving_.Close();\n  streams_.EndAll();\n  exports_.EndAll();\n"
        "  watchers_->Drain();\n",
        "server_concurrency_test", "Lifecycle.HealthIsLeftAloneByAHandOver"),

    # ---- End to end
    mutation(
        "e2e-lock-is-not-in-the-metrics", "server/server.cc",
        "  lock_metrics_.Note(is_locked);\n", "",
        "damage_test", "DamageTest.AnotherProgramsLockIsToldAndNothingBreaks",
        f"bin/damage_test {SERVER}"),
    mutation(
        "e2e-callers-are-turned-away-before-health", "server/server.cc",
        "    serving_.Leave();\n    Pause(config_.drain_grace);\n    serving_.Close();\n",
        "    serving_.Close();\n    Pause(config_.drain_grace);\n    serving_.Leave();\n",
        "drain_test", "DrainTest.ARestartUnderLoadFailsNoCall", f"bin/drain_test {SERVER}"),
    mutation(
        "e2e-twice-the-metadata", "server/grpc_setup.cc",
        "GRPC_ARG_MAX_METADATA_SIZE, limits::kMetadataBytesMax);",
        "GRPC_ARG_MAX_METADATA_SIZE, 2 * limits::kMetadataBytesMax);",
        "http2_frames_test", None, f"{SERVER} failing_disk"),
    mutation(
        "e2e-dawdlers-are-not-counted", "server/transport/connection_metrics.cc",
        "if (!was_used) unused_->Increment();",
        "if (was_used) unused_->Increment();",
        "hostile_clients_test", None, SERVER),
    mutation(
        "e2e-who-takes-no-answers-stays", "server/transport/acceptor.cc",
        "absl::ToInt64Milliseconds(limits::kSendTimeout)",
        "absl::ToInt64Milliseconds(10 * limits::kSendTimeout)",
        "lost_clients_test", None, f"{SERVER} bin/farebox"),
    mutation(
        "e2e-refused-certificate-is-not-told", "server/metrics/server_metrics.cc",
        "tls.is_refused() ? 1 : 0));", "tls.is_refused() ? 2 : 0));",
        "monitoring_test", None, f"{SERVER} bin/farebox"),
    mutation(
        "e2e-unread-watches-take-all", "server/services/watch_stream.cc",
        "        entries_.push_back(EntryEvent(entries[i], account_ids[i]));\n"
        "      }\n"
        "    }\n"
        "    Proceed();\n",
        "        entries_.push_back(EntryEvent(entries[i], account_ids[i]));\n"
        "      }\n"
        "    }\n"
        "    hub_->Drained(this);\n"
        "    Proceed();\n",
        "unread_watches_test", None, f"bin/unread_watches_test {SERVER}"),
]
