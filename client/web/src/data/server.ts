// How the page talks to the server: the generated clients, over the Connect protocol, with the
// session's cookie.

import { createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AccessService } from "../gen/farebox/v1/access_pb";
import { AccountService } from "../gen/farebox/v1/account_pb";
import { BillingService } from "../gen/farebox/v1/billing_pb";
import { NumberService } from "../gen/farebox/v1/number_pb";
import { RateService } from "../gen/farebox/v1/rate_pb";
import { RechargeService } from "../gen/farebox/v1/recharge_pb";
import { isSessionOver } from "./problems";

const CALL_MS_MAX = 30_000;

export interface Server {
  access: ReturnType<typeof createClient<typeof AccessService>>;
  account: ReturnType<typeof createClient<typeof AccountService>>;
  billing: ReturnType<typeof createClient<typeof BillingService>>;
  numbers: ReturnType<typeof createClient<typeof NumberService>>;
  rates: ReturnType<typeof createClient<typeof RateService>>;
  recharges: ReturnType<typeof createClient<typeof RechargeService>>;
}

// `onSessionOver` is called when an answer says that the session may be over.
export function connectServer(onSessionOver: () => void): Server {
  const noticeSession: Interceptor = (next) => async (request) => {
    try {
      return await next(request);
    } catch (problem) {
      if (isSessionOver(problem)) onSessionOver();
      throw problem;
    }
  };
  const transport = createConnectTransport({
    baseUrl: window.location.origin,
    useBinaryFormat: true,
    interceptors: [noticeSession],
    defaultTimeoutMs: CALL_MS_MAX,
  });
  return {
    access: createClient(AccessService, transport),
    account: createClient(AccountService, transport),
    billing: createClient(BillingService, transport),
    numbers: createClient(NumberService, transport),
    rates: createClient(RateService, transport),
    recharges: createClient(RechargeService, transport),
  };
}
