#ifndef FAREBOX_SERVER_SERVICES_ANSWERS_H_
#define FAREBOX_SERVER_SERVICES_ANSWERS_H_

#include "absl/status/status.h"
#include "farebox/v1/billing.pb.h"
#include "storage/command.h"

namespace farebox::server {

// From what became of a command to the answer of its RPC, which is made of the recorded entry
// alone: so a repeated request gets the same answer, whenever it comes. `answer` is empty and on
// an arena. Fails where the answer is an error.
absl::Status FillAnswer(const v1::AuthorizeRequest& request, const Outcome& outcome,
                        v1::AuthorizeResponse* answer);
absl::Status FillAnswer(const v1::ReauthorizeRequest& request, const Outcome& outcome,
                        v1::ReauthorizeResponse* answer);
absl::Status FillAnswer(const v1::DebitRequest& request, const Outcome& outcome,
                        v1::DebitResponse* answer);
absl::Status FillAnswer(const v1::ReleaseRequest& request, const Outcome& outcome,
                        v1::ReleaseResponse* answer);
absl::Status FillAnswer(const v1::CreditRequest& request, const Outcome& outcome,
                        v1::CreditResponse* answer);

// The result of an operation, an error included.
void FillResult(const v1::Operation& operation, const Outcome& outcome,
                v1::OperationResult* result);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_ANSWERS_H_
