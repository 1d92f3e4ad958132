#ifndef FAREBOX_SERVER_SERVICES_APPLY_BATCH_H_
#define FAREBOX_SERVER_SERVICES_APPLY_BATCH_H_

#include "farebox/v1/billing.pb.h"
#include "server/services/command_factory.h"
#include "server/services/unary_call.h"
#include "storage/ledger.h"

namespace farebox::server {

// Applies the operations of a batch in one group commit and ends the call: with one result each,
// in order, or with the reason why none of them was even looked at.
void SubmitBatch(const CommandFactory& commands, Ledger* ledger,
                 UnaryCall<v1::ApplyBatchRequest, v1::ApplyBatchResponse>* call);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_APPLY_BATCH_H_
