// Who gets one more connection.

#include "server/transport/admission.h"

#include "gmock/gmock.h"
#include "server/transport/flood_limits.h"

namespace farebox::server {
namespace {

using ::testing::Optional;
using Refusal = Admission::Refusal;

class AdmissionTest : public ::testing::Test {
 protected:
  void Enter(const PeerAddress& peer, int times) {
    for (int i = 0; i < times; ++i) ASSERT_EQ(admission_.Enter(peer), std::nullopt);
  }

  Admission admission_{{.connections_max = 8, .connections_per_host_max = 3}};
  const PeerAddress alice_ = {.name = "ipv4:192.0.2.1:1", .host = "192.0.2.1"};
  const PeerAddress bob_ = {.name = "ipv4:192.0.2.2:1", .host = "192.0.2.2"};
  const PeerAddress local_ = {.name = "ipv4:127.0.0.1:1", .host = "127.0.0.1", .is_local = true};
};

TEST_F(AdmissionTest, AHostHasAsManyAsItMay) {
  Enter(alice_, 3);

  EXPECT_THAT(admission_.Enter(alice_), Optional(Refusal::kHost));
  EXPECT_EQ(admission_.Enter(bob_), std::nullopt);
  EXPECT_EQ(admission_.connections(), 4);
}

TEST_F(AdmissionTest, OneThatLeavesMakesRoom) {
  Enter(alice_, 3);
  admission_.Leave(alice_);

  EXPECT_EQ(admission_.Enter(alice_), std::nullopt);
}

TEST_F(AdmissionTest, ThisMachineHasAsManyAsThereAre) {
  Enter(local_, 8);

  EXPECT_THAT(admission_.Enter(local_), Optional(Refusal::kTotal));
  EXPECT_THAT(admission_.Enter(bob_), Optional(Refusal::kTotal));
}

TEST_F(AdmissionTest, AHostThatWasCutRestsAndOthersDoNot) {
  Enter(alice_, 1);
  admission_.NoteCut(alice_);
  admission_.Leave(alice_);

  EXPECT_THAT(admission_.Enter(alice_), Optional(Refusal::kResting));
  EXPECT_EQ(admission_.Enter(bob_), std::nullopt);
  admission_.Pass(limits::kRestLooks - 1);
  EXPECT_THAT(admission_.Enter(alice_), Optional(Refusal::kResting));
  admission_.Pass(1);
  EXPECT_EQ(admission_.Enter(alice_), std::nullopt);
}

TEST_F(AdmissionTest, AProxyOnThisMachineDoesNotRest) {
  Enter(local_, 1);
  admission_.NoteCut(local_);

  EXPECT_EQ(admission_.Enter(local_), std::nullopt);
}

}  // namespace
}  // namespace farebox::server
