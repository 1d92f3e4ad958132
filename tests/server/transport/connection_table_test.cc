#include "server/transport/connection_table.h"

#include <memory>

#include "gmock/gmock.h"

namespace farebox::server {
namespace {

constexpr char kPeer[] = "ipv4:192.0.2.1:40000";

TEST(ConnectionTable, CallsAreToldOfTheirConnection) {
  ConnectionTable table;
  table.Open(kPeer, nullptr);
  table.Open("ipv4:192.0.2.1:40001", nullptr);

  table.NoteCall(kPeer, 100, /*is_known=*/false);
  table.NoteCall(kPeer, 50, /*is_known=*/true);
  table.NoteBytes(kPeer, 1'000);
  table.NoteReset(kPeer);

  const CallTraffic traffic = table.Of(kPeer);
  EXPECT_EQ(traffic.calls, 2);
  EXPECT_EQ(traffic.request_bytes, 1'150);
  EXPECT_EQ(traffic.resets, 1);
  EXPECT_TRUE(traffic.is_known);
  EXPECT_EQ(table.Of("ipv4:192.0.2.1:40001").calls, 0);
}

TEST(ConnectionTable, WhatNobodyWatchesIsNotKept) {
  ConnectionTable table;

  table.NoteCall("inproc", 100, /*is_known=*/true);
  table.NoteReset("inproc");

  EXPECT_EQ(table.Of("inproc").calls, 0);
}

TEST(ConnectionTable, ANameThatIsUsedAgainBeginsAnew) {
  ConnectionTable table;
  table.Open(kPeer, nullptr);
  table.NoteCall(kPeer, 100, /*is_known=*/true);
  table.Close(kPeer);

  table.Open(kPeer, nullptr);

  EXPECT_EQ(table.Of(kPeer).calls, 0);
  EXPECT_FALSE(table.Of(kPeer).is_known);
}

TEST(ConnectionTable, ANameOutlivesTheFirstOfTwoConnections) {
  ConnectionTable table;
  table.Open(kPeer, nullptr);
  table.Open(kPeer, nullptr);

  table.Close(kPeer);
  table.NoteCall(kPeer, 100, /*is_known=*/false);

  EXPECT_EQ(table.Of(kPeer).calls, 1);
}

TEST(ConnectionTable, ACallIsToldOfItsConnectionsSocket) {
  ConnectionTable table;
  const auto first = std::make_shared<ClientSocket>(Descriptor());
  const auto second = std::make_shared<ClientSocket>(Descriptor());
  table.Open(kPeer, first);
  EXPECT_EQ(table.NoteCall(kPeer, 100, /*is_known=*/false), first);

  table.Open(kPeer, second);
  EXPECT_EQ(table.NoteCall(kPeer, 100, /*is_known=*/false), second);
  EXPECT_EQ(table.NoteCall("inproc", 100, /*is_known=*/false), nullptr);
}

}  // namespace
}  // namespace farebox::server
