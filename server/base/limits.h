#ifndef FAREBOX_SERVER_BASE_LIMITS_H_
#define FAREBOX_SERVER_BASE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "storage/limits.h"

// Every bound that the server adds to those of the ledger (storage/limits.h), which belong to the
// same namespace; those of recharges, streams, floods and a hand-over are beside their rules.
namespace farebox::limits {

// --- Messages

// A request of an ordinary RPC. The largest honest one, an account with all its labels and blocked
// prefixes, has 10 KB; a text has 6 KB.
inline constexpr size_t kRequestBytesMax = 64 * 1024;

// A batch of 10,000 operations, each with a usage.
inline constexpr size_t kBatchRequestBytesMax = 4 * 1024 * 1024;

// A message of ApplyStream: 1,000 operations with room for long numbers and descriptions.
inline constexpr size_t kStreamMessageBytesMax = 512 * 1024;

// What gRPC itself lets in: a little above the largest of ours, so that the answer is ours too.
inline constexpr size_t kTransportMessageBytesMax = kBatchRequestBytesMax + 64 * 1024;

// All the metadata of a call.
inline constexpr int kMetadataBytesMax = 8 * 1024;

// --- Time

// How long a call without a deadline of its own may take: routers want an answer within 0.5 s.
inline constexpr absl::Duration kDefaultTimeout = absl::Seconds(2);

// The same where the whole journal is read.
inline constexpr absl::Duration kVerifyTimeout = absl::Minutes(30);

// The same where the payment provider is asked.
inline constexpr absl::Duration kProviderTimeout = absl::Seconds(60);

// How long a connection may take to say that it speaks HTTP/2.
inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(5);

// A silent peer is asked whether it lives this often, and is dropped when it does not say so.
inline constexpr absl::Duration kKeepaliveInterval = absl::Seconds(60);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);

// A client may ask as often as this without being taken for a flood.
inline constexpr absl::Duration kClientPingIntervalMin = absl::Seconds(10);

// While draining: how long health says NOT_SERVING before new calls are turned away.
inline constexpr absl::Duration kDrainGrace = absl::Milliseconds(200);

// While draining, after that: how long new calls are answered SHUTTING_DOWN before connections go.
inline constexpr absl::Duration kTurnAwayTime = absl::Milliseconds(100);

// While draining: how long calls in progress may take to end.
inline constexpr absl::Duration kDrainTimeout = absl::Seconds(10);

// After the journal failed: how long the answers that say so have to go out.
inline constexpr absl::Duration kFailureTimeout = absl::Milliseconds(50);

// --- Connections

// Calls at once on one connection, by default: few, but no fewer than RFC 9113 (6.5.2) thinks fit.
// A client keeps back what is more; here it would wait in gRPC, out of sight.
inline constexpr int kCallsPerConnectionMax = 128;

// What is read of a connection at once: what has been read cannot be cut off any more.
inline constexpr int kReadBytesMax = 64 * 1024;

// At once in all, and of one host that is not this machine; by default.
inline constexpr size_t kConnectionsMax = 10'000;
inline constexpr size_t kConnectionsPerHostMax = 1'000;

// Where the process may have few descriptors: those that are left for files and HTTP, and the
// connections that are taken all the same.
inline constexpr size_t kSparedDescriptors = 64;
inline constexpr size_t kAffordableConnectionsMin = 8;

// One without a call is told to go after this, any one at this age, and what then still runs on it
// is broken off after the grace; by default.
inline constexpr absl::Duration kConnectionIdle = absl::Minutes(10);
inline constexpr absl::Duration kConnectionAge = absl::Hours(6);
inline constexpr absl::Duration kConnectionAgeGrace = absl::Minutes(5);

// How long a peer may leave what it is sent in the network.
inline constexpr absl::Duration kSendTimeout = absl::Seconds(20);

// Connections that are taken before open ones are looked at again.
inline constexpr int kAcceptsAtOnce = 64;

// Calls on threads of gRPC's own, which are those of reflection.
inline constexpr int kReflectionThreads = 8;

// --- Memory of the transport

// What gRPC may use for buffers.
inline constexpr size_t kTransportMemoryBytesMax = size_t{512} * 1024 * 1024;

// --- HTTP

// Threads that serve connections; none of them waits for anything.
inline constexpr size_t kHttpThreads = 2;

// Threads for routes that may wait, and for requests that take long to be read: signing in, the
// simulated provider's pages, the figures, large batches.
inline constexpr int kHttpWaitingThreads = 8;

// Threads for webhooks, which may have to ask the provider.
inline constexpr int kHttpWebhookThreads = 8;

// Requests that have such a thread or wait for one, of either sort; more are told to come back.
inline constexpr size_t kHttpWaitingMax = 256;

// Connections at once; above it, the one that has waited longest for a request is closed. Where all
// are busy, as many again as the second are let in, and no more.
inline constexpr size_t kHttpConnectionsMax = 4'096;
inline constexpr int64_t kHttpConnectionsSlack = 256;

// The same of one peer; a proxy on this machine is not bound.
inline constexpr size_t kHttpConnectionsPerPeerMax = 512;

// Connections that the system keeps until they are taken.
inline constexpr int kHttpBacklog = 1'024;

// How long no connection is taken after that has failed: mostly there are no descriptors left.
inline constexpr absl::Duration kHttpAcceptPause = absl::Milliseconds(100);

// The head of a request, its cookies included; and the first line of each chunk of a body, and what
// follows the last.
inline constexpr size_t kHttpHeaderBytesMax = 16 * 1024;

// A webhook of the payment provider, or a form.
inline constexpr size_t kHttpRequestBytesMax = 256 * 1024;

// A request of an RPC over HTTP, as JSON or unpacked: so many times what it has in protobuf at
// most, which is each RPC's own.
inline constexpr size_t kHttpRequestExpansionMax = 2;

// All that is sent to a streaming RPC: a rate deck as JSON, whose bytes are in base64 there.
inline constexpr size_t kHttpStreamBytesMax = size_t{96} * 1024 * 1024;

// Bodies of requests that are being read, or are not answered yet, in all, but for those of up to
// 64 KiB, and those of streams, which are kept a message at a time; more are told to come back.
inline constexpr size_t kHttpBodiesBytesMax = size_t{256} * 1024 * 1024;
inline constexpr size_t kHttpSmallBodyBytes = 64 * 1024;

// Smaller answers are not worth being compressed.
inline constexpr size_t kGzipBytesMin = 1'024;

// How long a peer may take over a request's head, over its body, and over each piece of a body
// that is taken piece by piece.
inline constexpr absl::Duration kHttpReadTimeout = absl::Seconds(5);

// How long it may take over each 64 KiB of an answer.
inline constexpr absl::Duration kHttpWriteTimeout = absl::Seconds(10);

// How often it is looked whether those who wait for an answer are still there.
inline constexpr absl::Duration kHttpLookPause = absl::Milliseconds(500);

// How long a connection is kept that sends no request.
inline constexpr absl::Duration kHttpIdleTimeout = absl::Seconds(60);

// A peer that says nothing for so long is asked by TCP whether it is there: so often, so many
// times.
inline constexpr absl::Duration kHttpProbeAfter = absl::Seconds(60);
inline constexpr absl::Duration kHttpProbePause = absl::Seconds(10);
inline constexpr int kHttpProbesMax = 3;

// While draining: how long requests under way may take to end.
inline constexpr absl::Duration kHttpDrainTimeout = absl::Seconds(5);

// --- Numbers

// Accounts whose months are charged at once.
inline constexpr int kRenewalThreads = 4;

// How long a number that is not paid is kept, by default; how often it is tried meanwhile, and how
// often after that where it is not to be released yet.
inline constexpr absl::Duration kNumberGrace = absl::Hours(24 * 14);
inline constexpr absl::Duration kUnpaidPause = absl::Hours(24);
inline constexpr absl::Duration kHeldNumberPause = absl::Hours(1);

// A clock that moves by more than this between two looks has leapt, and is believed after it has
// gone evenly for so long. After a leap back, recharges and mails too look for what it has put off.
inline constexpr absl::Duration kClockLeapForwardMax = absl::Hours(24);
inline constexpr absl::Duration kClockLeapBackMax = absl::Minutes(1);
inline constexpr absl::Duration kClockTrial = absl::Hours(1);

// How often it is looked for what is due, and how long an account rests that could not be worked
// on.
inline constexpr absl::Duration kRenewalPause = absl::Seconds(1);
inline constexpr absl::Duration kRenewalFailurePause = absl::Seconds(10);

// Rentals that are looked through at a start for those that are past due.
inline constexpr size_t kUnpaidSoughtMax = 100'000;

// Of those that are due, so many are looked at at a time: some may fail, and come first again.
inline constexpr size_t kDueRentalsMax = 4'096;

// Rentals that are read at once.
inline constexpr size_t kRentalPageSize = 256;

// --- Mails

// After a server has said "later", a mail waits this long; twice as long each further time, up to
// the second.
inline constexpr absl::Duration kMailPauseMin = absl::Minutes(1);
inline constexpr absl::Duration kMailPauseMax = absl::Hours(1);

// A mail that was to be tried later more often than this is given up: it has been tried for five
// days, as mail servers do among themselves.
inline constexpr int32_t kMailDelaysMax = 125;

// As many mails in a row to which the server says "later", or nothing, are the server's fault. All
// mails then rest this long, and one of them is tried.
inline constexpr int kMailDelaysInARowMax = 5;
inline constexpr absl::Duration kMailServerRest = absl::Minutes(1);

// The same where no mail gets out before somebody mends the settings.
inline constexpr absl::Duration kMailSettingsRest = absl::Minutes(10);

// A mail that could not be sent for so long, whyever, tells nobody any news.
inline constexpr absl::Duration kMailAgeMax = absl::Hours(24 * 30);

// What a mail said, and to whom, is forgotten so long after it was sent or given up.
inline constexpr absl::Duration kMailContentKept = absl::Hours(24 * 30);

// Where a clock was set back, so many of the newest mails are looked through for those that it has
// put off; and so many at once.
inline constexpr size_t kMailsSoughtMax = 100'000;
inline constexpr size_t kMailPageSize = 256;

// How long a mail that is being sent may take to end when the server ends; then it is broken off.
inline constexpr absl::Duration kMailDrainTimeout = absl::Seconds(5);

// A password for the mail server: far more than any has.
inline constexpr size_t kMailPasswordBytesMax = 1024;

// How long before the end of its last month the owner of a card is told.
inline constexpr absl::Duration kCardReminderLead = absl::Hours(24 * 30);

// An owner who has no address at that time is looked for again so much later.
inline constexpr absl::Duration kCardReminderPause = absl::Hours(24);

// How often it is looked for what is due, of mails and reminders: nobody reads faster.
inline constexpr absl::Duration kMailDuePause = absl::Seconds(1);

// How long mails and notices rest when the disk does not take what became of one.
inline constexpr absl::Duration kMailFailurePause = absl::Seconds(10);

// Accounts and documents that are read at once when all of them are looked at.
inline constexpr size_t kNoticePageSize = 256;

// --- Fields

// A phone number, short code or SIP user.
inline constexpr size_t kDestinationBytesMax = 64;

// What a payment provider names a card or a setup.
inline constexpr size_t kProviderIdBytesMax = 255;

// A page that a customer is sent to, or comes back to.
inline constexpr size_t kUrlBytesMax = 2'048;

// Digits of an E.164 number.
inline constexpr size_t kNumberDigitsMax = 15;

// The text of a message, in characters: ten segments of GSM-7 are 1,530.
inline constexpr size_t kTextBodyCharactersMax = 1'600;

// Segments as counted by a caller.
inline constexpr int32_t kTextSegmentsMax = 255;

// A description, in characters.
inline constexpr size_t kDescriptionCharactersMax = 256;

// Seconds that may be asked for at once, and the longest hold: a day.
inline constexpr int64_t kRequestedSecondsMax = 86'400;

// Seconds that a call may have lasted in all.
inline constexpr int64_t kUsedSecondsMax = 30 * 86'400;

// The name of a rate deck is written as account ids are.
inline constexpr size_t kDeckNameBytesMax = kAccountIdBytesMax;

// A mail address, as RFC 5321 has it.
inline constexpr size_t kEmailBytesMax = 254;

// An IANA time zone: the longest is America/Argentina/ComodRivadavia.
inline constexpr size_t kTimeZoneBytesMax = 64;

// The operator's own labels of an account.
inline constexpr int kMetadataLabelsMax = 32;
inline constexpr size_t kMetadataLabelBytesMax = 64;

// Prefixes that an account must not call.
inline constexpr int kBlockedPrefixesMax = 100;

// --- Holds

// A hold outlives the seconds it pays for by this much, so that a hang-up report is seldom late.
inline constexpr absl::Duration kHoldSlack = absl::Seconds(120);

// A router is told to ask for more this long before the grant ends, or a tenth of it.
inline constexpr int64_t kReauthorizeMarginSecondsMin = 10;

// --- Lists

inline constexpr int32_t kPageSizeDefault = 100;
inline constexpr int32_t kPageSizeMax = 1'000;
inline constexpr int32_t kActivityPageSizeDefault = 50;
inline constexpr int32_t kActivityPageSizeMax = 500;

// Days or months of one summary: each costs some tens of entries.
inline constexpr size_t kSummaryPeriodsMax = 1'000;

// Entries that one page or piece of activity looks at, shown or not: bounds what a narrow filter
// costs.
inline constexpr int64_t kActivityEntriesScannedMax = 20'000;

// --- Access

// API keys, those that are over included.
inline constexpr size_t kApiKeysMax = 100'000;

// Keys of one account's customer, those that are over included: a customer who makes some without
// end leaves room for others.
inline constexpr size_t kCustomerKeysMax = 200;

// Accounts that a key is confined to.
inline constexpr int kKeyAccountsMax = 100;

// What a key is for, in bytes.
inline constexpr size_t kKeyLabelBytesMax = 100;

// Browsers that are signed in at once: in all, and to one account. Above the second, the one that
// was signed in first is signed out.
inline constexpr size_t kSessionsMax = 100'000;
inline constexpr size_t kSessionsPerAccountMax = 20;

// A session ends so long after its last use, and in any case so long after its beginning.
inline constexpr absl::Duration kSessionIdleTime = absl::Hours(12);
inline constexpr absl::Duration kSessionTime = absl::Hours(24 * 7);

// How far the time of a session's last use on disk may be behind.
inline constexpr absl::Duration kSessionUsePause = absl::Minutes(10);

// Keys or sessions whose last use is written at once: some milliseconds of the ledger's writer.
inline constexpr size_t kUsesPerCommit = 256;

// How long a sign-in link is good, and how many there are at once.
inline constexpr absl::Duration kSignInLinkTime = absl::Minutes(10);
inline constexpr size_t kSignInLinksMax = 10'000;

// What is sent to sign in.
inline constexpr size_t kSignInBytesMax = 4 * 1024;

// Wrong keys and codes that a peer may send in a row; then one more each pause.
inline constexpr int kSignInFailuresMax = 10;
inline constexpr absl::Duration kSignInFailurePause = absl::Seconds(6);

// Peers whose failures are remembered.
inline constexpr size_t kSignInPeersMax = 10'000;

// Threads for calls about keys and the audit log: one makes room while another reads a long list.
inline constexpr int kAccessThreads = 2;

// Threads that write the audit log: writes at once share a commit.
inline constexpr int kAuditThreads = 4;

// A request, or an answer, in a line of the audit log.
inline constexpr size_t kAuditTextBytesMax = 8 * 1024;

// Lines of one call that are written at once: some milliseconds of the ledger's writer.
inline constexpr size_t kAuditLinesPerCommit = 256;

// Callers and RPCs whose refusals are remembered, so that each is written once a minute.
inline constexpr size_t kDeniedCallersMax = 10'000;

// --- Backups

// The name of a backup.
inline constexpr size_t kFileNameBytesMax = 100;

// A backup rests for as long as each of its steps took, and no longer than this.
inline constexpr absl::Duration kBackupPauseMax = absl::Milliseconds(100);

// How often the one who waits for it is told how far it is.
inline constexpr absl::Duration kBackupProgressPause = absl::Seconds(1);

// --- Being watched

// Lines about slow calls a second: where the disk is slow, all are.
inline constexpr int kSlowCallLinesPerSecond = 100;

// Lines about refused webhooks a second: anybody may post what is none.
inline constexpr int kRefusedWebhookLinesPerSecond = 1;

// Lines about refused sign-ins a second: one address is slowed down, many at once are not.
inline constexpr int kRefusedSignInLinesPerSecond = 5;

// Currencies that have figures of their own; the rest is one.
inline constexpr size_t kWatchedCurrenciesMax = 64;

// Open charges, and waiting mails, that are counted.
inline constexpr size_t kWorkCountedMax = 10'000;

// How often the watchdog looks.
inline constexpr absl::Duration kWatchPause = absl::Milliseconds(50);

// A write that takes longer: calls are better sent to another server. Health says so within 1 s.
inline constexpr absl::Duration kSlowWrite = absl::Milliseconds(800);

// The disk answers no more: the process ends, within 10 s, and replays when it starts again.
inline constexpr absl::Duration kStuckWrite = absl::Seconds(9);

// A handler that holds a thread of gRPC's for more looks than this, 100 to 150 ms, is told of; in
// the log once in so many looks, which is 10 s.
inline constexpr int64_t kBlockedLooks = 2;
inline constexpr int64_t kBlockedLogLooks = 200;

// --- Rates

// Calls a second, and calls at once, that a limit may be set to.
inline constexpr int32_t kCallRateMax = 1'000'000;

// --- Rate decks

// A deck as CSV: a million lines of it.
inline constexpr size_t kDeckBytesMax = size_t{64} * 1024 * 1024;

// Imports at once: each keeps its deck in memory until it is known to be good.
inline constexpr int kImportsMax = 2;

// The piece of a deck that is written at once, so that no debit waits long behind it.
inline constexpr size_t kDeckPieceBytes = 128 * 1024;

// A piece of exported activity is sent when it has grown beyond this: some 150 lines.
inline constexpr size_t kActivityPieceBytes = 32 * 1024;

// A piece of an exported deck: what ImportRates takes in one message.
inline constexpr size_t kExportPieceBytes = 60'000;

// --- Readers

// Threads that run queries: one verification and the imports leave one for the rest.
inline constexpr int kReaderThreads = 4;

// Queries that may wait for them.
inline constexpr size_t kQueuedQueriesMax = 256;

}  // namespace farebox::limits

#endif  // FAREBOX_SERVER_BASE_LIMITS_H_
