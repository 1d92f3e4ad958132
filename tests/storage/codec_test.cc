// The ledger's own bytes, and the hashes over them.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "storage/account_terms.h"
#include "storage/entry.h"
#include "storage/hash_chain.h"
#include "storage/wire.h"
#include "tests/storage/ledger_fixture.h"

namespace farebox {
namespace {

Entry SomeEntry() {
  return {.id = 7,
          .account = 2,
          .previous = 5,
          .time = absl::FromUnixMicros(1'700'000'000'123'456),
          .kind = EntryKind::kHold,
          .item = 3,
          .reason = Reason::kNone,
          .flags = kFinal,
          .amount = Micros(),
          .held_change = Cents(9),
          .balance = Cents(20),
          .held = Cents(12),
          .credit_limit = Cents(1),
          .subject = 7,
          .expire_time = absl::FromUnixMicros(1'700'000'060'123'456),
          .request_id = "request",
          .fingerprint = 0xfedcba9876543210,
          .detail = std::string("de\0tail", 7)};
}

// One change of each field there is.
const std::vector<std::function<void(Entry*)>>& Changes() {
  static const auto* const kChanges = new std::vector<std::function<void(Entry*)>>{
      [](Entry* e) { ++e->id; },
      [](Entry* e) { ++e->account; },
      [](Entry* e) { ++e->previous; },
      [](Entry* e) { e->time += absl::Microseconds(1); },
      [](Entry* e) { e->kind = EntryKind::kHoldExtended; },
      [](Entry* e) { ++e->item; },
      [](Entry* e) { e->reason = Reason::kNoRate; },
      [](Entry* e) { e->flags |= kOverrun; },
      [](Entry* e) { e->amount = Micros(1); },
      [](Entry* e) { e->held_change = Micros(1); },
      [](Entry* e) { e->balance = Micros(1); },
      [](Entry* e) { e->held = Micros(1); },
      [](Entry* e) { e->credit_limit = Micros(2); },
      [](Entry* e) { ++e->subject; },
      [](Entry* e) { e->expire_time += absl::Microseconds(1); },
      [](Entry* e) { e->expire_time = absl::InfinitePast(); },
      [](Entry* e) { e->request_id += "x"; },
      [](Entry* e) { e->request_id.clear(); },
      [](Entry* e) { ++e->fingerprint; },
      [](Entry* e) { e->detail += "x"; },
      [](Entry* e) { e->detail[0] ^= 1; },
      // Bytes moved from one field to the next.
      [](Entry* e) {
        e->request_id += e->detail;
        e->detail.clear();
      },
  };
  return *kChanges;
}

std::string CanonicalOf(const Entry& entry) {
  std::string bytes;
  AppendCanonical(entry, &bytes);
  return bytes;
}

BatchHead SomeHead() {
  return {.number = 3, .first = 7, .last = 7, .time = absl::FromUnixSeconds(1'700'000'000)};
}

Hash256 HashOf(const Hash256& previous, const BatchHead& head, const std::vector<Entry>& entries) {
  BatchHasher hasher(previous, head);
  for (const Entry& entry : entries) hasher.Add(entry);
  return hasher.Finish();
}

TEST(EntryTest, CanonicalFormTellsEveryFieldApart) {
  std::set<std::string> forms = {CanonicalOf(SomeEntry())};

  for (const auto& change : Changes()) {
    Entry changed = SomeEntry();
    change(&changed);
    EXPECT_TRUE(forms.insert(CanonicalOf(changed)).second);
  }
}

// Journals are hashed over it: it may never change.
TEST(EntryTest, CanonicalFormIsFixed) {
  const Hash256 hash = HashOf({}, SomeHead(), {SomeEntry()});

  EXPECT_EQ(CanonicalOf(SomeEntry()).size(), size_t{14 * 8 + 4 + 7 + 7});
  EXPECT_EQ(HexOf(hash), "adbfd7efff11aa37f3387ba37e6029aa1f8b23560dbd54cfbab71782a8f8ef86");
}

TEST(EntryTest, EveryKindHasAName) {
  std::set<absl::string_view> names;
  for (int kind = 1; kind <= 11; ++kind) {
    names.insert(EntryKindName(static_cast<EntryKind>(kind)));
  }
  EXPECT_EQ(names.size(), size_t{11});
  EXPECT_EQ(names.count("UNKNOWN"), size_t{0});
  EXPECT_EQ(EntryKindName(static_cast<EntryKind>(0)), "UNKNOWN");
  EXPECT_EQ(EntryKindName(static_cast<EntryKind>(12)), "UNKNOWN");
}

TEST(HashChainTest, ChangingAnyFieldOfAnEntryChangesTheHash) {
  const Hash256 hash = HashOf({}, SomeHead(), {SomeEntry()});

  EXPECT_EQ(HashOf({}, SomeHead(), {SomeEntry()}), hash);
  for (const auto& change : Changes()) {
    Entry changed = SomeEntry();
    change(&changed);
    EXPECT_NE(HashOf({}, SomeHead(), {changed}), hash);
  }
}

TEST(HashChainTest, HeadAndChainAreHashedToo) {
  std::set<Hash256> hashes = {HashOf({}, SomeHead(), {SomeEntry()})};
  Hash256 previous{};
  previous[31] = 1;
  EXPECT_TRUE(hashes.insert(HashOf(previous, SomeHead(), {SomeEntry()})).second);

  for (const auto& change : std::vector<std::function<void(BatchHead*)>>{
           [](BatchHead* h) { ++h->number; }, [](BatchHead* h) { ++h->first; },
           [](BatchHead* h) { ++h->last; },
           [](BatchHead* h) { h->time += absl::Microseconds(1); }}) {
    BatchHead head = SomeHead();
    change(&head);
    EXPECT_TRUE(hashes.insert(HashOf({}, head, {SomeEntry()})).second);
  }
  EXPECT_TRUE(hashes.insert(HashOf({}, SomeHead(), {})).second);
  EXPECT_TRUE(hashes.insert(HashOf({}, SomeHead(), {SomeEntry(), SomeEntry()})).second);
  // A head's own hash is what is computed, not what is hashed.
  BatchHead hashed = SomeHead();
  hashed.hash[0] = 1;
  EXPECT_FALSE(hashes.insert(HashOf({}, hashed, {SomeEntry()})).second);
}

TEST(HashChainTest, OrderOfEntriesMatters) {
  Entry other = SomeEntry();
  ++other.id;

  EXPECT_NE(HashOf({}, SomeHead(), {SomeEntry(), other}),
            HashOf({}, SomeHead(), {other, SomeEntry()}));
}

TEST(HashChainTest, LargeBatchesAreHashedWhole) {
  std::vector<Entry> entries(1000, SomeEntry());
  const Hash256 hash = HashOf({}, SomeHead(), entries);

  entries[3].detail = "other";
  EXPECT_NE(HashOf({}, SomeHead(), entries), hash);
}

// ---- Account records

AccountRecord SomeRecord() {
  return {.account_id = "alice",
          .terms = {.status = AccountStatus::kSuspended,
                    .credit_limit = Cents(500),
                    .low_balance_threshold = Cents(1000),
                    .open_holds_max = 30},
          .open_time = absl::FromUnixMicros(1'767'225'600'000'001),
          .settings = std::string("set\0tings", 9)};
}

TEST(AccountRecordTest, SurvivesTheRoundTrip) {
  for (const AccountRecord& record :
       {SomeRecord(), AccountRecord{}, AccountRecord{.settings = std::string(16384, '\xff')}}) {
    const absl::StatusOr<AccountRecord> read = DecodeAccountRecord(EncodeAccountRecord(record));
    ASSERT_THAT(read.status(), IsOk());
    EXPECT_EQ(*read, record);
  }
}

TEST(AccountRecordTest, CutOrLongerBytesAreNotARecord) {
  const std::string bytes = EncodeAccountRecord(SomeRecord());

  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeAccountRecord(absl::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeAccountRecord(bytes + "x").ok());
}

TEST(AccountRecordTest, WhatNoAccountCanBeIsNotARecord) {
  for (const auto& change : std::vector<std::function<void(AccountRecord*)>>{
           [](AccountRecord* r) { r->terms.status = static_cast<AccountStatus>(0); },
           [](AccountRecord* r) { r->terms.status = static_cast<AccountStatus>(4); },
           [](AccountRecord* r) { r->terms.credit_limit = Micros(-1); },
           [](AccountRecord* r) { r->terms.low_balance_threshold = Micros(-1); },
           [](AccountRecord* r) { r->terms.open_holds_max = 0; }}) {
    AccountRecord record = SomeRecord();
    change(&record);
    EXPECT_FALSE(DecodeAccountRecord(EncodeAccountRecord(record)).ok());
  }
  AccountRecord record = SomeRecord();
  record.terms.open_holds_max = 0x01020304;
  std::string holds_beyond_32_bits = EncodeAccountRecord(record);
  holds_beyond_32_bits[holds_beyond_32_bits.find("\x04\x03\x02\x01") + 4] = 1;
  EXPECT_FALSE(DecodeAccountRecord(holds_beyond_32_bits).ok());
  std::string other_version = EncodeAccountRecord(SomeRecord());
  other_version[0] = 2;
  EXPECT_FALSE(DecodeAccountRecord(other_version).ok());
}

// ---- Wire

TEST(WireTest, NumbersAreLittleEndian) {
  std::string bytes;
  wire::PutInt64(0x0102030405060708, &bytes);
  wire::PutByte(9, &bytes);

  EXPECT_EQ(bytes, std::string("\x08\x07\x06\x05\x04\x03\x02\x01\x09", 9));
}

TEST(WireTest, EverythingSurvivesTheRoundTrip) {
  const std::vector<int64_t> numbers = {0, 1, -1, INT64_MIN, INT64_MAX, 0x00ff00ff00ff00ff};
  std::string bytes;
  for (const int64_t number : numbers) wire::PutInt64(number, &bytes);
  wire::PutByte(255, &bytes);
  wire::PutString("", &bytes);
  wire::PutString(absl::string_view("a\0b", 3), &bytes);

  wire::Reader reader(bytes);
  for (const int64_t number : numbers) EXPECT_EQ(reader.Int64(), number);
  EXPECT_EQ(reader.Byte(), 255);
  EXPECT_EQ(reader.String(), "");
  EXPECT_FALSE(reader.AtEnd());
  EXPECT_EQ(reader.String(), absl::string_view("a\0b", 3));
  EXPECT_TRUE(reader.AtEnd());
}

TEST(WireTest, ReaderFailsForGoodAtTheFirstThingMissing) {
  wire::Reader reader("1234567");
  EXPECT_EQ(reader.Int64(), 0);
  EXPECT_EQ(reader.Byte(), 0);
  EXPECT_FALSE(reader.AtEnd());

  for (const int64_t size : {int64_t{-1}, int64_t{4}, INT64_MAX, INT64_MIN}) {
    std::string bytes;
    wire::PutInt64(size, &bytes);
    bytes += "abc";
    wire::Reader string_reader(bytes);
    EXPECT_EQ(string_reader.String(), "") << size;
    EXPECT_FALSE(string_reader.AtEnd());
  }
}

}  // namespace
}  // namespace farebox
